"""The camera is unplugged, or hangs: the last picture holds, controls still act, and it comes back by itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from stylefader.realtime.session.status import sign_of
from stylefader.realtime.sources.decoded import ArrayPicture
from stylefader.realtime.sources.live import camera as camera_module
from stylefader.realtime.sources.live.background import Session, Shot
from stylefader.realtime.sources.live.camera import CameraSource
from stylefader.realtime.sources.live.cameras import CameraInfo
from stylefader.training.errors import SourceError
from tests.realtime.faults.stage import Stage, promise, shift, until
from tests.realtime.live import numbered

Make = Callable[[], CameraSource]


class Cable:
    """Between a camera and us. number: which the system gave it, None while unplugged. hangs: no picture comes."""

    def __init__(self) -> None:
        self.number: int | None = 0
        self.hangs = False
        self.opened: list[int] = []

    def find(self) -> CameraInfo:
        if self.number is None:
            raise SourceError("there is no camera with 'studio' in its name")
        return CameraInfo(number=self.number, name="studio", address=f"/dev/video{self.number}", modes=())

    def read(self, camera: CameraInfo, session: Session) -> Generator[Shot]:
        self.opened.append(camera.number)
        shown = 0
        while not session.closed:
            if self.number != camera.number:
                raise OSError(19, "No such device")
            if not self.hangs:
                picture = ArrayPicture(numbered(shown).image)
                yield Shot(picture=picture, captured_ns=time.monotonic_ns(), pts=Fraction(shown, 30))
                shown += 1
            session.rest(0.002)

    def source(self, stall_s: float = 30.0) -> CameraSource:
        return CameraSource("camera studio", self.find, ways={"FFmpeg": self.read}, stall_s=stall_s)


def test_an_unplugged_camera_comes_back_under_another_number(tmp_path: Path) -> None:
    cable = Cable()
    with Stage(tmp_path, cable.source) as stage:
        stage.play()
        assert sign_of(stage.live.snapshot()) is None
        cable.number = None
        stage.until(lambda: stage.live.capture.state == "lost")
        assert sign_of(stage.live.snapshot()) == "no signal"
        held = stage.watcher.last
        assert shift(held) == 50, "the stylized picture holds"
        stage.until(lambda: len(stage.rests.seconds) >= 7)
        assert stage.rests.seconds[:7] == [0.5, 1, 2, 4, 8, 8, 8]
        assert max(stage.rests.seconds) <= promise("camera gone")
        assert stage.watcher.last is held, "nothing else is shown meanwhile"
        stage.live.show.blackout = True
        stage.until(lambda: not stage.watcher.last.image.any())
        stage.live.show.blackout = False
        cable.number = 2
        tried = len(stage.rests.seconds)
        stage.until(lambda: stage.live.capture.state == "running")
        assert len(stage.rests.seconds) <= tried + 1, "the next try after it is plugged in finds it"
        assert all(shift(frame) == 50 for frame in stage.frames()[1:]), "stylized at once: the engine was kept"
        assert (
            cable.opened == [0, 2] and stage.live.capture.counts.losses == 1 and sign_of(stage.live.snapshot()) is None
        )


def test_a_camera_that_hangs_is_given_up_and_opened_again(tmp_path: Path) -> None:
    assert promise("camera hangs") == camera_module._STALL_S
    cable = Cable()
    with Stage(tmp_path, lambda: cable.source(stall_s=0.05)) as stage:
        stage.play()
        cable.hangs = True
        stage.until(lambda: any("no picture for 0.05 s" in words for words in stage.said))
        cable.hangs = False
        stage.until(lambda: stage.live.capture.state == "running")
        stage.frames()


def test_quitting_while_the_camera_is_gone_waits_for_no_try(tmp_path: Path) -> None:
    """The wait before the next try ends when the session does, however long it would be."""
    from stylefader.realtime.pipeline.capture import Capture
    from stylefader.realtime.pipeline.queues import NewestMailbox

    cable = Cable()
    cable.number = None
    capture = Capture(cable.source, NewestMailbox(), name="the camera", reconnects=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("stylefader.realtime.pipeline.capture.FIRST_WAIT_S", 10_000.0)
        patch.setattr("stylefader.realtime.pipeline.capture.LONGEST_WAIT_S", 10_000.0)
        capture.start()
        until(lambda: capture.state == "lost")
        assert capture.stop(), "its thread has ended"


def test_the_picture_of_a_session_without_a_camera_can_be_asked_for(tmp_path: Path) -> None:
    """Bypass and back on the held picture."""
    cable = Cable()
    with Stage(tmp_path, cable.source) as stage:
        stage.play()
        cable.number = None
        stage.until(lambda: stage.live.capture.state == "lost")
        held = stage.watcher.last
        stage.live.show.bypass = True
        stage.until(lambda: shift(stage.watcher.last) == 0)
        stage.live.show.bypass = False
        stage.until(lambda: np.array_equal(stage.watcher.last.image, held.image))
