"""The alpha desk: where every control meets the picture. It holds a target a block and gives alpha at a time.

Smoothing is by time, not by frame count: alpha goes towards its target as 1 - exp(-t / time constant), so it takes
the same way at any frame rate, and a control that moves in steps does not show them.
"""

from __future__ import annotations

import math
import threading
from typing import Literal

import numpy as np
import numpy.typing as npt

from training.errors import ControlError
from training.pack_header import AlphaHeader

Alpha = npt.NDArray[np.float32]
Block = int | Literal["all"]
TIME_CONSTANT_S = 0.06
"""How fast alpha follows: two thirds of the way in two frames, what the hand does not feel as late."""


class AlphaDesk:
    """Targets for `n_blocks` strengths within a pack's range. Thread-safe.

    start: alpha and targets at first, (n_blocks,); the pack's default where not given.
    """

    def __init__(
        self,
        header: AlphaHeader,
        n_blocks: int,
        *,
        start: Alpha | None = None,
        time_constant_s: float = TIME_CONSTANT_S,
    ) -> None:
        self.low, self.high, self.default = header.low, header.high, header.default
        self.n_blocks = n_blocks
        self._time_constant_ns = time_constant_s * 1e9
        self._lock = threading.Lock()  # over all below
        begin = np.full(n_blocks, self.default) if start is None else np.clip(start, self.low, self.high)
        self._targets = begin.astype(np.float64)
        self._alpha = self._targets.copy()
        self._at_ns: int | None = None

    def move(self, block: Block, target: float) -> None:
        """Set a target, kept within the range; alpha goes there by itself. Raises ControlError for no such block."""
        if not math.isfinite(target):
            raise ControlError(f"alpha must be a finite number, not {target}")
        target = min(max(target, self.low), self.high)
        with self._lock:
            self._targets[self._place(block)] = target

    def nudge(self, block: Block, step: float) -> None:
        """Move a target by a step from where it stands."""
        with self._lock:
            place = self._place(block)
            self._targets[place] = np.clip(self._targets[place] + step, self.low, self.high)

    def reset(self) -> None:
        """Every target to the pack's default."""
        self.move("all", self.default)

    def targets(self) -> Alpha:
        """Where the controls stand: float32 (n_blocks,)."""
        with self._lock:
            return self._targets.astype(np.float32)

    def alpha(self, at_ns: int) -> Alpha:
        """Alpha at a time in monotonic nanoseconds, which does not go back: float32 (n_blocks,)."""
        with self._lock:
            passed = 0 if self._at_ns is None else max(0, at_ns - self._at_ns)
            self._at_ns = at_ns if self._at_ns is None else max(at_ns, self._at_ns)
            share = 1 - math.exp(-passed / self._time_constant_ns) if self._time_constant_ns else 1.0
            self._alpha += share * (self._targets - self._alpha)
            return self._alpha.astype(np.float32)

    def _place(self, block: Block) -> int | slice:
        if block == "all":
            return slice(None)
        if not 0 <= block < self.n_blocks:
            raise ControlError(f"there is no block {block}: this style has {self.n_blocks}")
        return block


def carried_over(alpha: Alpha, n_blocks: int) -> Alpha:
    """Strengths for a style with another number of blocks: one each as far as they go, their mean for the others."""
    mean = float(alpha.mean()) if len(alpha) else 0.0
    wider = np.full(n_blocks, mean, np.float32)
    wider[: len(alpha)] = alpha[:n_blocks]
    return wider
