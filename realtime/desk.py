"""The alpha desk: where every control meets the picture. It holds a target a block and gives alpha at a time.

Smoothing is by time, not by frame count, so alpha takes the same way at any frame rate. Each kind of control (source)
has its own: keys move in one stage, alpha going as 1 - exp(-t / time constant). MIDI comes in 127 steps, of which one
stage would show each as a jerk; two stages one after the other begin and end a step softly.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Set
from copy import copy
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from training.errors import ControlError
from training.pack_header import AlphaHeader

Alpha = npt.NDArray[np.float32]
Block = int | Literal["all"]
TIME_CONSTANT_S = 0.06
"""How fast alpha follows: two thirds of the way in two frames, what the hand does not feel as late."""


@dataclass(frozen=True, kw_only=True)
class Smoothing:
    """How alpha follows a source: that time constant in each of `stages`, 1 or 2."""

    time_constant_s: float
    stages: Literal[1, 2] = 1


MIDI_SMOOTHING = Smoothing(time_constant_s=TIME_CONSTANT_S, stages=2)
"""No frame at 30 a second takes more than a quarter of a 7-bit step above what an even sweep would take."""
SMOOTHING = {"midi": MIDI_SMOOTHING, "osc": MIDI_SMOOTHING}
"""By source; others follow in one stage of the desk's own time constant."""


class AlphaDesk:
    """Targets for `n_blocks` strengths within a pack's range. Thread-safe.

    start: alpha and targets at first, (n_blocks,); the pack's default where not given. slew: the most that alpha moves
    in a second, or None. muted: sources that move nothing, shared with whoever gave it.
    """

    def __init__(
        self,
        header: AlphaHeader,
        n_blocks: int,
        *,
        start: Alpha | None = None,
        time_constant_s: float = TIME_CONSTANT_S,
        slew: float | None = None,
        muted: Set[str] = frozenset(),
    ) -> None:
        self.low, self.high, self.default = header.low, header.high, header.default
        self.n_blocks = n_blocks
        self._own = Smoothing(time_constant_s=time_constant_s)
        self._slew, self._muted = slew, muted
        self._lock = threading.Lock()  # over all below
        begin = np.full(n_blocks, self.default) if start is None else np.clip(start, self.low, self.high)
        self._targets = begin.astype(np.float64)
        self._first = self._targets.copy()  # after the first of two stages; at the target where there is one
        self._second = self._targets.copy()
        self._alpha = self._targets.copy()  # limited in slew
        self._constant_ns = np.full(n_blocks, time_constant_s * 1e9)
        self._at_ns: int | None = None

    def move(self, block: Block, target: float, at_ns: int | None = None, source: str = "keys") -> None:
        """Set a target, kept within the range; alpha goes there by itself, in the way of the source.

        at_ns: when the control was moved, in monotonic nanoseconds; from the frame before on where not given. The last
        mover wins. Raises ControlError for no such block.
        """
        if not math.isfinite(target):
            raise ControlError(f"alpha must be a finite number, not {target}")
        with self._lock:
            self._set(block, self._targets * 0 + target, at_ns, source)

    def nudge(self, block: Block, step: float, at_ns: int | None = None, source: str = "keys") -> None:
        """Move a target by a step from where it stands."""
        with self._lock:
            self._set(block, self._targets + step, at_ns, source)

    def reset(self) -> None:
        """Every target to the pack's default, whatever is muted."""
        with self._lock:
            self._set("all", np.full(self.n_blocks, self.default), None, None)

    def targets(self) -> Alpha:
        """Where the controls stand: float32 (n_blocks,)."""
        with self._lock:
            return self._targets.astype(np.float32)

    def alpha(self, at_ns: int) -> Alpha:
        """Alpha at a time in monotonic nanoseconds, which does not go back: float32 (n_blocks,)."""
        with self._lock:
            self._pass_to(at_ns)
            return self._alpha.astype(np.float32)

    def copy(self) -> AlphaDesk:
        """A desk that stands as this one does and goes its own way from here."""
        with self._lock:
            other = copy(self)
            vars(other).update({name: value.copy() for name, value in vars(self).items() if hasattr(value, "shape")})
        other._lock = threading.Lock()
        return other

    def _set(self, block: Block, targets: npt.NDArray[np.float64], at_ns: int | None, source: str | None) -> None:
        """Take the targets of these blocks over at that time."""
        place = self._place(block)
        if source in self._muted:
            return
        if at_ns is not None:
            self._pass_to(at_ns)
        smoothing = SMOOTHING.get(source, self._own) if source is not None else self._own
        self._constant_ns[place] = smoothing.time_constant_s * 1e9
        self._targets[place] = np.clip(targets[place], self.low, self.high)
        if smoothing.stages == 1:
            self._first[place] = self._targets[place]

    def _pass_to(self, at_ns: int) -> None:
        """Let time pass: both stages in closed form, so that it does not matter in how many parts."""
        passed = 0 if self._at_ns is None else max(0, at_ns - self._at_ns)
        first_time = self._at_ns is None
        self._at_ns = at_ns if self._at_ns is None else max(at_ns, self._at_ns)
        if not (passed or first_time):
            return
        still = self._constant_ns == 0
        parts = passed / np.where(still, 1.0, self._constant_ns)
        left = np.where(still, 0.0, np.exp(-parts))
        first, second = self._first - self._targets, self._second - self._targets
        self._second = self._targets + (second + parts * first) * left
        self._first = self._targets + first * left
        if self._slew is None:
            self._alpha = self._second
        else:
            most = self._slew * passed / 1e9
            self._alpha = self._alpha + np.clip(self._second - self._alpha, -most, most)

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
