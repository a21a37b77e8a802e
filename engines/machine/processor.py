"""Which precisions this processor computes in, by OpenVINO's account."""

from __future__ import annotations

import functools


def has_bf16() -> bool:
    """Whether the processor has bf16 arithmetic of its own.

    Without it, a library may take minutes for what takes one millisecond, so nothing should be computed or measured in
    bf16 then.
    """
    return "BF16" in capabilities()


def cpu_precisions(known: tuple[str, ...]) -> tuple[str, ...]:
    """Those of `known` that this processor computes in."""
    return tuple(precision for precision in known if precision != "bf16" or has_bf16())


@functools.cache
def capabilities() -> frozenset[str]:
    """What OpenVINO's CPU plugin says of this processor, such as `BF16` and `FP32`."""
    import openvino as ov

    return frozenset(ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"))
