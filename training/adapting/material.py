"""What adapting needs beside the painting: the palette's loss network, and how the palette was trained to see.

The losses are in the palette's own units, so that a vector that is learnt later can be compared with its others.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stylefader.training.compute import Compute
from stylefader.training.data.photographs import read_picture, resize_short_side, to_rgb01
from stylefader.training.errors import TrainingError
from stylefader.training.hashing import file_hash
from stylefader.training.losses.both_ends import BothEnds, End
from stylefader.training.losses.loss_network import load_loss_network
from stylefader.training.losses.perceptual import StyleTarget
from stylefader.training.packs.pack_header import PackHeader

LOSS_NETWORKS = ("vgg19_conv1_1_to_conv3_4.safetensors", "vgg16-397923af.pth")
"""Names under which a loss network is looked for in the current folder and in PyTorch's own."""
_PARTS = ("main", "blocks")
_NEEDED = ("style_weight", "layer_means", "loss_network_sha256", "style_size", "pyramid")


def look_of(header: PackHeader, painting: Path, loss_network: Path, *, compute: Compute) -> BothEnds:
    """What a palette's training would look for in a painting. Raises TrainingError."""
    low, high = (_run(header, part) for part in _PARTS)
    picture = read_picture(painting)
    network = load_loss_network(loss_network)
    if high["loss_network_sha256"] != network.sha256:
        raise TrainingError(
            f"{header.name} was trained with {high.get('loss_network', 'another loss network')}, not with "
            f"{loss_network.name}: give the same file with --loss-network"
        )
    network.divide_activations(high["layer_means"])
    network = network.to(device=compute.device)
    style = to_rgb01(resize_short_side(picture, high["style_size"])).to(compute.device)
    ends = tuple(End(style_weight=run["style_weight"], smoothness=run.get("smoothness", 0.0)) for run in (low, high))
    return BothEnds(StyleTarget(network, style, pyramid=high["pyramid"]), (ends[0], ends[1]))


def find_loss_network(given: Path | None, header: PackHeader) -> Path:
    """The loss network's file: the one that is given, or one that is at hand. Raises TrainingError that says which."""
    wanted = _run(header, "blocks")
    if given is not None:
        if not os.path.isfile(given):
            raise TrainingError(f"no loss network at {given}")
        return given
    hub = Path(os.environ.get("TORCH_HOME", Path("~/.cache/torch").expanduser())) / "hub" / "checkpoints"
    for folder in (Path(), hub):
        for name in LOSS_NETWORKS:
            if os.path.isfile(folder / name) and file_hash(folder / name) == wanted["loss_network_sha256"]:
                return folder / name
    raise TrainingError(
        f"adapting needs the loss network that {header.name} was trained with ({wanted.get('loss_network', 'VGG')}, "
        f"SHA-256 {wanted['loss_network_sha256'][:12]}...): give its file with --loss-network; "
        "docs/training.md says what it is"
    )


def _run(header: PackHeader, part: str) -> Mapping[str, Any]:
    """How a part of a palette was trained; a student's own parts are those of its teacher. Raises TrainingError."""
    if not header.styles:
        raise TrainingError(f"{header.name} is no palette: its network has one style, and nothing to adapt")
    run: Mapping[str, Any] = header.training.get(part) or {}
    missing = [key for key in _NEEDED if key not in run]
    if missing:
        raise TrainingError(f"{header.name} does not say how it was trained ({part}: {missing[0]!r} is missing)")
    return run
