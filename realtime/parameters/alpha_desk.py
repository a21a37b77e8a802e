"""The alpha desk: where every control meets the picture.

It holds a target for each component of every parameter that a style declares (alpha among them), and gives their values
at a time.

There are two kinds of control. Keys, faders and OSC set targets; the last one that moved counts. LFOs and sound are
modulations, added to the targets. A scene glides to its values in a time of its own.

Smoothing is by time, not by frame, so values move in the same way at any frame rate. Each kind of control (source) has
its own: keys have one stage, in which values go as 1 - exp(-t / time constant). MIDI has 127 steps, and with one stage
each step would be visible; two stages begin and end a step softly.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping, Sequence, Set
from copy import copy
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from stylefader.realtime.parameters.fade_in import FadeIn
from stylefader.realtime.parameters.parameter import Layout, Parameter, Values
from stylefader.realtime.parameters.style_pad import StylePad
from stylefader.realtime.parameters.targets import Target, why_missing
from stylefader.training.errors import ControlError

TIME_CONSTANT_S = 0.06
"""Time constant: two thirds of the way in two frames, which does not feel late."""


@dataclass(frozen=True, kw_only=True)
class Smoothing:
    """How a value follows a source: that time constant in each of `stages`, 1 or 2."""

    time_constant_s: float
    stages: Literal[1, 2] = 1


MIDI_SMOOTHING = Smoothing(time_constant_s=TIME_CONSTANT_S, stages=2)
"""No frame at 30 a second takes more than a quarter of a 7-bit step above what an even sweep would take."""
SMOOTHING = {"midi": MIDI_SMOOTHING, "osc": MIDI_SMOOTHING}
"""By source; others follow in one stage of the desk's own time constant."""


MODULATIONS = ("lfo", "sound")
"""Sources that are modulations; muted, they add nothing."""


_STATES = ("_targets", "_first", "_second", "_values", "_from", "_glide_ns", "_constant_ns")
"""What a desk keeps for each component."""


class Modulation(Protocol):
    """What is added to the parameters by the time."""

    def offsets(self, at_ns: int, layout: Layout) -> npt.NDArray[np.float64]:
        """What to add at a time in monotonic nanoseconds: float64 (layout.size,), finite. Any thread; never waits."""
        ...


class Still:
    """A modulation that adds nothing."""

    def offsets(self, at_ns: int, layout: Layout) -> npt.NDArray[np.float64]:
        """Zeros."""
        return np.zeros(layout.size)


class AlphaDesk:
    """Targets for the parameters of a style, within their ranges. Thread-safe.

    Args:
        parameters: What the style declares.
        start: Values and targets at first, by parameter, each (size,); the defaults of those that are not given.
        time_constant_s: How fast values follow sources that have no smoothing of their own.
        slew: The most that a value moves in a second, or None.
        muted: Sources that move nothing, shared with whoever gave it.
        modulation: What moves by itself.
        fade_in: The share of alpha's way that rides mix (`fade_in.py`); values have it, targets do not.
    """

    def __init__(
        self,
        parameters: Sequence[Parameter],
        *,
        start: Mapping[str, Values] | None = None,
        time_constant_s: float = TIME_CONSTANT_S,
        slew: float | None = None,
        muted: Set[str] = frozenset(),
        modulation: Modulation | None = None,
        fade_in: float = 0.0,
    ) -> None:
        self.layout = Layout(parameters)
        self.pad: StylePad | None = None
        """By which LFOs and sound on a palette's pad move its weights; any thread may set it."""
        self._fade_in, self._faded_in = fade_in, FadeIn(parameters, fade_in)
        self._low = np.array([value for parameter in parameters for value in parameter.low], np.float64)
        self._high = np.array([value for parameter in parameters for value in parameter.high], np.float64)
        self._default = np.array([value for parameter in parameters for value in parameter.default], np.float64)
        self._own = Smoothing(time_constant_s=time_constant_s)
        self._slew, self._muted = slew, muted
        self._modulation = modulation or Still()
        self._lock = threading.Lock()  # over all below
        self._targets = self._default.copy()
        for name, values in (start or {}).items():
            self._targets[self.layout.parts[name]] = values
        self._targets = self._targets.clip(self._low, self._high)
        self._first = self._targets.copy()  # after the first of two stages; at the target where there is one
        self._second = self._targets.copy()
        self._values = self._targets.copy()  # modulated, limited in slew
        self._from = self._targets.copy()  # where a glide began
        self._glide_ns = np.zeros((2, self.layout.size))  # from when to when; over where both are alike
        self._constant_ns = np.full(self.layout.size, time_constant_s * 1e9)
        self._at_ns: int | None = None

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        """What the style declares, by name."""
        return self.layout.parameters

    def has(self, target: Target) -> bool:
        """Whether the style declares this parameter, with that component."""
        return self.layout.place(target) is not None

    def move(self, target: Target, value: float, at_ns: int | None = None, source: str = "keys") -> None:
        """Set a target, kept within the range; its values go there by themselves, in the way of the source.

        Args:
            target: Which parameter or component.
            value: Where it is to stand.
            at_ns: When the control was moved, in monotonic nanoseconds; from the frame before on where not given. The
                last mover wins.
            source: The kind of control.

        Raises:
            ControlError: For a target that the style does not declare, or a value that is not finite.
        """
        if not math.isfinite(value):
            raise ControlError(f"{target} must be a finite number, not {value}")
        with self._lock:
            place = self._place(target)
            self._set(place, value, at_ns, source)

    def nudge(self, target: Target, step: float, at_ns: int | None = None, source: str = "keys") -> None:
        """Move a target by a step from where it stands."""
        with self._lock:
            place = self._place(target)
            self._set(place, self._targets[place] + step, at_ns, source)

    def glide(self, target: Target, value: float | Values, seconds: float, at_ns: int, source: str = "scene") -> None:
        """Go to a value linearly in that time; a control that moves a component meanwhile takes it over.

        Args:
            target: Which parameter or component.
            value: A number, or one for each component of the parameter.
            seconds: How long it takes.
            at_ns: When it begins, in monotonic nanoseconds.
            source: The kind of control.

        Raises:
            ControlError: For a target that the style does not declare, values that are not finite, or too many.
        """
        place = self._place(target)
        values = np.asarray(value, np.float64)
        size = self.layout.parameters[target.name].size if isinstance(place, slice) else 1
        if values.shape not in ((), (size,)) or not np.isfinite(values).all():
            raise ControlError(f"{target} must be a finite number, or {size} of them, not {value}")
        with self._lock:
            if source in self._muted:
                return
            self._pass_to(at_ns)
            self._from[place] = self._second[place]
            self._targets[place] = np.clip(values, self._low[place], self._high[place])
            assert self._at_ns is not None
            self._glide_ns[0, place] = self._at_ns
            self._glide_ns[1, place] = self._at_ns + max(seconds * 1e9, 1)

    def reset(self) -> None:
        """Set every target to its default, even of muted sources."""
        with self._lock:
            self._set(slice(None), self._default, None, None)

    def targets(self) -> dict[str, Values]:
        """Where the controls stand, by parameter: float32 (size,) each."""
        with self._lock:
            return self.layout.split(self._targets)

    def latest(self) -> dict[str, Values]:
        """The values that were asked for last, what modulates them included, by parameter: float32 (size,) each."""
        with self._lock:
            return self._faded_in(self.layout.split(self._values))

    def values(self, at_ns: int) -> dict[str, Values]:
        """The values at a time in monotonic nanoseconds, which does not go back, by parameter: float32 (size,) each."""
        with self._lock:
            self._pass_to(at_ns)
            return self._faded_in(self.layout.split(self._values))

    def copy(self) -> AlphaDesk:
        """A copy with the same state, which is independent from here on."""
        with self._lock:
            other = copy(self)
            vars(other).update({name: value.copy() for name, value in vars(self).items() if hasattr(value, "shape")})
        other._lock = threading.Lock()
        return other

    def carried_on(
        self,
        parameters: Sequence[Parameter],
        *,
        anew: Set[str] = frozenset(),
        start: Mapping[str, Values] | None = None,
    ) -> AlphaDesk:
        """A desk for other parameters, on which everything goes on as it would here: glides and smoothing, too.

        Args:
            parameters: What it has. Those that this desk has as well are alike in both.
            anew: Names of parameters that begin at their default all the same.
            start: Where those begin that this desk does not have; at their default where it says nothing.

        Returns:
            The desk, independent of this one from here on.
        """
        other = AlphaDesk(
            parameters, start=start, time_constant_s=self._own.time_constant_s, slew=self._slew, muted=self._muted,
            modulation=self._modulation, fade_in=self._fade_in,
        )  # fmt: skip
        with self._lock:
            other._at_ns = self._at_ns
            for name, part in self.layout.parts.items():
                if name not in other.layout.parts or name in anew:
                    continue
                for state in _STATES:
                    vars(other)[state][..., other.layout.parts[name]] = vars(self)[state][..., part]
        return other

    def _set(
        self, place: int | slice, value: float | npt.NDArray[np.float64], at_ns: int | None, source: str | None
    ) -> None:
        """Take targets over at that time."""
        if source in self._muted:
            return
        if at_ns is not None:
            self._pass_to(at_ns)
        self._glide_ns[:, place] = 0
        smoothing = SMOOTHING.get(source, self._own) if source is not None else self._own
        self._constant_ns[place] = smoothing.time_constant_s * 1e9
        self._targets[place] = np.clip(value, self._low[place], self._high[place])
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
        moved = self._second + self._modulation.offsets(self._at_ns, self.layout)
        if self.pad is not None:
            self.pad.spread(moved, self._second)
        wanted = np.clip(moved, self._low, self._high)
        if self._slew is None:
            self._values = wanted
        else:
            most = self._slew * passed / 1e9
            self._values = self._values + np.clip(wanted - self._values, -most, most)

    def _glide(self) -> None:
        """Put those components that glide where they are at this time."""
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

    def _place(self, target: Target) -> int | slice:
        place = self.layout.place(target)
        if place is None:
            raise ControlError(why_missing(target, self.layout.sizes) or str(target))
        return place
