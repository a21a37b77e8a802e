"""`stylefader styles`: the style packs that come with stylefader, what a pack says of itself, and one style of many."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stylefader.tools.console.help import Commands
from stylefader.tools.console.messages import out, print_json, print_table, say
from stylefader.tools.console.signals import unwind
from stylefader.tools.outputs import check_output

if TYPE_CHECKING:
    from stylefader.training.packs.pack_header import LossCurve, PackHeader, StyleHeader

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
        "styles": [style.name for style in header.styles],
    }


@app.command("list")
def list_styles(json: Json = False) -> None:
    """List the styles that come with stylefader, and those in your own folder of styles.

    A family is one style at several sizes: give its name, or FAMILY:SIZE for one of them. A palette is many styles in
    one network: give its name, or PALETTE/STYLE for one of them.
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
    for row in rows:
        if row["styles"]:
            out(f"palette {row['name']}: {', '.join(row['styles'])}")


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="A style's name, PALETTE/STYLE, or a pack file.")],
    json: Json = False,
) -> None:
    """Show a style pack's header: what alpha means, where it comes from, how it was trained, its losses.

    A palette is shown with all of its styles, PALETTE/STYLE with that one.
    """
    from stylefader.training.packs.header_reading import read_header
    from stylefader.training.packs.library import families, find_pack, split_style
    from stylefader.training.packs.pack_family import family_name, size_name

    parted = split_style(name)
    file = find_pack(parted.pack)
    header = read_header(file)
    if parted.style is not None:
        _show_style(next(one for one in header.styles if one.name == parted.style), header, file, json)
        return
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
    _show_training(header.training)
    if header.losses:
        _show_losses(header.losses)
    if header.predictor is not None:
        out("says the style of any painting: --style-image PAINTING in live and render")
    if header.styles:
        out(f"{len(header.styles)} styles, each by {header.name}/NAME:")
        print_table(("name", "painting", "content", "style"), [_style_row(style) for style in header.styles])


def _show_style(style: StyleHeader, header: PackHeader, file: Path, json: bool) -> None:
    """One style of a palette."""
    if json:
        print_json({"file": str(file), "palette": header.name, "licence": header.licence, **asdict(style)})
        return
    out(f"{header.name}/{style.name}: {style.title} (of the palette {header.title}, {header.network_words}, {file})")
    out(f"licence {header.licence}; style: {_words(style.painting)}")
    _show_training({**header.training, **style.training})
    if style.losses:
        _show_losses(style.losses)


def _style_row(style: StyleHeader) -> tuple[str, ...]:
    """Its name, its painting, and both losses at the lowest and the highest alpha."""
    losses = style.losses
    ends = ("", "") if losses is None else tuple(
        f"{curve[0]:.4f} to {curve[-1]:.4f}" for curve in (losses.content, losses.style)
    )  # fmt: skip
    return (style.name, _words(style.painting) or style.title, *ends)


def _show_training(runs: dict[str, Any]) -> None:
    for part, run in runs.items():
        used = ("iterations", "batch", "crop", "style_weight", "style_size", "temporal", "learning_rate", "photographs",
                "precision", "device", "taken_from")  # fmt: skip
        out(f"trained {part}: {', '.join(f'{key} {run[key]}' for key in used if key in run)}")


def _show_losses(losses: LossCurve) -> None:
    out(f"losses on {losses.photographs} held-out photographs:")
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


@app.command()
def extract(
    style: Annotated[str, typer.Argument(metavar="PALETTE/STYLE", help="A style of a palette.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The pack to write, .safetensors.")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the output if it exists.")] = False,
    json: Json = False,
) -> None:
    """Write one style of a palette as a pack of its own, with its painting, licence and losses.

    Its pictures are those of the palette in that style. It is played like any pack, and needs no palette.
    """
    from stylefader.training.errors import PackError
    from stylefader.training.packs.library import find_pack, split_style
    from stylefader.training.packs.one_style import one_style
    from stylefader.training.packs.pack import load_pack, save_pack

    parted = split_style(style)
    file = find_pack(parted.pack)
    check_output(output, ".safetensors", overwrite=overwrite, inputs=[file])
    if parted.style is None:
        raise PackError(f"{style:.500} is no style of a palette: give PALETTE/STYLE")
    pack = one_style(load_pack(file), parted.style, output)
    unwind()
    save_pack(pack)
    say(f"wrote {output}: {pack.header.title}, {pack.header.network_words}")
    if json:
        print_json(_summary(output, pack.header))
