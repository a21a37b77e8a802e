"""The fan-out: one stream of frames to any number of sinks, each on a thread of its own.

Stands between the stylizer and the sinks of a live session. A sink that is slow loses frames of its own, one that
fails is dropped or opened again by itself, and the others do not notice. `put` never waits and never copies. All sinks
get the same frame, so its pictures must never be written to again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import replace

from stylefader.realtime.media.frame import Frame
from stylefader.realtime.pipeline.events import SinkHung, Tell
from stylefader.realtime.pipeline.sink_worker import Clock, SinkStats, SinkWorker
from stylefader.realtime.sinks.base import Sink
from stylefader.realtime.sources.base import Packet
from stylefader.training.errors import SinkError

_SECOND = 1_000_000_000
# Of the time to close, the part for writing what is still waiting; the rest is for closing itself.
_DRAIN_SHARE = 0.7


class FanOut:
    """Opened, given frames, and closed; `close` twice is harmless. Sinks come and go at any time, from any thread.

    tell: gets what people should know, from any thread. clock: monotonic nanoseconds.
    """

    def __init__(self, *, tell: Tell, clock: Clock = time.monotonic_ns) -> None:
        self._tell = tell
        self._clock = clock
        self._lock = threading.Lock()  # over changes of the three below; `put` reads them without
        self._workers: tuple[SinkWorker, ...] = ()
        self._opened = self._closed = False

    def add(
        self,
        name: str,
        sink: Sink,
        *,
        bound: int = 2,
        drains: bool = False,
        reconnects: bool = False,
        packets: bool = False,
        inner: bool = False,
    ) -> None:
        """Add a sink, made and not open, for frames from now on; its thread writes to and ends it.

        While the fan-out is open, a sink that does not reconnect is opened here, before it gets a frame. One that
        failed gives its name to the new one.

        Args:
            name: For people, and for `remove`; no two sinks that run have the same.
            sink: What takes the frames.
            bound: Frames that may wait; the oldest goes when another comes.
            drains: At the end the waiting frames are still written (a recording).
            reconnects: Where it fails it is ended and opened again, first after a second, then after more, up to 15;
                such a sink's `open` works again after `abort`. Only what failed while running (SinkError with
                `failure`) is tried again, bad input is not.
            packets: Whether it takes those of `put_packet`.
            inner: A sink of the program's own: neither removed by name nor counted among those that may be left.

        Raises:
            SinkError: The sink cannot be opened, its name is taken, or the fan-out is closed.
        """
        worker = SinkWorker(name, sink, bound, drains, reconnects, packets, self._tell, self._clock, inner=inner)
        self._check(name)
        if self._opened and not reconnects:
            _open(sink)
        try:
            with self._lock:
                self._check(name)  # what others did meanwhile
                self._workers = (*(other for other in self._workers if other.name != name), worker)
                if self._opened:
                    worker.tell_notes()
                    worker.thread.start()
        except BaseException:
            sink.abort()
            raise

    def _check(self, name: str) -> None:
        if self._closed:
            raise SinkError(f"{name} cannot be added: the session is over")
        if any(worker.name == name and worker.state != "failed" for worker in self._workers):
            raise SinkError(f"there is a sink {name} already; remove it first")

    def remove(self, name: str, deadline_s: float = 2.0) -> None:
        """End a sink and take it out: a recording is finished first, with the frames that wait.

        Args:
            name: The sink's.
            deadline_s: Wait no longer than that; a sink that hangs is told of and left to its thread.

        Raises:
            SinkError: There is no sink of that name.
        """
        with self._lock:
            found = [worker for worker in self._workers if worker.name == name and not worker.inner]
            if not found:
                there = ", ".join(worker.name for worker in self._workers if not worker.inner) or "none"
                raise SinkError(f"there is no sink {name!r:.200}; there are {there}")
            self._workers = tuple(worker for worker in self._workers if worker.name != name)
            running = self._opened and not self._closed
        if running:
            self._end(found, deadline_s)

    def open(self) -> None:
        """Open the sinks that do not reconnect, here, and start all threads.

        Raises the first SinkError, and then nothing stays open. A sink that reconnects is opened on its own thread.
        """
        with self._lock:
            self._opened = True
            opened: list[SinkWorker] = []
            try:
                for worker in self._workers:
                    if not worker.reconnects:
                        opened.append(worker)
                        worker.sink.open()
            except BaseException:
                self._closed = True
                for worker in opened:
                    worker.sink.abort()
                raise
            for worker in self._workers:
                worker.tell_notes()
                worker.thread.start()

    def put(self, frame: Frame) -> None:
        """Give a frame to every sink; never waits for one. Its pictures must never be written to again.

        Its original goes only to sinks that take originals.
        """
        bare = frame if frame.original is None else replace(frame, original=None)
        for worker in self._workers:
            worker.put(frame if worker.sink.takes_original else bare)

    def put_packet(self, packet: Packet) -> None:
        """Give a packet of the source's sound to the sinks that take packets; never waits. They copy what they keep."""
        for worker in self._workers:
            worker.put_packet(packet)

    def end_packets(self) -> None:
        """Another source comes: the sinks of now take no more packets, since those were made for the one before."""
        for worker in self._workers:
            worker.end_packets()

    def stats(self) -> list[SinkStats]:
        """The numbers of every sink, in the order in which they were added."""
        return [worker.stats() for worker in self._workers]

    @property
    def failed(self) -> bool:
        """Whether there are sinks, and none of them takes frames or tries to any more."""
        workers = [worker for worker in self._workers if not worker.inner]
        return bool(workers) and all(worker.state == "failed" for worker in workers)

    def close(self, deadline_s: float = 2.0) -> list[str]:
        """Write what recordings still hold, close every sink, and wait for that until the deadline.

        Gives the names of the sinks that hung; their threads are daemons and end with the program.
        """
        with self._lock:
            if self._closed or not self._opened:
                return []
            self._closed = True
        return self._end(self._workers, deadline_s)

    def _end(self, workers: Sequence[SinkWorker], deadline_s: float) -> list[str]:
        """End these sinks by the deadline; the names of those that hung."""
        began = self._clock()
        for worker in workers:
            worker.stop(began + round(deadline_s * _DRAIN_SHARE * _SECOND))
        until = time.monotonic() + deadline_s
        hung = []
        for worker in workers:
            worker.thread.join(max(0.0, until - time.monotonic()))
            if worker.thread.is_alive():
                hung.append(worker.name)
                self._tell(SinkHung(sink=worker.name, after_s=deadline_s))
        return hung


def _open(sink: Sink) -> None:
    try:
        sink.open()
    except BaseException:
        sink.abort()
        raise
