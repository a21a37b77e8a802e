"""What adapting needs beside the painting: the palette's loss network, and how the palette was trained to see.

The losses are in the palette's own units, so that a vector that is learnt later can be compared with its others.
"""

from __future__ import annotations

from pathlib import Path

from stylefader.training.adapting.loss_network_file import training_run
from stylefader.training.compute import Compute
from stylefader.training.data.photographs import read_picture, resize_short_side, to_rgb01
from stylefader.training.errors import TrainingError
from stylefader.training.losses.both_ends import BothEnds, End
from stylefader.training.losses.loss_network import load_loss_network
from stylefader.training.losses.perceptual import StyleTarget
from stylefader.training.packs.pack_header import PackHeader

_PARTS = ("main", "blocks")


def look_of(header: PackHeader, painting: Path, loss_network: Path, *, compute: Compute) -> BothEnds:
    """What a palette's training would look for in a painting.

    Args:
        header: Of the palette.
        painting: A picture's file.
        loss_network: The file of its weights.
        compute: Where the loss network and the painting go.

    Raises:
        TrainingError: A file cannot be read, it is another loss network than the palette was trained with, or the
            palette does not say how it was trained.
    """
    low, high = (training_run(header, part) for part in _PARTS)
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
