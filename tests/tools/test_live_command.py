"""`stylefader live`: what is written, how it ends, and one clear line for what does not fit."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from stylefader.engines import open_engine
from stylefader.realtime.automation.csv_file import read_csv
from stylefader.training.packs.pack_file import PackFile
from tests.realtime.clips import Clip
from tests.tools.live import NO_DISPLAY, WAIT_S, playing, words
from tests.tools.program import PROGRAM, stylefader

ENDED = (-signal.SIGTERM, 128 + signal.SIGTERM)


def test_a_recording_and_its_numbers(stage: Path) -> None:
    done = stylefader(
        *words("testcard", "--no-window", "--sink", "show.mkv", "--sink", "null", "--stats", "n.jsonl"),
        "--alpha", "0.8", "--seconds", "3", "--overwrite", "--log-file", "show.log", cwd=stage,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert re.search(r"Random: 96x64, engine: openvino (bf16|f32), as asked, from the cache", done.stderr)
    log = (stage / "show.log").read_text()
    assert "stylefader.realtime.session: SessionStarted(source='the testcard', width=96, height=64)" in log
    assert "EngineTaken(style='small', title='Random', size=Size(height=64, width=96)" in log
    rows = [json.loads(line) for line in (stage / "n.jsonl").read_text().splitlines()]
    last = rows[-1]
    assert last["engine"] == "openvino" and last["size"] == "96x64" and last["style"] == "small"
    assert last["alpha"] == pytest.approx([0.8] * 3)
    assert last["latency_ms"]["engine"]["p99"] > 0 and last["sinks"][0]["latency_ms"][0] > 0
    assert last["frames"] == sum((last["sinks"][1]["written"], last["sinks"][1]["dropped"]))
    assert len(rows) >= 3
    with av.open(stage / "show.mkv") as clip:
        frames = [frame.to_ndarray(format="rgb24") for frame in clip.decode(video=0)]
    assert len(frames) > 5 and frames[0].shape == (64, 96, 3)


def test_a_file_that_ends_before_an_engine_is_ready_says_so(stage: Path) -> None:
    Clip(frames=2, rate=Fraction(15), size=(96, 64)).make(stage / "short.mp4")
    done = stylefader(*words("short.mp4", "--no-window", "--sink", "null", "--cache-dir", "none-yet"), cwd=stage)
    assert done.returncode == 0, done.stderr
    assert "short.mp4 is at its end (--loop begins it again); no frame of it was stylized" in done.stderr


def test_a_performance_is_rendered_again(stage: Path) -> None:
    Clip(frames=45, rate=Fraction(15), size=(96, 64)).make(stage / "clip.mp4")
    (stage / "lfo.toml").write_text('[[lfo]]\ntarget = "alpha1"\nhertz = 1\ndepth = 0.2\n')
    play = words("clip.mp4", "--no-window", "--sink", "null", "--record-automation", "take.csv", "--alpha", "0.8")
    play += ["--map", "lfo.toml"]
    done = stylefader(*play, cwd=stage)
    assert done.returncode == 0, done.stderr
    assert "clip.mp4 is at its end (--loop begins it again)" in done.stderr
    keyframes = read_csv(stage / "take.csv").keyframes
    first, swung, last = (np.array([keyframe.values[block] for keyframe in keyframes]) for block in range(3))
    assert len(keyframes) > 10 and first == pytest.approx(0.8) and last == pytest.approx(0.8)
    assert 0.59 < swung.min() < 0.65 and 0.95 < swung.max() <= 1
    times = [float(keyframe.time * 15) for keyframe in keyframes]
    assert times == pytest.approx([round(time) for time in times], abs=1e-9) and times[-1] < 45, "the clip's own times"
    again = ["render", "clip.mp4", "-o", "again.mp4", "--style", "small.safetensors", "--automation", "take.csv"]
    done = stylefader(*again, "--engine", "openvino", "--cache-dir", "c", cwd=stage)
    assert done.returncode == 0, done.stderr
    done = stylefader(*play, cwd=stage)
    assert done.returncode == 2 and "take.csv exists: give --overwrite" in done.stderr


def test_sigterm_drains_the_recording_and_ends(stage: Path) -> None:
    with playing("testcard", "--no-window", "--sink", "cut.mkv", "--overwrite", cwd=stage) as run:
        until = time.monotonic() + WAIT_S
        while (before := frames_in(stage / "cut.mkv")) < 10:
            assert time.monotonic() < until
        run.send_signal(signal.SIGTERM)
        assert run.wait(WAIT_S) == 0
    assert frames_in(stage / "cut.mkv") >= before


def frames_in(recording: Path) -> int:
    """How many frames of a recording can be read, also while it goes on."""
    try:
        with av.open(recording) as clip:
            return sum(1 for _ in clip.decode(video=0))
    except av.FFmpegError:  # it has just begun
        return 0


@pytest.mark.parametrize(
    ("moment", "ends"),
    [
        pytest.param("", ENDED, marks=pytest.mark.slow),
        ("numpy._core._multiarray_umath", ENDED),
        pytest.param("import 'av'", ENDED, marks=pytest.mark.slow),
        pytest.param("Ctrl-C or q ends", (0,), marks=pytest.mark.slow),
        ("the original passes through", (0,)),
        pytest.param("Random:", (0,), marks=pytest.mark.slow),
    ],
)
def test_a_signal_at_any_moment_of_the_start_ends_it(
    stage: Path, tmp_path: Path, moment: str, ends: tuple[int, ...]
) -> None:
    """At once, while it imports, opens, builds, plays: the exit code says so, and nothing half-done stays.

    moment: what is to be heard first, also of Python's own words on its imports.
    """
    line = [str(PROGRAM), *words("testcard", "--no-window", "--sink", "cut.mkv", "--cache-dir", str(tmp_path / "none"))]
    line[line.index("small.safetensors")] = str(stage / "small.safetensors")
    env = {**os.environ, "PYTHONVERBOSE": "1"}
    with subprocess.Popen(line, cwd=tmp_path, env=env, stderr=subprocess.PIPE, text=True, errors="replace") as run:
        limit = threading.Timer(WAIT_S, run.kill)  # whatever happens, the lines below come to an end
        limit.start()
        try:
            assert run.stderr is not None
            assert not moment or any(moment in said for said in run.stderr), "that moment never came"
            run.send_signal(signal.SIGTERM)
            said = run.stderr.read()
            run.wait(WAIT_S)
        finally:
            limit.cancel()
            run.kill()
    assert run.returncode in ends, said[-2000:]
    assert "Traceback (most" not in said
    assert not list(tmp_path.glob("*partial*"))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device here")
def test_numbers_that_cannot_be_written_do_not_end_the_show(stage: Path) -> None:
    done = stylefader(*words("testcard", "--no-window", "--sink", "null", "--stats", "/dev/full"), "--seconds", "2.2",
                      cwd=stage)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("the numbers are not written any more: No space left on device") == 1


def test_a_file_plays_to_its_end(stage: Path) -> None:
    done = stylefader(*words("picture.png", "--no-window", "--sink", "null"), cwd=stage)
    assert done.returncode == 0, done.stderr


def test_without_a_display_the_other_sinks_go_on(stage: Path) -> None:
    line = [str(PROGRAM), *words("testcard", "--sink", "null", "--seconds", "1")]
    done = subprocess.run(line, cwd=stage, env=NO_DISPLAY, capture_output=True, text=True, timeout=WAIT_S, check=False)
    assert done.returncode == 0, done.stderr
    assert "no window: " in done.stderr


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--no-window"], "nothing to show the picture on"),
        (["--no-window", "--sink", "what"], "unknown sink 'what'; there are virtualcam"),
        (["--no-window", "--sink", "null", "--source", "no.mp4"], "no.mp4 does not exist"),
        (["--no-window", "--sink", "null", "--source", "7"], "camera"),
        (["--no-window", "--sink", "null", "--crop", "a"], "a crop is X,Y,WxH in pixels, not 'a'"),
        (["--no-window", "--sink", "null", "--rotate", "45"], "45"),
        (["--no-window", "--sink", "null", "--fit", "tight"], "tight"),
        (["--no-window", "--sink", "null", "--style", "great_wav"], "did you mean great_wave"),
        (["--no-window", "--sink", "null", "--engine", "warp"], "no engine named 'warp'"),
        (["--no-window", "--sink", "null", "--precision", "f64"], "no precision named 'f64'"),
        (["--no-window", "--sink", "null", "--precision", "int8"], "small has no int8 form"),
        (["--no-window", "--sink", "null", "--rate", "nan"], "'nan' is not a frame rate"),
        (["--no-window", "--sink", "a.mkv", "--sink", "./a.mkv"], "two recordings cannot go into one file"),
        (["--no-window", "--sink", "null", "--alpha", "nan"], "'--alpha': it is a finite number up to 1e+09, not nan"),
        (["--no-window", "--sink", "null", "--stats", "none/n.jsonl"], "--stats cannot be written to none/n.jsonl"),
        (["--no-window", "--sink", "null", "--record-automation", "c"], "c is a folder"),
        (["--adapt-share", "0.5"], "name a folder of them, or a picture, by --adapt-photos"),
        (["--adapt-keep", "."], "--adapt-keep has no effect without --adapt-share"),
        (["--adapt-share", "0.5", "--adapt-photos", "."], "adapting needs a style of a palette that says styles"),
    ],
)
def test_bad_words_are_refused_in_one_line(stage: Path, more: list[str], message: str) -> None:
    done = stylefader(*words("testcard"), *more, cwd=stage)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr.strip().splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_a_start_that_fails_leaves_no_take(stage: Path) -> None:
    done = stylefader(
        *words("testcard", "--no-window", "--sink", "null", "--record-automation", "tk.csv", "--osc", "70000"),
        cwd=stage,
    )  # fmt: skip
    assert done.returncode == 2 and "is no address for OSC" in done.stderr and not (stage / "tk.csv").exists()


def test_options_without_effect_are_said(stage: Path) -> None:
    more = ("--fade", "3", "--overwrite", "--full-screen", "--no-window", "--sink", "null", "--seconds", "0.1")
    done = stylefader(*words("testcard", *more), cwd=stage)
    for option in ("--fade", "--overwrite", "--full-screen"):
        assert f"note: {option} does nothing" in done.stderr
    done = stylefader(*words("testcard", "--no-window", "--sink", "null", "--seconds", "0.1"), cwd=stage)
    assert "does nothing" not in done.stderr


@pytest.fixture
def display() -> Iterator[str]:
    """A display of its own without a screen."""
    if shutil.which("Xvfb") is None:
        pytest.skip("there is no Xvfb on this system")
    line = ["Xvfb", "-displayfd", "1", "-screen", "0", "800x600x24", "-nolisten", "tcp"]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        assert server.stdout is not None
        yield f":{server.stdout.readline().strip()}"
        server.kill()


def screenshot(display: str, path: Path) -> np.ndarray:
    """All of a display, RGB; by a process of its own, since mss keeps what it knows of a display."""
    code = "import sys, mss, mss.tools\nwith mss.MSS(display=sys.argv[1]) as m:\n s = m.grab(m.monitors[0])\n" \
           " mss.tools.to_png(s.rgb, s.size, output=sys.argv[2])"  # fmt: skip
    subprocess.run([sys.executable, "-c", code, display, str(path)], check=True, timeout=WAIT_S)
    return np.asarray(cv2.imread(str(path)))[:, :, ::-1]


def test_the_window_shows_the_stylized_picture(stage: Path, display: str) -> None:
    pack = PackFile(stage / "small.safetensors")
    picture = cv2.imread(str(stage / "picture.png"))[:, :, ::-1]
    with open_engine(pack, 64, 96, backend="openvino", cache_dir=stage / "c")[0] as engine:
        expected = engine.run({"frame": np.ascontiguousarray(picture), "alpha": np.full(3, 1.0, np.float32)}).copy()
    # The window shows a small picture seven times as large, in the middle of the screen.
    expected = np.asarray(cv2.resize(expected, (672, 448), interpolation=cv2.INTER_LINEAR))
    shown = ("picture.png", "--loop", "--alpha", "1", "--no-overlay")
    with playing(*shown, cwd=stage, env={**NO_DISPLAY, "DISPLAY": display}) as run:
        error = 255.0
        for _ in range(60):
            assert run.poll() is None
            shot = screenshot(display, stage / "shot.png")
            error = float(np.abs(shot[76:524, 64:736].astype(int) - expected).mean())
            if error < 3:
                break
        assert error < 3
        run.send_signal(signal.SIGINT)
        assert run.wait(WAIT_S) == 0
