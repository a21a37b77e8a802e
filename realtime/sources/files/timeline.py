"""The times of a video file: its zero, its rate, its declared end, and timestamps that are missing or go back."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import Any

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

# A step back of more than this is a new beginning (joined recordings), a smaller one is a single wrong stamp.
_NEW_BEGINNING = Fraction(1)


class Timeline:
    """Turns the timestamps of one track into strictly increasing ones, changing only what has to change."""

    def __init__(self, time_base: Fraction) -> None:
        self._time_base = time_base
        self._last: int | None = None
        self._last_duration = 0
        self._shift = 0
        self.repaired = 0

    @property
    def usual_duration(self) -> Fraction | None:
        """Seconds of the last frame that said how long it lasts."""
        return self._last_duration * self._time_base if self._last_duration else None

    def next(self, pts: int | None, dts: int | None, duration: int | None) -> tuple[Fraction, Fraction | None]:
        """The time of the next frame in presentation order and its duration, in seconds, from ticks."""
        ticks = pts if pts is not None else dts
        if ticks is None:
            ticks = 0 if self._last is None else self._last + max(self._last_duration, 1) - self._shift
            self.repaired += 1
        ticks += self._shift
        if self._last is not None and ticks <= self._last:
            self.repaired += 1
            if (self._last - ticks) * self._time_base > _NEW_BEGINNING:
                self._shift += self._last + max(self._last_duration, 1) - ticks
                ticks = self._last + max(self._last_duration, 1)
            else:
                ticks = self._last + 1
        if duration:
            self._last_duration = duration
        elif self._last is not None and not self._last_duration:
            self._last_duration = ticks - self._last
        self._last = ticks
        return ticks * self._time_base, (duration * self._time_base if duration else None)

    def repair_packet(self, packet: Packet[Any]) -> int:
        """Move a packet on where its track jumped back to a new beginning; gives the shift in ticks."""
        stamp = packet.dts if packet.dts is not None else packet.pts
        if stamp is None:
            return 0
        if self._last is not None and (self._last - stamp - self._shift) * self._time_base > _NEW_BEGINNING:
            self._shift = self._last + max(self._last_duration, 1) - stamp
            self.repaired += 1
        if self._shift:
            packet.dts = None if packet.dts is None else packet.dts + self._shift
            packet.pts = None if packet.pts is None else packet.pts + self._shift
        self._last = stamp + self._shift
        self._last_duration = packet.duration or self._last_duration
        return self._shift


def clock_zero(container: InputContainer, stream: VideoStream) -> Fraction:
    """The file's timestamp, in seconds, that players show as 0: where its earliest track begins.

    Audio that only primes its decoder begins before 0 in some files; that does not move the zero.
    """
    time_base = stream.time_base or Fraction(1, av.time_base)
    own = None if stream.start_time is None else stream.start_time * time_base
    if container.start_time is None:
        return own or Fraction(0)
    rounded = Fraction(container.start_time, av.time_base)
    whole = rounded
    for other in container.streams:
        if other.start_time is not None and other.time_base is not None:
            exact = other.start_time * other.time_base
            if abs(exact - rounded) <= Fraction(1, av.time_base):
                whole = exact  # the container keeps microseconds only; its earliest track knows better
    whole = max(whole, Fraction(0))
    return whole if own is None else min(whole, own)


def declared_end(container: InputContainer, stream: VideoStream) -> tuple[Fraction, bool] | None:
    """(timestamp in seconds where the file says that it ends, whether it says so of the file only), or None.

    The second is True where only the length of the whole file is known, which other tracks may outlast.
    """
    time_base = stream.time_base or Fraction(1, av.time_base)
    begin = (stream.start_time or 0) * time_base
    if stream.duration:
        return begin + stream.duration * time_base, False
    tagged = _matroska_duration(stream.metadata.get("DURATION", ""))
    if tagged is not None:
        return tagged, False
    if container.duration:
        return Fraction((container.start_time or 0) + container.duration, av.time_base), True
    return None


def _matroska_duration(text: str) -> Fraction | None:
    """Seconds of `hh:mm:ss.nnnnnnnnn`, the tag that Matroska writers put on each track (counted from 0)."""
    parts = text.split(":")
    try:
        hours, minutes, seconds = (Fraction(part) for part in parts)
    except ValueError:
        return None
    return hours * 3600 + minutes * 60 + seconds or None


def is_steady(times: list[Fraction], rate: Fraction) -> bool:
    """Whether frames at these times (seconds, any order) keep to a rate, but for a few that are missing.

    A millisecond of slack, because that is all that Matroska and many cameras keep.
    """
    ordered = sorted(times)
    steps = [(after - before) * rate for before, after in pairwise(ordered)]
    slack = rate / 990
    on_grid = [abs(step - round(step)) <= slack and round(step) >= 1 for step in steps]
    single = sum(1 for step in steps if round(step) == 1)
    return all(on_grid) and single >= len(steps) * 0.9


def exact_rate(stream: VideoStream) -> tuple[Fraction | None, Fraction | None]:
    """(frames a second or None where they vary, the average or None), as the file and FFmpeg's guess say it."""
    average = stream.average_rate or None
    base = stream.base_rate or None
    guessed = stream.guessed_rate or None
    if average is None:
        return guessed, guessed
    near = Fraction(1, 100)
    # Interlaced H.264 counts fields: twice the average is no variation.
    if base is not None and abs(average / base - 1) > near and abs(2 * average / base - 1) > near:
        return None, average
    return guessed or average, average
