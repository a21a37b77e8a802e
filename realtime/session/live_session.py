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
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from stylefader.engines.selection.expected_time import ExpectedTime
from stylefader.realtime.media.frame import Frame
from stylefader.realtime.parameters.alpha_desk import Modulation
from stylefader.realtime.parameters.parameter import ALPHA
from stylefader.realtime.parameters.style_pad import Corners
from stylefader.realtime.pipeline.capture import Capture
from stylefader.realtime.pipeline.events import Tell, untold
from stylefader.realtime.pipeline.outputs import FrameOutputs
from stylefader.realtime.pipeline.queues import NewestMailbox
from stylefader.realtime.pipeline.style_mixer import Vectors
from stylefader.realtime.pipeline.stylizer import NowNs, Played, Stylizer
from stylefader.realtime.session.adaptive_size import Size
from stylefader.realtime.session.engine_loader import EngineLoader
from stylefader.realtime.session.engine_play import EngineParts, EnginePlay
from stylefader.realtime.session.events import PicturesSpoilt
from stylefader.realtime.session.family_play import Expect, FamilyPlay
from stylefader.realtime.session.form_maker import FormMaker
from stylefader.realtime.session.live_player import LivePlayer
from stylefader.realtime.session.mask_words import FindMask
from stylefader.realtime.session.performance import Performance
from stylefader.realtime.session.session_mask import SessionMask
from stylefader.realtime.session.snapshot import Drops, Snapshot, mixed, moved
from stylefader.realtime.session.stats import LiveStats
from stylefader.realtime.sources.decoded import LazyFrame
from stylefader.training.packs.pack_file import PackFile

_log = logging.getLogger(__name__)
_STEP_S = 0.1
_END_S, _LEAST_S = 1.2, 0.1
"""What `close` may take, however much hangs, and what each part gets of it at least: a session ends within two seconds,
and its sinks need some of them."""
_CHANGE_S = 0.5
"""How long a change of the source waits for the one before, which is left then."""
MakeCapture = Callable[[NewestMailbox[Frame | LazyFrame]], Capture]


@dataclass(frozen=True, kw_only=True)
class SessionOptions:
    """height, width: of every frame of the session. adaptive_fps: the rate to hold by the network's size, or None.

    fade_s: length of the cross-fade between two styles. slew: the most that alpha moves in a second, or None.
    start: values at first, one for all components, by parameter; the style's default for others. Those of the outside
    of a mask count when one is chosen.
    fade_in: the share of alpha's way that rides mix.
    find_mask: finds sources of masks by the words of `--where`.
    rate: the frame rate that a family's member must hold, given the one that comes in.
    expect: what a frame of a pack takes at a size.
    first, weights, corners: as of `Performance`.
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
    first: int = 0
    weights: Mapping[str, float] | None = None
    corners: Corners | None = None


class LiveSession(LivePlayer):
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
        self._outputs, self._forms = outputs, forms
        self.stylizer = Stylizer(
            self._mailbox, self._put, height=options.height, width=options.width, now_ns=now_ns,
            failed=lambda playing, error: self._engines.failed(playing, error), timed=self.stats.engine_done,
            played=played, spoilt=self._picture_failed,
        )  # fmt: skip
        performance = Performance(
            loader.packs, heard=lambda: self.stylizer.desks, now_ns=now_ns, fade_s=options.fade_s,
            start=options.start, slew=options.slew, fade_in=options.fade_in, modulation=modulation,
            first=options.first, weights=options.weights, corners=options.corners,
        )  # fmt: skip
        mask = SessionMask(
            self.stylizer, performance, tell, height=options.height, width=options.width, find=options.find_mask
        )  # fmt: skip
        super().__init__(loader.packs, performance, mask, self.stylizer.show)
        self.families = FamilyPlay(loader.packs, expect=options.expect, now_ns=now_ns, tell=tell)
        self._engines = EnginePlay(
            EngineParts(
                loader=loader, stylizer=self.stylizer, performance=performance, families=self.families, mask=mask,
                stats=self.stats, capture=lambda: self.capture,
            ),
            size=Size(height=options.height, width=options.width), fade_s=options.fade_s, rate=options.rate,
            adaptive_fps=options.adaptive_fps, tell=tell, now_ns=now_ns,
        )  # fmt: skip
        self._stop = threading.Event()
        self._error: BaseException | None = None
        self._began_ns = now_ns()
        self._spoilt = False  # whether it was told that a picture could not be converted
        self._thread = threading.Thread(target=self._run, name="live-stylizer", daemon=True)

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
            others=moved(self.targets(), self.parameters), mask=self.mask.words,
            weights=mixed(self.targets(), self.parameters),
            coming=self.loader.waits_for or (self._forms.stage if self._forms else None),
            **vars(show), muted=frozenset(self.muted),
        )  # fmt: skip

    def learn(self, palette: PackFile, style: str, vector: Vectors) -> None:
        """Exchange the vector of a style that was added to a palette, from the thread that owns the session."""
        self._engines.learn(palette, style, vector)

    # -- its life --------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin: the original passes through until the first engine is there."""
        self._engines.begin()
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
        self._engines.tick()
        pack = self._engines.settled
        if self._forms is not None and pack is not None and self._forms.look(pack):
            self.loader.measure(pack, self._engines.size)

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

    def _put(self, frame: Frame) -> None:
        if self._forms is not None and frame.original is not None:
            self._forms.see(frame.original)
        self._outputs.put(frame)

    def _picture_failed(self, error: Exception) -> None:
        if not self._spoilt:
            self._spoilt = True
            _log.warning("a picture could not be converted", exc_info=error)
            self._tell(PicturesSpoilt(why=f"{type(error).__name__}: {error}"))
