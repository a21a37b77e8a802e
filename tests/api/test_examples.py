"""Every example in docs/examples runs."""

from __future__ import annotations

import runpy
import sys
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from tests.paths import DOCS
from tests.realtime.clips import Clip

EXAMPLES = DOCS / "examples"


def run(name: str, *arguments: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
    runpy.run_path(str(EXAMPLES / name), run_name="__main__")


def test_all_are_run_here() -> None:
    tested = Path(__file__).read_text(encoding="utf-8")
    names = [file.name for file in sorted(EXAMPLES.glob("*.py"))]
    assert len(names) >= 5 and [name for name in names if f'"{name}"' not in tested] == []


def test_webcam(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = Clip(frames=5, size=(64, 36)).make(tmp_path / "clip.mp4")
    shown: list[np.ndarray] = []
    keys = iter([ord("+"), ord("+"), -1, ord("q")])
    monkeypatch.setattr(cv2, "imshow", lambda title, picture: shown.append(picture.copy()))
    monkeypatch.setattr(cv2, "waitKey", lambda ms: next(keys))
    run("webcam.py", clip, monkeypatch=monkeypatch)
    assert len(shown) == 4 and {picture.shape for picture in shown} == {(360, 640, 3)}


def test_a_folder_of_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "in").mkdir()
    for name, size in (("a.png", (40, 24)), ("b.jpg", (24, 32))):
        Image.effect_noise(size, 90).convert("RGB").save(tmp_path / "in" / name)
    (tmp_path / "in" / "notes.txt").write_text("no picture")
    run("folder_of_pictures.py", tmp_path / "in", tmp_path / "out", monkeypatch=monkeypatch)
    written = {file.name: cv2.imread(str(file)).shape for file in (tmp_path / "out").iterdir()}
    assert written == {"a.png": (24, 40, 3), "b.png": (32, 24, 3)}


def test_a_slider(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ipywidgets")
    from IPython import display as module

    Image.effect_noise((64, 36), 90).convert("RGB").save(tmp_path / "photo.png")
    shown: list[object] = []
    monkeypatch.setattr(module, "display", shown.append)
    run("slider.py", tmp_path / "photo.png", monkeypatch=monkeypatch)
    before = len(shown)
    (box,) = [thing for thing in shown if hasattr(thing, "children")]
    box.children[0].value = 1.0
    pictures = [thing for thing in shown if isinstance(thing, Image.Image)]
    assert len(shown) > before and len(box.children) == 4
    assert np.abs(np.asarray(pictures[0]).astype(int) - np.asarray(pictures[-1])).mean() > 1, "the slider moved alpha"


def test_alpha_from_a_signal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = Clip(frames=8, rate=Fraction(10), size=(64, 36)).make(tmp_path / "clip.mp4")
    output = tmp_path / "out.mp4"
    run("alpha_from_signal.py", clip, output, "--seconds", 0.5, "--size", 32, 18, monkeypatch=monkeypatch)
    with av.open(output) as written:
        assert sum(1 for _ in written.decode(video=0)) == 5


def test_gpu_tensors(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    if not torch.cuda.is_available():
        with pytest.raises(SystemExit, match="needs an NVIDIA GPU"):
            run("gpu_tensors.py", "--frames", 2, monkeypatch=monkeypatch)
        pytest.skip("needs an NVIDIA GPU: here it says so and ends")
    run("gpu_tensors.py", "--frames", 2, monkeypatch=monkeypatch)
    assert "frames a second" in capsys.readouterr().out
