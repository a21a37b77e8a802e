"""What a performer asks of a live session: styles, strengths, scenes, panic; from any thread, under one lock.

    controls --move, go, fade_to--> Performance --StyleOrder--> LiveSession.tick --> engine loader
                                         ^                            |
                                         +---- begin(style) ----------+  when its engine is there

The lock is held during every change of the desk. So no move is lost between the desk of one style and that of the next,
and a saved scene has a style with its own strengths.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from stylefader.engines.inputs import Array
from stylefader.realtime.parameters.alpha_desk import MODULATIONS, AlphaDesk, Modulation
from stylefader.realtime.parameters.parameter import Parameter, Values, carried_over, carried_to, parameters_of
from stylefader.realtime.parameters.targets import Target
from stylefader.realtime.pipeline.style_request import Wanted, fade
from stylefader.training.errors import ControlError
from stylefader.training.packs.pack_file import PackFile


@dataclass(frozen=True, kw_only=True)
class StyleOrder:
    """An engine that is wanted. plays: its style's desk is there already, so it comes in without a fade."""

    style: int
    fade_s: float
    plays: bool


class Performance:
    """packs: the styles, to which more may be added. heard: the desks of all that is in the picture now.

    muted: sources that move no alpha; any thread may change it. start: values at first, one for all components, by
    parameter.
    """

    def __init__(
        self,
        packs: Sequence[PackFile],
        *,
        heard: Callable[[], list[AlphaDesk]],
        now_ns: Callable[[], int],
        fade_s: float,
        start: Mapping[str, float] | None = None,
        slew: float | None = None,
        fade_in: float = 0.0,
        modulation: Modulation | None = None,
    ) -> None:
        self._packs, self._heard, self._now_ns = packs, heard, now_ns
        self._fade_s, self._slew, self._fade_in, self._modulation = fade_s, slew, fade_in, modulation
        self.muted: set[str] = set()
        self._lock = threading.Lock()  # over all below
        self._wanted: Wanted | None = None  # since the last `next_order`
        self._panic: int | None = None  # the style that begins at its default
        self._coming: Wanted | None = None  # ordered last, to be faded to when its style comes
        self._style = 0
        self._scene: str | None = None
        self._desk_of = 0
        self._mask: Sequence[Parameter] | None = None
        first = {name: np.full(1, value, np.float32) for name, value in (start or {}).items()}
        self._desk = self._new_desk(0, first)

    # -- from any thread -------------------------------------------------------------------------------------------

    @property
    def style(self) -> int:
        """Which style is wanted or plays."""
        return self._style

    @property
    def scene(self) -> str | None:
        """The scene that was recalled last; None where another style was chosen since, or everything put back."""
        return self._scene

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        """What the newest desk's style declares, by name."""
        return self._desk.parameters

    def targets(self) -> Mapping[str, Values]:
        """Where the controls stand, for the newest desk, by parameter: float32 (size,) each."""
        return self._desk.targets()

    def latest(self) -> Mapping[str, Values]:
        """What the newest frame got of that desk, smoothed and modulated, by parameter: float32 (size,) each."""
        return self._desk.latest()

    def move(self, target: Target, value: float, at_ns: int | None, source: str) -> None:
        """Set a parameter's target, in every style that plays. Styles without that parameter ignore it."""
        with self._lock:
            for desk in self._desks():
                if desk.has(target):
                    desk.move(target, value, at_ns, source)

    def move_each(self, name: str, values: Sequence[float] | Array, at_ns: int | None) -> None:
        """Set every component of a parameter at once, so that no frame has some of them only."""
        with self._lock:
            for desk in self._desks():
                for component, value in enumerate(values):
                    target = Target(name, component)
                    if desk.has(target):
                        desk.move(target, float(value), at_ns, "keys")

    def nudge(self, target: Target, step: float, at_ns: int | None, source: str) -> None:
        """Move a parameter's target by a step."""
        with self._lock:
            for desk in self._desks():
                if desk.has(target):
                    desk.nudge(target, step, at_ns, source)

    def go(self, style: int) -> None:
        """Change to a style, counted round."""
        with self._lock:
            self._wanted = self._want(style)

    def step_style(self, by: int) -> None:
        """The next style, or the one before."""
        with self._lock:
            self._wanted = self._want((self._style if self._wanted is None else self._wanted.style) + by)

    def fade_to(self, style: int | None, values: Mapping[str, Values], fade_s: float, scene: str | None) -> None:
        """Change to a style, None for the one that plays, and to these values, in that time. Raises ControlError."""
        for name, value in values.items():
            if not np.isfinite(value).all():
                raise ControlError(f"{name} must be finite numbers, not {value}")
        with self._lock:
            now = self._style if self._wanted is None else self._wanted.style
            style = now if style is None else style
            self._wanted = replace(self._want(style), fade_s=fade_s, values=values, scene=scene)

    def panic(self) -> None:
        """Nothing that moves by itself, alpha to the default, the first style."""
        with self._lock:
            self.muted.update(MODULATIONS)
            self._wanted, self._panic = self._want(0), 0
            for desk in self._desks():
                desk.reset()

    def standing(self) -> tuple[int, Mapping[str, Values]]:
        """The style that was chosen last, and its values: those that it comes with where it is still being built."""
        with self._lock:
            style, coming = self._style, self._coming if self._style != self._desk_of else None
            wanted = self._wanted
            if wanted is not None and (wanted.values or wanted.style != style):
                style, coming = wanted.style, wanted
            pack = self._packs[style]
            resets = style != self._desk_of and style == self._panic
            values = dict({} if resets else self._desk.targets())
            values |= coming.values if coming is not None else {}
        return style, {
            parameter.name: carried_over(
                values.get(parameter.name, np.array(parameter.default, np.float32)), parameter.size
            ).clip(parameter.low, parameter.high).astype(np.float32)
            for parameter in parameters_of(pack.header, self._mask)
        }  # fmt: skip

    # -- from the thread that owns the session ---------------------------------------------------------------------

    def next_order(self) -> StyleOrder | None:
        """What was asked for since the last call: fades at once where its style is there.

        Returns:
            The engine to order, None where nothing has to be.
        """
        with self._lock:
            wanted, self._wanted = self._wanted, None
            if wanted is None:
                return None
            self._scene = wanted.scene
            there, again = wanted.style == self._desk_of, wanted.style == self._style
            if wanted.values or not again or self._panic is not None:
                self._coming = wanted
            if there:
                fade(self._desk, wanted, self._now_ns())
            if again:
                self._panic = None  # nothing changes, so there is nothing to begin at its default
                return None
            # One that plays is ordered as well: the other that was on its way must not come.
            self._style = wanted.style
            return StyleOrder(style=wanted.style, fade_s=0.0 if there else wanted.fade_s, plays=there)

    @property
    def desk(self) -> AlphaDesk:
        """The newest desk: that of the style that was begun last."""
        return self._desk

    def use_mask(self, mask: Sequence[Parameter] | None) -> None:
        """Another source of masks, with what of it can be moved, or None: another desk, on which everything goes on.

        What the source brings begins as the source says, also where the one before had something of that name.
        """
        with self._lock:
            self._mask = mask
            parameters = parameters_of(self._packs[self._desk_of].header, mask)
            self._desk = self._desk.carried_on(parameters, anew={one.name for one in mask or ()})

    def begin(self, style: int, fade_s: float) -> tuple[AlphaDesk, float]:
        """The engine of a style is there.

        Returns:
            Its desk, and the seconds of its cross-fade: those of what asked for it last.
        """
        with self._lock:
            if style != self._desk_of:
                # Strengths are the performer's: a new style begins where they stand, after a panic at its default.
                self._desk = self._new_desk(style, None if style == self._panic else self._desk.targets())
                self._desk_of = style
                if self._coming is not None:
                    fade_s = self._coming.fade_s
                    fade(self._desk, self._coming, self._now_ns())
                self._coming = None
            self._panic = None
            return self._desk, fade_s

    def give_up(self, style: int) -> None:
        """The requested engine is not available: this style counts as requested."""
        with self._lock:
            self._style = style
            self._coming = self._scene = None

    def _want(self, style: int) -> Wanted:
        return Wanted(style=style % len(self._packs), fade_s=self._fade_s)

    def _new_desk(self, style: int, start: Mapping[str, Values] | None) -> AlphaDesk:
        parameters = parameters_of(self._packs[style].header, self._mask)
        return AlphaDesk(
            parameters, start=carried_to(start or {}, parameters), slew=self._slew, muted=self.muted,
            modulation=self._modulation, fade_in=self._fade_in,
        )  # fmt: skip

    def _desks(self) -> list[AlphaDesk]:
        """All that are heard of in the picture, now or in a moment."""
        newest = self._desk
        return [newest, *(desk for desk in self._heard() if desk is not newest)]
