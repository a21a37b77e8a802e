"""Standard streams that are closed, full or gone: the work counts, the exit code says what was lost."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from stylefader.engines import open_engine
from stylefader.training.packs.pack import save_pack
from stylefader.training.packs.pack_file import PackFile
from tests.conftest import random_pack
from tests.tools.program import PROGRAM, stylefader

WAIT_S = 120
FULL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device here")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("streams")
    save_pack(random_pack(folder / "small.safetensors"))
    open_engine(PackFile(folder / "small.safetensors"), 24, 32, backend="openvino")[0].close()  # it is in the cache now
    cv2.imwrite(str(folder / "in.png"), np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8))
    return folder


def shell(folder: Path, words: str, redirections: str) -> subprocess.CompletedProcess[str]:
    line = f"{PROGRAM} {words} {redirections}"
    return subprocess.run(["bash", "-c", line], cwd=folder, capture_output=True, text=True, timeout=WAIT_S, check=False)


def render(folder: Path, redirections: str, *more: str) -> subprocess.CompletedProcess[str]:
    (folder / "out.png").unlink(missing_ok=True)
    words = f"render in.png -o out.png --style small.safetensors --engine openvino {' '.join(more)}"
    done = shell(folder, words, redirections)
    assert "Traceback" not in done.stderr and "Exception" not in done.stderr
    assert cv2.imread(str(folder / "out.png")).shape == (24, 32, 3), "the render counts, whoever listens"
    return done


@pytest.mark.parametrize("redirection", [">&-", pytest.param("> /dev/full", marks=FULL), "<&- >&-", "| true"])
def test_a_result_that_cannot_be_printed_is_a_failure_after_the_work(folder: Path, redirection: str) -> None:
    more = ("--json",) if "|" not in redirection else ("--json", "2> words", "|", "(exec <&-; sleep 0);")
    if "|" in redirection:
        done = render(folder, "echo ${PIPESTATUS[0]}", *more)
        assert done.stdout.strip() == "1" and "error" not in (folder / "words").read_text()
        return
    done = render(folder, redirection, *more)
    assert done.returncode == 1
    why = "it is closed" if "&-" in redirection else "No space left on device"
    assert done.stderr.splitlines()[-1] == f"error: nothing can be written to standard output: {why}"


@pytest.mark.parametrize("redirection", ["2>&-", pytest.param("2> /dev/full", marks=FULL), "<&- 2>&-"])
def test_words_that_cannot_be_said_change_nothing(folder: Path, redirection: str) -> None:
    done = render(folder, redirection, "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["frames"] == 1


def test_nothing_at_all_is_open(folder: Path) -> None:
    assert render(folder, "<&- >&- 2>&-").returncode == 0, "without --json there is no result to print"
    assert render(folder, "<&- >&- 2>&-", "--json").returncode == 1


OTHERS = ["styles list", "styles list --json", "styles show great_wave", "render --help", "midi"]


@pytest.mark.parametrize("redirection", [">&-", pytest.param("> /dev/full", marks=FULL)])
def test_the_version_likewise(folder: Path, redirection: str) -> None:
    done = shell(folder, "--version", redirection)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: nothing can be written to standard output: ")


@pytest.mark.parametrize("words", OTHERS)
@pytest.mark.parametrize(
    ("device", "flags", "why"),
    [
        (os.devnull, os.O_RDONLY, "it is closed"),  # what the program puts in the place of a closed one
        pytest.param("/dev/full", os.O_WRONLY, "No space left on device", marks=FULL),
    ],
)
def test_other_results_likewise(folder: Path, words: str, device: str, flags: int, why: str) -> None:
    descriptor = os.open(device, flags)
    try:
        done = stylefader(*words.split(), cwd=folder, stdout=descriptor)
    finally:
        os.close(descriptor)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [f"error: nothing can be written to standard output: {why}"]


def test_bad_words_keep_their_code_where_nobody_hears_of_it(folder: Path) -> None:
    for redirection in ("2>&-", "2>/dev/full"):
        done = shell(folder, "render in.png -o out.png --style no_such_style", redirection)
        assert (done.returncode, done.stdout, done.stderr) == (2, "", "")


def test_names_that_are_not_utf8(folder: Path) -> None:
    name = os.fsdecode(b"caf\xe9.mkv")
    line = [
        str(PROGRAM),
        "render",
        "in.mp4",
        "-o",
        name,
        "--style",
        "small.safetensors",
        "--engine",
        "openvino",
        "--json",
    ]
    with av.open(str(folder / "in.mp4"), "w") as clip:
        stream = clip.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 32, 24, "yuv420p"
        for shade in (0, 128, 255):
            clip.mux(stream.encode(av.VideoFrame.from_ndarray(np.full((24, 32, 3), shade, np.uint8))))
        clip.mux(stream.encode(None))
    done = subprocess.run(line, cwd=folder, capture_output=True, timeout=WAIT_S, check=False)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout.decode("utf-8"))
    assert document["output"] == name and document["frames"] == 3
    assert b"wrote caf\\udce9.mkv: 3 frames" in done.stderr
    assert (folder / name).stat().st_size > 0


def test_an_encoding_that_lacks_the_characters(folder: Path) -> None:
    """As on a terminal of one byte a character."""
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    line = [str(PROGRAM), "render", "in.png", "-o", "grün.png", "--style", "small.safetensors", "--json"]
    done = subprocess.run(line, cwd=folder, env=environment, capture_output=True, timeout=WAIT_S, check=False)
    assert done.returncode == 0, done.stderr
    assert b"wrote gr\\xfcn.png" in done.stderr
