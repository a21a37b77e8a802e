"""The alpha desk: where every control meets the picture. It holds a target a block and gives alpha at a time.

Two kinds of control: what is moved (keys, faders, OSC) sets targets, and the last mover wins; what moves by itself
(LFOs, sound) is a modulation, added on top of where the targets stand. A scene glides: alpha takes its own time.

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
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from stylefader.training.errors import ControlError
from stylefader.training.packs.pack_header import AlphaHeader

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


MODULATIONS = ("lfo", "sound")
"""Sources that are modulations; muted, they add nothing."""


class Modulation(Protocol):
    """What is added to alpha by the time."""

    def offsets(self, at_ns: int, n_blocks: int) -> npt.NDArray[np.float64]:
        """Alpha to add at a time in monotonic nanoseconds: float64 (n_blocks,), finite. Any thread; never waits."""
        ...


class Still:
    """A modulation that adds nothing."""

    def offsets(self, at_ns: int, n_blocks: int) -> npt.NDArray[np.float64]:
        """Zeros."""
        return np.zeros(n_blocks)


class AlphaDesk:
    """Targets for `n_blocks` strengths within a pack's range. Thread-safe.

    start: alpha and targets at first, (n_blocks,); the pack's default where not given. slew: the most that alpha moves
    in a second, or None. muted: sources that move nothing, shared with whoever gave it. modulation: what moves by
    itself.
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
        modulation: Modulation | None = None,
    ) -> None:
        self.low, self.high, self.default = header.low, header.high, header.default
        self.n_blocks = n_blocks
        self._own = Smoothing(time_constant_s=time_constant_s)
        self._slew, self._muted = slew, muted
        self._modulation = modulation or Still()
        self._lock = threading.Lock()  # over all below
        begin = np.full(n_blocks, self.default) if start is None else np.clip(start, self.low, self.high)
        self._targets = begin.astype(np.float64)
        self._first = self._targets.copy()  # after the first of two stages; at the target where there is one
        self._second = self._targets.copy()
        self._alpha = self._targets.copy()  # modulated, limited in slew
        self._from = self._targets.copy()  # where a glide began
        self._glide_ns = np.zeros((2, n_blocks))  # from when to when; over where both are alike
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

    def glide(self, block: Block, target: float | Alpha, seconds: float, at_ns: int, source: str = "scene") -> None:
        """Go to a target, or one for each block, in that time and evenly; whatever moves a block meanwhile takes over.

        Raises ControlError for no such block, or targets that are not finite numbers, one or (n_blocks,).
        """
        targets = np.asarray(target, np.float64)
        if targets.shape not in ((), (self.n_blocks,)) or not np.isfinite(targets).all():
            raise ControlError(f"alpha must be a finite number, or {self.n_blocks} of them, not {target}")
        with self._lock:
            if source in self._muted:
                return
            self._pass_to(at_ns)
            place = self._place(block)
            self._from[place] = self._second[place]
            self._targets[place] = np.clip(np.broadcast_to(targets, self.n_blocks)[place], self.low, self.high)
            assert self._at_ns is not None
            self._glide_ns[0, place] = self._at_ns
            self._glide_ns[1, place] = self._at_ns + max(seconds * 1e9, 1)

    def reset(self) -> None:
        """Every target to the pack's default, whatever is muted."""
        with self._lock:
            self._set("all", np.full(self.n_blocks, self.default), None, None)

    def targets(self) -> Alpha:
        """Where the controls stand: float32 (n_blocks,)."""
        with self._lock:
            return self._targets.astype(np.float32)

    def latest(self) -> Alpha:
        """Alpha as it was asked for last, what modulates it included: float32 (n_blocks,)."""
        with self._lock:
            return self._alpha.astype(np.float32)

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
        self._glide_ns[:, place] = 0
        smoothing = SMOOTHING.get(source, self._own) if source is not None else self._own
        self._constant_ns[place] = smoothing.time_constant_s * 1e9
        self._targets[place] = np.clip(targets[place], self.low, self.high)
        if smoothing.stages == 1:
            self._first[place] = self._targets[place]

    def _pass_to(self, at_ns: int) -> None:
        """Let time pass: both stages in closed form, so that it does not matter in how many parts.

        Only what is modulated or limited in slew is done step by step.
        """
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
        self._glide()
        wanted = np.clip(self._second + self._modulation.offsets(self._at_ns, self.n_blocks), self.low, self.high)
        if self._slew is None:
            self._alpha = wanted
        else:
            most = self._slew * passed / 1e9
            self._alpha = self._alpha + np.clip(wanted - self._alpha, -most, most)

    def _glide(self) -> None:
        """Put those blocks that glide where they are at this time."""
        assert self._at_ns is not None
        begin, end = self._glide_ns
        glides = end > begin
        if not glides.any():
            return
        share = np.clip((self._at_ns - begin) / np.where(glides, end - begin, 1.0), 0.0, 1.0)
        there = self._from + share * (self._targets - self._from)
        self._first = np.where(glides, there, self._first)
        self._second = np.where(glides, there, self._second)
        self._glide_ns[:, glides & (share == 1)] = 0

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
