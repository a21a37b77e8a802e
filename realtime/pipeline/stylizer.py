"""The stylizer: takes the newest frame and gives a picture, even when engines fail or styles change.

It stands between the newest-wins mailbox that a capture thread fills and the fan-out. `step` takes one frame and
begins it at once with the alpha of that moment; with an engine of two slots the next frame is begun while the one
before is still computed, but a frame is never held back to wait for a next one.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from stylefader.realtime.masks.base import Mask
from stylefader.realtime.media.frame import Frame, Picture, blacken_bars
from stylefader.realtime.parameters.alpha_desk import AlphaDesk
from stylefader.realtime.parameters.flags import OutputFlags
from stylefader.realtime.parameters.parameter import Values, single
from stylefader.realtime.pipeline.active_style import ActiveStyle, PendingFrame
from stylefader.realtime.pipeline.queues import NewestMailbox
from stylefader.realtime.pipeline.rates import RateMeter
from stylefader.realtime.pipeline.steady import Steady
from stylefader.realtime.sources.decoded import LazyFrame
from stylefader.training.errors import EngineError

_MOST_BROKEN_NS = 2_000_000_000
"""For how long the last good picture holds in place of broken ones, until their engine counts as broken."""
_log = logging.getLogger(__name__)
NowNs = Callable[[], int]
Played = Callable[[Frame, str, Mapping[str, Values]], None]
MaskOf = Callable[[Frame, Mapping[str, Values]], Mask | None]


@dataclass(kw_only=True)
class StageTimes:
    """When a frame passed the stages, monotonic nanoseconds. started and done are those of its engine."""

    captured_ns: int
    started_ns: int
    done_ns: int


@dataclass(kw_only=True)
class Counts:
    """What the stylizer has done.

    broken: pictures of an engine that were replaced by the last good one, and frames that could not be converted.
    """

    stylized: int = 0
    passed: int = 0
    broken: int = 0
    engine_failures: int = 0


@dataclass
class _Begun:
    frame: Frame
    out: Picture
    started_ns: int
    values: Mapping[str, Values] = field(default_factory=dict)
    """Of the newest style."""
    mask: Mask | None = None
    parts: list[tuple[ActiveStyle, PendingFrame, float]] = field(default_factory=list)
    """Whose picture, and its weight: one, or two during a cross-fade."""


class Stylizer:
    """Takes frames of (height, width) from `mailbox` and gives them to `put` with their original.

    rate: of the frames that went out.
    failed: told of an engine that broke, from the stylizer's thread, after it was taken out; until there is another
    the original passes through. timed: told the times of every frame that an engine made. played: told every frame
    that an engine began, with the name of the style (during a cross-fade the newer one) and its values, by parameter
    and by the names of components. spoilt: called
    with the reason if a frame's picture could not be converted; the frame is left out. mask_of: gives the mask of a
    frame, asked once for each that an engine with a mask begins; None: there is none. Any thread may set it.
    """

    def __init__(
        self,
        mailbox: NewestMailbox[Frame | LazyFrame],
        put: Callable[[Frame], None],
        *,
        height: int,
        width: int,
        now_ns: NowNs,
        failed: Callable[[ActiveStyle, EngineError], None] = lambda playing, error: None,
        timed: Callable[[StageTimes], None] = lambda times: None,
        played: Played = lambda frame, style, values: None,
        spoilt: Callable[[Exception], None] = lambda error: None,
    ) -> None:
        self.show = OutputFlags()
        self.mask_of: MaskOf | None = None
        self.counts = Counts()
        self.rate = RateMeter()
        self._mailbox, self._put, self._now_ns = mailbox, put, now_ns
        self._failed, self._timed, self._played, self._spoilt = failed, timed, played, spoilt
        self._black = np.zeros((height, width, 3), np.uint8)
        self._begun: deque[_Begun] = deque()
        self._steady = Steady()
        self._last: Picture | None = None
        self._held: Frame | None = None  # the newest frame that went out, for what is asked for while none come
        self._seen = OutputFlags()  # the flags that it went out under
        self._lock = threading.Lock()  # over the three below, which other threads set or read
        self._playing: ActiveStyle | None = None
        self._incoming: tuple[ActiveStyle, int, int] | None = (
            None  # the next one, when its fade began, how long it takes
        )
        self._offered: tuple[ActiveStyle, float] | None = None

    @property
    def playing(self) -> ActiveStyle | None:
        """What plays, or fades in."""
        with self._lock:
            return self._incoming[0] if self._incoming else self._playing

    @property
    def masked(self) -> bool:
        """Whether an engine that takes a mask is in the picture."""
        with self._lock:
            shown = (self._playing, self._incoming[0] if self._incoming else None)
            return any(one is not None and one.engine.masked for one in shown)

    @property
    def busy(self) -> bool:
        """Whether a frame is under way."""
        return bool(self._begun)

    @property
    def desks(self) -> list[AlphaDesk]:
        """The desks of all that is heard of in the picture now."""
        with self._lock:
            return [p.desk for p in (self._playing, self._incoming[0] if self._incoming else None) if p is not None]

    def play(self, playing: ActiveStyle, *, fade_s: float = 0.0) -> None:
        """Change over to another engine between two frames, by a cross-fade of that length. The old one is closed."""
        with self._lock:
            dropped, self._offered = self._offered, (playing, fade_s)
        if dropped is not None:
            dropped[0].engine.close()

    def step(self, timeout_s: float) -> bool:
        """Wait up to timeout_s for a frame, start it, deliver finished ones; True if a frame arrived."""
        self._change_over()
        taken = self._mailbox.take(0 if self._begun else timeout_s)
        if taken is None:
            self._finish_all()
            self._show_anew()
            return False
        frame = self._converted(taken)
        if frame is None:
            return True
        playing = self._playing
        show = self.show
        if show.blackout or show.freeze or show.mask_shown or show.bypass or playing is None:
            self._finish_all()
            self._pass_on(frame, playing)
            return True
        if self._begin(frame, playing):
            slots = playing.engine.slots if self._incoming is None else 1
            while len(self._begun) >= slots or (self._begun and not self._mailbox.waiting):
                self._finish()
        return True

    def close(self) -> None:
        """Finish the frames under way and close every engine. For the stylizer's own thread, at its end."""
        self._finish_all()
        with self._lock:
            offered = self._offered[0] if self._offered else None
            incoming = self._incoming[0] if self._incoming else None
            engines = [p.engine for p in (self._playing, incoming, offered) if p is not None]
            self._playing = self._incoming = self._offered = None
        for engine in engines:
            engine.close()

    def _converted(self, taken: Frame | LazyFrame) -> Frame | None:
        """The frame as RGB of the session's size, made only now; None where that is not possible."""
        if isinstance(taken, Frame):
            return taken
        try:
            return taken.frame()
        except Exception as error:  # FFmpeg's, OpenCV's or for want of memory: the show goes on
            self.counts.broken += 1
            self._spoilt(error)
            return None

    def _pass_on(self, frame: Frame, playing: ActiveStyle | None = None) -> None:
        """A frame without an engine: black, the last picture, its mask, or as it is."""
        self._steady.forget()
        self.counts.passed += 1
        if self.show.blackout:
            self._out(frame, self._black)
            return
        if not self.show.freeze or self._last is None:
            self._last = self._mask_picture(frame, playing)
        self._out(frame, self._last)

    def _mask_picture(self, frame: Frame, playing: ActiveStyle | None) -> Picture:
        """The mask as a picture, where that is wanted and there is one; else the frame as it is."""
        if not self.show.mask_shown or playing is None or self.mask_of is None:
            return frame.image
        mask = self.mask_of(frame, playing.values(self._now_ns()))
        if mask is None:
            return np.full_like(self._black, 255)
        return np.asarray(cv2.cvtColor(mask, cv2.COLOR_GRAY2RGB), np.uint8)

    def _show_anew(self) -> None:
        """Show what the performer asks for, even if no frames come."""
        held = self._held
        if held is None or self.show == self._seen:
            return
        if self.show.blackout:
            image = self._black
        else:
            image = held.image if self.show.bypass or self._last is None else self._last
        self._deliver(replace(held, captured_ns=self._now_ns()), image)

    def _out(self, frame: Frame, image: Picture) -> None:
        """Deliver a frame of the source."""
        self.rate.count(self._now_ns())
        self._deliver(frame, image)

    def _deliver(self, frame: Frame, image: Picture) -> None:
        self._held, self._seen = frame, replace(self.show)
        # A window that shows the original beside is black as well.
        original = None if image is self._black else frame.image
        self._put(replace(frame, image=image, original=original))

    def _begin(self, frame: Frame, playing: ActiveStyle) -> bool:
        """Begin a frame in all engines that are to be seen; False where one broke and the frame passed as it is."""
        now = self._now_ns()
        # A new buffer for each picture: sinks hold those that went out for as long as they want.
        begun = _Begun(frame, np.empty_like(self._black), now)
        wanted = [(playing, 1.0, begun.out)]
        if self._incoming is not None:
            newer, since, length = self._incoming
            share = min(1.0, max(0.0, (now - since) / length))
            wanted = [(playing, 1 - share, begun.out), (newer, share, np.empty_like(self._black))]
        played = [owner.values(now) for owner, _, _ in wanted]
        mask_of = self.mask_of if any(owner.engine.masked for owner, _, _ in wanted) else None
        mask = None if mask_of is None else mask_of(frame, played[-1])
        for (owner, weight, out), values in zip(wanted, played, strict=True):
            try:
                begun.parts.append((owner, owner.begin(frame.image, values, out, mask), weight))
                begun.values, begun.mask = values, mask
            except Exception as error:  # a driver's or a library's, too: the show goes on
                self._break(owner, error)
                for other, part, _ in begun.parts:
                    self._result(other, part)
                self._finish_all()
                self._pass_on(frame)
                return False
        self._begun.append(begun)
        self._played(frame, owner.name, single(values, owner.desk.parameters))
        return True

    def _finish_all(self) -> None:
        while self._begun:
            self._finish()

    def _finish(self) -> None:
        """Wait for the oldest frame under way and hand it on, made of what works."""
        begun = self._begun.popleft()
        frame = begun.frame
        results = [(self._result(owner, part), part, weight) for owner, part, weight in begun.parts]
        pictures = [(picture, part, weight) for picture, part, weight in results if picture is not None]
        if not pictures:
            self._pass_on(frame)
            return
        for owner, part, _ in begun.parts:
            self._watch(owner, broken=part.broken)
        sound = [(picture, weight) for picture, part, weight in pictures if not part.broken]
        if len(begun.parts) == 1:  # two engines at once say nothing of how long one takes
            self._timed(StageTimes(captured_ns=frame.captured_ns, started_ns=begun.started_ns, done_ns=self._now_ns()))
        self.counts.broken += len(sound) < len(pictures)
        if not sound:
            self._out(frame, self._last if self._last is not None else frame.image)
            return
        picture = sound[0][0]
        if len(sound) == 2:
            (older, kept), (newer, share) = sound
            cv2.addWeighted(older, kept, newer, share, 0, dst=begun.out)
            picture = begun.out
        fades, newest = len(begun.parts) > 1, begun.parts[-1][0]
        self._steady(
            frame.image, picture, frame.pts, begun.values, style=newest.header.name, mask=begun.mask, opens=fades,
            own=newest.has_steady,
        )  # fmt: skip
        blacken_bars(picture, frame.inside)
        self.counts.stylized += 1
        self._last = picture
        self._out(frame, picture)

    def _result(self, owner: ActiveStyle, part: PendingFrame) -> Picture | None:
        """Wait for a part's picture and free its slot; None if its engine failed."""
        try:
            return part.result()
        except Exception as error:  # a driver's or a library's, too
            self._break(owner, error)
            return None

    def _watch(self, owner: ActiveStyle, *, broken: bool) -> None:
        """Take out an engine that gives only broken pictures: the last good one cannot stay for ever."""
        now = self._now_ns()
        if not broken:
            owner.broken_since_ns = None
        elif owner.broken_since_ns is None:
            owner.broken_since_ns = now
        elif now - owner.broken_since_ns >= _MOST_BROKEN_NS:
            seconds = _MOST_BROKEN_NS // 1_000_000_000
            words = f"engine {owner.engine.name}: for {seconds} s no picture of finite values came"
            self._break(owner, EngineError(words, failure=True))

    def _break(self, which: ActiveStyle, error: Exception) -> None:
        """Take an engine out and tell of it, once."""
        with self._lock:
            if which is self._playing:
                # A style that was fading in plays alone now.
                self._playing = self._incoming[0] if self._incoming else None
                self._incoming = None
            elif self._incoming is not None and which is self._incoming[0]:
                self._incoming = None
            else:
                return
        _log.error("engine %s failed while it played", which.engine.name, exc_info=error)
        self.counts.engine_failures += 1
        which.engine.close()
        if not isinstance(error, EngineError):
            error = EngineError(f"engine {which.engine.name}: {type(error).__name__}: {error}", failure=True)
        self._failed(which, error)

    def _change_over(self) -> None:
        """Take what `play` offered, and end a cross-fade whose time has come; between two frames."""
        if self._offered is None and self._incoming is None:
            return
        now = self._now_ns()
        gone: list[ActiveStyle] = []
        with self._lock:
            if self._incoming is not None and now - self._incoming[1] >= self._incoming[2]:
                gone += [self._playing] if self._playing is not None else []
                self._playing, self._incoming = self._incoming[0], None
            offered, self._offered = self._offered, None
            if offered is not None:
                newer, fade_s = offered
                if self._incoming is not None:  # a fade under way is cut short
                    gone += [self._playing] if self._playing is not None else []
                    self._playing, self._incoming = self._incoming[0], None
                if fade_s > 0 and self._playing is not None:
                    self._incoming = (newer, now, max(1, round(fade_s * 1e9)))
                else:
                    gone += [self._playing] if self._playing is not None else []
                    self._playing = newer
        if gone:
            self._finish_all()
        for old in gone:
            old.engine.close()
