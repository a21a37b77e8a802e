"""NdiSink through the real package: a receiver in another process gets the picture, where NDI finds this computer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from unittest.mock import MagicMock

import numpy as np
import pytest

from stylefader.realtime.media.frame import Frame
from stylefader.realtime.sinks.live import ndi
from stylefader.realtime.sinks.live.ndi import NdiSink
from stylefader.training.errors import SinkError
from tests.compare import psnr

RECEIVER = """
import sys, time
import numpy as np
from cyndilib.finder import Finder
from cyndilib.receiver import Receiver
from cyndilib.video_frame import VideoFrameSync
from cyndilib.wrapper.ndi_recv import RecvBandwidth, RecvColorFormat

finder = Finder()
finder.open()
source = None
for _ in range(20):
    finder.wait_for_sources(0.5)
    source = next((finder.get_source(n) for n in finder.get_source_names() if sys.argv[1] in n), None)
    if source is not None:
        break
if source is None:
    print("none", flush=True)
    sys.exit()
print("found", flush=True)
receiver = Receiver(color_format=RecvColorFormat.RGBX_RGBA, bandwidth=RecvBandwidth.highest)
video = VideoFrameSync()
receiver.frame_sync.set_video_frame(video)
receiver.set_source(source)
for _ in range(500):
    receiver.frame_sync.capture_video()
    if video.xres:
        np.save(sys.argv[2], video.get_array().reshape(video.yres, video.xres, 4)[..., :3])
        print("got", flush=True)
        break
    time.sleep(0.02)
receiver.disconnect()
finder.close()
"""


def frame_of(image: np.ndarray) -> Frame:
    return Frame(image=image, pts=Fraction(0), index=0, captured_ns=0)


def test_a_receiver_gets_the_picture(tmp_path: Path, picture) -> None:
    pytest.importorskip("cyndilib", reason="cyndilib is not installed (extra ndi)")
    # NDI asks this address beside the network's name service, which test machines mostly do not have.
    (tmp_path / "ndi-config.v1.json").write_text(json.dumps({"ndi": {"networks": {"ips": "127.0.0.1,"}}}))
    name, image = f"stylefader test {os.getpid()}", picture(96, 128)
    with NdiSink(width=128, height=96, rate=Fraction(30), name=name) as sink:
        receiver = subprocess.Popen(
            [sys.executable, "-c", RECEIVER, name, str(tmp_path / "got.npy")],
            stdout=subprocess.PIPE,
            env={**os.environ, "NDI_CONFIG_DIR": str(tmp_path)},
        )
        try:
            receiver.wait(0.1)
        except subprocess.TimeoutExpired:
            while receiver.poll() is None:
                sink.write(frame_of(image))
                try:
                    receiver.wait(0.02)
                except subprocess.TimeoutExpired:
                    continue
        assert receiver.stdout is not None
        words = receiver.stdout.read().decode().split()
        receiver.stdout.close()
    if words == ["none"]:
        pytest.skip("NDI does not find sources of this computer here (no multicast name service)")
    assert words == ["found", "got"]
    assert psnr(np.load(tmp_path / "got.npy"), image) > 30


def test_wrong_frames_and_a_closed_sender_are_refused(picture) -> None:
    pytest.importorskip("cyndilib", reason="cyndilib is not installed (extra ndi)")
    sink = NdiSink(width=64, height=48, rate=None)
    with pytest.raises(SinkError, match="not open"):
        sink.write(frame_of(picture(48, 64)))
    with sink, pytest.raises(SinkError, match="is 64x48, but a frame of 48x64 came"):
        sink.write(frame_of(picture(64, 48)))
    sink.close()


def test_without_the_package_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cyndilib.sender", None)
    with pytest.raises(SinkError, match=r"pip install 'stylefader\[ndi\]'"):
        NdiSink(width=64, height=48, rate=None).open()


@pytest.mark.parametrize("there", [False, True])
def test_without_avahi_it_says_that_nobody_finds_it(
    there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the package's classes stood in for, so that it is tested everywhere."""
    for name, words in {
        "cyndilib.sender": {"Sender": MagicMock()},
        "cyndilib.video_frame": {"VideoSendFrame": MagicMock()},
        "cyndilib.wrapper.ndi_structs": {"FourCC": MagicMock()},
    }.items():
        module = ModuleType(name)
        vars(module).update(words)
        monkeypatch.setitem(sys.modules, name, module)
    socket = tmp_path / "socket"
    if there:
        socket.touch()
    monkeypatch.setattr(ndi, "_AVAHI", socket)
    monkeypatch.setattr(sys, "platform", "linux")
    with NdiSink(width=64, height=48, rate=None) as sink:
        assert sink.notes == ([] if there else [ndi.NO_NAMES])
    assert "avahi-daemon does not run here" in ndi.NO_NAMES and "apt install avahi-daemon" in ndi.NO_NAMES
