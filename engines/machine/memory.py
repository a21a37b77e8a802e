"""Whether a frame size fits into memory, said before an engine on the CPU tries it."""

from __future__ import annotations

from stylefader.engines.machine import identity as machine
from stylefader.training.errors import EngineError

_GIB = 1 << 30
_BYTES_ANYWAY = 256 << 20
"""The libraries' own, and what building takes at any size."""
_VALUES_A_FEATURE = {"openvino": 5, "torch": 6}
"""Numbers that live at once, over pixels times channels: measured 4.9 in bf16 and 4.5 in f32, and 5.5 in torch."""
_BYTES = {"f32": 4, "bf16": 2, "fp16": 2, "int8": 2}


def cpu_bytes_needed(engine: str, height: int, width: int, channels: int, precision: str) -> int:
    """An estimate of the memory for one frame under way, for a network of width `channels`.

    By how far a process grew over what it held after its imports, at 640x360 and 1280x720.
    """
    return _BYTES_ANYWAY + height * width * channels * _VALUES_A_FEATURE[engine] * _BYTES[precision]


def check_memory(engine: str, height: int, width: int, channels: int, precision: str) -> None:
    """Raises EngineError, with the estimate, where a frame needs more than is known to be available."""
    available = machine.available_memory()
    needs = cpu_bytes_needed(engine, height, width, channels, precision)
    if available is not None and needs > available:
        raise EngineError(
            f"engine {engine} needs about {needs / _GIB:.1f} GiB of memory for {width}x{height}, "
            f"and {available / _GIB:.1f} GiB are available: use a smaller size"
        )
