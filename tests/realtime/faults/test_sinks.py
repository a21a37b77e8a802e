"""A sink is full, slow or hangs: the others lose no frame by it, and it says so itself."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from stylefader.realtime.media.frame import Frame
from stylefader.realtime.sinks.live.recording import RecordingSink
from tests.realtime.faults.stage import LIMIT_S, MOST_WAITING, Flow, Stage, Watcher, promise

SIZE = (48, 64)


class Stuck(Watcher):
    """Takes as long as the test wants."""

    def __init__(self) -> None:
        super().__init__()
        self.gate, self.entered = threading.Event(), threading.Event()

    def write(self, frame: Frame) -> None:
        self.entered.set()
        assert self.gate.wait(LIMIT_S)
        super().write(frame)


def lost_by(stage: Stage, name: str = "watcher") -> int:
    return next(sink.dropped for sink in stage.fan_out.stats() if sink.name == name)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device here")
def test_a_full_disk_ends_that_recording_alone(tmp_path: Path) -> None:
    full = tmp_path / "full.mkv"
    full.symlink_to("/dev/full")
    good = tmp_path / "good.mkv"
    words = {"bound": MOST_WAITING, "drains": True}
    sinks = {
        name: (RecordingSink(path, width=64, height=48, rate=None, overwrite=True), words)
        for name, path in (("full", full), ("good", good))
    }
    with Stage(tmp_path, lambda: Flow(SIZE), size=SIZE, sinks=sinks) as stage:
        stage.play()
        stage.until(lambda: any(words.endswith("full is dropped, everything else goes on") for words in stage.said))
        stage.frames(20)
        assert lost_by(stage) == lost_by(stage, "good") == promise("sink full")
        (words,) = [words for words in stage.said if "is dropped" in words]
        assert "no space left" in words
        assert not stage.fan_out.failed
    from stylefader.tools.commands.bench.soak_proof import packets_in

    assert packets_in(good) == stage.watcher.count, "every frame that was shown is in the other recording"


def test_a_slow_sink_loses_frames_of_its_own_alone(tmp_path: Path) -> None:
    slow = Stuck()
    with Stage(tmp_path, Flow, sinks={"slow": (slow, {"bound": 2})}) as stage:
        stage.play()
        assert slow.entered.wait(LIMIT_S)
        before = lost_by(stage, "slow")
        stage.frames(100)
        assert lost_by(stage) == promise("sink slow")
        assert lost_by(stage, "slow") >= before + 97
        slow.gate.set()
        newest = stage.watcher.last.index
        stage.until(lambda: slow.frames and slow.last.index > newest)
        assert slow.last.index > newest, "free again, it is at the newest, not behind"


def test_a_sink_that_hangs_does_not_keep_the_session_from_ending(tmp_path: Path) -> None:
    stuck = Stuck()
    stage = Stage(tmp_path, Flow, sinks={"stuck": (stuck, {"bound": 2})})
    with stage:
        stage.play()
        assert stuck.entered.wait(LIMIT_S)
        stage.live.close()
        assert stage.fan_out.close(0.2) == ["stuck"]
        assert stage.said[-1] == "stuck: did not end within 0.2 s; it was left"
        stuck.gate.set()
