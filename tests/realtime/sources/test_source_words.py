"""What a `--source` word means, and which cameras there are."""

from __future__ import annotations

import errno
import struct
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import ClassVar

import cv2
import numpy as np
import pytest

from stylefader.realtime.sources.live import cameras as cameras_module
from stylefader.realtime.sources.live.cameras import CameraInfo, cameras
from stylefader.realtime.sources.live.screen import ScreenPart, parse_screen
from stylefader.realtime.sources.live.v4l2 import read_modes, video_nodes
from stylefader.realtime.sources.open_live import LiveChoice, live_source
from stylefader.realtime.sources.options import LiveOptions
from stylefader.training.errors import SourceError

BUILT_IN = CameraInfo(number=0, name="Integrated Webcam", address="/dev/video0", modes=((1280, 720, Fraction(30)),))
STUDIO = CameraInfo(number=2, name="Studio Cam", address="/dev/video2")
STUDIO_4K = CameraInfo(number=4, name="Studio Cam 4K", address="/dev/video4")
THREE = [BUILT_IN, STUDIO, STUDIO_4K]


def choose(word: str, there: list[CameraInfo] = THREE, **options: object) -> LiveChoice:
    return live_source(word, LiveOptions(**options), list_cameras=lambda: there)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("word", "kind", "name"),
    [
        ("testcard", "testcard", "the testcard"),
        ("0", "camera", "camera 0 (Integrated Webcam)"),
        ("/dev/video2", "camera", "camera 2 (Studio Cam)"),
        ("integrated", "camera", "camera 0 (Integrated Webcam)"),
        ("studio cam", "camera", "camera 2 (Studio Cam)"),
        ("4k", "camera", "camera 4 (Studio Cam 4K)"),
        ("screen", "screen", "the screen"),
        ("screen:2", "screen", "the screen 2"),
        ("screen:-100,50,640x360", "screen", "the screen -100,50,640x360"),
        ("rtsp://cam/1", "stream", "rtsp://cam/1"),
        ("HTTPS://cam/live.m3u8", "stream", "https://cam/live.m3u8"),
        ("udp://239.0.0.1:5000", "stream", "udp://239.0.0.1:5000"),
        ("shots/f_%04d.png", "file", "shots/f_%04d.png"),
    ],
)
def test_words(word: str, kind: str, name: str) -> None:
    choice = choose(word)
    assert (choice.kind, choice.name) == (kind, name)
    assert choice.reconnects == (kind in ("camera", "stream", "screen"))
    source = choice.make()
    assert source.live and source is not choice.make()


def test_files_and_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert cv2.imwrite("studio.png", np.zeros((4, 4, 3), np.uint8))
    Path("testcard").write_bytes(b"x")
    assert choose("studio.png").kind == "file"  # a file that is there, whatever cameras are called
    assert choose(".").kind == "folder"
    assert choose("./testcard").kind == "file"
    assert choose("testcard").kind == "testcard"


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("", "the source has no name; give testcard, a camera"),
        ("studio", r"'studio' fits several cameras: 2 \(Studio Cam\), 4 \(Studio Cam 4K\); give more of the name"),
        ("7", r"there is no camera 7; there are: 0 \(Integrated Webcam\), 2"),
        ("kinect", r"'kinect' is no file, and no camera has it in its name; there are: 0 \(Integrated"),
        ("clip.mp4", r"clip.mp4 does not exist"),
        ("no/such/folder", r"does not exist"),
        ("screen:left", "'screen:left' is no part of the screen"),
        ("screen:0", "is no part of the screen"),
        ("screen:0,0,0x5", "is no part of the screen"),
        ("ftp://host/a.mp4", "ftp:// is no stream that can be played; give one of rtsp"),
    ],
)
def test_words_that_mean_nothing(word: str, message: str) -> None:
    with pytest.raises(SourceError, match=message) as caught:
        choose(word)
    assert caught.value.exit_code == 2


def test_no_camera_at_all() -> None:
    for word in ("0", "kinect"):
        with pytest.raises(SourceError, match=r"no camera is there at all; .*try --source testcard"):
            choose(word, [])


def test_a_number_is_believed_where_nothing_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    assert choose("1", []).name == "camera 1 (not listed)"
    with pytest.raises(SourceError, match="there is no camera 1"):
        choose("1", [BUILT_IN])


def test_camera_that_comes_back_under_another_number() -> None:
    there = [STUDIO]
    choice = live_source("2", list_cameras=lambda: there)
    there[:] = [BUILT_IN, CameraInfo(number=3, name="Studio Cam", address="/dev/none3")]
    with pytest.raises(SourceError, match=r"camera 2 \(Studio Cam\) cannot be opened .*No such file"):
        choice.make().open()  # it was looked for at its new address
    there[:] = [BUILT_IN]
    with pytest.raises(SourceError, match=r"there is no camera 2; there are: 0 \(Integrated Webcam\)"):
        choice.make().open()


def test_settings_without_effect_are_said(tmp_path: Path) -> None:
    assert "loop has no effect" in choose("0", loop=True).notes[0]
    assert "rate has no effect" in choose("rtsp://a/b", rate=Fraction(5)).notes[0]
    assert "fit contain has no effect" in choose("screen", fit="contain").notes[0]
    assert cv2.imwrite(str(tmp_path / "a.png"), np.zeros((4, 4, 3), np.uint8))
    (tmp_path / "a.mp4").write_bytes(b"x")
    assert not choose(str(tmp_path / "a.png"), loop=True, rate=Fraction(5)).notes
    assert "rate has no effect" in choose(str(tmp_path / "a.mp4"), rate=Fraction(5)).notes[0]
    assert not choose("0", rate=Fraction(5), size=(4, 4), fit="cover").notes


def test_parse_screen() -> None:
    assert parse_screen("screen") == ScreenPart()
    assert parse_screen("screen:3") == ScreenPart(monitor=3)
    assert parse_screen("screen:100,-50,640x360") == ScreenPart(region=(100, -50, 640, 360))
    assert parse_screen("screenshot.png") is None


# -- what the system says ------------------------------------------------------------------------------------------


class Kernel:
    """A camera driver behind the ioctl interface of linux/videodev2.h, as far as it is asked here."""

    MODES: ClassVar = {
        b"YUYV": {(640, 480): [(1, 30), (1, 15)], (1280, 720): [(1, 10)]},
        b"MJPG": {(1280, 720): [(1001, 30000)]},
    }

    def __init__(self, device_caps: int) -> None:
        self.device_caps = device_caps

    def __call__(self, device: int, request: int, data: bytearray) -> None:
        number = request & 0xFF
        assert request >> 8 & 0xFF == ord("V") and request >> 16 & 0x3FFF == len(data)
        (index,) = struct.unpack_from("=I", data)
        form = next((f for f in self.MODES if f == bytes(data[4:8])), b"")
        try:
            if number == 0:
                struct.pack_into("=II", data, 84, 0x80000000 | 0x1, self.device_caps)
            elif number == 2:
                assert struct.unpack_from("=I", data, 4) == (1,)
                struct.pack_into("=4s", data, 44, list(self.MODES)[index])
            elif number == 74:
                struct.pack_into("=III", data, 8, 1, *list(self.MODES[form])[index])
            elif number == 75:
                size = struct.unpack_from("=II", data, 8)
                struct.pack_into("=III", data, 16, 1, *self.MODES[form][size][index])
        except IndexError:
            raise OSError(errno.EINVAL, "Invalid argument") from None


def test_sizes_and_rates_of_a_linux_camera() -> None:
    assert read_modes(0, Kernel(0x1)) == [(1280, 720, Fraction(30000, 1001)), (640, 480, Fraction(30))]


def test_metadata_node_is_no_camera() -> None:
    assert read_modes(0, Kernel(0x00800000)) is None


def test_nodes(tmp_path: Path) -> None:
    for number, name in ((10, "Second"), (2, "First")):
        (tmp_path / f"video{number}").mkdir()
        (tmp_path / f"video{number}" / "name").write_text(f"{name}\n")
    (tmp_path / "v4l-subdev0").mkdir()
    assert video_nodes(tmp_path) == [(2, "First"), (10, "Second")]


class Device:
    def __init__(self, name: str, description: str, *kinds: str) -> None:
        self.name, self.description, self.media_types = name, description, list(kinds)


@pytest.mark.parametrize(
    ("platform", "devices", "addresses"),
    [
        ("darwin", [Device("0", "FaceTime", "video"), Device("0", "Mic", "audio")], ["0:none"]),
        ("win32", [Device("@mic", "Mic", "audio"), Device("@pnp", "FaceTime", "video")], ["video=@pnp"]),
    ],
)
def test_cameras_elsewhere(
    monkeypatch: pytest.MonkeyPatch, platform: str, devices: list[Device], addresses: list[str]
) -> None:
    listed: Callable[[str], list[Device]] = lambda system: devices  # noqa: E731
    monkeypatch.setattr(cameras_module.sys, "platform", platform)
    monkeypatch.setattr(cameras_module.av, "enumerate_input_devices", listed)
    found = cameras()
    assert [camera.address for camera in found] == addresses
    assert [(camera.number, camera.name) for camera in found] == [(0, "FaceTime")]


def test_cameras_here() -> None:
    numbers = [camera.number for camera in cameras()]
    assert numbers == sorted(set(numbers))
