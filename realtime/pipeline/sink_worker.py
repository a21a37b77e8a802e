"""One sink of the fan-out: its queue, its thread, its failures and retries, its numbers."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from threading import Condition, Thread
from typing import Literal

import numpy as np
import numpy.typing as npt

from stylefader.realtime.media.frame import Frame
from stylefader.realtime.pipeline.events import (
    FramesNotWritten,
    SinkConnected,
    SinkLost,
    SinkNotClosed,
    SinkNote,
    Tell,
)
from stylefader.realtime.sinks.base import Sink
from stylefader.realtime.sources.base import Packet
from stylefader.training.errors import SinkError, StylefaderError

State = Literal["running", "reconnecting", "failed"]
Clock = Callable[[], int]

_log = logging.getLogger(__name__)
_SECOND = 1_000_000_000
# Seconds before the next try, one after the other; the last one stays.
_BACK_OFF = (1, 2, 4, 8, 15)
# A connection that held this long begins again at the shortest wait.
_STEADY_NS = 15 * _SECOND
# Latencies kept a sink: half a minute at 30 frames a second.
_RESERVOIR = 1024
# Packets of sound that may wait: ten seconds of most codecs.
_PACKETS = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class SinkStats:
    """What became of the frames put to one sink. put = written + dropped + waiting.

    packets_dropped: of sound, where the sink takes it.
    latencies_ns: int64, from capture to the end of `write`, of the last frames written, in no order.
    """

    name: str
    state: State
    written: int
    dropped: int
    waiting: int
    packets_dropped: int
    latencies_ns: npt.NDArray[np.int64]

    def latency_ns(self, *percents: float) -> list[int]:
        """The latency that so many per cent of the last frames stayed under; empty where none was written."""
        if not len(self.latencies_ns):
            return []
        return [int(value) for value in np.percentile(self.latencies_ns, percents)]


class SinkWorker:
    """One sink with its waiting frames, its thread and its numbers; the arguments are those of `FanOut.add`.

    `thread` opens a sink that reconnects, writes to it and ends it. `state` and the numbers are read from any thread.
    """

    def __init__(
        self,
        name: str,
        sink: Sink,
        bound: int,
        drains: bool,
        reconnects: bool,
        packets: bool,
        tell: Tell,
        clock: Clock,
        *,
        inner: bool = False,
    ) -> None:
        if bound < 1:
            raise ValueError(f"at least one frame must be able to wait, not {bound}")
        self.name, self.sink, self.reconnects = name, sink, reconnects
        self.state: State = "reconnecting" if reconnects else "running"
        self.thread = Thread(target=self._run, name=f"sink {name}", daemon=True)
        self._bound, self._drains, self._takes_packets = bound, drains, packets
        self.inner = inner
        self._tell, self._clock = tell, clock
        self._changed = Condition()
        self._waiting: deque[Frame] = deque()
        self._packets: deque[Packet] = deque()
        self._packets_dropped = 0
        self._stopping = False
        self._drain_until = 0
        self._written = self._dropped = 0
        self._in_hand = 0
        self._latencies = np.zeros(_RESERVOIR, np.int64)
        self._tries = 0
        self._noted: set[str] = set()
        self._notes_seen = 0

    # -- from outside ----------------------------------------------------------------------------------------------

    def put(self, frame: Frame) -> None:
        """Queue a frame; the oldest one is dropped where the queue is full. Never waits."""
        with self._changed:
            if self.state != "running" or self._stopping:
                self._dropped += 1
                return
            if len(self._waiting) == self._bound:
                self._waiting.popleft()
                self._dropped += 1
            self._waiting.append(frame)
            self._changed.notify()

    def put_packet(self, packet: Packet) -> None:
        """Queue a packet of sound or subtitles for a sink that takes them; never waits."""
        if not self._takes_packets:
            return
        with self._changed:
            if self.state != "running" or self._stopping:
                self._packets_dropped += 1
                return
            if len(self._packets) == _PACKETS:
                self._packets.popleft()
                self._packets_dropped += 1
            self._packets.append(packet)

    def stop(self, drain_until: int) -> None:
        """Ask for the end. What waits is written until `drain_until`, monotonic ns, where the sink drains."""
        with self._changed:
            self._stopping = True
            self._drain_until = drain_until
            if not self._drains:
                self._drop_waiting()
            self._changed.notify()

    def stats(self) -> SinkStats:
        """Numbers of the sink as they are now."""
        with self._changed:
            return SinkStats(
                name=self.name,
                state=self.state,
                written=self._written,
                dropped=self._dropped,
                waiting=len(self._waiting) + self._in_hand,
                packets_dropped=self._packets_dropped,
                latencies_ns=self._latencies[: min(self._written, _RESERVOIR)].copy(),
            )

    # -- on its thread ---------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while not self._stopping:
                try:
                    self._open_again()
                    self._write_all()
                except Exception as error:
                    self._fell(error)
                    if self.state == "failed":
                        return
            if self.state == "running":
                self._finish()
        finally:
            with self._changed:
                self._drop_waiting()

    def _open_again(self) -> None:
        if not self.reconnects:
            return
        self._rest()
        if self._stopping:
            return
        self.sink.open()
        self._opened_at = self._clock()
        with self._changed:
            self.state = "running"
        self._tell(SinkConnected(sink=self.name))
        self.tell_notes()

    def _rest(self) -> None:
        """Wait before the next try, less than the wait where the session ends."""
        if not self._tries:
            return
        until = self._clock() + _BACK_OFF[min(self._tries, len(_BACK_OFF)) - 1] * _SECOND
        with self._changed:
            while not self._stopping and self._clock() < until:
                # Never long at once, since the clock may be another than the one that waits.
                self._changed.wait(0.1)

    def _write_all(self) -> None:
        while True:
            with self._changed:
                while not (self._waiting or self._stopping):
                    self._changed.wait(1.0)
                if not self._waiting:
                    return
                if self._stopping and self._clock() >= self._drain_until:
                    self._tell(FramesNotWritten(sink=self.name, frames=len(self._waiting)))
                    self._drop_waiting()
                    return
                frame = self._waiting.popleft()
                self._in_hand = 1
                packets, self._packets = self._packets, deque()
            try:
                for packet in packets:
                    self.sink.write_packet(packet)
                self.sink.write(frame)
            except BaseException:
                with self._changed:
                    self._in_hand = 0
                    self._dropped += 1
                raise
            self._count(frame)
            if len(self.sink.notes) != self._notes_seen:
                self.tell_notes()

    def _count(self, frame: Frame) -> None:
        latency = self._clock() - frame.captured_ns
        with self._changed:
            self._latencies[self._written % _RESERVOIR] = latency
            self._written += 1
            self._in_hand = 0

    def _fell(self, error: Exception) -> None:
        """End a sink that failed; tell what happens next."""
        _log.warning("sink %s failed", self.name, exc_info=error)
        again = self.reconnects and isinstance(error, SinkError) and error.failure
        with self._changed:
            if again and self.state == "running" and self._clock() - self._opened_at >= _STEADY_NS:
                self._tries = 0
            self.state = "reconnecting" if again else "failed"
            self._drop_waiting()
        self.sink.abort()
        why = self._why(error)
        if not again:
            self._tell(SinkLost(sink=self.name, why=why))
        elif not self._stopping:
            self._tries += 1
            wait_s = _BACK_OFF[min(self._tries, len(_BACK_OFF)) - 1]
            self._tell(SinkLost(sink=self.name, why=why, again_s=wait_s))

    def _finish(self) -> None:
        try:
            self.sink.close()
        except Exception as error:
            _log.warning("sink %s could not be closed", self.name, exc_info=error)
            with self._changed:
                self.state = "failed"
            self._tell(SinkNotClosed(sink=self.name, why=self._why(error)))
            self.sink.abort()
        self.tell_notes()

    def _why(self, error: Exception) -> str:
        """A sentence that names the sink; our own errors do so already."""
        return str(error) if isinstance(error, StylefaderError) else f"{self.name}: {type(error).__name__}: {error}"

    def tell_notes(self) -> None:
        """Tell what the sink noted and was not told yet."""
        notes = list(self.sink.notes)
        self._notes_seen = len(notes)
        for note in notes:
            if note not in self._noted:
                self._noted.add(note)
                self._tell(SinkNote(sink=self.name, note=note))

    def end_packets(self) -> None:
        """Take no more packets, since later ones come from another source."""
        with self._changed:
            self._takes_packets = False

    def _drop_waiting(self) -> None:
        self._dropped += len(self._waiting)
        self._packets_dropped += len(self._packets)
        self._waiting.clear()
        self._packets.clear()
