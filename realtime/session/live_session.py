"""A live session: capture, stylize, show, for hours, and nothing that can be unplugged stops it.

Three threads and those of the sinks: `live-capture` leaves the newest frame in a mailbox, `live-stylizer` takes it,
runs the engine and hands the picture to the fan-out, and whoever owns the session calls `tick` now and then (ten
times a second is plenty): there engines that were built in the background are taken over, broken ones replaced, sizes
adapted, and numbers collected. No frame ever waits for `tick`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from stylefader.realtime.media.frame import Frame
from stylefader.realtime.parameters.alpha_desk import MODULATIONS, AlphaDesk, Modulation
from stylefader.realtime.parameters.flags import OutputFlags
from stylefader.realtime.parameters.parameter import ALPHA, Parameter, Values, carried_over, carried_to, parameters_of
from stylefader.realtime.parameters.targets import Target
from stylefader.realtime.pipeline.active_style import ActiveStyle
from stylefader.realtime.pipeline.capture import Capture
from stylefader.realtime.pipeline.outputs import FrameOutputs
from stylefader.realtime.pipeline.queues import NewestMailbox
from stylefader.realtime.pipeline.style_request import Wanted, fade
from stylefader.realtime.pipeline.stylizer import NowNs, Played, Stylizer
from stylefader.realtime.session.adaptive_size import Adaptive, ladder
from stylefader.realtime.session.engine_loader import EngineLoader, EngineRequest
from stylefader.realtime.session.stats import LiveStats
from stylefader.realtime.sources.decoded import LazyFrame
from stylefader.training.errors import ControlError, EngineError, StylefaderError

_STEP_S = 0.1
_END_S, _LEAST_S = 1.2, 0.1
"""What `close` may take, however much hangs, and what each part gets of it at least: a session ends within two seconds,
and its sinks need some of them."""
_PATIENCE_NS = 1_000_000_000
"""A style that is there sooner needs no word."""


@dataclass(frozen=True, kw_only=True)
class SessionOptions:
    """height, width: of every frame of the session. adaptive_fps: the rate to hold by the network's size, or None.

    fade_s: length of the cross-fade between two styles. slew: the most that alpha moves in a second, or None.
    alpha: of all blocks at first; the style's default where None.
    """

    height: int
    width: int
    fade_s: float = 1.0
    adaptive_fps: float | None = None
    slew: float | None = None
    alpha: float | None = None


class LiveSession:
    """Made, running after `start`, over after `close`; `close` twice is harmless.

    Keys and other controls call `move`, `nudge`, `go`, `step_style`, `fade_to` and `panic`, and set flags on `show`,
    from any thread; `tick`, `numbers` and `close` come from the one that owns the session.
    """

    def __init__(
        self,
        make_capture: Callable[[NewestMailbox[Frame | LazyFrame]], Capture],
        outputs: FrameOutputs,
        loader: EngineLoader,
        options: SessionOptions,
        *,
        say: Callable[[str], None] = lambda words: None,
        say_more: Callable[[Iterable[str]], None] = lambda words: None,
        now_ns: NowNs = time.monotonic_ns,
        played: Played = lambda frame, style, alpha: None,
        modulation: Modulation | None = None,
    ) -> None:
        self.options = options
        self.loader = loader
        self.stats = LiveStats()
        self._mailbox: NewestMailbox[Frame | LazyFrame] = NewestMailbox()
        self.capture = make_capture(self._mailbox)
        self._say, self._say_more, self._now_ns = say, say_more, now_ns
        self.stylizer = Stylizer(
            self._mailbox, outputs.put, height=options.height, width=options.width, now_ns=now_ns,
            failed=self._engine_failed, timed=self.stats.engine_done, played=played, spoilt=self._picture_failed,
        )  # fmt: skip
        sizes = ladder(options.height, options.width)
        self._adaptive = Adaptive(sizes, round(1e9 / options.adaptive_fps)) if options.adaptive_fps else None
        self._size = sizes[0]
        self._lock = threading.Lock()  # over the three below, which any thread sets
        self._wanted: Wanted | None = None
        self._broken: list[tuple[str, EngineError]] = []
        self._panic: int | None = None
        self._style = 0
        self._scene: str | None = None
        self._coming: Wanted | None = None  # ordered last, to be faded to when its style comes
        self._modulation = modulation
        self.muted: set[str] = set()  # sources (keys, midi, osc, lfo, sound) that move no alpha
        begin = None if options.alpha is None else {ALPHA: np.full(1, options.alpha, np.float32)}
        self._desk = self._new_desk(0, begin)  # the newest one, which may not play yet
        self._played: ActiveStyle | None = None
        self._ever_played = False
        self._plays = (0, self._size)
        self._stop = threading.Event()
        self._error: BaseException | None = None
        self._looked_ns = now_ns()
        self._said = ""
        self._spoilt = False  # whether it was said that a picture could not be converted
        self._ordered_ns: int | None = None  # when a style was ordered that does not play, until it is said
        self._thread = threading.Thread(target=self._run, name="live-stylizer", daemon=True)

    @property
    def show(self) -> OutputFlags:
        """Bypass, freeze and black-out."""
        return self.stylizer.show

    @property
    def style(self) -> int:
        """Which style of the engine loader is wanted or plays."""
        return self._style

    @property
    def scene(self) -> str | None:
        """The scene that was recalled last; None where another style was chosen since, or everything put back."""
        return self._scene

    @property
    def style_names(self) -> list[str]:
        """The styles of the engine loader, in their order."""
        return [pack.header.name for pack in self.loader.packs]

    def start(self) -> None:
        """Begin: the original passes through until the first engine is there."""
        self.loader.request(EngineRequest(style=self._style, size=self._size))
        self.capture.start()
        self._thread.start()

    def move(self, target: Target, value: float, at_ns: int | None = None, source: str = "keys") -> None:
        """Set a parameter's target, in whatever plays. What a style does not declare is left alone there."""
        for desk in self._desks():
            if desk.has(target):
                desk.move(target, value, at_ns, source)

    def nudge(self, target: Target, step: float, at_ns: int | None = None, source: str = "keys") -> None:
        """Move a parameter's target by a step."""
        for desk in self._desks():
            if desk.has(target):
                desk.nudge(target, step, at_ns, source)

    def targets(self) -> Mapping[str, Values]:
        """Where the controls stand, for the style that was chosen last, by parameter: float32 (size,) each."""
        return self._desk.targets()

    def latest(self) -> Mapping[str, Values]:
        """What the newest frame got of that style, smoothed and modulated, by parameter: float32 (size,) each."""
        return self._desk.latest()

    def standing(self) -> tuple[int, Mapping[str, Values]]:
        """The style that was chosen last, and its values: those that it comes with where it is still being built."""
        with self._lock:
            wanted, panics, desk, desk_of = self._wanted, self._panic, self._desk, self._desk_of
            style, coming = self._style, self._coming if self._style != desk_of else None
            if wanted is not None and (wanted.values or wanted.style != style):
                style, coming = wanted.style, wanted
        pack = self.loader.packs[style]
        resets = style != desk_of and style == panics
        values = dict({} if resets else desk.targets())
        values |= coming.values if coming is not None else {}
        return style, {
            parameter.name: carried_over(
                values.get(parameter.name, np.array(parameter.default, np.float32)), parameter.size
            ).clip(parameter.low, parameter.high).astype(np.float32)
            for parameter in parameters_of(pack.header)
        }  # fmt: skip

    @property
    def plays(self) -> str | None:
        """The name of the style that is in the picture; None where the original passes through."""
        playing = self.stylizer.playing
        return playing.header.name if playing else None

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        """What that style declares, by name."""
        return self._desk.parameters

    def go(self, style: int) -> None:
        """Change to a style of the engine loader, counted round."""
        with self._lock:
            self._wanted = self._want(style)

    def step_style(self, by: int) -> None:
        """The next style, or the one before."""
        with self._lock:
            self._wanted = self._want((self._style if self._wanted is None else self._wanted.style) + by)

    def fade_to(
        self, style: int | None, values: Mapping[str, Values], fade_s: float, *, scene: str | None = None
    ) -> None:
        """Change to a style of the engine loader and to these values, in that time: a scene.

        A style that has yet to be built begins its fade when it is there.

        Args:
            style: Which style; None for the one that plays.
            values: By parameter, float32 (size,) of that style or (1,) for all components; others stay as they stand.
            fade_s: How long it takes.
            scene: Its name.

        Raises:
            ControlError: For values that are not finite numbers.
        """
        for name, value in values.items():
            if not np.isfinite(value).all():
                raise ControlError(f"{name} must be finite numbers, not {value}")
        with self._lock:
            now = self._style if self._wanted is None else self._wanted.style
            style = now if style is None else style
            self._wanted = replace(self._want(style), fade_s=fade_s, values=values, scene=scene)

    def _want(self, style: int) -> Wanted:
        return Wanted(style=style % len(self.loader.packs), fade_s=self.options.fade_s)

    def panic(self) -> None:
        """Back to what is safe: every flag off, nothing that moves by itself, alpha to the default, the first style."""
        self.muted.update(MODULATIONS)
        self.show.bypass = self.show.freeze = self.show.blackout = False
        with self._lock:
            self._wanted, self._panic = self._want(0), 0
        for desk in self._desks():
            desk.reset()

    def tick(self) -> None:
        """See to engines, styles and sizes. Raises what the stylizer's thread died of."""
        if self._error is not None:
            raise self._error
        with self._lock:
            wanted, self._wanted = self._wanted, None
            broken, self._broken = self._broken, []
        for name, error in broken:
            self._say(f"engine {name} failed: {error}; another one takes over, the original passes through")
            self.loader.failed(name)
            self._played = None
            self.loader.request(EngineRequest(style=self._style, size=self._size))
        if wanted is not None:
            self._change(wanted)
        self._adapt()
        self._receive()

    def numbers(self) -> dict[str, Any]:
        """The state of the session as JSON has it; rates are since the last call."""
        now = self._now_ns()
        counts, captured = self.stylizer.counts, self.capture.counts
        playing = self.stylizer.playing
        shown = counts.stylized + counts.passed + counts.broken
        return {
            "state": self.capture.state,
            "fps_in": self.stats.rate("in", captured.captured, now),
            "fps_out": self.stats.rate("out", shown, now),
            "frames": shown,
            "latency_ms": self.stats.stages(),
            "drops": {"newer": self._mailbox.replaced, "skipped": captured.skipped, "broken": counts.broken},
            "losses": captured.losses,
            "engine_failures": counts.engine_failures,
            "style": self.loader.packs[self._style].header.name,
            "plays": playing.header.name if playing else None,
            "scene": self._scene,
            "engine": playing.engine.name if playing else None,
            "precision": playing.engine.precision if playing else None,
            "size": f"{playing.engine.width}x{playing.engine.height}" if playing else None,
            "alpha": [round(float(value), 4) for value in self._desk.targets()[ALPHA]],
            "alpha_now": [round(float(value), 4) for value in self.latest()[ALPHA]],
            "coming": self.loader.waits_for,
            **asdict(self.show),
        }

    def close(self) -> None:
        """End the capture, see the frames under way through, close the engines. Sinks are the caller's.

        What hangs is left after a little more than a second; its threads are daemons.
        """
        self._stop.set()
        self._mailbox.wake()
        until = time.monotonic() + _END_S
        self.capture.stop(_END_S - 2 * _LEAST_S)
        if self._thread.ident is not None:
            self._thread.join(max(_LEAST_S, until - _LEAST_S - time.monotonic()))
        self.loader.close(max(_LEAST_S, until - time.monotonic()))

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                self.stylizer.step(_STEP_S)
        except BaseException as error:
            self._error = error
        finally:
            self.stylizer.close()

    def _engine_failed(self, playing: ActiveStyle, error: EngineError) -> None:
        with self._lock:
            self._broken.append((playing.engine.name, error))

    def _picture_failed(self, error: Exception) -> None:
        if not self._spoilt:
            self._spoilt = True
            self._say(f"a picture cannot be made into RGB ({type(error).__name__}: {error}); such ones are left out")

    def _change(self, wanted: Wanted) -> None:
        """Order what was asked for, and fade at once where the style is there."""
        self._scene = wanted.scene
        there, again = wanted.style == self._desk_of, wanted.style == self._style
        if wanted.values or not again or self._panic is not None:
            self._coming = wanted
        if there:
            fade(self._desk, wanted, self._now_ns())
        if again:
            self._panic = None  # nothing changes, so there is nothing to begin at its default
            return
        self._ordered_ns = None if there else self._now_ns()
        self._style = wanted.style  # one that plays is ordered as well: the other that was on its way must not come
        self.loader.request(EngineRequest(style=wanted.style, size=self._size, fade_s=0.0 if there else wanted.fade_s))

    def _adapt(self) -> None:
        now = self._now_ns()
        fading = len(self.stylizer.desks) > 1
        if self._adaptive is None or self._played is None or self.loader.busy or fading or now - self._looked_ns < 1e9:
            return
        self._looked_ns = now
        median_ms = self.stats.recent_engine_ms()
        if median_ms is None:
            return
        before = self._adaptive.rung
        size = self._adaptive.sizes[self._adaptive.look(median_ms * 1e6, now)]
        if size != self._size:
            self._size = size
            way = "smaller" if self._adaptive.rung > before else "larger"
            self._say(f"{median_ms:.0f} ms a frame: on to the {way} size {size.width}x{size.height}")
            self.loader.request(EngineRequest(style=self._style, size=size))

    def _receive(self) -> None:
        """Take an engine over that has come."""
        if self._played is None and self.loader.stage and self.loader.stage != self._said:
            self._said = self.loader.stage
            self._say(f"the original passes through: {self._said}")
        since_ns = self._ordered_ns
        if self._played and self.loader.busy and since_ns is not None and self._now_ns() - since_ns >= _PATIENCE_NS:
            self._ordered_ns = None
            self._say(f"building {self.loader.packs[self._style].header.name}: {self.plays} goes on")
        try:
            loaded = self.loader.take()
        except StylefaderError as error:
            if not self._ever_played:
                raise
            self._give_up(error)
            return
        if loaded is None:
            return
        self._ordered_ns = None
        style, fade_s = loaded.request.style, loaded.request.fade_s
        pack = self.loader.packs[style]
        if style != self._desk_of:
            # Strengths are the performer's: a new style begins where they stand, after a panic at its default.
            self._desk = self._new_desk(style, None if style == self._panic else self._desk.targets())
            if self._coming is not None:
                fade_s = self._coming.fade_s  # of the last one that asked for it
                fade(self._desk, self._coming, self._now_ns())
            self._coming = None
        self._panic = None
        desk = self._desk
        playing = ActiveStyle(header=pack.header, engine=loaded.engine, desk=desk, why=loaded.why)
        self._say(f"{pack.header.title}: {loaded.engine.width}x{loaded.engine.height}, engine: {loaded.why}")
        self._say_more(loaded.engine.reasons)
        self._played, self._ever_played = playing, True
        self._plays = (style, loaded.request.size)
        self.stats.forget_engine()
        self.stylizer.play(playing, fade_s=fade_s)

    def _give_up(self, error: StylefaderError) -> None:
        """What was ordered cannot be had: what plays goes on, and is what is wanted."""
        name = self.loader.packs[self._plays[0]].header.name
        self._say(f"{error}; {f'{name} goes on' if self._played else 'the original passes through'}")
        self._style, self._size = self._plays
        self._coming = self._scene = self._ordered_ns = None
        if self._adaptive is not None:
            self._adaptive.stay(self._size, self._now_ns())

    def _new_desk(self, style: int, start: Mapping[str, Values] | None) -> AlphaDesk:
        self._desk_of = style
        parameters = parameters_of(self.loader.packs[style].header)
        return AlphaDesk(
            parameters, start=carried_to(start or {}, parameters), slew=self.options.slew, muted=self.muted,
            modulation=self._modulation,
        )  # fmt: skip

    def _desks(self) -> list[AlphaDesk]:
        """All that are heard of in the picture, now or in a moment."""
        newest = self._desk
        return [newest, *(desk for desk in self.stylizer.desks if desk is not newest)]
