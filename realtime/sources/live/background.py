"""Sources whose device or network may hang: a thread of their own reads it, so that nobody else ever waits for it.

    device --read--> [thread "source NAME"] --newest few pictures--> iteration in the capture thread

The thread opens, reads and releases the device by itself. Closing the source ends the iteration at once; a read that
is stuck in a driver ends when the driver lets go, and holds up nobody until then.
"""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from fractions import Fraction
from threading import Condition, Thread

from stylefader.realtime.media.frame import Frame
from stylefader.realtime.sources.base import LostError, Source
from stylefader.realtime.sources.decoded import Decoded, LazyFrame
from stylefader.training.errors import SourceError

_log = logging.getLogger(__name__)

# Bursts of a network stream fit; what is more is old when somebody comes for it.
_WAITING = 4
_JOIN_S = 0.3
_TICK = Fraction(1, 1_000_000)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Shot:
    """A picture as it left the device, monotonic ns of its capture, seconds since the first."""

    picture: Decoded
    captured_ns: int
    pts: Fraction


class Session:
    """One opening of a source: what its thread and its iteration share."""

    def __init__(self) -> None:
        self.changed = Condition()
        self.shots: deque[tuple[int, Shot]] = deque()
        self.taken = 0
        self.last_pts: Fraction | None = None
        self.dropped = 0
        self.error: Exception | None = None
        self.closed = False

    def put(self, shot: Shot) -> None:
        """Add the newest picture; the oldest goes where too many wait.

        Some systems' clocks go in steps longer than a picture may take: times that stand still are moved on.
        """
        with self.changed:
            if self.last_pts is not None and shot.pts <= self.last_pts:
                shot = replace(shot, pts=self.last_pts + _TICK)
            self.last_pts = shot.pts
            if len(self.shots) == _WAITING:
                self.shots.popleft()
                self.dropped += 1
            self.shots.append((self.taken, shot))
            self.taken += 1
            self.changed.notify_all()

    def leave_out(self) -> None:
        """Count a picture that came and is not worth making."""
        with self.changed:
            self.taken += 1
            self.dropped += 1

    def make_room(self, seconds: float) -> None:
        """Wait, in the reading thread, until a picture more can wait; at most that long, and until the end."""
        with self.changed:
            self.changed.wait_for(lambda: self.closed or len(self.shots) < _WAITING, seconds)

    def rest(self, seconds: float) -> None:
        """Wait, in the reading thread, at most until the session is closed."""
        with self.changed:
            self.changed.wait_for(lambda: self.closed, seconds)

    def fail(self, error: Exception) -> None:
        """End with an error, which `next` raises after the pictures that came before."""
        with self.changed:
            self.error = error
            self.changed.notify_all()

    def close(self) -> None:
        """End it and drop what waits."""
        with self.changed:
            self.closed = True
            self.shots.clear()
            self.changed.notify_all()

    def next(self, timeout_s: float) -> tuple[int, Shot] | None:
        """The oldest picture that waits, with its number; None where the session is closed or nothing came in time.

        Pictures that came before an error are given first. Raises the thread's error.
        """
        with self.changed:
            self.changed.wait_for(lambda: self.shots or self.error or self.closed, timeout_s)
            if self.closed:
                return None
            if self.shots:
                self.changed.notify_all()
                return self.shots.popleft()
            if self.error is not None:
                raise self.error
            return None


class BackgroundSource(Source):
    """A live source that is read by a thread. A subclass gives `_shots`, which runs in that thread.

    name: for people. open_s: how long the first picture may take. stall_s: how long any later one may.
    `dropped` counts pictures that nobody came for in time; they leave a gap in `index`.
    """

    def __init__(self, name: str, *, open_s: float, stall_s: float) -> None:
        self.name = name
        self.live = True
        self.rate: Fraction | None = None
        self.sample_aspect_ratio = Fraction(1)
        self.notes: list[str] = []
        self._open_s, self._stall_s = open_s, stall_s
        self._session: Session | None = None
        self._first: tuple[int, Shot] | None = None

    @abstractmethod
    def _shots(self, session: Session) -> Generator[Shot]:
        """Open the device, give its pictures until it ends or `session.closed`, release it.

        Sets `rate`, `sample_aspect_ratio` and `notes` before the first picture. Raises SourceError.
        """

    def open(self) -> None:
        """Start the thread and wait for the first picture. Raises SourceError."""
        self.close()
        self.notes = []
        session = Session()
        thread = Thread(target=self._run, args=(session,), name=f"source {self.name}", daemon=True)
        # Together, so that `close` in another thread finds both or none; before the opening shows anywhere.
        self._thread, self._session = thread, session
        thread.start()
        try:
            self._first = session.next(self._open_s)
            if self._first is None:
                why = "closed" if session.closed else f"it gives no picture within {self._open_s:g} s"
                raise SourceError(f"{self.name} cannot be opened: {why}; check that it runs", failure=True)
        except BaseException:
            self.close()
            raise
        self.width, self.height = self._first[1].picture.sides

    def _run(self, session: Session) -> None:
        try:
            with closing(self._shots(session)) as shots:
                for shot in shots:
                    if session.closed:
                        return
                    session.put(shot)
            session.fail(LostError(self.name, "it ended"))
        except Exception as error:
            _log.warning("the reader of %s ended", self.name, exc_info=error)
            session.fail(error)

    def __iter__(self) -> Iterator[Frame]:
        """Frames until the source is closed. Raises SourceError(failure=True) when it is lost."""
        return (thing.frame() for thing in self.lazy_frames_and_packets())

    def lazy_frames_and_packets(self) -> Iterator[LazyFrame]:
        """The same, unconverted."""
        session = self._session
        if session is None:
            raise SourceError(f"{self.name} is not open", failure=True)
        while True:
            found, self._first = self._first, None
            if found is None:
                found = session.next(self._stall_s)
            if session.closed:
                return
            if found is None:
                raise LostError(self.name, f"no picture for {self._stall_s:g} s")
            index, shot = found
            self.dropped = session.dropped
            yield LazyFrame(
                picture=shot.picture, placement=shot.picture.as_it_is(), pts=shot.pts, index=index,
                captured_ns=shot.captured_ns,
            )  # fmt: skip

    def close(self) -> None:
        """End the reading thread; harmless twice."""
        if self._session is None:
            return
        self._session.close()
        if self._thread.ident is not None:  # else `open` is about to start it, and finds the session closed
            self._thread.join(_JOIN_S)


def monotonic_pts(first_ns: int, captured_ns: int) -> Fraction:
    """Seconds from the first capture to this one."""
    return Fraction(captured_ns - first_ns, 1_000_000_000)
