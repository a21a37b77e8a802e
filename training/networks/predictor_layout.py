"""How a prediction network is built, as numbers: its stages, its features and its tensors. Needs no torch.

A prediction network says the style vector of a painting that nobody trained (Ghiasi et al., BMVC 2017). A light encoder
goes down in stages, each at half the size of the one before. The mean and the standard deviation of each channel behind
each stage are the painting's features, so its size does not matter. Two linear layers make a style vector of them.

The module is `predictor.py`, OpenVINO's graph is `engines/graph/predictor_graph.py`; tests hold them together.
"""

from __future__ import annotations

from collections.abc import Sequence

from stylefader.training.networks.architectures import COLOURS

CHANNELS = (16, 32, 64, 128)
"""Of the stages, usually."""
HIDDEN = 192
"""Numbers between the two linear layers, usually."""
MOST_HIDDEN = 2048
STAGE_PARTS = ("first", "second")
"""The convolutions of a stage, 3x3 with a border of zeros and a ReLU behind each: the first has a stride of 2."""
SPREAD_FLOOR = 1e-4
"""Is added to a variance before its root, so that a flat picture has a gradient."""


def feature_count(channels: Sequence[int]) -> int:
    """How many numbers the encoder says of a painting: mean and deviation of each channel of each stage."""
    return 2 * sum(channels)


def predictor_shapes(channels: Sequence[int], hidden: int, style_size: int) -> dict[str, tuple[int, ...]]:
    """Names and shapes of all tensors of a prediction network.

    Args:
        channels: Of each stage.
        hidden: Numbers between the linear layers.
        style_size: Of the style vector.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    inputs = COLOURS
    for number, outputs in enumerate(channels):
        for part in STAGE_PARTS:
            name = f"stages.{number}.{part}"
            shapes |= {f"{name}.weight": (outputs, inputs, 3, 3), f"{name}.bias": (outputs,)}
            inputs = outputs
    for name, (rows, columns) in {
        "hidden": (hidden, feature_count(channels)),
        "style": (style_size, hidden),
    }.items():
        shapes |= {f"{name}.weight": (rows, columns), f"{name}.bias": (rows,)}
    return {**shapes, "centre": (style_size,), "spread": (style_size,)}
