"""Which precisions this processor computes in: by OpenVINO's account, and by what its kernels are held to.

`ONEDNN_MAX_CPU_ISA=AVX2` has the kernels of OpenVINO and PyTorch leave out what is newer than AVX2, as on most laptops.
OpenVINO asks for bf16 all the same where the processor has it, and finds no kernel for a transposed convolution.
"""

from __future__ import annotations

import functools
import os
from typing import Literal

_HOLDS = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA")
_UNHELD = ("", "ALL", "DEFAULT")
_WITHOUT_BF16 = ("SSE41", "AVX", "AVX2", "AVX2_VNNI", "AVX512_CORE", "AVX512_CORE_VNNI")


def held_to() -> str:
    """The newest instructions that kernels may use in this process, such as `AVX2`; empty where nothing holds them."""
    named = next((os.environ[name] for name in _HOLDS if name in os.environ), "").strip().upper()
    return "" if named in _UNHELD else named


def has_bf16() -> bool:
    """Whether the processor has bf16 arithmetic of its own, and kernels may use it.

    Without it, a library may take minutes for what takes one millisecond, so nothing should be computed or measured in
    bf16 then.
    """
    return "BF16" in capabilities()


def own_precision() -> Literal["bf16", "f32"]:
    """The fastest floating point that this processor computes in."""
    return "bf16" if has_bf16() else "f32"


def cpu_precisions(known: tuple[str, ...]) -> tuple[str, ...]:
    """Those of `known` that this processor computes in."""
    return tuple(precision for precision in known if precision != "bf16" or has_bf16())


@functools.cache
def capabilities() -> frozenset[str]:
    """What OpenVINO's CPU plugin says of this processor, such as `BF16` and `FP32`, and what it is held to."""
    import openvino as ov

    known = frozenset(ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"))
    held = held_to()
    if held in _WITHOUT_BF16:
        known -= {"BF16"}
    return known | {f"held to {held}"} if held else known
