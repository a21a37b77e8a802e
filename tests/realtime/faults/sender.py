"""Somebody who sends MPEG-TS over UDP to a port of this machine: in this process, a frame when the test wants one."""

from __future__ import annotations

import socket
from fractions import Fraction

import av
import numpy as np
from av.video.frame import VideoFrame

from tests.realtime.sources.stream_server import Writer

RATE = 25
_PIECE = 7 * 188


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


class Sender:
    """Begins at time 0, as an encoder that was just started. size: (width, height). level: of all three colours.

    Its edges, an eighth of the width on each side, are of another level: a picture that was squashed still shows them.
    """

    EDGE = 16

    def __init__(self, port: int, *, size: tuple[int, int], level: int) -> None:
        self.size, self.level, self.sent = size, level, 0
        self._to = ("127.0.0.1", port)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._output = av.open(Writer(self._send), "w", format="mpegts", options={"flush_packets": "1"})  # type: ignore[call-overload]
        options = {"g": "10", "preset": "ultrafast", "tune": "zerolatency"}
        self._stream = self._output.add_stream("libx264", rate=RATE, options=options)
        self._stream.width, self._stream.height = size
        self._stream.pix_fmt = "yuv420p"
        self._stream.time_base = Fraction(1, RATE)

    def _send(self, data: bytes) -> None:
        for begin in range(0, len(data), _PIECE):
            self._socket.sendto(data[begin : begin + _PIECE], self._to)

    def frame(self) -> None:
        """Send the next one."""
        width, height = self.size
        image = np.full((height, width, 3), self.level, np.uint8)
        image[:, : width // 8] = image[:, -(width // 8) :] = self.EDGE
        image[::2, width // 2] = self.level + self.sent % 3  # no two are quite the same
        frame = VideoFrame.from_ndarray(image).reformat(format="yuv420p")
        frame.pts = self.sent
        self._output.mux(self._stream.encode(frame))
        self.sent += 1

    def close(self) -> None:
        """Stop at once, as a program that crashed: the receiver is not told. Harmless twice."""
        self._socket.close()

    def __enter__(self) -> Sender:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
