"""What the rewrites of `rewrite.py` make of kernels, for PyTorch's form and for OpenVINO's graph. Needs neither."""

from __future__ import annotations

from typing import Any

TRANSPOSED_TAPS = ((0, 0, 1), (0, 1, 1), (1, 1, 0), (1, 0, 0))
"""Which of an up-convolution's three taps fall on each of its transposed form's four: see `TransposedUpConv`."""


def lay_phases(wide: Any, weight: Any, stride: int) -> None:
    """Write a convolution's kernels into those of its strided form, one for each place within a step: `StridedConv`.

    Args:
        wide: Zeros, (outputs, stride, stride, inputs, side + stride - 1, side + stride - 1); an array or a tensor.
        weight: (outputs, inputs, side, side), alike.
        stride: Of the strided form.
    """
    side = weight.shape[-1]
    for p in range(stride):
        for q in range(stride):
            wide[:, p, q, :, p : p + side, q : q + side] = weight
