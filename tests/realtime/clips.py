"""Makes the small clips that the tests of video files read, and reads back what the sinks wrote."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from av.packet import Packet
from av.video.frame import VideoFrame

from stylefader.realtime.sources.files.video_file import VideoFileSource

WIDTH, HEIGHT = 64, 48
SRT = "subrip"


@dataclass(kw_only=True)
class Clip:
    """What a test clip should be like; `make` writes it."""

    frames: int = 24
    rate: Fraction = Fraction(25)
    time_base: Fraction | None = None
    ticks: Sequence[int] | None = None  # pts of each frame in time_base, for variable rates
    size: tuple[int, int] = (WIDTH, HEIGHT)
    codec: str = "libx264"
    pixel_format: str = "yuv420p"
    options: dict[str, str] = field(default_factory=lambda: {"g": "8"})
    audio: Sequence[str] = ()  # one language a track
    audio_codec: str = "aac"
    audio_seconds: float | None = None
    subtitles: str | None = None  # codec
    chapters: bool = False
    attachment: bytes | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    rotation: tuple[int, bool, bool] | None = None  # counter-clockwise degrees, mirrored, flipped
    tags: tuple[int, int, int, int] | None = None  # matrix, primaries, transfer, range
    aspect: Fraction | None = None
    image: npt.NDArray[np.uint8] | None = None  # the same picture in every frame
    container_options: dict[str, str] = field(default_factory=dict)

    def make(self, path: Path) -> Path:
        time_base = self.time_base or 1 / self.rate
        ticks = self.ticks or [round(i / self.rate / time_base) for i in range(self.frames)]
        with av.open(str(path), "w", container_options=self.container_options) as output:
            output.metadata.update(self.metadata)
            width, height = self.size
            stream = output.add_stream(self.codec, rate=self.rate, width=width, height=height)
            context = stream.codec_context
            context.pix_fmt, context.time_base, context.options = self.pixel_format, time_base, self.options
            if self.aspect is not None:
                context.sample_aspect_ratio = self.aspect
            if self.tags is not None:
                context.colorspace, context.color_primaries, context.color_trc, context.color_range = self.tags
            stream.time_base = time_base
            if self.rotation is not None:
                degrees, mirrored, flipped = self.rotation
                stream.set_display_rotation(degrees, mirrored, flipped)
            sounds = [self._add_sound(output, language) for language in self.audio]
            text = self._add_subtitles(output)
            if self.attachment is not None:
                output.add_attachment("font.ttf", "application/x-truetype-font", self.attachment)
            seconds = float((ticks[-1] - ticks[0]) * time_base)
            if self.chapters:
                half = round(seconds * 500)
                output.set_chapters([_chapter(1, 0, half, "one"), _chapter(2, half, 2 * half, "two")])
            output.start_encoding()
            for at, tick in enumerate(ticks):
                frame = self._picture(at)
                frame.pts, frame.time_base = tick, time_base
                output.mux(stream.encode(frame))
            for track, sound in enumerate(sounds):
                self._fill_sound(output, sound, self.audio_seconds or seconds, 300 + 200 * track)
            if text is not None:
                for at, words in enumerate(("hello", "again")):
                    packet: Packet[Any] = Packet(_text_bytes(words, self.subtitles))
                    packet.stream, packet.time_base = text, Fraction(1, 1000)
                    packet.pts = packet.dts = 100 + 400 * at
                    packet.duration = 200
                    output.mux(packet)
            output.mux(stream.encode(None))
        return path

    def _picture(self, at: int) -> VideoFrame:
        width, height = self.size
        image = self.image
        if image is None:
            image = np.empty((height, width, 3), np.uint8)
            image[:] = (at * 9 % 256, 128, 255 - at * 9 % 256)
        from av.video.reformatter import ColorRange, Colorspace

        matrix = {1: Colorspace.ITU709, 9: Colorspace.BT2020}.get((self.tags or (6,))[0], Colorspace.ITU601)
        wide = self.tags is not None and self.tags[3] == 2
        return VideoFrame.from_ndarray(image).reformat(
            format=self.pixel_format,
            dst_colorspace=matrix,
            dst_color_range=ColorRange.JPEG if wide else ColorRange.MPEG,
        )

    def _add_sound(self, output: Any, language: str) -> Any:
        sound = output.add_stream(self.audio_codec, rate=48000)
        sound.metadata["language"] = language
        sound.metadata["title"] = f"sound {language}"
        return sound

    def _fill_sound(self, output: Any, sound: Any, seconds: float, pitch: int) -> None:
        size = sound.codec_context.frame_size or 1024
        for at in range(max(1, int(seconds * 48000 / size))):
            wave = np.sin(np.arange(at * size, (at + 1) * size) * (2 * np.pi * pitch / 48000)).astype(np.float32)
            form = sound.codec_context.format.name
            data = np.stack([wave, wave]) if form.endswith("p") else np.repeat(wave, 2)[None]
            if form.startswith("s16"):
                data = (data * 8000).astype(np.int16)
            frame = av.AudioFrame.from_ndarray(data, format=form, layout="stereo")
            frame.sample_rate, frame.pts, frame.time_base = 48000, at * size, Fraction(1, 48000)
            output.mux(sound.encode(frame))
        output.mux(sound.encode(None))

    def _add_subtitles(self, output: Any) -> Any:
        if self.subtitles is None:
            return None
        text = output.add_mux_stream(self.subtitles)
        text.time_base = Fraction(1, 1000)
        text.metadata["language"] = "deu"
        return text


def _chapter(number: int, start: int, end: int, title: str) -> Any:
    return {"id": number, "start": start, "end": end, "time_base": Fraction(1, 1000), "metadata": {"title": title}}


def _text_bytes(words: str, codec: str | None) -> bytes:
    data = words.encode()
    return struct.pack(">H", len(data)) + data if codec == "mov_text" else data


@dataclass
class Content:
    """Everything that a file holds, as far as a test wants to compare it."""

    times: list[Fraction]
    images: list[npt.NDArray[np.uint8]]
    packets: dict[int, list[tuple[bytes, Fraction | None]]]
    last_duration: Fraction | None
    kinds: list[str] = field(default_factory=list)  # of the other tracks, in file order


def read(path: Path, **settings: Any) -> tuple[VideoFileSource, Content]:
    """Everything in a file through VideoFileSource; the source comes back closed, its attributes still readable."""
    content = Content([], [], {}, None)
    with VideoFileSource(path, **settings) as source:
        content.kinds = [track.type for track in source.tracks]
        for item in source.frames_and_packets():
            if isinstance(item, Packet):
                at = None if item.pts is None else item.pts * item.time_base
                content.packets.setdefault(item.stream_index, []).append((bytes(item), at))
            else:
                content.times.append(item.pts)
                content.images.append(item.image)
                content.last_duration = item.duration
    return source, content
