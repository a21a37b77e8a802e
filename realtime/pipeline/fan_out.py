"""The fan-out: one stream of frames to any number of sinks, each on a thread of its own.

Stands between the stylizer and the sinks of a live session. A sink that is slow loses frames of its own, one that
fails is dropped or opened again by itself, and the others do not notice. `put` never waits and never copies: all
sinks get the same frame, so whoever puts one gives its pictures away and never writes to them again.
"""

from __future__ import annotations

import time
from dataclasses import replace

from stylefader.realtime.media.frame import Frame
from stylefader.realtime.pipeline.sink_worker import Clock, Say, SinkStats, SinkWorker
from stylefader.realtime.sinks.base import Sink
from stylefader.realtime.sources.base import Packet

_SECOND = 1_000_000_000
# Of the time to close, the part for writing what is still waiting; the rest is for closing itself.
_DRAIN_SHARE = 0.7


class FanOut:
    """Sinks are added, then it is opened, frames are put, and it is closed; `close` twice is harmless.

    say: gets what people should know, one line each, from any thread. clock: monotonic nanoseconds.
    """

    def __init__(self, *, say: Say, clock: Clock = time.monotonic_ns) -> None:
        self._say = say
        self._clock = clock
        self._workers: list[SinkWorker] = []
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
    ) -> None:
        """A sink, made and not open, for frames from now on; its thread opens, writes to and ends it.

        bound: frames that may wait; the oldest goes when another comes. drains: at the end the waiting frames are
        still written (a recording). reconnects: where it fails it is ended and opened again, first after a second,
        then after more, up to 15; such a sink's `open` works again after `abort`. Only what failed while running
        (SinkError with `failure`) is tried again, bad input is not. packets: whether it takes those of `put_packet`.
        """
        if self._opened:
            raise RuntimeError("sinks are added before the fan-out is opened")
        self._workers.append(SinkWorker(name, sink, bound, drains, reconnects, packets, self._say, self._clock))

    def open(self) -> None:
        """Open the sinks that do not reconnect, here, and start all threads.

        Raises the first SinkError, and then nothing stays open. A sink that reconnects is opened on its own thread.
        """
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
            worker.say_notes()
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

    def stats(self) -> list[SinkStats]:
        """The numbers of every sink, in the order in which they were added."""
        return [worker.stats() for worker in self._workers]

    @property
    def alive(self) -> bool:
        """Whether any sink still takes frames or tries to."""
        return any(worker.state != "failed" for worker in self._workers)

    def close(self, deadline_s: float = 2.0) -> list[str]:
        """Write what recordings still hold, close every sink, and wait for that until the deadline.

        Gives the names of the sinks that hung; their threads are daemons and end with the program.
        """
        if self._closed or not self._opened:
            return []
        self._closed = True
        began = self._clock()
        for worker in self._workers:
            worker.stop(began + round(deadline_s * _DRAIN_SHARE * _SECOND))
        until = time.monotonic() + deadline_s
        hung = []
        for worker in self._workers:
            worker.thread.join(max(0.0, until - time.monotonic()))
            if worker.thread.is_alive():
                hung.append(worker.name)
                self._say(f"{worker.name}: did not end within {deadline_s:g} s; it was left")
        return hung
