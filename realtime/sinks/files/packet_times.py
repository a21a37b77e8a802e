"""The decoding times that packets lack, so that a container takes every one of them.

Packets come in the order of decoding, and a container wants a decoding time (dts) of each that grows and is never
after the time of showing (pts). Matroska stores only the latter: at the beginning of a track whose pictures are stored
in another order than they are shown, FFmpeg does not know the former. Taking pts for it, as is right for sound, makes
times that go back, and the container refuses those packets.
"""

from __future__ import annotations

from collections import deque
from heapq import heappush, heappushpop
from itertools import pairwise
from typing import Any

from av.packet import Packet

# H.264 and HEVC hold back 16 pictures at most.
_MOST_HELD = 32


class PacketTimes:
    """Packets of one track with every dts filled in. Times are ticks of the track's own clock.

    reorders: whether the track's pictures can be stored in another order than they are shown (video).
    """

    def __init__(self, *, reorders: bool) -> None:
        self._reorders = reorders
        self._held: deque[Packet[Any]] = deque()
        self._last: int | None = None
        self._window: list[int] | None = None  # the times of showing of pictures that come out later, a heap

    def put(self, packet: Packet[Any]) -> list[Packet[Any]]:
        """The packets that are ready once this one came, in the order in which they came."""
        if not self._reorders:
            if packet.dts is None:
                packet.dts = packet.pts
            return [packet]
        if self._held:
            if packet.dts is None and packet.pts is not None and len(self._held) < _MOST_HELD:
                self._held.append(packet)
                return []
            return [*self._filled(packet.dts), *self.put(packet)]
        if packet.dts is None and packet.pts is not None:
            if self._window is None:
                self._held.append(packet)
                return []
            packet.dts = self._grown(heappushpop(self._window, packet.pts), packet)
        if packet.dts is not None:
            self._last = packet.dts
        return [packet]

    def finish(self) -> list[Packet[Any]]:
        """The packets that still waited for one with a dts."""
        return self._filled(None)

    def _filled(self, following: int | None) -> list[Packet[Any]]:
        """The held packets with times before that of the packet that follows, where that has one."""
        held = list(self._held)
        self._held.clear()
        if not held:
            return []
        shown = [packet.pts for packet in held if packet.pts is not None]
        ordered = sorted(shown)
        lengths = [p.duration for p in held if p.duration]
        step = max(1, min([*lengths, *(after - before for before, after in pairwise(ordered))], default=1))
        if following is not None:
            times = [following - (len(held) - at) * step for at in range(len(held))]
            # Never after the time of showing; whoever comes before moves with it.
            for at in range(len(held) - 1, -1, -1):
                times[at] = min(times[at], shown[at], *(t - 1 for t in times[at + 1 : at + 2]))
        else:
            # So many pictures late that none is decoded after it is shown; the first of them before the first shown.
            late = max(at - ordered.index(pts) for at, pts in enumerate(shown))
            before = [ordered[0] - (late - at) * step for at in range(late)]
            times = (before + ordered)[: len(held)]
            self._window = []
            for pts in ordered[len(held) - late :]:
                heappush(self._window, pts)
        for packet, dts in zip(held, times, strict=True):
            packet.dts = self._last = self._grown(dts, packet)
        return held

    def _grown(self, dts: int, packet: Packet[Any]) -> int:
        """`dts`, or the first time after the packet before; where that is after the showing, the container refuses."""
        return dts if self._last is None else max(dts, self._last + 1)
