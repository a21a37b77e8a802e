from __future__ import annotations

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.realtime.clips import Clip
from tests.tools.program import stylefader
from tools import evaluate, evaluate_objectives
from tools.evaluate import two_blocks
from training.errors import PackError, StylefaderError
from training.pack import StylePack


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    cv2.imwrite(str(path), np.random.default_rng(0).integers(0, 256, (30, 41, 3), np.uint8))
    return path


def test_a_strip_shows_the_photograph_and_every_alpha(pack: StylePack, photo: Path, tmp_path: Path) -> None:
    words = ("evaluate", "strip", pack.file, photo, "-o", "strip.png", "--cell", 41, "--alphas", "0,1", "--json")
    done = stylefader(*words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["alphas"] == [0, 1]
    strip = cv2.imread(str(tmp_path / "strip.png"))
    assert strip.shape[1] == 3 * 41 + 2 * 6
    assert np.array_equal(strip[:30, :41], cv2.imread(str(photo)))
    assert not np.array_equal(strip[:30, 47:88], strip[:30, 94:135])


def test_a_matrix_moves_one_block_against_another(pack: StylePack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cells are of one colour here, red for the block that goes down and green for the one that goes across."""
    monkeypatch.setattr(evaluate, "_stylized", lambda pack, photo, settings, cell: [
        np.full((30, 200, 3), [200 * down, 200 * across, 200 * other], np.uint8) for across, other, down in settings
    ])  # fmt: skip
    matrix = evaluate.matrix_of(pack, np.zeros((30, 200, 3), np.uint8), [0, 1], (2, 0), cell=200)
    assert matrix.shape[1] == 2 * 200 + 6
    cells = [matrix[top, left].tolist() for top in (0, matrix.shape[0] // 2) for left in (0, 206)]
    assert cells == [[0, 0, 0], [0, 200, 0], [200, 0, 0], [200, 200, 0]]


def test_blocks_of_a_matrix_go_by_number_or_label(pack: StylePack) -> None:
    labels = [block.label for block in pack.header.blocks]
    assert two_blocks(pack, "2, 0") == two_blocks(pack, f"{labels[2]},{labels[0]}") == (2, 0)
    for words in ("0", "0,0", "0,9", "0,1,2", "paint,0", ""):
        with pytest.raises(PackError, match="two different blocks of this style"):
            two_blocks(pack, words)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("none.png", "-o", "strip.png"), "picture not found"),
        (("photo.png", "-o", "strip.gif"), "a strip is a .jpg or .png"),
        (("photo.png", "-o", "photo.png"), "the photograph itself"),
        (("photo.png", "-o", "random.safetensors"), "a .jpg or .png"),
        (("photo.png", "-o", "strip.png", "--alphas", "0:1 1:0"), "without times"),
        (("photo.png", "-o", "nowhere/strip.png"), "cannot write"),
        (("photo.png", "-o", "strip.png", "--alphas", "0,x"), "--alphas, column 1"),
    ],
)
def test_bad_input(pack: StylePack, photo: Path, tmp_path: Path, arguments: tuple[str, ...], word: str) -> None:
    assert photo.exists()
    done = stylefader("evaluate", "strip", pack.file, *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert word in done.stderr
    assert "Traceback" not in done.stderr


def test_warping_errors_of_photographs_and_of_a_clip(pack: StylePack, photo: Path, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    photo.rename(tmp_path / "photos" / "one.png")
    Clip(frames=4).make(tmp_path / "clip.mp4")
    words = ("evaluate", "temporal", pack.file, "clip.mp4", "--photos", "photos", "--frames", 3, "--side", 32)
    done = stylefader(*words, "-o", "table.csv", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    assert [(row["of"], row["alpha"], row["pairs"]) for row in rows] == [
        (of, alpha, 2) for of in ("photographs", "clip.mp4") for alpha in (0, 0.5, 1)
    ]
    for row in rows:
        assert row["excess"] == pytest.approx(row["error"] - row["input"])
    with (tmp_path / "table.csv").open(newline="") as file:
        assert [float(row["error"]) for row in csv.DictReader(file)] == [row["error"] for row in rows]
    done = stylefader(*words, "-o", "table.csv", cwd=tmp_path)
    assert done.returncode == 2
    assert "exists already" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ((), "nothing to measure on"),
        (("none.mp4",), "none.mp4"),
        (("--photos", "nowhere"), "no folder of photographs"),
        (("none.mp4", "--frames", 1), "2 frames or more"),
        (("none.mp4", "--alphas", "0:1 1:0"), "without times"),
        (("none.mp4", "-o", "nowhere/table.csv"), "cannot write"),
    ],
)
def test_what_cannot_be_measured(pack: StylePack, tmp_path: Path, arguments: tuple[object, ...], word: str) -> None:
    done = stylefader("evaluate", "temporal", pack.file, *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert word in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("output", "word"),
    [
        ("plot.png", "the table is a .csv"),
        ("nowhere/table.csv", "cannot write"),
        ("there.csv", r"there\.svg exists already"),
        ("table.csv", "does not say how it was trained"),
    ],
)
def test_objectives_that_cannot_be_measured(pack: StylePack, tmp_path: Path, output: str, word: str) -> None:
    (tmp_path / "there.svg").touch()
    paintings = [tmp_path / "painting.png"]
    with pytest.raises(StylefaderError, match=word):
        evaluate_objectives.command(str(pack.file), tmp_path, tmp_path / "vgg", paintings, tmp_path / output)
    assert not list(tmp_path.glob("table*"))
