"""Where adapting begins: at the vector, of those that are at hand, whose pictures are nearest to the painting."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from stylefader.training.adapting.crops import Crops
from stylefader.training.compute import Compute
from stylefader.training.data.photographs import to_rgb01
from stylefader.training.loop.recipe import META
from stylefader.training.losses.both_ends import BothEnds
from stylefader.training.networks.colours import denormalise, normalise
from stylefader.training.networks.dynamic_net import DynamicNet
from stylefader.training.packs.pack import StylePack

_SIDE = 128
MIDDLE = "the middle of all"
GIVEN = "the vector that was given"


def known_vectors(pack: StylePack) -> dict[str, Tensor]:
    """What adapting can begin with, float32 (d,), by what it is called: every style of a palette, and their middle.

    Of a palette that was trained to be adapted it is the shared vector alone, which comes first.
    """
    vectors = {name: torch.from_numpy(vector) for name, vector in pack.style_vectors().items()}
    if META in pack.header.training:
        return dict(list(vectors.items())[:1])
    return {**vectors, MIDDLE: torch.stack(list(vectors.values())).mean(0)}


@torch.inference_mode()
def nearest(
    net: DynamicNet, vectors: Mapping[str, Tensor], look: BothEnds, photos: Crops, *, compute: Compute
) -> tuple[str, Tensor]:
    """The vector whose pictures of one photograph have the least loss, both ends of alpha together.

    Args:
        net: Of kind `palette`; it is moved to the device, and left in evaluation mode.
        vectors: float (d,), by what they are called; at least one.
        look: What is looked for in the pictures.
        photos: Its first crop, of 128 pixels a side, is the photograph.
        compute: Where, and in which numbers.

    Returns:
        What the vector is called, and a copy of it.
    """
    device = compute.device
    net = net.to(device).eval()
    photo = to_rgb01(photos.crop(0, seed=0, size=_SIDE)).to(device)
    x, ones = normalise(photo), torch.ones(net.n_blocks, device=device)
    found: dict[str, float] = {}
    for name, vector in vectors.items():
        vector = vector.to(device)
        with compute.autocast():
            low, high = (denormalise(net(x, alpha, vector).float()).clamp(0, 1) for alpha in (0 * ones, ones))
            found[name] = float(look(photo, low, high).sum(look.ends))
    best = min(found, key=lambda name: found[name])
    return best, vectors[best].clone()
