"""What `Style` is called with: arrays and tensors of several libraries, and numbers from 0 to 1."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from stylefader.training.errors import EngineError

_CUDA = 2
"""The number of NVIDIA GPUs among DLPack's kinds of devices."""


def shares_of(**given: float | None) -> dict[str, npt.NDArray[np.float32]]:
    """Those that were given, as engines take them, float32 (1,). Raises EngineError."""
    found = {}
    for name, value in given.items():
        if value is None:
            continue
        try:
            share = np.asarray(value, np.float32).reshape(1)
        except (TypeError, ValueError) as error:
            raise EngineError(f"{name} is a number from 0 to 1, not {value!r:.80}") from error
        if not 0 <= share[0] <= 1:
            raise EngineError(f"{name} must be from 0 to 1, not {value:g}")
        found[name] = share
    return found


def is_cuda(frame: Any) -> bool:
    """Whether it is on an NVIDIA GPU, whatever its library."""
    device = getattr(frame, "__dlpack_device__", None)
    return device is not None and int(device()[0]) == _CUDA


def is_tensor(thing: Any) -> bool:
    """Whether it is one of PyTorch's, without importing that."""
    return type(thing).__module__.partition(".")[0] == "torch" and hasattr(thing, "is_cuda")


def on_host(thing: Any) -> Any:
    """A tensor as an array; anything else as it is."""
    return thing.detach().cpu().numpy() if is_tensor(thing) else thing
