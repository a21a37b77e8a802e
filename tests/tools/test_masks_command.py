"""`--where` and `--mask` from end to end: in a render, in a live session, and what is refused."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from stylefader.training.packs.pack import save_pack
from tests.conftest import random_pack
from tests.realtime.clips import Clip, read
from tests.tools.program import stylefader

H, W = 48, 64


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A lossless clip, its frames as pictures, a mask whose right half is white, and a small pack."""
    rng = np.random.default_rng(3)
    for at in range(4):
        picture = cv2.resize(rng.integers(0, 256, (6, 8, 3), np.uint8), (W, H), interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(tmp_path / f"in_{at}.png"), picture)
    right = np.zeros((2 * H, 2 * W), np.uint8)
    right[:, W:] = 255
    cv2.imwrite(str(tmp_path / "right.png"), right)
    save_pack(random_pack(tmp_path / "small.safetensors", width=4))
    return tmp_path


def render(folder: Path, *words: object, code: int = 0) -> str:
    """Render the pictures to out_N.png; gives what was said."""
    done = stylefader(
        "render", "in_%d.png", "-o", "out_%d.png", "--style", "small.safetensors", "--alpha", "1", "--overwrite",
        *words, cwd=folder,
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    return done.stderr


def changed(folder: Path, at: int) -> npt.NDArray[np.bool_]:
    """Where the output differs from the input."""
    before, after = (cv2.imread(str(folder / f"{name}_{at}.png")) for name in ("in", "out"))
    assert before is not None
    assert after is not None
    return np.asarray((before != after).any(axis=2))


def test_only_the_inside_of_a_picture_is_stylized(folder: Path) -> None:
    render(folder, "--mask", "right.png")
    assert not changed(folder, 1)[:, : W // 2 - 2].any()
    assert changed(folder, 1)[:, W // 2 + 2 :].mean() > 0.9
    render(folder, "--mask", "right.png", "--where", "not:mask")
    assert changed(folder, 1)[:, : W // 2 - 2].mean() > 0.9
    assert not changed(folder, 1)[:, W // 2 + 2 :].any()


def test_a_mask_clip_follows_the_frames_and_its_end_is_said_once(folder: Path) -> None:
    for at, level in enumerate((0, 255)):
        cv2.imwrite(str(folder / f"mask_{at}.png"), np.full((H, W), level, np.uint8))
    said = render(folder, "--mask", "mask_%d.png")
    assert not changed(folder, 0).any()
    assert all(changed(folder, at).mean() > 0.9 for at in (1, 2, 3))
    assert said.count("its last picture holds") == 1


def test_a_column_moves_a_shape(folder: Path) -> None:
    (folder / "move.csv").write_text("time,alpha,mask_x,ease\n0,1,0,hold\n0.04,1,1,hold\n")
    done = stylefader(
        "render", "in_%d.png", "-o", "out_%d.png", "--style", "small.safetensors", "--where",
        "rectangle:width=1,height=2,softness=0", "--automation", "move.csv", cwd=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for at, inside in ((0, np.s_[:, : W // 2 - 2]), (1, np.s_[:, W // 2 + 2 :])):
        found = changed(folder, at)
        assert found[inside].mean() > 0.9
        found[inside] = False
        assert found.mean() < 0.1


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--where", "nowhere"), "'nowhere' is not known; give person"),
        (("--where", "chroma:red,tolerance=2"), "tolerance of chroma is 0 to 1"),
        (("--where", "chroma:gren"), "'gren' is no colour"),
        (("--mask", "gone.mp4"), "gone.mp4 does not exist"),
        (("--mask", "small.safetensors"), "the mask cannot be read"),
        (("--mask", "right.png", "--where", "bright"), "leave one of them out"),
        (("--where", "bright", "--person-model", "x.onnx"), "--person-model has no effect"),
        (("--where", "person", "--person-model", "gone.onnx"), "gone.onnx cannot be read"),
        (("--where", "person", "--person-model", "right.png"), "no .onnx or .tflite file"),
    ],
)
def test_what_cannot_be_is_one_line_and_leaves_nothing(folder: Path, words: tuple[str, ...], says: str) -> None:
    said = render(folder, *words, code=2)
    errors = [line for line in said.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert says in errors[0]
    assert not list(folder.glob("out_*"))


def test_live_stylizes_the_inside(folder: Path) -> None:
    image = np.zeros((H, W, 3), np.uint8)
    image[:, W // 2 :] = 230
    Clip(frames=60, rate=Fraction(30), image=image).make(folder / "clip.mp4")
    done = stylefader(
        "live", "--source", "clip.mp4", "--loop", "--no-window", "--sink", "out.mkv", "--style", "small.safetensors",
        "--size", f"{W}x{H}", "--where", "bright", "--seconds", "6", "--stats", "stats.jsonl",
        "--alpha-outside", "2", "--colour-outside", "0.5", cwd=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    last = json.loads((folder / "stats.jsonl").read_text().splitlines()[-1])
    assert last["plays"] is not None
    assert last["mask_off"] is False
    assert last["others"] == {"alpha_outside": [1, 1, 1], "colour_outside": [0.5]}
    assert "note: alpha_outside is kept within its range, 0 to 1" in done.stderr
    _, content = read(folder / "out.mkv")
    picture = content.images[-1].astype(int)
    assert picture[:, : W // 2 - 6].max() < 30, "what is dark is as it was"
    assert np.abs(picture[:, W // 2 + 6 :] - 230).mean() > 10
