"""`stylefader scenes`: what a scenes file says, checked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stylefader.tools.console.help import Commands
from stylefader.tools.console.messages import print_json, print_table, say

if TYPE_CHECKING:
    from stylefader.realtime.controls.scenes.scene_file import Scene, Wished
    from stylefader.training.packs.pack_file import PackFile

app = Commands("List and check the scenes of a live session.")


@app.command("list")
def list_scenes(
    file: Annotated[Path, typer.Argument(metavar="FILE.toml", help="The scenes file.")],
    style: Annotated[list[str] | None, typer.Option(help="As given to live: scenes may name it, too.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Check a scenes file, with the styles that it names, and list its scenes in their order."""
    from stylefader.realtime.controls.scenes.scene_file import cast, read_scenes
    from stylefader.realtime.session.mask_words import parameters_for_scenes
    from stylefader.training.packs.open_style import open_style

    packs = [open_style(name) for name in style or ()]
    scenes = read_scenes(file)
    casting = cast(scenes, packs, file, parameters_for_scenes(None))
    for note in casting.notes:
        say(note)
    packs += casting.added
    rows = [
        _summary(number, scene, None if place is None else packs[place])
        for number, (scene, place) in enumerate(zip(scenes, casting.styles, strict=True), 1)
    ]
    if json:
        print_json(rows)
        return
    cells = []
    for row in rows:
        flags = ", ".join(f"{flag} {'on' if on else 'off'}" for flag, on in row["flags"].items())
        fade = "" if row["fade"] is None else f"{row['fade']:g} s"
        others = ", ".join(
            f"{name} [{_numbers(wish)}]" if isinstance(wish, tuple) else f"{name} {_numbers(wish)}"
            for name, wish in row["parameters"].items()
        )
        alpha = "" if row["alpha"] is None else _numbers(row["alpha"])
        cells.append((str(row["number"]), row["name"], row["style"] or "", alpha, fade, flags, others))
    print_table(("", "name", "style", "alpha", "fade", "flags", "parameters"), cells)


def _summary(number: int, scene: Scene, pack: PackFile | None) -> dict[str, Any]:
    return {
        "number": number,
        "name": scene.name,
        "style": None if pack is None else pack.style,
        "file": None if pack is None else str(pack.file),
        "alpha": scene.alpha,
        "parameters": dict(scene.parameters),
        "fade": scene.fade,
        "flags": scene.flags,
        "line": scene.line,
    }


def _numbers(wish: Wished) -> str:
    return ", ".join(f"{number:g}" for number in (wish if isinstance(wish, tuple) else (wish,)))
