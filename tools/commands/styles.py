"""`stylefader styles`: the style packs that come with stylefader, and what a pack file says of itself."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stylefader.tools.console.help import Commands
from stylefader.tools.console.messages import out, print_json, print_table, say

if TYPE_CHECKING:
    from stylefader.training.packs.pack_header import PackHeader

app = Commands("List, show and check style packs.")
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


def _summary(file: Path, header: PackHeader) -> dict[str, Any]:
    from stylefader.training.packs.pack_family import family_name, size_name

    return {
        "name": header.name,
        "family": family_name(header),
        "size": size_name(header),
        "network": header.kind,
        "architecture": header.architecture,
        "width": header.width,
        "blocks": [block.label for block in header.blocks],
        "range": [header.alpha.low, header.alpha.high],
        "file": str(file),
        "title": header.title,
        "objective": header.objective,
    }


@app.command("list")
def list_styles(json: Json = False) -> None:
    """List the styles that come with stylefader, and those in your own folder of styles.

    A family is one style at several sizes: give its name, or FAMILY:SIZE for one of them.
    """
    from stylefader.training.packs.library import known_packs
    from stylefader.training.packs.pack_family import families_of

    packs, problems = known_packs()
    for problem in problems:
        say(problem)
    rows = [_summary(file, header) for file, header in packs]
    if json:
        print_json(rows)
        return
    print_table(
        ("name", "title", "size", "alpha", "blocks"),
        [
            (
                row["name"],
                row["title"],
                row["size"],
                "{:g} to {:g}".format(*row["range"]),
                ", ".join(row["blocks"]),
            )
            for row in rows
        ],
    )
    for family in families_of(packs).values():
        if len(family.members) > 1:
            out(f"family {family.name}: {family.words}")


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="A style's name, or a pack file.")],
    json: Json = False,
) -> None:
    """Show a style pack's header: what alpha means, where it comes from, how it was trained, its losses."""
    from stylefader.training.packs.header_reading import read_header
    from stylefader.training.packs.library import families, find_pack
    from stylefader.training.packs.pack_family import family_name, size_name

    file = find_pack(name)
    header = read_header(file)
    family = families().get(family_name(header))
    if json:
        sizes = [{"name": one.header.name, "size": one.size} for one in family.members] if family else []
        print_json({"file": str(file), **asdict(header), "network_size": size_name(header), "sizes": sizes})
        return
    out(f"{header.name}: {header.title} ({header.objective}, {header.network_words}, {file})")
    if family is not None and len(family.members) > 1:
        out(f"size {size_name(header)} of the family {family.name}: {family.words}")
    out(f"alpha from {header.alpha.low:g} to {header.alpha.high:g}, {header.alpha.default:g} to begin with")
    for alpha, meaning in header.alpha.meaning.items():
        out(f"  at {alpha}: {meaning}")
    for number, block in enumerate(header.blocks):
        out(f"  block {number}: {block.label}, before {block.place}, {block.channels} channels")
    out(f"licence {header.licence}; style: {_words(header.style)}")
    for alpha, style in header.style.items():
        if isinstance(style, dict):
            out(f"  at {alpha}: {_words(style)}")
    for part, run in header.training.items():
        used = ("iterations", "batch", "crop", "style_weight", "style_size", "temporal", "learning_rate", "photographs",
                "precision", "device")  # fmt: skip
        out(f"trained {part}: {', '.join(f'{key} {run[key]}' for key in used if key in run)}")
    if header.losses:
        out(f"losses on {header.losses.photographs} held-out photographs:")
        losses = header.losses
        for place, at in enumerate(losses.alpha):
            others = "".join(f"  of {end} {curve[place]:.4f}" for end, curve in losses.style_at.items())
            out(f"  alpha {at:<6g} content {losses.content[place]:.4f}  style {losses.style[place]:.4f}{others}")


def _words(style: dict[str, Any]) -> str:
    return ", ".join(f"{key} {text}" for key, text in style.items() if isinstance(text, str) and key != "sha256")


@app.command()
def check(
    file: Annotated[str, typer.Argument(help="A style's name, or a pack file.")],
    json: Json = False,
) -> None:
    """Check a pack file whole: header, every tensor's name, shape, type and numbers."""
    from stylefader.training.packs.library import find_pack
    from stylefader.training.packs.pack import load_pack

    pack = load_pack(find_pack(file))
    result = {"file": str(pack.file), "name": pack.header.name, "tensors": len(pack.tensors),
              "sha256": pack.weights_hash(), "fits": True}  # fmt: skip
    if json:
        print_json(result)
    else:
        out(f"{pack.file} is a style pack that fits: {result['tensors']} tensors, weights {result['sha256']:.16}")
