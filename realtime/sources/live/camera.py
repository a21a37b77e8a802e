"""A camera as a live source, through FFmpeg or OpenCV, whichever gets a picture out of it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Generator
from contextlib import closing
from fractions import Fraction
from functools import partial

import av
import cv2
import numpy as np

from stylefader.realtime.sources.base import LostError
from stylefader.realtime.sources.decoded import ArrayPicture
from stylefader.realtime.sources.deinterlacing import Deinterlace, words_for
from stylefader.realtime.sources.live.background import BackgroundSource, Session, Shot, monotonic_pts
from stylefader.realtime.sources.live.cameras import CAMERA_FORMATS, CameraInfo
from stylefader.realtime.sources.live.decoding import rate_of, read_shots, video_of
from stylefader.realtime.sources.open_container import reason
from stylefader.training.errors import SourceError

_OPEN_S = 10.0
_STALL_S = 3.0
_OPENCV = {"linux": cv2.CAP_V4L2, "darwin": cv2.CAP_AVFOUNDATION, "win32": cv2.CAP_DSHOW}
# Above this a webcam has room on its cable for compressed pictures only, or for few frames a second.
_RAW_PIXELS = 640 * 480

Way = Callable[[CameraInfo, Session], Generator[Shot]]


class CameraSource(BackgroundSource):
    """A camera, asked for size and rate; `notes` say what it gave where that is something else.

    find: says which camera, anew at every opening: one that was unplugged may come back under another number.
    size: (width, height), rate: frames a second, None for the camera's own. deinterlace: `auto` where its
    pictures say that they are interlaced. ways: how to read a camera, tried in
    order until one gives a picture.
    """

    def __init__(
        self,
        name: str,
        find: Callable[[], CameraInfo],
        *,
        size: tuple[int, int] | None = None,
        rate: Fraction | None = None,
        deinterlace: Deinterlace = "auto",
        ways: dict[str, Way] | None = None,
        open_s: float = _OPEN_S,
        stall_s: float = _STALL_S,
    ) -> None:
        super().__init__(name, open_s=open_s, stall_s=stall_s)
        self._find = find
        self._size, self._asked_rate = size, rate
        self._deinterlace, self._ways = deinterlace, ways

    def _shots(self, session: Session) -> Generator[Shot]:
        camera = self._find()
        reasons: dict[str, str] = {}
        for title, way in (self._all_ways() if self._ways is None else self._ways).items():
            with closing(way(camera, session)) as shots:
                try:
                    first = next(shots, None)
                except (av.FFmpegError, cv2.error, OSError, ValueError, SourceError) as error:
                    reasons[title] = reason(error)
                    continue
                if first is None:
                    return
                self._compare(first)
                yield first
                try:
                    yield from shots
                except (av.FFmpegError, cv2.error, OSError, SourceError) as error:
                    raise LostError(self.name, reason(error)) from error
                return
        told = "; ".join(f"{title}: {why}" for title, why in reasons.items())
        raise SourceError(
            f"{self.name} cannot be opened ({told}); close other programs that use it, and allow access to the camera",
            failure=True,
        )

    def _compare(self, first: Shot) -> None:
        """Say what was asked for and not given."""
        width, height = first.picture.sides
        asked, given = [], []
        if self._size not in (None, (width, height)):
            asked.append(f"{self._size[0]}x{self._size[1]}" if self._size else "")
            given.append(f"{width}x{height}")
        if self._asked_rate and self.rate and abs(self.rate / self._asked_rate - 1) > Fraction(1, 100):
            asked.append(f"{float(self._asked_rate):g} frames/s")
            given.append(f"{float(self.rate):g} frames/s")
        if asked:
            self.notes.append(f"{self.name} gives {' at '.join(given)}; asked for {' at '.join(asked)}")

    # -- ways to read it -------------------------------------------------------------------------------------------

    def _all_ways(self) -> dict[str, Way]:
        system = CAMERA_FORMATS.get(sys.platform)
        if system is None:
            return {"OpenCV": self._by_opencv}
        asked = {}
        if self._size is not None:
            asked["video_size"] = f"{self._size[0]}x{self._size[1]}"
        if self._asked_rate is not None:
            asked["framerate"] = str(self._asked_rate)
        ways: dict[str, Way] = {}
        if self._size is not None and self._size[0] * self._size[1] > _RAW_PIXELS and system != "avfoundation":
            compressed = {"input_format" if system == "v4l2" else "vcodec": "mjpeg"}
            ways["FFmpeg, compressed"] = partial(self._by_ffmpeg, system, asked | compressed)
        if asked:
            ways["FFmpeg"] = partial(self._by_ffmpeg, system, asked)
        if "video_size" in asked and "framerate" in asked:
            ways["FFmpeg at any rate"] = partial(self._by_ffmpeg, system, {"video_size": asked["video_size"]})
        # FFmpeg's own first guess on a Mac is 29.97, which hardly any camera there takes.
        ways["FFmpeg as it is"] = partial(
            self._by_ffmpeg, system, {"framerate": "30"} if system == "avfoundation" else {}
        )
        ways["OpenCV"] = self._by_opencv
        return ways

    def _by_ffmpeg(self, system: str, options: dict[str, str], camera: CameraInfo, session: Session) -> Generator[Shot]:
        timeout = (self._open_s, self._stall_s)
        with av.open(camera.address, "r", format=system, options=options, timeout=timeout) as container:
            stream = video_of(container)
            if stream is None:
                raise SourceError("it has no picture")
            self.rate = rate_of(stream)
            yield from read_shots(
                container, stream, session, own_clock=True, paced=False, deinterlace=self._deinterlace,
                interlaced=lambda: self.notes.append(words_for(self.name)),
            )  # fmt: skip

    def _by_opencv(self, camera: CameraInfo, session: Session) -> Generator[Shot]:
        level = cv2.utils.logging.getLogLevel()
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # the reason is told by our own message
        try:
            capture = cv2.VideoCapture(camera.number, _OPENCV.get(sys.platform, cv2.CAP_ANY))
        finally:
            cv2.utils.logging.setLogLevel(level)
        try:
            if not capture.isOpened():
                raise SourceError("it does not open")
            if self._size is not None:
                capture.set(cv2.CAP_PROP_FRAME_WIDTH, self._size[0])
                capture.set(cv2.CAP_PROP_FRAME_HEIGHT, self._size[1])
            if self._asked_rate is not None:
                capture.set(cv2.CAP_PROP_FPS, float(self._asked_rate))
            told = capture.get(cv2.CAP_PROP_FPS)
            self.rate = Fraction(told).limit_denominator(1001) if told > 0 else None
            first_ns: int | None = None
            while not session.closed:
                if not capture.grab():
                    raise SourceError("it gives no more pictures")
                captured_ns = time.monotonic_ns()
                first_ns = captured_ns if first_ns is None else first_ns
                there, image_BGR = capture.retrieve()
                if there:
                    picture = ArrayPicture(np.asarray(image_BGR, np.uint8), order="bgr")
                    yield Shot(picture=picture, captured_ns=captured_ns, pts=monotonic_pts(first_ns, captured_ns))
        finally:
            capture.release()
