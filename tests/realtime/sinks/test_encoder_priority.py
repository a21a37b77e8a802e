"""No encoder leaves threads under real-time scheduling, which programs that are started later would inherit."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from stylefader.realtime.sinks.files import encoder_priority as priority
from stylefader.realtime.sinks.files.encoder_priority import ordinary_priority

_PROGRAM = """
import os, sys
from fractions import Fraction
import numpy as np
from stylefader.realtime.media.frame import Frame
from stylefader.realtime.sinks.files.video_file import VideoFileSink

with VideoFileSink(sys.argv[1], width=64, height=64, rate=Fraction(25), time_base=Fraction(1, 25), codec="av1") as sink:
    for index in range(3):
        image = np.full((64, 64, 3), 80 * index, np.uint8)
        sink.write(Frame(image=image, pts=Fraction(index, 25), index=index, captured_ns=0))
    found = {os.sched_getscheduler(int(thread)) for thread in os.listdir("/proc/self/task")}
print(found == {os.SCHED_OTHER})
"""


@pytest.mark.skipif(not hasattr(os, "SCHED_FIFO"), reason="this system has no such scheduling")
def test_av1_leaves_the_program_as_it_was(tmp_path: Path) -> None:
    """Without the remedy it fails only where root runs it, as SVT-AV1 asks for no more than it gets."""
    program = [sys.executable, "-c", _PROGRAM, str(tmp_path / "out.mp4")]
    done = subprocess.run(program, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "True"), done.stderr


@pytest.mark.skipif(not hasattr(os, "SCHED_FIFO") or os.geteuid() != 0, reason="only root may ask for it")
def test_what_became_real_time_is_put_back() -> None:
    with ordinary_priority():
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    assert os.sched_getscheduler(0) == os.SCHED_OTHER


@pytest.mark.skipif(not hasattr(os, "SCHED_FIFO"), reason="this system has no such scheduling")
def test_what_became_real_time_is_put_back_after_an_error_too(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = iter([{7}, {7, 8, 9}])
    put_back = []
    monkeypatch.setattr(priority, "_real_time", lambda: next(seen))
    monkeypatch.setattr(os, "sched_setscheduler", lambda thread, policy, _: put_back.append((thread, policy)))
    with pytest.raises(ValueError, match="it cannot be opened"), ordinary_priority():
        raise ValueError("it cannot be opened")
    assert sorted(put_back) == [(8, os.SCHED_OTHER), (9, os.SCHED_OTHER)]
