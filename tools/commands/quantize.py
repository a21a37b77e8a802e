"""`stylefader engine quantize`: the int8 form of a style pack, and what it costs, measured."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stylefader.tools.console.messages import print_json, say
from stylefader.tools.console.progress import progress

if TYPE_CHECKING:
    from stylefader.engines.int8.quantize import Losses
    from stylefader.training.data.photographs import Picture
    from stylefader.training.packs.pack import StylePack

_SIDE = 256


def command(
    style: Annotated[str, typer.Argument(help="A style or a pack file.", show_default=False)],
    photos: Annotated[Path, typer.Option(help="Folder of photographs to quantise over.")],
    held_out: Annotated[
        Path | None, typer.Option(help="Photographs to measure on. [default: those to quantise over]")
    ] = None,
    count: Annotated[int, typer.Option(min=1, max=1000, help="Photographs to quantise over.")] = 40,
    measured: Annotated[int, typer.Option(min=1, max=1000, help="Photographs to measure on, at most.")] = 100,
    painting: Annotated[
        Path | None, typer.Option(help="The style picture, to measure losses as well; with --loss-network.")
    ] = None,
    loss_network: Annotated[Path | None, typer.Option(help="Loss network weights, as in training.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print what was made as JSON.")] = False,
) -> None:
    """Make the int8 form of a pack, NAME.int8 beside it: faster on CPUs with VNNI or AMX, a little off.

    How far off is measured and kept in the file: PSNR to the f32 picture, and what happens to content and style
    loss. `auto` takes int8 only where it is faster and holds the PSNR that is asked for.

    The form of a palette is made over all of its styles and mixtures of them, and what it states is the PSNR of the
    style that loses most. Make it again after a style was added.
    """
    from stylefader.engines.int8.form import quantized_file
    from stylefader.engines.int8.quantize import quantize
    from stylefader.training.data.photographs import PhotoFolder
    from stylefader.training.errors import TrainingError
    from stylefader.training.packs.library import find_pack
    from stylefader.training.packs.pack import load_pack

    if (painting is None) != (loss_network is None):
        raise TrainingError("measuring losses takes both --painting and --loss-network")
    pack = load_pack(find_pack(style))
    if painting is not None and pack.header.styles:
        raise TrainingError(f"{pack.header.name} is a palette: losses by --painting are measured with one style alone")
    losses = None if painting is None or loss_network is None else _losses(pack, painting, loss_network)
    frames = PhotoFolder(photos).centre_crops(count, _SIDE)
    say(f"quantising {pack.header.name} over {len(frames)} photographs")
    others = PhotoFolder(held_out or photos).centre_crops(measured, _SIDE)
    with progress("measuring", len(others)) as advance:
        form = quantize(
            pack, list(frames), list(others), losses=losses, report=lambda done: advance(done, "photographs")
        )
    file, fidelity = quantized_file(pack), form.fidelity
    form.save(file)
    if json:
        print_json({"file": str(file), "fidelity": asdict(fidelity), "made": form.made})
        return
    for alpha, mean, worst in zip(fidelity.alpha, fidelity.psnr_db, fidelity.worst_db, strict=True):
        say(f"alpha {alpha:g}: {mean:.1f} dB, the worst photograph {worst:.1f} dB")
    for alpha, content, look in zip(fidelity.alpha, fidelity.content_change, fidelity.style_change, strict=False):
        say(f"alpha {alpha:g}: content loss {content:+.1%}, style loss {look:+.1%}")
    say(f"wrote {file}")


def _losses(pack: StylePack, painting: Path, loss_network: Path) -> Losses:
    """Content and style loss in the units of the pack's own training."""
    import torch

    from stylefader.training.data.photographs import read_picture, resize_short_side, to_rgb01
    from stylefader.training.errors import TrainingError
    from stylefader.training.losses.loss_network import load_loss_network
    from stylefader.training.losses.perceptual import StyleTarget, content_loss

    run = pack.header.training.get("blocks") or pack.header.training.get("main") or {}
    network = load_loss_network(loss_network)
    if run.get("loss_network_sha256") != network.sha256:
        raise TrainingError(f"{pack.header.name} was trained with another loss network than {loss_network}")
    missing = {"layer_means", "style_size", "pyramid"} - run.keys()
    if missing:
        raise TrainingError(f"{pack.header.name} does not say how it was trained ({min(missing)!r} is missing)")
    network.divide_activations(run["layer_means"])
    style = to_rgb01(resize_short_side(read_picture(painting), run["style_size"]))
    target = StyleTarget(network, style, pyramid=run["pyramid"])

    @torch.inference_mode()
    def losses(photo: Picture, picture: Picture) -> tuple[float, float]:
        photo_features = network(to_rgb01(photo), last=network.last_content_layer)
        y = to_rgb01(picture)
        features = network(y)
        content = content_loss(features, photo_features, network.layers.content)
        return float(content), float(target.loss(y, features))

    return losses
