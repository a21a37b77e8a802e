"""A live session: captures, stylizes and shows frames for hours; unplugging a device does not stop it.

Three threads and those of the sinks: `live-capture` leaves the newest frame in a mailbox, `live-stylizer` takes it,
runs the engine and hands the picture to the fan-out, and whoever owns the session calls `tick` now and then (ten
times a second is plenty): it takes over engines that were built in the background, replaces failed ones, and adapts
sizes. No frame ever waits for `tick`.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from stylefader.engines.inputs import Array
from stylefader.engines.selection.expected_time import ExpectedTime
from stylefader.realtime.media.frame import Frame
from stylefader.realtime.parameters.alpha_desk import Modulation
from stylefader.realtime.parameters.flags import OutputFlags
from stylefader.realtime.parameters.parameter import ALPHA, Parameter, Values, has_strokes
from stylefader.realtime.parameters.stroke import stroke_of
from stylefader.realtime.parameters.targets import Target
from stylefader.realtime.pipeline.active_style import ActiveStyle
from stylefader.realtime.pipeline.capture import Capture
from stylefader.realtime.pipeline.events import Tell, untold
from stylefader.realtime.pipeline.outputs import FrameOutputs
from stylefader.realtime.pipeline.queues import NewestMailbox
from stylefader.realtime.pipeline.stylizer import NowNs, Played, Stylizer
from stylefader.realtime.session.adaptive_size import Size
from stylefader.realtime.session.engine_loader import EngineLoader, EngineRequest
from stylefader.realtime.session.events import (
    EngineFailed,
    EngineStage,
    EngineTaken,
    PicturesSpoilt,
    StyleComing,
    StyleRefused,
)
from stylefader.realtime.session.family_play import Expect, FamilyPlay
from stylefader.realtime.session.form_maker import FormMaker
from stylefader.realtime.session.mask_words import FindMask
from stylefader.realtime.session.network_size import NetworkSize
from stylefader.realtime.session.performance import Performance
from stylefader.realtime.session.session_mask import SessionMask
from stylefader.realtime.session.snapshot import Drops, Snapshot, moved
from stylefader.realtime.session.stats import LiveStats
from stylefader.realtime.sources.decoded import LazyFrame
from stylefader.training.errors import EngineError, StylefaderError
from stylefader.training.packs.pack_file import PackFile

_log = logging.getLogger(__name__)
_STEP_S = 0.1
_END_S, _LEAST_S = 1.2, 0.1
"""What `close` may take, however much hangs, and what each part gets of it at least: a session ends within two seconds,
and its sinks need some of them."""
_CHANGE_S = 0.5
"""How long a change of the source waits for the one before, which is left then."""
_PATIENCE_NS = 1_000_000_000
"""A style that is there sooner needs no word."""
MakeCapture = Callable[[NewestMailbox[Frame | LazyFrame]], Capture]


@dataclass(frozen=True, kw_only=True)
class SessionOptions:
    """height, width: of every frame of the session. adaptive_fps: the rate to hold by the network's size, or None.

    fade_s: length of the cross-fade between two styles. slew: the most that alpha moves in a second, or None.
    start: values at first, one for all components, by parameter; the style's default for others.
    fade_in: the share of alpha's way that rides mix.
    find_mask: finds sources of masks by the words of `--where`.
    rate: the frame rate that a family's member must hold, given the one that comes in.
    expect: what a frame of a pack takes at a size.
    """

    height: int
    width: int
    fade_s: float = 1.0
    adaptive_fps: float | None = None
    slew: float | None = None
    start: Mapping[str, float] = field(default_factory=dict)
    fade_in: float = 0.0
    rate: Callable[[float | None], float] = lambda arriving: arriving or 30.0
    find_mask: FindMask | None = None
    expect: Expect = lambda pack, size: ExpectedTime(ms=None)


class _Played(NamedTuple):
    style: int
    size: Size
    stroke: float
    pack: PackFile | None
    masked: bool


class LiveSession:
    """Made, running after `start`, over after `close`; `close` twice is harmless.

    Keys and other controls call `move`, `nudge`, `go`, `step_style`, `fade_to` and `panic`, and set flags on `show`,
    from any thread; so may `snapshot`, `change_capture` and `mask.change` be called. `tick` and `close` come from the
    one that owns the session.
    """

    def __init__(
        self,
        make_capture: MakeCapture,
        outputs: FrameOutputs,
        loader: EngineLoader,
        options: SessionOptions,
        *,
        tell: Tell = untold,
        now_ns: NowNs = time.monotonic_ns,
        played: Played = lambda frame, style, values: None,
        modulation: Modulation | None = None,
        forms: FormMaker | None = None,
    ) -> None:
        self.options = options
        self.loader = loader
        self.stats = LiveStats()
        self._mailbox: NewestMailbox[Frame | LazyFrame] = NewestMailbox()
        self.capture = make_capture(self._mailbox)
        self._capture_lock = threading.Lock()  # over the change of the capture, and its end
        self._tell, self._now_ns = tell, now_ns
        self.stylizer = Stylizer(
            self._mailbox, self._put, height=options.height, width=options.width, now_ns=now_ns,
            failed=self._engine_failed, timed=self.stats.engine_done, played=played, spoilt=self._picture_failed,
        )  # fmt: skip
        self.performance = Performance(
            loader.packs, heard=lambda: self.stylizer.desks, now_ns=now_ns, fade_s=options.fade_s,
            start=options.start, slew=options.slew, fade_in=options.fade_in, modulation=modulation,
        )  # fmt: skip
        self._outputs, self._forms = outputs, forms
        self.families = FamilyPlay(loader.packs, expect=options.expect, now_ns=now_ns, tell=tell)
        self._network = NetworkSize(options.height, options.width, options.adaptive_fps)
        self._lock = threading.Lock()  # over _broken
        self._broken: list[tuple[str, EngineError]] = []
        self._played: ActiveStyle | None = None
        self._ever_played = False
        self._ordered_masked = False
        self._plays = _Played(
            style=0, size=self._network.size, stroke=1.0, pack=loader.packs[0] if loader.packs else None, masked=False
        )
        self.mask = SessionMask(
            self.stylizer, self.performance, tell, height=options.height, width=options.width, find=options.find_mask
        )  # fmt: skip
        self._stop = threading.Event()
        self._error: BaseException | None = None
        self._began_ns = self._looked_ns = now_ns()
        self._stage_told = ""
        self._spoilt = False  # whether it was told that a picture could not be converted
        self._ordered_ns: int | None = None  # when a style was ordered that does not play, until it is told
        self._thread = threading.Thread(target=self._run, name="live-stylizer", daemon=True)

    # -- what controls know of it (`Player`) -----------------------------------------------------------------------

    @property
    def show(self) -> OutputFlags:
        """Bypass, freeze and black-out."""
        return self.stylizer.show

    @property
    def muted(self) -> set[str]:
        """Sources (keys, midi, osc, lfo, sound) that move no alpha; any thread may change it."""
        return self.performance.muted

    @property
    def style(self) -> int:
        """Which style of the engine loader is wanted or plays."""
        return self.performance.style

    @property
    def scene(self) -> str | None:
        """The scene that was recalled last; None where another style was chosen since, or everything put back."""
        return self.performance.scene

    @property
    def style_names(self) -> list[str]:
        """The styles of the engine loader, in their order."""
        return [pack.style for pack in self.loader.packs]

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        """What the style that was chosen last declares, by name."""
        return self.performance.parameters

    def move(self, target: Target, value: float, at_ns: int | None = None, source: str = "keys") -> None:
        """Set a parameter's target, in every style that plays. Styles without that parameter ignore it."""
        self.performance.move(target, value, at_ns, source)

    def move_each(self, name: str, values: Sequence[float] | Array, at_ns: int | None = None) -> None:
        """Set every component of a parameter at once. Those that a style does not have are left alone."""
        self.performance.move_each(name, values, at_ns)

    def nudge(self, target: Target, step: float, at_ns: int | None = None, source: str = "keys") -> None:
        """Move a parameter's target by a step."""
        self.performance.nudge(target, step, at_ns, source)

    def targets(self) -> Mapping[str, Values]:
        """Where the controls stand, for the style that was chosen last, by parameter: float32 (size,) each."""
        return self.performance.targets()

    def latest(self) -> Mapping[str, Values]:
        """What the newest frame got of that style, smoothed and modulated, by parameter: float32 (size,) each."""
        return self.performance.latest()

    def standing(self) -> tuple[int, Mapping[str, Values]]:
        """The style that was chosen last, and its values: those that it comes with where it is still being built."""
        return self.performance.standing()

    def go(self, style: int) -> None:
        """Change to a style of the engine loader, counted round."""
        self.performance.go(style)

    def step_style(self, by: int) -> None:
        """The next style, or the one before."""
        self.performance.step_style(by)

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
        self.performance.fade_to(style, values, fade_s, scene)

    def panic(self) -> None:
        """Back to what is safe: every flag off, nothing that moves by itself, alpha to the default, the first style."""
        self.show.clear()
        self.performance.panic()

    def choose_where(self, word: str) -> str:
        """Change to the source of masks that a word of `--where` means; gives what is inside now, in words.

        Raises ControlError.
        """
        return self.mask.choose(word)

    # -- its state -------------------------------------------------------------------------------------------------

    @property
    def plays(self) -> str | None:
        """The name of the style that is in the picture; None where the original passes through."""
        playing = self.stylizer.playing
        return playing.name if playing else None

    def snapshot(self) -> Snapshot:
        """The state at this moment, without sinks, sound and tempo. Any thread; changes nothing."""
        now = self._now_ns()
        capture, counts, playing = self.capture, self.stylizer.counts, self.stylizer.playing
        engine = playing.engine if playing else None
        show = self.show
        return Snapshot(
            time_s=(now - self._began_ns) / 1e9,
            source=capture.name, state=capture.state,
            fps_in=capture.counts.rate.per_second(now), fps_out=self.stylizer.rate.per_second(now),
            frames=counts.stylized + counts.passed + counts.broken,
            latency=self.stats.latencies(),
            drops=Drops(newer=self._mailbox.replaced, skipped=capture.counts.skipped, broken=counts.broken),
            losses=capture.counts.losses, engine_failures=counts.engine_failures,
            style=self.loader.packs[self.style].style, plays=playing.name if playing else None,
            family=self.families.state(self.style), scene=self.scene,
            engine=engine.name if engine else None, precision=engine.precision if engine else None,
            size=(engine.width, engine.height) if engine else None,
            alpha=tuple(map(float, self.targets()[ALPHA])), alpha_now=tuple(map(float, self.latest()[ALPHA])),
            others=moved(self.targets(), self.parameters),
            coming=self.loader.waits_for or (self._forms.stage if self._forms else None),
            **vars(show), muted=frozenset(self.muted),
        )  # fmt: skip

    # -- its life --------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin: the original passes through until the first engine is there."""
        self._network.choose(self._asked_stroke())
        self.families.begin(self.style, self._network.size, self._wanted_rate())
        self._order(self.style)
        self.capture.start()
        self._thread.start()

    def change_capture(self, make_capture: MakeCapture, *, between: Callable[[], None] = lambda: None) -> bool:
        """Take the frames of another capture, which is started here, when the one before has ended.

        Args:
            make_capture: Makes it, once the one before gives no frames any more.
            between: Called when neither runs.

        Returns:
            False where the session is over, and nothing was done.
        """
        with self._capture_lock:
            if self._stop.is_set():
                return False
            self.capture.stop(_CHANGE_S)
            between()
            capture = make_capture(self._mailbox)
            capture.start()
            self.capture = capture
            return True

    @property
    def idle(self) -> bool:
        """Whether no frame waits or is under way."""
        return not self._mailbox.waiting and not self.stylizer.busy

    @property
    def over(self) -> bool:
        """Whether no more frames will come: the source is at its end, or broke for good."""
        return self.capture.over

    def tick(self) -> None:
        """See to engines, styles and sizes. Raises the error that ended the stylizer's thread."""
        if self._error is not None:
            raise self._error
        with self._lock:
            broken, self._broken = self._broken, []
        for name, error in broken:
            self._tell(EngineFailed(engine=name, why=str(error)))
            self.loader.failed(name)
            self._played = None
            self._order(self.style)
        self._follow_mask()
        order = self.performance.next_order()
        if order is not None:
            self._ordered_ns = None if order.plays else self._now_ns()
            if self._network.choose(self._asked_stroke()) or not order.plays:
                self.families.begin(order.style, self._network.size, self._wanted_rate())
            self._order(order.style, order.fade_s)
        self._follow_stroke()
        self._adapt()
        self._receive()
        pack = self._plays.pack
        if self._forms is not None and self._played and pack and not self.loader.busy and self._forms.look(pack):
            self.loader.measure(pack, self._network.size)

    def close(self) -> None:
        """End the capture, see the frames under way through, close the engines. Sinks are the caller's.

        What hangs is left after a little more than a second; its threads are daemons.
        """
        self._stop.set()
        self._mailbox.wake()
        until = time.monotonic() + _END_S
        with self._capture_lock:
            self.capture.stop(_END_S - 2 * _LEAST_S)
        if self._thread.ident is not None:
            self._thread.join(max(_LEAST_S, until - _LEAST_S - time.monotonic()))
        if self._forms is not None:
            self._forms.close()
        self.loader.close(max(_LEAST_S, until - time.monotonic()))
        self.mask.end()

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                self.stylizer.step(_STEP_S)
        except BaseException as error:
            _log.critical("the stylizer died", exc_info=error)
            self._error = error
        finally:
            self.stylizer.close()

    def _engine_failed(self, playing: ActiveStyle, error: EngineError) -> None:
        with self._lock:
            self._broken.append((playing.engine.name, error))

    def _put(self, frame: Frame) -> None:
        if self._forms is not None and frame.original is not None:
            self._forms.see(frame.original)
        self._outputs.put(frame)

    def _picture_failed(self, error: Exception) -> None:
        if not self._spoilt:
            self._spoilt = True
            _log.warning("a picture could not be converted", exc_info=error)
            self._tell(PicturesSpoilt(why=f"{type(error).__name__}: {error}"))

    def _adapt(self) -> None:
        now = self._now_ns()
        fading = len(self.stylizer.desks) > 1
        if self._played is None or self.loader.busy or fading:
            return
        if self._other_member(now):
            return
        if not self._network.adaptive or now - self._looked_ns < 1e9 or not self.families.smallest(self.style):
            return
        self._looked_ns = now
        median_ms = self.stats.recent_engine_ms()
        if median_ms is None:
            return
        changed = self._network.adapt(median_ms, now)
        if changed is not None:
            self._tell(changed)
            self._order(self.style)

    def _order(self, style: int, fade_s: float = 0.0) -> None:
        """Have an engine built, or found."""
        masked = self._ordered_masked = self.mask.wanted  # which another thread may change
        network = self._network
        self.loader.request(
            EngineRequest(style=style, size=network.size, fade_s=fade_s, masked=masked, stroke=network.stroke)
        )

    def _asked_stroke(self) -> float:
        """The size of the strokes that the controls ask for, for the style that was chosen last."""
        style, values = self.performance.standing()
        return stroke_of(self.loader.packs[style].header, values)

    def _follow_stroke(self) -> None:
        """Order an engine of another size, where the controls ask for other strokes."""
        now = self._now_ns()
        if self._network.follow(self._asked_stroke(), now):
            self._ordered_ns = now
            self.families.begin(self.style, self._network.size, self._wanted_rate())
            self._order(self.style, self.options.fade_s)

    def _follow_mask(self) -> None:
        """Give what plays the desk with the parameters of a new source of masks, and order the other kind of engine."""
        if self.mask.changed() and self._played is not None:
            self._played.desk = self.performance.desk
        if self._ordered_masked != self.mask.wanted:
            self._ordered_ns = self._now_ns()
            self._order(self.style, self.options.fade_s)

    def _wanted_rate(self) -> float:
        return self.options.rate(self.capture.counts.rate.per_second(self._now_ns()))

    def _other_member(self, now_ns: int) -> bool:
        """Change to another size of the style, where this one does not hold the rate or a larger one does."""
        if self.loader.packs[self.style].family is None:
            return False
        whole = self._network.whole  # a larger network only at the size that the strokes ask for
        seen, wanted = self.stylizer.rate.per_second(now_ns), self._wanted_rate()
        show = self.show
        shows = not (show.bypass or show.freeze or show.blackout or show.mask_shown)
        if self.capture.state != "running" or not whole or not shows:
            return False
        if not self.families.look(self.style, self._network.size, seen=seen, wanted=wanted):
            return False
        self._order(self.style, self.options.fade_s)
        return True

    def _receive(self) -> None:
        """Take an engine over that has come."""
        stage = self.loader.stage
        if self._played is None and stage and stage != self._stage_told:
            self._stage_told = stage
            self._tell(EngineStage(stage=stage))
        since_ns = self._ordered_ns
        if self._played and self.loader.busy and since_ns is not None and self._now_ns() - since_ns >= _PATIENCE_NS:
            self._ordered_ns = None
            self._tell(StyleComing(style=self.loader.packs[self.style].style, plays=self.plays))
        try:
            loaded = self.loader.take()
        except StylefaderError as error:
            style = self.style
            if self.families.refuse(style, self.loader.packs[style], self._wanted_rate()):
                _log.warning("a size of a style cannot be had", exc_info=error)
                self._order(style)
                return
            if not self._ever_played:
                raise
            _log.warning("a style cannot be had", exc_info=error)
            self._give_up(error)
            return
        if loaded is None:
            return
        self._ordered_ns = None
        style = loaded.request.style
        pack, header = loaded.pack, loaded.pack.header
        desk, fade_s = self.performance.begin(style, loaded.request.fade_s)
        size, stroke = loaded.request.size, loaded.request.stroke
        self._tell(EngineTaken(style=header.name, title=header.title, size=size, account=loaded.account))
        self._played = ActiveStyle(
            header=header, engine=loaded.engine, desk=desk, name=pack.style,
            stroke=stroke if has_strokes(header) else None,
        )  # fmt: skip
        self._ever_played = True
        self._plays = _Played(style=style, size=size, stroke=stroke, pack=pack, masked=loaded.request.masked)
        for one in [*self.families.others(pack), pack] if pack.family else []:
            self.loader.measure(one, size)  # what is asked for last comes first
        self.stats.forget_engine()
        self.stylizer.play(self._played, fade_s=fade_s)

    def _give_up(self, error: StylefaderError) -> None:
        """The requested engine is not available: what plays goes on, and counts as requested."""
        style, size, stroke, pack, self.mask.wanted = self._plays
        self._network.restore(stroke, size, self._now_ns())
        self._ordered_masked = self.mask.wanted
        if pack is not None:
            self.families.restore(style, pack)
        name = self.loader.packs[style].style
        self._tell(StyleRefused(why=str(error), plays=name if self._played else None))
        self.performance.give_up(style)
        self._ordered_ns = None
