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
from stylefader.realtime.parameters.parameter import Parameter, Values, carried_over, carried_to
from stylefader.realtime.parameters.style_pad import Corners, pad_of
from stylefader.realtime.parameters.targets import Target
from stylefader.realtime.pipeline.style_request import Wanted, fade, whole_vectors, without
from stylefader.realtime.session.style_desks import WEIGHTS, StyleDesks, follow_pad
from stylefader.training.errors import ControlError
from stylefader.training.packs.added_inputs import STYLE
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
    parameter. first: the style that it begins with, and that panic returns to. weights: of the styles of that one's
    palette at first, by name. corners: the styles at the corners of a palette's pad.

    The styles of a palette have one desk, since they have one engine: to choose one of them is a glide of the weights.
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
        first: int = 0,
        weights: Mapping[str, float] | None = None,
        corners: Corners | None = None,
    ) -> None:
        self._packs, self._heard, self._now_ns = packs, heard, now_ns
        self._fade_s = fade_s
        self.muted: set[str] = set()
        self._made = StyleDesks(
            packs, muted=self.muted, slew=slew, fade_in=fade_in, modulation=modulation, first=first, corners=corners
        )
        self._lock = threading.Lock()  # over all below
        self._wanted: Wanted | None = None  # since the last `next_order`
        self._panic: int | None = None  # the style that begins at its default
        self._coming: Wanted | None = None  # ordered last, to be faded to when its style comes
        self._first = self._style = self._desk_of = first
        self._scene: str | None = None
        begins: dict[str, Values] = {name: np.full(1, value, np.float32) for name, value in (start or {}).items()}
        if weights:
            wished = {str(Target(STYLE, name)): np.full(1, value, np.float32) for name, value in weights.items()}
            begins |= whole_vectors(wished, self._made.parameters(first))
        self._begins = begins
        self._desk = self._made.desk(first, begins)

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
                    follow_pad(desk, target, at_ns, source)

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
                    follow_pad(desk, target, at_ns, source)

    def use_pad(self, corners: Corners) -> None:
        """Other styles at the corners of the pad; they come when it is moved. Raises ControlError for unknown ones."""
        with self._lock:
            self._made.use_corners(corners)
            for desk in self._desks():
                desk.pad = pad_of(desk.layout, corners)

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
            wanted = self._want(now if style is None else style)
            values = self._made.whole(values, wanted.style, self._desk.targets())
            own = wanted.values if style is not None else {}
            self._wanted = replace(wanted, fade_s=fade_s, values={**own, **values}, scene=scene)

    def panic(self) -> None:
        """Nothing that moves by itself, alpha to the default, the first style."""
        with self._lock:
            self.muted.update(MODULATIONS)
            self._wanted, self._panic = self._want(self._first), self._first
            for desk in self._desks():
                desk.reset()

    def standing(self) -> tuple[int, Mapping[str, Values]]:
        """The style that was chosen last, and its values: those that it comes with where it is still being built."""
        with self._lock:
            style, coming = self._style, self._coming if self._style != self._desk_of else None
            wanted = self._wanted
            if wanted is not None and (wanted.values or wanted.style != style):
                style, coming = wanted.style, wanted
            values = self._carried(style)
            values |= coming.values if coming is not None else {}
        return style, {
            parameter.name: carried_over(
                values.get(parameter.name, np.array(parameter.default, np.float32)), parameter.size
            ).clip(parameter.low, parameter.high).astype(np.float32)
            for parameter in self._made.parameters(style)
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
            # Of one palette, all styles are there, or on their way, when one of them is.
            there, again = self._made.alike(wanted.style, self._desk_of), self._made.alike(wanted.style, self._style)
            if wanted.values or not again or self._panic is not None:
                self._coming = wanted
            if there:
                fade(self._desk, wanted, self._now_ns())
                self._desk_of = wanted.style
            self._style = wanted.style
            if again:
                self._panic = None  # nothing changes, so there is nothing to begin at its default
                return None
            # One that plays is ordered as well: the other that was on its way must not come.
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
            self._made.mask = mask
            parameters = self._made.parameters(self._desk_of)
            self._desk = self._desk.carried_on(
                parameters, anew={one.name for one in mask or ()}, start=carried_to(self._begins, parameters)
            )
            self._desk.pad = pad_of(self._desk.layout, self._made.corners)

    def begin(self, style: int, fade_s: float) -> tuple[AlphaDesk, float]:
        """The engine of a style is there.

        Returns:
            Its desk, and the seconds of its cross-fade: those of what asked for it last.
        """
        with self._lock:
            if not self._made.alike(style, self._desk_of):
                style = self._style if self._made.alike(style, self._style) else style
                coming = self._coming or self._want(style)
                # Strengths are the performer's: a new style begins where they stand, after a panic at its default.
                start = self._carried(style)
                # The weights do not glide as well while a palette fades in.
                start |= {name: values for name, values in coming.values.items() if name in WEIGHTS}
                self._desk = self._made.desk(style, start)
                self._desk_of = style
                if self._coming is not None:
                    fade_s = self._coming.fade_s
                    fade(self._desk, without(self._coming, WEIGHTS), self._now_ns())
                self._coming = None
            self._panic = None
            return self._desk, fade_s

    def give_up(self, style: int) -> None:
        """The requested engine is not available: this style counts as requested."""
        with self._lock:
            self._style = style
            self._coming = self._scene = None

    def _want(self, style: int) -> Wanted:
        """A style alone, counted round."""
        style %= len(self._packs)
        return Wanted(style=style, fade_s=self._fade_s, values=self._made.alone(style))

    def _resets(self, style: int) -> bool:
        """Whether a style that is to come begins at its default."""
        alike = self._made.alike
        return self._panic is not None and alike(style, self._panic) and not alike(style, self._desk_of)

    def _carried(self, style: int) -> dict[str, Values]:
        """Where a style begins from the desk of now."""
        if self._resets(style):
            return {}
        return self._made.carried(self._desk.targets(), style, self._desk_of)

    def _desks(self) -> list[AlphaDesk]:
        """All that are heard of in the picture, now or in a moment."""
        newest = self._desk
        return [newest, *(desk for desk in self._heard() if desk is not newest)]
