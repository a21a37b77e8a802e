"""What the styles of a palette were trained for: the style targets of the paintings that are at hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stylefader.training.compute import Compute
from stylefader.training.data.photographs import read_picture, resize_short_side, to_rgb01
from stylefader.training.errors import TrainingError
from stylefader.training.hashing import file_hash
from stylefader.training.losses.loss_network import LossNetwork, load_loss_network
from stylefader.training.losses.perceptual import StyleTarget
from stylefader.training.packs.pack_header import PackHeader, StyleHeader


def paintings_of(header: PackHeader, pictures: Sequence[Path]) -> dict[str, Path]:
    """Which of the pictures each style was trained on, by the style's name; those that have none are left out.

    Raises TrainingError for a picture that none of the styles was trained on.
    """
    known = {style.painting.get("sha256"): style.name for style in header.styles}
    found: dict[str, Path] = {}
    for picture in pictures:
        read_picture(picture)  # says so where it is none
        name = known.get(file_hash(picture))
        if name is None:
            raise TrainingError(f"{header.name} was not trained on {picture}: its hash is not in the pack")
        found[name] = picture
    return {style.name: found[style.name] for style in header.styles if style.name in found}


def style_targets(
    header: PackHeader, paintings: Mapping[str, Path], loss_network: Path, *, compute: Compute
) -> dict[str, StyleTarget]:
    """The targets of styles, by their names, each in the units that it was trained in.

    Raises TrainingError where the palette does not say how it was trained, or was by another loss network.
    """
    networks: dict[tuple[float, ...], LossNetwork] = {}
    targets = {}
    for style in header.styles:
        if style.name not in paintings:
            continue
        run = _run_of(header, style)
        means: dict[str, float] = run["layer_means"]
        network = networks.get(tuple(means.values()))
        if network is None:
            network = load_loss_network(loss_network)
            if run["loss_network_sha256"] != network.sha256:
                raise TrainingError(f"{header.name} was trained with another loss network than {loss_network}")
            network.divide_activations(means)
            networks[tuple(means.values())] = network.to(compute.device)
        picture = to_rgb01(resize_short_side(read_picture(paintings[style.name]), run["style_size"]))
        targets[style.name] = StyleTarget(network, picture.to(compute.device), pyramid=run["pyramid"])
    return targets


def _run_of(header: PackHeader, style: StyleHeader) -> Mapping[str, Any]:
    """How the look of a style at alpha 1 was trained: by itself, or with all of the palette."""
    run: Mapping[str, Any] = style.training.get("blocks") or header.training.get("blocks") or {}
    for key in ("layer_means", "loss_network_sha256", "style_size", "pyramid"):
        if key not in run:
            raise TrainingError(f"{header.name} does not say how {style.name} was trained ({key!r} is missing)")
    return run
