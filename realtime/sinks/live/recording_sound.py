"""The sound of a recording: packets of a file that plays live, undecoded, moved onto the recording's clock.

The source gives packets on its own clock and frames that are on both clocks: each says when on the source's clock
it is shown (pts) and when it came (captured_ns). From these follows where a packet belongs.
"""

from __future__ import annotations

from collections import deque
from fractions import Fraction
from typing import Any

import av
from av.container import OutputContainer
from av.stream import Stream

from stylefader.realtime.sinks.files.containers import Container, can_hold
from stylefader.realtime.sources.base import Packet

# Frames come a little early or late; sound that moved along would stutter. More than this is a pause or a new round.
_TOLERANCE = Fraction(1, 20)
# Packets that may wait for the first frame: ten seconds of most codecs.
_WAITING = 500


class RecordedSound:
    """One track of `output`, made before it is begun, that takes the packets of `template`, a track of the source."""

    def __init__(self, template: Stream, output: OutputContainer) -> None:
        self._index = template.index
        self._target = output.add_stream_from_template(template, opaque=True)
        self._offset: Fraction | None = None
        self._end: Fraction | None = None
        self._early: deque[Packet] = deque(maxlen=_WAITING)

    @staticmethod
    def why_not(template: Stream, container: Container, options: dict[str, str]) -> str | None:
        """What to say where the container, written with these options, cannot hold the track; else None."""
        if template.type == "audio" and can_hold(container, template, options):
            return None
        codec = template.codec_context.name if template.codec_context is not None else "unknown"
        return f"{container.title} cannot hold the {codec} sound of the source; it is left out"

    def frame_at(self, source: Fraction, recording: Fraction) -> list[Packet]:
        """A frame of time `source` stands at `recording`, in seconds; the packets that waited for this."""
        offset = recording - source
        if self._offset is None or abs(offset - self._offset) > _TOLERANCE:
            self._offset = offset
        early = [moved for packet in self._early for moved in self.moved(packet)]
        self._early.clear()
        return early

    def moved(self, packet: Packet) -> list[Packet]:
        """A packet of the source as one of the recording, of its own memory; none where it has no place there."""
        if packet.stream.index != self._index or packet.pts is None or packet.time_base is None:
            return []
        if self._offset is None:
            self._early.append(packet)
            return []
        at = packet.pts * packet.time_base + self._offset
        length = (packet.duration or 0) * packet.time_base
        # Before the first picture, or over what is there already, after a jump of the source.
        if at < 0 or (self._end is not None and at < self._end - length / 2):
            return []
        self._end = at + length
        copy: Any = av.Packet(bytes(packet))
        copy.pts = copy.dts = round(at / packet.time_base)
        copy.duration, copy.time_base = packet.duration, packet.time_base
        copy.is_keyframe = packet.is_keyframe
        copy.stream = self._target
        return [copy]
