"""VirtualCameraSink: against pyvirtualcam's documented interface, and against a device where the system has one."""

from __future__ import annotations

import sys
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from stylefader.realtime.media.frame import Frame
from stylefader.realtime.sinks.live.virtual_camera import VirtualCameraSink, how_to_get_one
from stylefader.training.errors import SinkError

pyvirtualcam = pytest.importorskip("pyvirtualcam", reason="pyvirtualcam is not installed (extra virtualcam)")


class StandIn:
    """A backend as pyvirtualcam documents them (`pyvirtualcam.camera.Backend`), registered like its own."""

    made: list[StandIn]

    def __init__(self, *, width: int, height: int, fps: float, fourcc: int, device: str | None, **_: Any) -> None:
        if device == "taken":
            raise RuntimeError("device is in use")
        self.size, self.fps, self.name = (width, height), fps, device or "stand-in"
        self.frames: list[np.ndarray] = []
        self.closed = 0
        self.breaks = False
        StandIn.made.append(self)

    def close(self) -> None:
        self.closed += 1

    def send(self, frame: np.ndarray) -> None:
        if self.breaks:
            raise RuntimeError("the device has gone")
        self.frames.append(frame.copy())

    def device(self) -> str:
        return self.name

    def native_fourcc(self) -> int | None:
        return None


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> type[StandIn]:
    from pyvirtualcam import camera

    monkeypatch.setattr(camera, "BACKENDS", {"stand-in": StandIn})
    StandIn.made = []
    return StandIn


def frame(picture) -> Frame:
    return Frame(image=picture(48, 64), pts=Fraction(0), index=0, captured_ns=0)


def test_frames_go_out_as_they_are(stand_in: type[StandIn], picture) -> None:
    with VirtualCameraSink(width=64, height=48, rate=Fraction(30000, 1001)) as sink:
        sink.write(frame(picture))
    device = stand_in.made[0]
    assert np.array_equal(device.frames[0].reshape(48, 64, 3), picture(48, 64))
    assert (device.size, device.closed) == ((64, 48), 1)
    assert device.fps == pytest.approx(29.97, abs=0.01)
    assert sink.notes == ["other programs find it as stand-in"]
    sink.close()
    assert device.closed == 1


def test_a_device_by_its_name(stand_in: type[StandIn]) -> None:
    with VirtualCameraSink(width=64, height=48, rate=None, device="/dev/video9"):
        assert stand_in.made[0].name == "/dev/video9"
        assert stand_in.made[0].fps == 30
    with pytest.raises(SinkError, match=r"virtual camera taken cannot be opened \(.*device is in use\)"):
        VirtualCameraSink(width=64, height=48, rate=None, device="taken").open()


def test_what_goes_wrong_is_a_sink_error(stand_in: type[StandIn], picture) -> None:
    sink = VirtualCameraSink(width=64, height=48, rate=None)
    with pytest.raises(SinkError, match="not open"):
        sink.write(frame(picture))
    with sink:
        stand_in.made[0].breaks = True
        with pytest.raises(SinkError, match="the device has gone") as caught:
            sink.write(frame(picture))
        assert caught.value.failure
        with pytest.raises(SinkError, match="is 64x48, but a frame of 48x64 came"):
            sink.write(Frame(image=picture(64, 48), pts=Fraction(0), index=0, captured_ns=0))


def test_without_the_package_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyvirtualcam", None)
    with pytest.raises(SinkError, match=r"pip install 'stylefader\[virtualcam\]'"):
        VirtualCameraSink(width=64, height=48, rate=None).open()


@pytest.mark.parametrize(("platform", "word"), [("win32", "OBS"), ("darwin", "OBS"), ("linux", "v4l2loopback")])
def test_how_to_get_a_device(platform: str, word: str) -> None:
    assert word in how_to_get_one(platform)


def device_or_words() -> VirtualCameraSink | str:
    """An open virtual camera of this system, or why there is none."""
    sink = VirtualCameraSink(width=64, height=48, rate=Fraction(30))
    try:
        sink.open()
    except SinkError as error:
        return str(error)
    return sink


def test_the_real_package(picture) -> None:
    sink = device_or_words()
    if isinstance(sink, str):
        assert "a virtual camera cannot be opened (" in sink
        assert sink.endswith(how_to_get_one())
        pytest.skip(f"no virtual camera on this system: {sink}")
    sink.write(frame(picture))
    sink.close()
