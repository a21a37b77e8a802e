"""Serves a moving picture on loopback, as a second process: `python -m ... KIND PORT [WxH]`.

KIND: mjpeg or mpegts over HTTP, rtsp (MPEG-TS in RTP inside the connection), or hls from a folder; restarts: MPEG-TS
over HTTP that begins anew after 20 frames in the same connection, with times from 0 and half the size; udp: MPEG-TS
that is sent to PORT. PORT 0 takes any; the port is printed. The picture is
testsrc2 at 160x120 or the size given, 25 frames a second.
"""

from __future__ import annotations

import os
import re
import socket
import struct
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from typing import Any

import av
import cv2

SIZE = (160, 120)
RATE = 25


def pictures(size: tuple[int, int] = SIZE) -> Iterator[Any]:
    """Frames of the moving picture, each in its time."""
    began = time.monotonic()
    with av.open(f"testsrc2=size={size[0]}x{size[1]}:rate={RATE}", format="lavfi") as source:
        for number, frame in enumerate(source.decode(video=0)):
            time.sleep(max(0.0, began + number / RATE - time.monotonic()))
            yield frame


class Writer:
    """What PyAV takes for a file: every write goes on at once."""

    def __init__(self, write: Callable[[bytes], Any]) -> None:
        self._write = write

    def write(self, data: bytes) -> int:
        self._write(bytes(data))
        return len(data)


def mux(target: Any, form: str, size: tuple[int, int] = SIZE, frames: int | None = None, **options: str) -> None:
    """The moving picture as H.264 into a file name or Writer, for ever or for so many frames."""
    with av.open(target, "w", format=form, options={"flush_packets": "1", **options}) as output:
        stream = output.add_stream(
            "libx264", rate=RATE, options={"g": "10", "preset": "ultrafast", "tune": "zerolatency"}
        )
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        for number, frame in enumerate(islice(pictures(size), frames)):
            frame = frame.reformat(format="yuv420p")
            frame.pts, frame.pict_type = number, 0
            output.mux(stream.encode(frame))


class MjpegHandler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        for frame in pictures():
            data = cv2.imencode(".jpg", frame.to_ndarray(format="bgr24"))[1].tobytes()
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
            self.wfile.write(head.encode() + data + b"\r\n")

    def log_message(self, format: str, *args: Any) -> None:
        pass


class TransportStreamHandler(MjpegHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "video/mp2t")
        self.end_headers()
        mux(Writer(self.wfile.write), "mpegts")


class RestartingHandler(MjpegHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "video/mp2t")
        self.end_headers()
        mux(Writer(self.wfile.write), "mpegts", frames=20)
        mux(Writer(self.wfile.write), "mpegts", size=(SIZE[0] // 2, SIZE[1] // 2))


class FolderHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


def serve_rtsp(listener: socket.socket) -> None:
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=rtsp_client, args=(connection,), daemon=True).start()


def rtsp_client(connection: socket.socket) -> None:
    """RFC 2326, as much of it as a player needs that takes RTP inside the connection."""
    lines = connection.makefile("rb")
    while request := lines.readline():
        method = request.split()[0].decode()
        head = b""
        while (line := lines.readline()) not in (b"\r\n", b""):
            head += line
        number = re.search(rb"CSeq: *(\d+)", head, re.I)
        answer = f"RTSP/1.0 200 OK\r\nCSeq: {number[1].decode() if number else 0}\r\nSession: 1\r\n"
        body = ""
        if method == "OPTIONS":
            answer += "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n"
        elif method == "DESCRIBE":
            body = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=test\r\nt=0 0\r\nm=video 0 RTP/AVP 33\r\na=control:track1\r\n"
            answer += f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n"
        elif method == "SETUP":
            answer += "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n"
        connection.sendall(f"{answer}\r\n{body}".encode())
        if method == "PLAY":
            threading.Thread(target=rtp, args=(connection,), daemon=True).start()


def rtp(connection: socket.socket) -> None:
    """MPEG-TS in RTP (RFC 2250), seven packets of 188 bytes at a time."""
    state = {"sequence": 0, "rest": b""}

    def write(data: bytes) -> None:
        data = state["rest"] + data
        while len(data) >= 188:
            piece = data[: 188 * 7][: len(data) // 188 * 188]
            data = data[len(piece) :]
            stamp = int(time.monotonic() * 90000) & 0xFFFFFFFF
            packet = struct.pack(">BBHII", 0x80, 33, state["sequence"] & 0xFFFF, stamp, 7) + piece
            state["sequence"] += 1
            connection.sendall(struct.pack(">cBH", b"$", 0, len(packet)) + packet)
        state["rest"] = data

    try:
        mux(Writer(write), "mpegts")
    except OSError:
        return


def main(kind: str, port: int, size: tuple[int, int] = SIZE) -> None:
    if kind == "udp":
        print(port, flush=True)
        mux(f"udp://127.0.0.1:{port}?pkt_size=1316", "mpegts", size=size)
        return
    if kind == "rtsp":
        listener = socket.create_server(("127.0.0.1", port))
        print(listener.getsockname()[1], flush=True)
        serve_rtsp(listener)
        return
    if kind == "hls":
        os.chdir(tempfile.mkdtemp())
        options = {"hls_time": "1", "hls_list_size": "4", "hls_flags": "delete_segments"}
        threading.Thread(target=mux, args=("live.m3u8", "hls"), kwargs=options, daemon=True).start()
        while not os.path.exists("live.m3u8"):
            time.sleep(0.05)
    handler = {
        "mjpeg": MjpegHandler,
        "mpegts": TransportStreamHandler,
        "restarts": RestartingHandler,
        "hls": FolderHandler,
    }[kind]
    server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    server.daemon_threads = True
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    wide, _, high = (sys.argv[3] if len(sys.argv) > 3 else f"{SIZE[0]}x{SIZE[1]}").partition("x")
    main(sys.argv[1], int(sys.argv[2]), (int(wide), int(high)))
