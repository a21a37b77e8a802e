"""Palettes that learn from palettes: the teacher's styles and mixtures, with a table of the student's own."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from stylefader.training.errors import TrainingError
from stylefader.training.loop.palette_student_run import PaletteStudentRun
from stylefader.training.loop.palette_student_trainer import mixtures_of_step
from stylefader.training.loop.runs import run_of
from stylefader.training.networks.dynamic_net import ONE_BLOCK
from stylefader.training.packs.pack import StylePack, load_pack, save_pack
from tests.conftest import random_pack
from tests.training.given import quick_palette, student_recipe, with_paintings
from tests.training.running import assert_resume_goes_on_exactly, steps_of


@pytest.fixture(scope="module")
def given(given: Path) -> Path:
    return with_paintings(given, "first.png", "second.png")


@pytest.fixture
def teacher(tmp_path: Path) -> StylePack:
    made = random_pack(tmp_path / "teacher.safetensors", kind="palette", styles=("first", "second", "third"))
    save_pack(made)
    return made


@pytest.fixture(scope="module")
def trained(given: Path) -> StylePack:
    """A palette of both paintings, which says how it was trained."""
    return quick_palette(given, given / "lite.safetensors")


def test_a_palette_for_a_teacher_makes_a_palette_of_its_styles(given: Path, teacher: StylePack, tmp_path: Path) -> None:
    run = run_of(student_recipe(given, teacher.file, tmp_path / "small.safetensors"))
    assert isinstance(run, PaletteStudentRun)
    steps_of(run)
    run.finish()
    made = load_pack(tmp_path / "small.safetensors")
    header, known = made.header, teacher.header
    assert (header.kind, header.architecture, header.width) == ("palette", "nano", 4)
    assert [(style.name, style.painting) for style in header.styles] == [
        (style.name, style.painting) for style in known.styles
    ]
    assert (header.alpha, header.places, header.licence) == (known.alpha, known.places, known.licence)
    assert header.training["student"]["teacher"]["weights_sha256"] == teacher.weights_hash()
    first, second, third = made.style_vectors().values()
    assert first.any() and (first != second).any() and (second != third).any()
    assert run.recipe.preview.exists()


@pytest.mark.parametrize("stop", [1, 3])
def test_resume_goes_on_exactly(given: Path, teacher: StylePack, tmp_path: Path, stop: int) -> None:
    assert_resume_goes_on_exactly(lambda output: student_recipe(given, teacher.file, output), tmp_path, stop=stop)


def test_another_table_of_the_teacher_is_no_way_to_go_on(given: Path, teacher: StylePack, tmp_path: Path) -> None:
    steps_of(run_of(student_recipe(given, teacher.file, tmp_path / "p.safetensors")), until=1)
    teacher.tensors["styles"] *= 2
    save_pack(teacher)
    run = run_of(student_recipe(given, teacher.file, tmp_path / "p.safetensors"), resume=True)
    with pytest.raises(TrainingError, match="of a run with other settings: teacher's styles"):
        run.begin(run.recipe.parts[0])


def test_each_style_comes_closer_to_its_own_lesson(given: Path, tmp_path: Path) -> None:
    """Styles that differ in colour: the student's must differ in the same way."""
    teacher = random_pack(tmp_path / "teacher.safetensors", kind="palette")
    teacher.tensors["styles"] *= 3
    save_pack(teacher)
    settings = {"iterations": 100, "learning_rate": 5e-3, "style_weight": 2, "temporal": "off"}
    run = run_of(student_recipe(given, teacher.file, tmp_path / "p.safetensors", **settings))
    torch.manual_seed(0)
    seen = steps_of(run)
    assert sum(now.pixel for now in seen[-8:]) < 0.8 * sum(now.pixel for now in seen[:8])
    photo, alpha = torch.rand(1, 3, 32, 32), torch.full((3,), 0.5)
    lessons = [teacher.network()(photo, alpha, torch.from_numpy(v)) for v in teacher.style_vectors().values()]
    net = run.net.eval()
    answers = [net(photo, alpha, weights) for weights in torch.eye(2).split(1)]

    def off(a: int, b: int) -> float:
        return float((answers[a] - lessons[b]).abs().mean())

    assert off(0, 0) < off(0, 1) and off(1, 1) < off(1, 0)


def test_losses_are_measured_by_the_paintings_that_are_given(given: Path, trained: StylePack, tmp_path: Path) -> None:
    held_out = f"held_out={given / 'held_out'}"
    run = run_of(student_recipe(given, trained.file, tmp_path / "all.safetensors", held_out,
                            f"paintings={given / 'paintings'}", iterations=1))  # fmt: skip
    steps_of(run)
    losses = [style.losses for style in run.finish().header.styles]
    assert all(curve is not None and len(curve.style) == 9 and curve.photographs == 1 for curve in losses)
    assert losses[0] != losses[1]
    run = run_of(student_recipe(given, trained.file, tmp_path / "one.safetensors", held_out,
                            f"styles.any.picture={given / 'other.png'}", iterations=1))  # fmt: skip
    steps_of(run)
    first, second = (style.losses for style in run.finish().header.styles)
    assert first is None and second is not None


def test_paintings_of_no_style_are_refused_before_training(given: Path, trained: StylePack, tmp_path: Path) -> None:
    more = f"styles.any.picture={given / 'photos' / '0.png'}"
    with pytest.raises(TrainingError, match=r"lite was not trained on .*0\.png"):
        run_of(student_recipe(given, trained.file, tmp_path / "p.safetensors", more))
    single = random_pack(tmp_path / "single.safetensors")
    save_pack(single)
    with pytest.raises(TrainingError, match="paintings has no effect, because single has one style"):
        student_recipe(given, single.file, tmp_path / "p.safetensors", f"paintings={given / 'paintings'}")


def test_it_can_start_from_a_palette_or_a_pack(given: Path, teacher: StylePack, tmp_path: Path) -> None:
    palette = random_pack(tmp_path / "begun.safetensors", kind="palette", architecture="nano", width=4,
                          styles=("second", "other"))  # fmt: skip
    single = random_pack(tmp_path / "single.safetensors", architecture="nano", width=4)
    for start in (palette, single):
        save_pack(start)
        run = run_of(student_recipe(given, teacher.file, tmp_path / f"from_{start.header.name}.safetensors",
                                f"start_from={start.file}"))  # fmt: skip
        run.begin(run.recipe.parts[0])
        assert isinstance(run, PaletteStudentRun)
        own = run.net.net.state_dict()["main.conv1.conv.weight"]
        assert torch.equal(own, start.tensors["main.conv1.conv.weight"].float())
        table = run.net.styles.detach()
        if start is palette:
            known = palette.tensors["styles"].float()
            assert torch.equal(table[1], known[0]) and torch.equal(table[0], known.mean(0))
    one_block = random_pack(tmp_path / "other.safetensors", architecture="nano", width=4, places=ONE_BLOCK)
    save_pack(one_block)
    with pytest.raises(TrainingError, match="must have the blocks that teacher has"):
        run_of(student_recipe(given, teacher.file, tmp_path / "p.safetensors", f"start_from={one_block.file}"))


def test_mixtures_are_of_one_style_mostly_and_all_come_as_often() -> None:
    rows = np.concatenate([mixtures_of_step(5, 3, seed=1, step=step) for step in range(500)])
    assert np.allclose(rows.sum(1), 1) and (rows >= 0).all()
    several = Counter((rows > 0).sum(1).tolist())
    assert several[1] > several[2] > several[3] > 0 and set(several) == {1, 2, 3}
    assert several[1] > 0.5 * len(rows)
    share = rows.mean(0)
    assert np.allclose(share, 0.2, atol=0.03)
    assert (mixtures_of_step(5, 3, seed=1, step=7) == rows[21:24]).all()
    assert (mixtures_of_step(1, 4, seed=1, step=0) == 1).all()
