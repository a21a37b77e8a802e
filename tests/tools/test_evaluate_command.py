from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from stylefader.tools.commands.evaluate import curve as evaluate_curve
from stylefader.tools.commands.evaluate import group as evaluate
from stylefader.tools.commands.evaluate import objectives as evaluate_objectives
from stylefader.tools.commands.evaluate import predictor as evaluate_predictor
from stylefader.tools.commands.evaluate.group import two_blocks
from stylefader.training.errors import PackError, StylefaderError
from stylefader.training.hashing import file_hash
from stylefader.training.packs.pack import StylePack, load_pack, save_pack
from stylefader.training.packs.pack_header import LossCurve
from tests.conftest import random_pack
from tests.realtime.clips import Clip
from tests.tools.program import stylefader
from tests.training.given import changes, make_given, quickly_trained


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
        (("photo.png", "-o", "strip.gif"), "the output is a .jpg or .jpeg or .png file, not 'strip.gif'"),
        (("photo.png", "-o", "photo.png"), "photo.png is being read; choose another name"),
        (("photo.png", "-o", "random.safetensors"), "a .jpg or .jpeg or .png file"),
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


def test_objectives_as_table_plot_and_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = make_given(tmp_path)
    level, fixed, pair = (quickly_trained(given, file).file for file in ("level", "fixed", "pair"))

    def measure(style: Path, paintings: list[str], **more: Any) -> str:
        files = (given / "held_out", given / "vgg.safetensors", [given / name for name in paintings])
        evaluate_objectives.command(str(style), *files, given / "table.csv", side=64, steps=3, grid=2, **more)
        return capsys.readouterr().out

    said = json.loads(measure(level, ["style.png"], fixed=[str(fixed)], json=True))
    with (given / "table.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["method"] for row in rows] == ["alpha"] * 3 + ["grid"] * 6 + ["interpolation"] * 3 + ["fixed"]
    assert [float(row["style"]) for row in rows] == [point["losses"]["style"] for point in said["points"]]
    assert (rows[1]["alpha0"], rows[1]["alpha2"], rows[-1]["alpha0"], rows[-1]["name"]) == ("0.5", "0.5", "", "fixed")
    assert said["verdict"]["fixed"]["fixed"][0] > 0
    assert cv2.imread(str(given / "table.png")).ndim == 3
    assert b"<svg" in (given / "table.svg").read_bytes()[:500]

    words = measure(pair, ["style.png", "other.png"], overwrite=True)
    assert "style loss, look of alpha 0" in words
    assert "at every step" in words
    with pytest.raises(StylefaderError, match="one look"):
        measure(pair, ["style.png", "other.png"], fixed=[str(fixed)], overwrite=True)
    with pytest.raises(StylefaderError, match="has tuning-blocks"):
        measure(level, ["style.png"], fixed=[str(pair)], overwrite=True)
    with pytest.raises(StylefaderError, match="is a fixed network"):
        measure(fixed, ["style.png"], overwrite=True)


@pytest.mark.parametrize(
    ("output", "word"),
    [
        ("plot.png", "the output is a .csv file, not 'plot.png'"),
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


@pytest.mark.parametrize("recipe", ["level", "pair", "dual", "fixed"])
def test_a_curve_measured_anew_is_that_of_training(
    tmp_path: Path, recipe: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stylefader.training.loop.measuring.MEASURED_SIDE", 64)
    given = make_given(tmp_path)
    trained = quickly_trained(given, recipe, held_out=given / "held_out")
    save_pack(replace(trained, header=replace(trained.header, losses=None)))
    paintings = [given / "style.png", given / "other.png"][: 2 if recipe in ("pair", "dual") else 1]

    def measure(**more: Any) -> dict[str, Any]:
        files = (given / "held_out", given / "vgg.safetensors", paintings)
        evaluate_curve.command(str(trained.file), *files, side=64, json=True, **more)
        return json.loads(capsys.readouterr().out)

    untouched = trained.file.read_bytes()
    measured = measure()
    assert trained.file.read_bytes() == untouched, "nothing is written unasked"
    assert measure(write=True)["alpha"] == measured["alpha"]
    found = load_pack(trained.file)
    assert found.weights_hash() == trained.weights_hash()
    assert replace(found.header, losses=None) == replace(trained.header, losses=None), "all else stays"
    anew, before = found.header.losses, trained.header.losses
    assert anew is not None and before is not None
    assert (anew.alpha, anew.photographs) == (before.alpha, before.photographs)
    assert len(anew.alpha) == (1 if recipe == "fixed" else 9)
    assert anew.style_at.keys() == before.style_at.keys()
    for curve, other in [(anew.content, before.content), (anew.style, before.style),
                         *((anew.style_at[end], before.style_at[end]) for end in before.style_at)]:  # fmt: skip
        assert curve == pytest.approx(other, rel=1e-4)


def test_a_curve_takes_no_look_out_of_the_header(tmp_path: Path) -> None:
    given = make_given(tmp_path)
    pack = quickly_trained(given, "level")
    losses = LossCurve(photographs=1, alpha=(0,), content=(1,), style=(1,), style_at={"0.5": (1,)})
    save_pack(replace(pack, header=replace(pack.header, losses=losses)))
    before = pack.file.read_bytes()
    files = (given / "held_out", given / "vgg.safetensors", [given / "style.png"])
    with pytest.raises(PackError, match=r"the look of alpha 0\.5"):
        evaluate_curve.command(str(pack.file), *files, side=64, steps=2, write=True)
    assert pack.file.read_bytes() == before


def test_an_ideal_picture_of_a_recipe_beside_a_pack(tmp_path: Path) -> None:
    given = make_given(tmp_path)
    pack = quickly_trained(given, "level").file
    photo = given / "held_out" / "0.png"
    words = ["evaluate", "ideal", "level", photo, "-o", "ideal.png", "--side", 64, "--steps", 2, "--beside", pack]
    recipe = [*changes(given), f"styles.painting.picture={given / 'style.png'}"]
    words += [word for change in recipe for word in ("--set", change)]
    done = stylefader(*words, "--part", "main", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["part"] == "main"
    assert [row["of"] for row in found["pictures"]] == ["original", "ideal of main", "level, alpha 0"]
    assert found["pictures"][0]["content"] == pytest.approx(0, abs=1e-9)
    assert found["pictures"][1]["total"] < found["pictures"][0]["total"]
    assert cv2.imread(str(tmp_path / "ideal.png")).shape[1] == 3 * 77 + 2 * 6
    done = stylefader(*words, cwd=tmp_path)
    assert (done.returncode, "exists already" in done.stderr) == (2, True)
    done = stylefader(*words, "--part", "lo", "--overwrite", cwd=tmp_path)
    assert (done.returncode, "no part 'lo': it has main, blocks" in done.stderr) == (2, True)


def test_predicted_vectors_are_measured_beside_trained_ones(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = make_given(tmp_path)
    (given / "paintings").mkdir()
    for name in ("style.png", "other.png"):
        (given / name).rename(given / "paintings" / name)
    pack = measurable_palette(given)
    arguments = (str(pack.file), given / "paintings", given / "held_out", given / "vgg.safetensors")
    evaluate_predictor.command(*arguments, given / "near.csv", side=64, json=True)
    judged = {one["painting"]: one for one in json.loads(capsys.readouterr().out)["paintings"]}
    assert set(judged["style"]["losses"]) == {"trained", "predicted", "centre"} and judged["style"]["learnt"]
    assert set(judged["other"]["losses"]) == {"predicted", "centre"} and not judged["other"]["learnt"]
    with (given / "near.csv").open(newline="") as text:
        rows = list(csv.DictReader(text))
    assert len(rows) == 3 * 5
    for row in rows:
        curve = judged[row["painting"]]["losses"][row["vector"]]
        assert float(row["style"]) == curve["style"][curve["alpha"].index(float(row["alpha"]))]
    picture = cv2.imread(str(given / "near.png"))
    assert picture.shape[1] > picture.shape[0] > 300
    with pytest.raises(StylefaderError, match="exists already"):
        evaluate_predictor.command(*arguments, given / "near.csv", side=64)
    other = random_pack(tmp_path / "another.safetensors", kind="palette", width=8)
    save_pack(other)
    with pytest.raises(PackError, match="another is of another network than predicts"):
        evaluate_predictor.command(*arguments, given / "more.csv", trained=str(other.file))


def measurable_palette(given: Path) -> StylePack:
    """A palette with a prediction network, of random weights, that says how it was trained; `style` is its first."""
    made = random_pack(given / "predicts.safetensors", kind="palette", width=4, predicts=True)
    sha256 = file_hash(given / "paintings" / "style.png")
    run = {
        "layer_means": {"conv1_1": 1.0}, "loss_network_sha256": file_hash(given / "vgg.safetensors"), "style_size": 64,
        "pyramid": 1,
    }  # fmt: skip
    first, second = made.header.styles
    header = replace(
        made.header, styles=(replace(first, painting={"sha256": sha256}), second),
        training={"blocks": run, "predictor": {"learnt_from": {"style": sha256}}},
    )  # fmt: skip
    save_pack(replace(made, header=header))
    return load_pack(made.file)
