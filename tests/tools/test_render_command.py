"""`stylefader render` from end to end: what is written, and one clear line for everything that does not fit."""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from stylefader.training.packs.library import find_pack
from stylefader.training.packs.pack import save_pack
from tests.conftest import random_pack
from tests.realtime.clips import Clip, read
from tests.tools.program import PROGRAM, stylefader, stylefader_process


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a good clip and a small pack, which the tests copy."""
    folder = tmp_path_factory.mktemp("given")
    Clip(frames=20, rate=Fraction(10), audio=("eng",)).make(folder / "clip.mp4")
    save_pack(random_pack(folder / "small.safetensors", width=4))
    return folder


@pytest.fixture
def folder(given: Path, tmp_path: Path) -> Path:
    for path in given.iterdir():
        shutil.copy(path, tmp_path)
    return tmp_path


def test_what_is_written(folder: Path) -> None:
    words = ("clip.mp4", "--style", "small.safetensors", "--alpha", "0s:0 1s:1", "--json")
    done = stylefader("render", *words, "-o", "a.mp4", cwd=folder)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert (document["output"], document["frames"], document["engine"]) == ("a.mp4", 20, "openvino")
    said = re.search(r"wrote a.mp4: 20 frames, 64x48, in (\S+) s, (\S+) s of it rendering: (\S+) fps\n", done.stderr)
    assert said, done.stderr
    assert float(said[2]) <= float(said[1]) and float(said[3]) == round(document["fps"], 1), "figures that agree"
    assert document["render_seconds"] == pytest.approx(20 / document["fps"], abs=1e-3), "rounded to milliseconds"
    _, before = read(folder / "clip.mp4")
    source, after = read(folder / "a.mp4")
    assert after.times == before.times
    assert after.packets == before.packets, "sound byte for byte"
    assert (source.width, source.height, source.rate) == (64, 48, 10)
    assert stylefader("render", *words, "-o", "b.mp4", cwd=folder).returncode == 0
    _, again = read(folder / "b.mp4")
    assert all(np.array_equal(a, b) for a, b in zip(after.images, again.images, strict=True)), "the same every time"


@pytest.mark.parametrize(("size", "inside"), [("96x48", np.s_[:, 16:80]), ("64x80", np.s_[16:64, :])])
def test_the_bars_of_contain_are_black(folder: Path, size: str, inside: tuple[slice, slice]) -> None:
    """A network paints what is black as well: of videos, of moving pictures and of stills."""
    with av.open(str(folder / "clip.mp4")) as container:
        pictures = [frame.to_image() for frame in itertools.islice(container.decode(video=0), 3)]
    pictures[0].save(folder / "still.png")
    pictures[0].save(folder / "moving.png", save_all=True, append_images=pictures[1:], duration=100)
    width, height = (int(side) for side in size.split("x"))
    for source, output in (("clip.mp4", "v.mkv"), ("moving.png", "m.mkv"), ("still.png", "s.png")):
        words = (source, "-o", output, "--style", "small.safetensors", "--size", size, "--fit", "contain")
        more = ("--codec", "ffv1") if output.endswith("mkv") else ()
        done = stylefader("render", *words, *more, "--engine", "torch", cwd=folder)
        assert done.returncode == 0, done.stderr
        images = read(folder / output)[1].images if more else [np.asarray(Image.open(folder / output))]
        for image in images:
            assert image.shape == (height, width, 3)
            assert image[inside].shape == (48, 64, 3) and image[inside].mean() > 20
            outside = image.copy()
            outside[inside] = 0
            assert outside.max() == 0, source


def test_a_part_looks_as_in_the_whole(folder: Path) -> None:
    """Alpha follows the clip's own time, also when only a part is rendered."""
    words = ("clip.mp4", "--style", "small.safetensors", "--alpha", "0s:0 2s:1", "--engine", "torch", "--codec", "ffv1")
    assert stylefader("render", *words, "-o", "whole.mkv", cwd=folder).returncode == 0
    done = stylefader("render", *words, "-o", "part.mkv", "--from", "0.5s", "--to", "00:01.2", "--json", cwd=folder)
    assert json.loads(done.stdout)["frames"] == 7, done.stderr
    _, whole = read(folder / "whole.mkv")
    _, part = read(folder / "part.mkv")
    assert part.times[0] == 0
    for a, b in zip(whole.images[5:12], part.images, strict=True):
        assert np.abs(a.astype(int) - b).max() <= 2


def test_alpha_is_kept_in_the_packs_range_with_a_word(folder: Path) -> None:
    words = ("clip.mp4", "--style", "small.safetensors", "--to", "0.2s", "--engine", "torch", "--codec", "ffv1")
    one = stylefader("render", *words, "--alpha", "1", "-o", "one.mkv", cwd=folder)
    more = stylefader("render", *words, "--alpha", "7", "-o", "more.mkv", cwd=folder)
    assert "kept within this style's range, 0 to 1" in more.stderr
    assert "range" not in one.stderr
    assert np.array_equal(read(folder / "one.mkv")[1].images, read(folder / "more.mkv")[1].images)


STYLE = ("--style", "small.safetensors")
BAD: dict[str, tuple[tuple[str, ...], str]] = {
    "missing": (("none.mp4", "-o", "out.mp4", *STYLE), "none.mp4"),
    "empty": (("empty.mp4", "-o", "out.mp4", *STYLE), "empty.mp4"),
    "text": (("text.mp4", "-o", "out.mp4", *STYLE), "text.mp4"),
    "truncated": (("cut.mp4", "-o", "out.mp4", *STYLE), "cut.mp4"),
    "sound only": (("sound.mp4", "-o", "out.mp4", *STYLE), "sound.mp4"),
    "folder": (("sub", "-o", "out.mp4", *STYLE), "sub"),
    "unknown style": (("clip.mp4", "-o", "out.mp4", "--style", "grate_wave"), "did you mean great_wave"),
    "no such pack": (("clip.mp4", "-o", "out.mp4", "--style", "none.safetensors"), "no style pack at"),
    "broken pack": (("clip.mp4", "-o", "out.mp4", "--style", "broken.safetensors"), "broken.safetensors"),
    "alpha text": (("clip.mp4", "-o", "out.mp4", *STYLE, "--alpha", "0s:0 1s:x"), "--alpha, column 6"),
    "alpha order": (("clip.mp4", "-o", "out.mp4", *STYLE, "--alpha", "1s:0 0s:1"), "time order"),
    "alpha NaN": (("clip.mp4", "-o", "out.mp4", *STYLE, "--alpha", "nan"), "not a number"),
    "alpha blocks": (("clip.mp4", "-o", "out.mp4", *STYLE, "--alpha", "0s:0,1"), "this style takes 3: give 1 or 3"),
    "alpha twice": (("clip.mp4", "-o", "out.mp4", *STYLE, "--alpha", "1", "--automation", "bad.csv"), "not both"),
    "csv": (("clip.mp4", "-o", "out.mp4", *STYLE, "--automation", "bad.csv"), "bad.csv, line 3, column 2 (alpha)"),
    "no csv": (("clip.mp4", "-o", "out.mp4", *STYLE, "--automation", "none.csv"), "no automation file"),
    "exists": (("clip.mp4", "-o", "text.mp4", *STYLE), "--overwrite"),
    "no folder": (("clip.mp4", "-o", "nowhere/out.mp4", *STYLE), "nowhere"),
    "onto itself": (("clip.mp4", "-o", "clip.mp4", *STYLE, "--overwrite"), "clip.mp4"),
    "container": (("clip.mp4", "-o", "out.xyz", *STYLE), "out.xyz"),
    "codec": (("clip.mp4", "-o", "out.mp4", *STYLE, "--codec", "cinepak9"), "cinepak9"),
    "one picture": (("clip.mp4", "-o", "out.png", *STYLE), "out_%04d.png"),
    "engine": (("clip.mp4", "-o", "out.mp4", *STYLE, "--engine", "warp"), "no engine named 'warp'"),
    "precision": (("clip.mp4", "-o", "out.mp4", *STYLE, "--precision", "f8"), "f8"),
    "size": (("clip.mp4", "-o", "out.mp4", *STYLE, "--size", "64"), "WxH"),
    "fit": (("clip.mp4", "-o", "out.mp4", *STYLE, "--fit", "fill"), "cover, contain or stretch"),
    "time": (("clip.mp4", "-o", "out.mp4", *STYLE, "--from", "soon"), "not a time"),
    "beyond the end": (("clip.mp4", "-o", "out.mp4", *STYLE, "--from", "9s"), "clip.mp4"),
    "empty range": (("clip.mp4", "-o", "out.mp4", *STYLE, "--from", "1s", "--to", "1s"), "1"),
}


@pytest.fixture(scope="module")
def bad_folder(given: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bad")
    for path in given.iterdir():
        shutil.copy(path, folder)
    (folder / "sub").mkdir()
    (folder / "empty.mp4").touch()
    (folder / "text.mp4").write_text("no video at all\n" * 50)
    (folder / "cut.mp4").write_bytes((folder / "clip.mp4").read_bytes()[:-200])
    (folder / "broken.safetensors").write_bytes((folder / "small.safetensors").read_bytes()[:-9])
    (folder / "bad.csv").write_text("time,alpha\n0,0\n1,x\n")
    strip_video(folder / "clip.mp4", folder / "sound.mp4")
    return folder


def strip_video(clip: Path, target: Path) -> None:
    import av

    with av.open(str(clip)) as source, av.open(str(target), "w") as out:
        stream = out.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(source.streams.audio[0]):
            if packet.dts is not None:
                packet.stream = stream
                out.mux(packet)


@pytest.mark.parametrize("case", BAD)
def test_bad_input_ends_in_one_clear_line(bad_folder: Path, case: str) -> None:
    arguments, word = BAD[case]
    before = {path: path.stat().st_mtime_ns for path in bad_folder.rglob("*")}
    done = stylefader("render", *arguments, cwd=bad_folder)
    assert done.returncode == 2, done.stderr
    assert word in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert [line.split(":")[0] for line in done.stderr.splitlines()] == ["error"]
    assert {path: path.stat().st_mtime_ns for path in bad_folder.rglob("*")} == before, "nothing is left behind"


def test_debug_shows_the_traceback(bad_folder: Path) -> None:
    done = stylefader_process("render", "none.mp4", "-o", "out.mp4", *STYLE, "--debug", cwd=bad_folder)
    assert done.returncode == 1
    assert "Traceback" in done.stderr


def test_a_full_disk_while_rendering_leaves_nothing(folder: Path) -> None:
    code = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000)); import stylefader.tools.program as p; p.main()"
    )
    before = sorted(path.name for path in folder.iterdir())
    done = subprocess.run(
        [sys.executable, "-c", code, "render", "clip.mp4", "-o", "out.mp4", *STYLE],
        cwd=folder, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: ")
    assert "out.mp4" in done.stderr.splitlines()[-1]
    assert sorted(path.name for path in folder.iterdir()) == before


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ctrl_c_leaves_nothing_behind(folder: Path, number: signal.Signals, code: int) -> None:
    shutil.copy(find_pack("great_wave"), folder / "slow.safetensors")
    (folder / "out.mp4").write_bytes(b"was here before")
    running = subprocess.Popen(
        [PROGRAM, "render", "clip.mp4", "-o", "out.mp4", "--style", "slow.safetensors", "--engine", "torch",
         "--size", "320x240", "--overwrite"],
        cwd=folder, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert running.stderr
    said = ""
    while "s a frame" not in said:  # it is about to render now
        line = running.stderr.readline()
        assert line, said
        said += line
    os.kill(running.pid, number)
    _, rest = running.communicate(timeout=120)
    assert running.returncode == code, said + rest
    assert "Traceback" not in rest
    assert (folder / "out.mp4").read_bytes() == b"was here before"
    assert sorted(p.name for p in folder.iterdir()) == ["clip.mp4", "out.mp4", "slow.safetensors", "small.safetensors"]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_while_starting_leaves_nothing_behind(folder: Path, number: signal.Signals) -> None:
    """From the first import until the engine is compiled, whenever it comes."""
    before = sorted(p.name for p in folder.iterdir())
    for delay in (0.4, 0.8, 1.2, 2.0, 3.0):  # what comes before is the start of Python itself
        running = subprocess.Popen(
            [PROGRAM, "render", "clip.mp4", "-o", "out.mp4", *STYLE, "--size", "320x240", "--engine", "torch"],
            cwd=folder, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            running.wait(delay)
        except subprocess.TimeoutExpired:
            running.send_signal(number)
            _, words = running.communicate(timeout=120)
            assert "Traceback" not in words
            if "wrote out.mp4" in words:  # it came after all was done
                (folder / "out.mp4").unlink()
                continue
            assert running.returncode == 128 + number, words
            assert sorted(p.name for p in folder.iterdir()) == before
        else:
            running.communicate(timeout=60)
            (folder / "out.mp4").unlink(missing_ok=True)


def test_names_that_no_file_can_have(folder: Path) -> None:
    name = "x" * 300
    for words in ((f"{name}.mp4", "-o", "out.mp4", *STYLE), ("clip.mp4", "-o", f"{name}.mp4", *STYLE),
                  ("clip.mp4", "-o", "out.mp4", "--style", name)):  # fmt: skip
        done = stylefader("render", *words, cwd=folder)
        assert done.returncode == 2, done.stderr
        assert [line[:6] for line in done.stderr.splitlines()] == ["error:"]
