"""Students: small networks that learn from the pictures of another pack, at every alpha of its range."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
import torch

from stylefader.training.errors import TrainingError
from stylefader.training.loop.recipe_reading import RECIPES, read_recipe
from stylefader.training.loop.runs import run_of
from stylefader.training.loop.student_run import StudentRun
from stylefader.training.loop.student_trainer import StudentTrainer
from stylefader.training.losses.distillation import grid_loss
from stylefader.training.networks.dynamic_net import ONE_BLOCK, THREE_BLOCKS
from stylefader.training.packs.pack import StylePack, load_pack, save_pack
from stylefader.training.settings import StudentSettings
from tests.conftest import random_pack
from tests.training.given import QUICK, quickly_trained, student_recipe
from tests.training.running import assert_resume_goes_on_exactly, steps_of


@pytest.fixture
def teacher(tmp_path: Path) -> StylePack:
    made = random_pack(tmp_path / "teacher.safetensors")
    save_pack(made)
    return made


def test_what_people_should_know_is_taken_over_from_the_teacher(
    given: Path, teacher: StylePack, tmp_path: Path
) -> None:
    run = run_of(student_recipe(given, teacher.file, tmp_path / "small.safetensors"))
    steps_of(run)
    run.finish()
    header, known = load_pack(tmp_path / "small.safetensors").header, teacher.header
    assert (header.name, header.architecture, header.width) == ("small", "nano", 4)
    assert (header.title, header.style, header.licence) == (known.title, known.style, known.licence)
    assert (header.alpha, header.objective, header.places) == (known.alpha, known.objective, known.places)
    assert [block.label for block in header.blocks] == [block.label for block in known.blocks]
    assert header.training["student"]["teacher"]["name"] == "teacher"
    assert header.training["student"]["teacher"]["weights_sha256"] == teacher.weights_hash()
    rows = run.recipe.log.read_text().splitlines()
    assert rows[0] == "part,iteration,total,content,style,temporal,pixel,images_per_second" and len(rows) == 5


@pytest.mark.parametrize("stop", [1, 3])
def test_resume_goes_on_exactly(given: Path, teacher: StylePack, tmp_path: Path, stop: int) -> None:
    assert_resume_goes_on_exactly(lambda output: student_recipe(given, teacher.file, output), tmp_path, stop=stop)


def test_another_teacher_is_no_way_to_go_on(given: Path, teacher: StylePack, tmp_path: Path) -> None:
    steps_of(run_of(student_recipe(given, teacher.file, tmp_path / "p.safetensors")), until=1)
    save_pack(random_pack(teacher.file, seed=5))
    run = run_of(student_recipe(given, teacher.file, tmp_path / "p.safetensors"), resume=True)
    with pytest.raises(TrainingError, match="of a run with other settings: teacher"):
        run.begin(run.recipe.parts[0])


def test_main_network_and_blocks_learn_together_and_come_closer(
    given: Path, teacher: StylePack, tmp_path: Path
) -> None:
    settings = {"iterations": 80, "learning_rate": 5e-3, "style_weight": 2, "temporal": "off"}  # so that pixels lead
    run = run_of(student_recipe(given, teacher.file, tmp_path / "p.safetensors", **settings))
    torch.manual_seed(0)
    seen = steps_of(run)
    assert sum(now.pixel for now in seen[-8:]) < 0.8 * sum(now.pixel for now in seen[:8])
    fresh = run._new_net()
    zero = [name for name, tensor in fresh.state_dict().items() if name.startswith("blocks.") and not tensor.any()]
    assert zero and all(run.net.state_dict()[name].any() for name in zero), "each block has learnt"


def test_some_of_its_pictures_are_smooth(given: Path, teacher: StylePack, tmp_path: Path) -> None:
    run = run_of(student_recipe(given, teacher.file, tmp_path / "p.safetensors", plain_share=1))
    run.begin(run.recipe.parts[0])
    rows = run.trainer._sample(0, pinned=False).crops_NHWC.float().mean(2)
    assert rows.diff(n=2, dim=1).abs().max() < 8, "from top to bottom, but for noise"


def test_a_grid_of_its_own_counts(given: Path, teacher: StylePack, tmp_path: Path) -> None:
    totals = {}
    for weight in (0, 300):
        run = run_of(student_recipe(given, teacher.file, tmp_path / f"p{weight}.safetensors", grid_weight=weight))
        run.begin(run.recipe.parts[0])
        photo = run.trainer._sample(0, pinned=False).crops_NHWC.permute(0, 3, 1, 2).float() / 255
        totals[weight] = run.trainer._losses(photo, None)[0].item()
        trainer = cast("StudentTrainer", run.trainer)
        with torch.no_grad():
            made = [trainer._made_by(net, photo, trainer._strengths) for net in (run.net, trainer._teacher)]
    grid = float(grid_loss(made[0], made[1].clamp(0, 1)))
    assert grid > 0 and totals[300] - totals[0] == pytest.approx(300 * grid, rel=0.05)


@pytest.mark.parametrize("kind", ["dual", "one block", "none"])
def test_the_blocks_are_those_of_the_teacher(given: Path, tmp_path: Path, kind: str) -> None:
    form: dict[str, Any] = {
        "dual": {"kind": "dual"}, "one block": {"places": ONE_BLOCK}, "none": {"places": ()}
    }[kind]  # fmt: skip
    teacher = random_pack(tmp_path / "teacher.safetensors", width=4, **form)
    save_pack(teacher)
    run = run_of(student_recipe(given, teacher.file, tmp_path / "p.safetensors", iterations=2))
    steps_of(run)
    run.write_preview()
    run.finish()
    header = load_pack(tmp_path / "p.safetensors").header
    assert (header.kind, header.places) == (teacher.header.kind, form.get("places", THREE_BLOCKS))
    assert (header.alpha.low, header.alpha.high) == (teacher.header.alpha.low, teacher.header.alpha.high)


def test_the_losses_are_measured_where_the_paintings_are_given(given: Path, tmp_path: Path) -> None:
    teacher = quickly_trained(given, "level")
    more = [f"held_out={given / 'held_out'}", f"styles.painting.picture={given / 'style.png'}"]
    run = run_of(student_recipe(given, teacher.file, tmp_path / "p.safetensors", *more, iterations=1))
    steps_of(run)
    losses = run.finish().header.losses
    assert losses is not None and losses.photographs == 1 and len(losses.style) == 9
    other = [more[0], f"styles.painting.picture={given / 'other.png'}"]
    run = run_of(student_recipe(given, teacher.file, tmp_path / "q.safetensors", *other, iterations=1))
    steps_of(run)
    with pytest.raises(TrainingError, match="was not trained on"):
        run.finish()


def test_a_student_can_start_from_another_one(given: Path, teacher: StylePack, tmp_path: Path) -> None:
    first = run_of(student_recipe(given, teacher.file, tmp_path / "first.safetensors", iterations=1))
    steps_of(first)
    pack = first.finish()
    second = run_of(student_recipe(given, teacher.file, tmp_path / "second.safetensors", f"start_from={pack.file}"))
    second.begin(second.recipe.parts[0])
    for name, tensor in pack.tensors.items():
        assert torch.equal(second.net.state_dict()[name], tensor.float()), name
    one_block = random_pack(tmp_path / "other.safetensors", architecture="nano", width=4, places=ONE_BLOCK)
    save_pack(one_block)
    with pytest.raises(TrainingError, match="must have the blocks that teacher has"):
        run_of(student_recipe(given, teacher.file, tmp_path / "third.safetensors", f"start_from={one_block.file}"))
    with pytest.raises(TrainingError, match="of width 8, but this one will be of nano, width 4"):
        run_of(student_recipe(given, teacher.file, tmp_path / "third.safetensors", f"start_from={teacher.file}"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("teacher=nobody", "the teacher: no style named 'nobody'"),
        ("low=-1", "low has no effect, because it is the teacher's"),
        ("objective=level", "objective has no effect"),
        ("student.style_size=64", "student.style_size has no effect"),
        ("student.pixel_weight=-1", "pixel_weight must be a finite number of 0 or more"),
        ("student.grid_weight=-1", "grid_weight must be a finite number of 0 or more"),
        ("student.plain_share=1.5", "plain_share must be 0 to 1, not 1.5"),
        ("architecture=macro", "architecture must be one of johnson, nano"),
        ("styles.painting.title=Wave", "styles.painting has no 'title'"),
        ("main.iterations=3", "the recipe has no 'main'"),
    ],
)
def test_what_does_not_fit_is_refused(change: str, said: str) -> None:
    with pytest.raises(TrainingError, match=said):
        read_recipe(RECIPES / "nano.toml", [change])


def test_a_recipe_without_a_teacher_makes_a_nano_network_too(given: Path, tmp_path: Path) -> None:
    changes = [
        "architecture=nano", "width=4", f"photos={given / 'photos'}", f"loss_network={given / 'vgg.safetensors'}",
        f"styles.painting.picture={given / 'style.png'}", "main.iterations=1",
        *(f"train.{key}={value}" for key, value in QUICK.items()),
    ]  # fmt: skip
    run = run_of(read_recipe(RECIPES / "fixed.toml", changes, output=tmp_path / "p.safetensors"))
    assert not isinstance(run, StudentRun)
    steps_of(run)
    assert run.finish().header.architecture == "nano"


def test_settings_of_a_student_are_part_of_its_pack() -> None:
    settings = StudentSettings(iterations=1)
    assert (settings.pixel_weight, settings.style_weight) == (10.0, 20.0)
