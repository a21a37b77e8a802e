"""The program is ended while a style is built, or killed while it records: real processes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import av
import psutil
import pytest
from pythonosc.osc_message_builder import build_msg

from stylefader.engines import open_engine
from stylefader.realtime.session import engine_loader as rack_module
from stylefader.realtime.session import live_session as live_module
from stylefader.realtime.session.engine_loader import EngineLoader
from stylefader.training.packs.pack import save_pack
from stylefader.training.packs.pack_file import PackFile
from tests.conftest import random_pack
from tests.realtime.faults.sender import free_port
from tests.realtime.faults.stage import LIMIT_S, Flow, Stage, promise, until
from tests.tools.program import PROGRAM

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
RECORD = """
import sys
from fractions import Fraction
import numpy as np
from stylefader.realtime.media.frame import Frame
from stylefader.realtime.sinks.live.recording import RecordingSink

rate = int(sys.argv[2])
random = np.random.default_rng(0)
with RecordingSink(sys.argv[1], width=160, height=96, rate=Fraction(rate)) as sink:
    for index in range(100_000):
        image = random.integers(0, 256, (96, 160, 3), np.uint8)
        at = index * 1_000_000_000 // rate
        sink.write(Frame(image=image, pts=Fraction(index, rate), index=index, captured_ns=at))
        print(index + 1, flush=True)
"""


def times_in(path: Path) -> list[Fraction]:
    """Seconds of every picture that can be decoded before the file breaks off."""
    found = []
    with av.open(str(path)) as container:
        try:
            for frame in container.decode(video=0):
                found.append(frame.pts * frame.time_base)
        except av.InvalidDataError:
            pass
    return found


@pytest.mark.parametrize("rate", [30, 5])
@pytest.mark.parametrize("ending", [".mkv", ".mp4"])
def test_a_killed_recording_misses_a_second_at_most(tmp_path: Path, ending: str, rate: int) -> None:
    path = tmp_path / f"show{ending}"
    line = [sys.executable, "-c", RECORD, str(path), str(rate)]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        watchdog = threading.Timer(LIMIT_S, program.kill)
        watchdog.start()
        try:
            for told in program.stdout:
                if int(told) >= 7 * rate // 2 + 2:
                    break
            os.kill(program.pid, signal.SIGKILL)
            written = max([int(told), *(int(more) for more in program.stdout if more.endswith("\n"))])
            assert program.wait(LIMIT_S) == -signal.SIGKILL
        finally:
            watchdog.cancel()
    times = times_in(path)
    assert [round(at * rate) for at in times] == list(range(len(times))), "none is missing before the end"
    assert written / rate - len(times) / rate <= promise("SIGKILL of a recording")


@pytest.fixture
def stage(tmp_path: Path) -> Path:
    """A folder with two packs; the engine of the first is in the cache `c`, the second has to be built."""
    for name, seed in (("ready", 1), ("unbuilt", 2)):
        save_pack(random_pack(tmp_path / f"{name}.safetensors", seed=seed))
    pack = PackFile(tmp_path / "ready.safetensors")
    open_engine(pack, 64, 96, backend="openvino", cache_dir=tmp_path / "c")[0].close()
    return tmp_path


@pytest.fixture
def session(stage: Path) -> Iterator[tuple[subprocess.Popen[str], list[str], int]]:
    """The program on the first style: process, what it said, and its OSC port."""
    port = free_port()
    words = ["live", "--source", "testcard", "--size", "96x64", "--no-window", "--engine", "openvino"]
    words += ["--style", "ready.safetensors", "--style", "unbuilt.safetensors", "--cache-dir", "c"]
    words += ["--sink", "show.mkv", "--osc", str(port)]
    said: list[str] = []
    with subprocess.Popen([str(PROGRAM), *words], cwd=stage, stderr=subprocess.PIPE, text=True) as run:

        def hear() -> None:
            assert run.stderr is not None
            said.extend(run.stderr)

        reader = threading.Thread(target=hear, name="test-reader", daemon=True)
        reader.start()
        try:
            yield run, said, port
        finally:
            run.kill()
            run.wait(LIMIT_S)
            reader.join(LIMIT_S)


def test_sigterm_in_the_middle_of_a_style_build(
    stage: Path, session: tuple[subprocess.Popen[str], list[str], int]
) -> None:
    assert promise("SIGTERM while a style is built") == _end_s()
    run, said, port = session
    until(lambda: run.poll() is not None or any("96x64, engine: " in line for line in said), lambda: said)
    process = psutil.Process(run.pid)
    children: list[psutil.Process] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as panel:

        def building() -> bool:
            panel.sendto(build_msg("/stylefader/style", ["unbuilt"]).dgram, ("127.0.0.1", port))
            children[:] = [child for child in process.children(recursive=True) if _builds(child)]
            return bool(children) or run.poll() is not None

        until(building, lambda: said)
    assert children, said
    run.send_signal(signal.SIGTERM)
    assert run.wait(LIMIT_S) == 0, said
    until(lambda: not any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in children))
    assert not any("Traceback" in line or "unbuilt: 96x64" in line for line in said), said
    times = times_in(stage / "show.mkv")
    assert len(times) > 3 and times == sorted(set(times)), "the recording was finished"
    with av.open(str(stage / "show.mkv")) as container:
        assert container.duration, "in good order: its length stands in its head"


def _builds(process: psutil.Process) -> bool:
    try:
        return any("build_worker" in word for word in process.cmdline())
    except psutil.Error:
        return False


def _end_s() -> float:
    from stylefader.realtime.session import session

    return session._END_S


class Hanging:
    """A clock on which a thread or a build that hangs uses up all the time that it is given."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def wait(self, timeout_s: float | None = None) -> bool:
        assert timeout_s is not None, "a wait without a limit"
        self.now += timeout_s
        return False

    def cancel(self) -> None: ...
    def hold(self, held: bool) -> None: ...

    def close(self, timeout_s: float) -> None:
        """Of measuring."""
        self.wait(timeout_s)


def test_builds_that_hang_are_waited_for_together(monkeypatch: pytest.MonkeyPatch) -> None:
    hanging = Hanging()
    monkeypatch.setattr(rack_module, "time", hanging)
    loader = EngineLoader([], measuring=lambda **_: hanging)  # type: ignore[arg-type, return-value]
    loader._old = [hanging] * 20  # type: ignore[list-item]
    loader.close()
    assert hanging.now == rack_module._END_S, "builds and measuring"


def test_closing_ends_in_time_whatever_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Camera, engine and builds hang all at once; what is left of the promise is for the sinks."""
    with Stage(tmp_path, Flow) as stage:
        stage.play()
        hanging = Hanging()
        with monkeypatch.context() as patch:
            patch.setattr(live_module, "time", hanging)
            patch.setattr(rack_module, "time", hanging)
            patch.setattr(stage.live.loader, "_old", [hanging] * 5)
            patch.setattr(stage.live.loader, "_measuring", hanging)
            patch.setattr(stage.live.capture, "_thread", SimpleNamespace(ident=1, join=hanging.wait, is_alive=bool))
            thread = stage.live._thread
            patch.setattr(stage.live, "_thread", SimpleNamespace(ident=1, join=hanging.wait))
            stage.live.close()
        thread.join(LIMIT_S)
        assert 1.0 < hanging.now <= promise("SIGTERM while a style is built") - 0.5
