"""`--stroke` in a render: whole jobs on numbered pictures."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from stylefader.realtime.session.render_job import RenderJob, Watcher, run_job
from stylefader.training.errors import AutomationError
from stylefader.training.packs.pack import save_pack
from tests.conftest import random_pack

Picture = npt.NDArray[np.uint8]
FRAMES = 8


class Said(Watcher):
    def __init__(self) -> None:
        self.words: list[str] = []

    def report(self, words: str) -> None:
        self.words.append(words)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Eight pictures of a moving bar, ten a second, and a pack."""
    (tmp_path / "in").mkdir()
    for number in range(FRAMES):
        picture = np.random.default_rng(0).integers(0, 60, (48, 64, 3), np.uint8)
        picture[:, 4 * number : 4 * number + 12] = (30, 180, 220)
        cv2.imwrite(str(tmp_path / "in" / f"{number:02}.png"), picture)
    save_pack(random_pack(tmp_path / "random.safetensors"))
    return tmp_path


def rendered(folder: Path, watcher: Watcher | None = None, **words: object) -> list[Picture]:
    out = folder / f"out{len(list(folder.iterdir()))}"
    out.mkdir()
    job = RenderJob(
        source=str(folder / "in" / "%02d.png"), output=str(out / "%02d.png"), style=str(folder / "random.safetensors"),
        alpha=1.0, rate=Fraction(10), engine="torch", **words,  # type: ignore[arg-type]
    )  # fmt: skip
    assert run_job(job, watcher).frames == FRAMES
    return [np.asarray(cv2.imread(str(file)), np.uint8) for file in sorted(out.glob("*.png"))]


def same(one: list[Picture], other: list[Picture]) -> list[bool]:
    return [np.array_equal(a, b) for a, b in zip(one, other, strict=True)]


def test_keyframes_choose_the_engine_of_each_frame(folder: Path) -> None:
    said = Said()
    plain, larger = rendered(folder), rendered(folder, stroke=2)
    assert not any(same(plain, larger)) and all(same(plain, rendered(folder, stroke=1.1)))
    moved = rendered(folder, said, stroke="0s:1:hold 0.4s:2")
    assert said.words == ["stroke 1.5: the network computes at 44x32", "stroke 2: the network computes at 32x24"]
    assert same(moved, plain) == [True] * 4 + [False] * 4
    assert same(moved, larger) == [False] * 4 + [True] * 4
    (folder / "take.csv").write_text("time,alpha,stroke\n0,1,1\n0.3,1,1\n0.4,1,2\n")
    job = {"automation": folder / "take.csv", "alpha": None}
    assert all(same(moved, [*rendered_take(folder, job)]))


def rendered_take(folder: Path, words: dict[str, object]) -> list[Picture]:
    (folder / "take").mkdir()
    run_job(RenderJob(
        source=str(folder / "in" / "%02d.png"), output=str(folder / "take" / "%02d.png"), rate=Fraction(10),
        style=str(folder / "random.safetensors"), engine="torch", **words,  # type: ignore[arg-type]
    ))  # fmt: skip
    return [np.asarray(cv2.imread(str(file)), np.uint8) for file in sorted((folder / "take").glob("*.png"))]


def test_the_original_is_the_original_at_any_size(folder: Path) -> None:
    originals = [np.asarray(cv2.imread(str(file)), np.uint8) for file in sorted((folder / "in").glob("*.png"))]
    assert all(same(originals, rendered(folder, stroke=3, mix=0)))
    assert all(same(originals, rendered(folder, stroke=0.67, mix=0)))


@pytest.mark.parametrize("words", ["large", "0s:1,2"])
def test_what_cannot_be_is_said(folder: Path, words: str) -> None:
    with pytest.raises(AutomationError):
        rendered(folder, stroke=words)
