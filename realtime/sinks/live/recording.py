"""Recordings of a live session: video files that play up to the last second, however the program ends.

Stands at the right end of the live path. Unlike a render, a recording is written in place under its final name, in
pieces that are complete by themselves (Matroska clusters, MP4 fragments): it must survive a crash, a power cut and
a full disk, so there is no moment at the end when it would become whole.
"""

from __future__ import annotations

from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import av
from av.container import OutputContainer
from av.stream import Stream

from stylefader.realtime.media.frame import Frame
from stylefader.realtime.sinks.base import Sink
from stylefader.realtime.sinks.files.atomic_output import DISK_ERRORS, check_target, not_created, remove, write_failed
from stylefader.realtime.sinks.files.containers import container_for
from stylefader.realtime.sinks.files.even_size import even_picture, even_size, even_words, exact_words
from stylefader.realtime.sinks.live.live_video import LiveVideo
from stylefader.realtime.sinks.live.recording_sound import RecordedSound
from stylefader.realtime.sources.base import Packet
from stylefader.realtime.sources.open_container import reason
from stylefader.training.errors import SinkError

ENDINGS = (".mkv", ".mp4")
# (muxer options, tick in seconds) by muxer. A piece ends after half a second at the latest and goes to the disk at
# once. Picture and sound wait for each other less than that, also where one has ended: a crash loses a second at most.
_MUXERS: dict[str, tuple[dict[str, str], Fraction]] = {
    "matroska": (
        {"cluster_time_limit": "500", "flush_packets": "1", "max_interleave_delta": "300000"},
        Fraction(1, 1000),
    ),
    "mp4": (
        {
            "movflags": "frag_keyframe+empty_moov+default_base_moof",
            "frag_duration": "500000",
            "flush_packets": "1",
            "max_interleave_delta": "300000",
        },
        Fraction(1, 90000),
    ),
}
# The encoder holds no frame back, which a crash would lose beside the last piece. It costs a tenth of the file's size.
_SETTINGS = {"preset": "veryfast", "tune": "zerolatency", "threads": "4"}
QUALITY = 20


class RecordingSink(Sink):
    """Records frames at the times of their capture: a rate that varies is kept, and gaps stay gaps.

    path: .mkv or .mp4. width, height: of every frame. rate: about how many frames a second, None where nobody knows.
    crf: quality of H.264, 0 (best) to 51. overwrite: replace an existing file, which is gone as soon as the
    recording begins. sound: an audio track of a file source, open, whose packets come through `write_packet` on the
    clock of the frames' pts; they are kept as they are, in step with the picture. exact_size: an odd size is kept in
    4:4:4; else a line is cut.

    `abort` keeps what was recorded, as `close` does: that is what a recording is for. Only one without a frame goes.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        width: int,
        height: int,
        rate: Fraction | None,
        crf: int = QUALITY,
        overwrite: bool = False,
        sound: Stream | None = None,
        exact_size: bool = False,
    ) -> None:
        self.path = Path(path)
        self.notes: list[str] = []
        self._width, self._height, self._rate = width, height, rate
        self._crf = crf
        self._exact_size = exact_size
        self._overwrite = overwrite
        self._template = sound
        self._output: OutputContainer | None = None

    def open(self) -> None:
        """Begin the file. Raises SinkError."""
        self.notes = []
        if self.path.suffix.lower() not in ENDINGS:
            raise SinkError(f"{self.path} cannot be recorded to; name a file that ends with {' or '.join(ENDINGS)}")
        container = container_for(self.path)
        options, tick = _MUXERS[container.muxer]
        self._target = check_target(self.path, overwrite=self._overwrite)
        self._frames = 0
        size = (self._width, self._height)
        self._written = size if self._exact_size else even_size(*size)
        try:
            self._output = av.open(f"file:{self._target}", "w", format=container.muxer, container_options=dict(options))
            self._video = LiveVideo(
                self._output,
                width=self._written[0],
                height=self._written[1],
                rate=self._rate,
                tick=tick,
                options={**_SETTINGS, "crf": str(self._crf)},
                at_once=True,
            )
            self._sound: RecordedSound | None = None
            if self._template is not None:
                why_not = RecordedSound.why_not(self._template, container, options)
                if why_not is not None:
                    self.notes.append(why_not)
                else:
                    self._sound = RecordedSound(self._template, self._output)
            self._output.start_encoding()
        except (av.FFmpegError, OSError, ValueError) as error:
            self.abort()
            if getattr(error, "errno", None) in DISK_ERRORS:
                raise not_created(self.path, error) from error
            raise SinkError(
                f"{self.path} cannot be begun as {self._width}x{self._height} video: {reason(error)}; try another size"
            ) from error
        if size != even_size(*size):
            self.notes.append(exact_words(*size) if self._exact_size else even_words(*size))

    def write(self, frame: Frame) -> None:
        """Encode one frame at its captured_ns. Raises SinkError(failure=True) when that fails."""
        output = self._output
        if output is None:
            raise SinkError(f"{self.path} is not open for writing", failure=True)
        if (frame.width, frame.height) != (self._width, self._height):
            raise SinkError(
                f"{self.path} is {self._width}x{self._height}, but a frame of {frame.width}x{frame.height} came",
                failure=True,
            )
        at = self._video.time_of(frame.captured_ns)
        image = frame.image if self._written == (self._width, self._height) else even_picture(frame.image)
        try:
            for packet in self._video.encode(image, at):
                output.mux(packet)
            if self._sound is not None:
                for packet in self._sound.frame_at(frame.pts, at):
                    output.mux(packet)
        except (av.FFmpegError, OSError, ValueError) as error:
            raise self._failed(error) from error
        self._frames += 1

    def write_packet(self, packet: Packet) -> None:
        """Keep a packet of the `sound` track; others are passed over. Raises SinkError(failure=True)."""
        if self._output is None or self._sound is None:
            return
        try:
            for moved in self._sound.moved(packet):
                self._output.mux(moved)
        except (av.FFmpegError, OSError, ValueError) as error:
            raise self._failed(error) from error

    def _failed(self, error: Exception) -> SinkError:
        return write_failed(self.path, error, kept="what was recorded until then is kept")

    def close(self) -> None:
        """Write what the encoder holds and end the file. Raises SinkError; what was written stays all the same."""
        output, self._output = self._output, None
        if output is None:
            return
        try:
            for packet in self._video.finish():
                output.mux(packet)
            output.close()
        except (av.FFmpegError, OSError, ValueError) as error:
            with suppress(av.FFmpegError, OSError, ValueError):
                output.close()
            raise self._failed(error) from error
        if not self._frames:
            remove(self._target)
            self.notes.append(f"no frame came, so {self.path} was not kept")

    def abort(self) -> None:
        """End the file as well as it can be done. Never raises."""
        with suppress(SinkError):
            self.close()
