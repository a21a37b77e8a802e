from __future__ import annotations

import json
import shutil
import signal
import sys
import types
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from stylefader.training.errors import PackError, TrainingError
from stylefader.training.loop.log import TrainingLog
from stylefader.training.loop.run import Run, main_hash
from stylefader.training.loop.trainer import Plateau, Progress, Trainer
from stylefader.training.losses.loss_network import load_loss_network
from stylefader.training.networks.dynamic_net import ONE_BLOCK, THREE_BLOCKS, DynamicNet
from stylefader.training.packs.one_style import one_style
from stylefader.training.packs.pack import load_pack, save_pack
from stylefader.training.settings import TrainSettings
from tests.conftest import random_pack
from tests.tools.forked import Forked
from tests.tools.program import stylefader
from tests.training.given import QUICK, changes, recipe_of
from tests.training.running import steps_of


def run_of(given: Path, output: Path, recipe: str = "fixed", *, resume: bool = False, **more: Any) -> Run:
    return Run(recipe_of(given, output, recipe, **{"main__iterations": 6, **more}), resume=resume)


def state_of(run: Run) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in run.net.state_dict().items()}


@pytest.mark.parametrize("temporal", ["off", "strong"])
@pytest.mark.parametrize("stop", [2, 6, 9])
def test_resume_goes_on_exactly(given: Path, tmp_path: Path, temporal: str, stop: int) -> None:
    """Stopped in the main network, between main network and blocks, and in the blocks."""
    more = {"main__iterations": 6, "blocks__iterations": 5, "train__batch": 2, "train__temporal": temporal}
    whole = run_of(given, tmp_path / "whole.safetensors", "level", **more)
    losses = [p.total for p in steps_of(whole)]
    assert len(losses) == 11
    steps_of(run_of(given, tmp_path / "parts.safetensors", "level", **more), until=stop)
    rest = run_of(given, tmp_path / "parts.safetensors", "level", resume=True, **more)
    assert [p.total for p in steps_of(rest)] == losses[stop:]
    for name, tensor in whole.net.state_dict().items():
        assert torch.equal(rest.net.state_dict()[name], tensor), name
    assert logged(rest) == logged(whole)


def test_clips_are_part_of_what_a_run_is_made_from(given: Path, tmp_path: Path) -> None:
    """Resumed with them, it goes on exactly; without them it is refused. The pack says how many there were."""
    clip = tmp_path / "clips" / "one"
    clip.mkdir(parents=True)
    for number in range(4):
        picture = np.random.default_rng(number).integers(0, 256, (70, 80, 3), np.uint8)
        cv2.imwrite(str(clip / f"{number}.png"), picture)
    more = {"main__iterations": 4, "train__batch": 2, "train__temporal": "strong"}
    plain = [p.total for p in steps_of(run_of(given, tmp_path / "plain.safetensors", **more))]
    more["clips"] = str(tmp_path / "clips")
    losses = [p.total for p in steps_of(run_of(given, tmp_path / "whole.safetensors", **more))]
    assert losses != plain
    steps_of(run_of(given, tmp_path / "parts.safetensors", **more), until=2)
    rest = run_of(given, tmp_path / "parts.safetensors", resume=True, **more)
    assert [p.total for p in steps_of(rest)] == losses[2:]
    assert rest.finish().header.training["main"]["clips"] == 1
    steps_of(run_of(given, tmp_path / "left.safetensors", **more), until=2)
    del more["clips"]
    with pytest.raises(TrainingError, match="other settings: clips"):
        steps_of(run_of(given, tmp_path / "left.safetensors", resume=True, **more))


def logged(run: Run) -> list[list[str]]:
    """The rows of a run's CSV log, without the speeds."""
    return [row.split(",")[:-1] for row in run.recipe.log.read_text().splitlines()]


def test_the_log_has_a_row_a_step_and_drops_what_a_checkpoint_does_not_know(given: Path, tmp_path: Path) -> None:
    run = run_of(given, tmp_path / "p.safetensors", main__iterations=3)
    seen = steps_of(run)
    rows = logged(run)
    assert rows[0] == ["part", "iteration", "total", "content", "style", "temporal"]
    assert [row[:2] for row in rows[1:]] == [["main", "1"], ["main", "2"], ["main", "3"]]
    assert [float(row[2]) for row in rows[1:]] == pytest.approx([now.total for now in seen], rel=1e-5)
    log = TrainingLog(run.recipe.log)
    log.begin("blocks", done=0)
    log.add(seen[0])
    log.close()
    assert [row[:2] for row in logged(run)[3:]] == [["main", "3"], ["blocks", "1"]]
    with run.recipe.log.open("a") as file:
        file.write("main,4,1,")  # cut off where the disk was full
    log.begin("main", done=1)
    log.close()
    log.close()
    assert [row[:2] for row in logged(run)[1:]] == [["main", "1"], ["blocks", "1"]]


def test_a_log_that_cannot_be_written_stops_no_run(given: Path, tmp_path: Path) -> None:
    run = run_of(given, tmp_path / "p.safetensors", main__iterations=2)
    run.recipe.log.mkdir()
    assert len(steps_of(run)) == 2
    assert [problem for problem in run.problems if "cannot write" in problem]


def test_previews_come_by_the_clock(given: Path, tmp_path: Path) -> None:
    minutes = iter(range(1000))
    recipe = recipe_of(given, tmp_path / "p.safetensors", "fixed", main__iterations=9)
    run = Run(recipe, preview_minutes=4, clock=lambda: 60.0 * next(minutes))
    run.begin(recipe.parts[0])
    drawn: list[int] = []
    run.write_preview = lambda: drawn.append(run.trainer.iteration)  # type: ignore[method-assign]
    run.train(report=lambda now: None, should_stop=lambda: False)
    assert drawn == [4, 8, 9]


def test_scalars_go_to_tensorboard(given: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[tuple[str, int]] = []

    class SummaryWriter:
        def __init__(self, folder: str) -> None:
            assert folder == str(tmp_path / "board")

        def add_scalar(self, name: str, value: float, iteration: int) -> None:
            written.append((name, iteration))

        def close(self) -> None:
            written.append(("close", 0))

    recipe = recipe_of(given, tmp_path / "p.safetensors", "fixed", main__iterations=1)
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(TrainingError, match="pip install tensorboard"):
        Run(recipe, tensorboard=tmp_path / "board")
    module = types.ModuleType("torch.utils.tensorboard")
    module.SummaryWriter = SummaryWriter  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    steps_of(Run(recipe, tensorboard=tmp_path / "board"))
    names = [f"main/{loss}" for loss in ("total", "content", "style", "temporal")]
    assert written == [*((name, 1) for name in names), ("close", 0)]


def test_a_plateau_is_where_the_mean_no_longer_falls() -> None:
    noise = np.random.default_rng(0).normal(0, 0.3, 1000)
    plateau = Plateau(80)
    falling = [10 - 0.02 * i if i < 300 else 4 for i in range(1000)]
    for i, loss in enumerate(falling, 1):
        plateau.add(i, loss + noise[i - 1])
        if plateau.reached(i):
            break
    assert 340 < i < 600
    for i, loss in enumerate(falling, 1):
        never = Plateau(0)
        never.add(i, loss)
        assert not never.reached(i)


def test_a_run_stops_at_the_plateau_and_stays_finished(given: Path, tmp_path: Path) -> None:
    more = {"main__iterations": 50, "main__learning_rate": 0, "train__patience": 6, "held_out": None}
    run = run_of(given, tmp_path / "p.safetensors", **more)
    reached = len(steps_of(run))
    assert 6 <= reached < 50
    again = run_of(given, tmp_path / "p.safetensors", resume=True, **more)
    assert steps_of(again) == []
    assert again.finish().header.training["main"]["iterations"] == reached


def test_a_level_recipe_makes_a_level_pack(given: Path, tmp_path: Path) -> None:
    run = run_of(given, tmp_path / "level.safetensors", "level", main__iterations=3, blocks__iterations=25)
    main, blocks = run.recipe.parts
    run.begin(main)
    run.train(report=lambda now: None, should_stop=lambda: False)
    before = state_of(run)
    seen: list[Progress] = []
    run.begin(blocks)
    run.train(report=seen.append, should_stop=lambda: False)
    pack = run.finish()
    assert seen[-1].iteration == 25
    for name, tensor in load_pack(pack.file).network().main.state_dict().items():
        assert torch.equal(tensor, before[f"main.{name}"]), f"main network untouched: {name}"
    assert pack.header.objective == "level"
    assert pack.header.places == THREE_BLOCKS
    assert (pack.header.alpha.low, pack.header.alpha.high) == (0, 1)
    assert set(pack.header.training) == {"main", "blocks"}
    assert pack.header.training["blocks"]["temporal"] == "weak"
    assert str(given) not in pack.header.to_json(), "a pack says nothing of the machine that made it"
    losses = load_pack(pack.file).header.losses
    assert losses is not None
    assert losses.photographs == 1
    assert len(losses.alpha) == 9
    assert not losses.style_at
    assert losses.style[-1] < losses.style[0], "the blocks learnt to lower the style loss"
    assert cv2.imread(str(run.recipe.preview)).shape[1] > 5 * 200


def test_pair_and_scale_packs_say_what_their_ends_are(given: Path, tmp_path: Path) -> None:
    pair = run_of(given, tmp_path / "pair.safetensors", "pair", main__iterations=1, blocks__iterations=25)
    steps_of(pair)
    header = pair.finish().header
    assert header.objective == "pair"
    assert header.alpha.meaning["0"].startswith("The first painting")
    assert header.alpha.meaning["1"].startswith("The second painting")
    assert header.style["0"]["sha256"] != header.style["1"]["sha256"]
    assert header.losses is not None
    assert set(header.losses.style_at) == {"0"}
    assert header.losses.style[-1] < header.losses.style[0], "towards the second painting"
    scale = run_of(given, tmp_path / "scale.safetensors", "scale", main__iterations=1, blocks__iterations=1)
    steps_of(scale)
    header = scale.finish().header
    assert (header.alpha.low, header.alpha.high, header.alpha.default) == (-0.5, 1.5, 0.5)
    assert header.losses is not None
    assert (header.losses.alpha[0], header.losses.alpha[-1]) == (-0.5, 1.5)
    assert header.style["title"] == "A painting"
    assert "0" not in header.style


def test_a_dual_pack_is_each_side_by_itself(given: Path, tmp_path: Path) -> None:
    run = run_of(given, tmp_path / "dual.safetensors", "dual", main__iterations=2, lo__iterations=3, hi__iterations=3)
    sides = {}
    for part in run.recipe.parts:
        run.begin(part)
        run.train(report=lambda now: None, should_stop=lambda: False)
        sides[part.name] = run.net
    pack = run.finish()
    dual, x = load_pack(pack.file).network(), torch.rand(1, 3, 32, 32)
    for side, sign in (("hi", 1), ("lo", -1), ("main", 0)):
        alpha = torch.tensor([0.3, 1, 0.7])
        expected = sides[side](x, alpha if sides[side].n_blocks else alpha[:0])
        torch.testing.assert_close(dual(x, sign * alpha), expected)
    assert not torch.allclose(dual(x, -torch.ones(3)), dual(x, torch.ones(3)))
    header = pack.header
    assert (header.kind, header.alpha.low, header.alpha.high, header.alpha.default) == ("dual", -1, 1, 0)
    assert set(header.alpha.meaning) == {"-1", "0", "1"}
    assert header.losses is not None
    assert set(header.losses.style_at) == {"-1"}, "light style at 0 is of the same picture and size"


def test_blocks_for_a_main_network_that_is_there(given: Path, tmp_path: Path) -> None:
    given_main = random_pack(tmp_path / "main.safetensors", width=4)
    save_pack(given_main)
    more = {"main_pack": given_main.file, "blocks__iterations": 2}
    recipe = recipe_of(given, tmp_path / "one.safetensors", "one_block", **more)
    assert [part.name for part in recipe.parts] == ["blocks"]
    run = Run(recipe)
    steps_of(run)
    pack = run.finish()
    assert pack.header.places == ONE_BLOCK
    assert main_hash(pack.network()) == main_hash(given_main.network())
    assert pack.header.training["main"] == {"taken_from": "main"}


def test_a_run_starts_from_the_weights_of_another_pack(given: Path, tmp_path: Path) -> None:
    start = random_pack(tmp_path / "start.safetensors", width=4)
    save_pack(start)
    still = {f"{part}__{key}": value for part in ("main", "blocks") for key, value in
             (("iterations", 1), ("learning_rate", 1e-12))}  # fmt: skip
    run = run_of(given, tmp_path / "p.safetensors", "level", start_from=start.file, **still)
    steps_of(run)
    pack = run.finish()
    for name, tensor in start.tensors.items():
        torch.testing.assert_close(pack.tensors[name], tensor, msg=name)
    for part in ("main", "blocks"):
        assert pack.header.training[part]["started_from"] == {
            "name": "start", "weights_sha256": start.weights_hash(), "iterations": 0}  # fmt: skip

    other = random_pack(tmp_path / "other.safetensors", width=4, seed=3)
    save_pack(other)
    run.recipe.output.unlink()
    with pytest.raises(TrainingError, match="other settings: start_from"):
        steps_of(run_of(given, tmp_path / "p.safetensors", "level", start_from=other.file, resume=True, **still))


def test_a_run_starts_from_one_style_of_a_palette(given: Path, tmp_path: Path) -> None:
    hall = random_pack(tmp_path / "hall.safetensors", width=4, kind="palette", styles=("wave", "scream"))
    save_pack(hall)
    still = {f"{part}__{key}": value for part in ("main", "blocks") for key, value in
             (("iterations", 1), ("learning_rate", 1e-12))}  # fmt: skip
    word = f"{hall.file}/scream"
    run = run_of(given, tmp_path / "p.safetensors", "level", start_from=word, **still)
    steps_of(run)
    pack = run.finish()
    for name, tensor in one_style(hall, "scream").tensors.items():
        torch.testing.assert_close(pack.tensors[name], tensor, msg=name)

    run = run_of(given, tmp_path / "q.safetensors", "level", main_pack=word, blocks__iterations=1)
    steps_of(run)
    assert main_hash(run.finish().network()) == main_hash(one_style(hall, "scream").network())
    with pytest.raises(PackError, match="is a palette of 2 styles: name one of them"):
        run_of(given, tmp_path / "r.safetensors", "level", start_from=hall.file)


def test_blocks_of_another_kind_start_afresh(given: Path, tmp_path: Path) -> None:
    start = random_pack(tmp_path / "start.safetensors", width=4)
    save_pack(start)
    run = run_of(given, tmp_path / "p.safetensors", "dual", start_from=start.file, **{
        f"{part}__iterations": 1 for part in ("main", "lo", "hi")})  # fmt: skip
    started = [part.name for part in run.recipe.parts if run.started_from(part)]
    assert started == ["main"]
    run.begin(run.recipe.parts[0])
    dual = random_pack(tmp_path / "dual.safetensors", width=4, kind="dual")
    save_pack(dual)
    run = run_of(given, tmp_path / "q.safetensors", "dual", start_from=dual.file, **{
        f"{part}__learning_rate": 1e-12 for part in ("main", "lo", "hi")},
        **{f"{part}__iterations": 1 for part in ("main", "lo", "hi")})  # fmt: skip
    steps_of(run)
    pack = run.finish()
    for name, tensor in dual.tensors.items():
        torch.testing.assert_close(pack.tensors[name], tensor, msg=name)


def test_a_start_of_another_width_is_refused(given: Path, tmp_path: Path) -> None:
    start = random_pack(tmp_path / "start.safetensors", width=8)
    save_pack(start)
    with pytest.raises(TrainingError, match="start_from is a pack of width 8, but this one will be of width 4"):
        run_of(given, tmp_path / "p.safetensors", "level", start_from=start.file)
    with pytest.raises(PackError, match="no style named 'greatwave': did you mean great_wave"):
        run_of(given, tmp_path / "p.safetensors", "level", start_from="greatwave")


def test_a_main_network_that_changed_is_not_written(given: Path, tmp_path: Path) -> None:
    run = run_of(given, tmp_path / "p.safetensors", "level", main__iterations=1, blocks__iterations=1)
    steps_of(run)
    with torch.no_grad():
        run.net.main["conv1"].conv.weight[0] += 1
    with pytest.raises(TrainingError, match="main network changed"):
        run.finish()
    assert not run.recipe.output.exists()


def test_a_loss_that_is_not_finite_stops_and_keeps_the_checkpoint(given: Path, tmp_path: Path) -> None:
    steps_of(run_of(given, tmp_path / "p.safetensors"), until=2)
    checkpoint = tmp_path / "p.main.checkpoint.pt"
    kept = checkpoint.read_bytes()
    run = run_of(given, tmp_path / "p.safetensors", resume=True)
    run.begin(run.recipe.parts[0])
    with torch.no_grad():
        run.net.main["conv1"].conv.weight.fill_(torch.nan)
    with pytest.raises(TrainingError, match="not finite at iteration 3") as caught:
        run.train(report=lambda now: None, should_stop=lambda: False)
    assert caught.value.exit_code == 1
    with pytest.raises(TrainingError, match="weights are not finite"):
        run.trainer.save_checkpoint()
    assert checkpoint.read_bytes() == kept
    assert sorted(p.name for p in tmp_path.iterdir()) == ["p.log.csv", "p.main.checkpoint.pt"]


def test_runs_that_do_not_fit_are_refused(given: Path, tmp_path: Path) -> None:
    output = tmp_path / "p.safetensors"
    with pytest.raises(TrainingError, match="no checkpoint at"):
        run_of(given, output, resume=True)
    steps_of(run_of(given, output), until=1)
    with pytest.raises(TrainingError, match="is there already"):
        run_of(given, output)
    with pytest.raises(TrainingError, match="other settings: iterations"):
        steps_of(run_of(given, output, main__iterations=7, resume=True))
    (tmp_path / "p.main.checkpoint.pt").write_bytes(b"torn")
    with pytest.raises(TrainingError, match="cannot read the checkpoint"):
        steps_of(run_of(given, output, resume=True))
    with pytest.raises(TrainingError, match="the folder"):
        run_of(given, tmp_path / "nowhere" / "p.safetensors")
    with pytest.raises(TrainingError, match=r"ends in \.safetensors"):
        run_of(given, tmp_path / "p.pt")


def test_a_checkpoint_of_another_picture_folder_or_main_network_is_refused(given: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(given, other)
    output = tmp_path / "p.safetensors"
    steps_of(run_of(given, output, "level"), until=1)
    steps_of(run_of(other, output, "level", resume=True), until=0)  # the same things elsewhere are the same
    cv2.imwrite(str(other / "style.png"), np.zeros((64, 64, 3), np.uint8))
    with pytest.raises(TrainingError, match="other settings: style picture"):
        steps_of(run_of(other, output, "level", resume=True))
    shutil.copy(given / "style.png", other / "style.png")
    (other / "photos" / "0.png").rename(other / "photos" / "9.png")
    with pytest.raises(TrainingError, match="other settings: photographs"):
        steps_of(run_of(other, output, "level", resume=True))
    steps_of(run_of(given, output, "level", resume=True), until=8)
    (tmp_path / "p.main.checkpoint.pt").unlink()
    with pytest.raises(TrainingError, match="other settings: main network"):
        steps_of(run_of(given, output, "level", main__seed=1, resume=True))


@pytest.mark.parametrize(
    ("bad", "word"),
    [({"crop": 30}, "crop"), ({"batch": 0}, "batch"), ({"style_weight": float("nan")}, "style_weight"),
     ({"learning_rate": -1.0}, "learning_rate"), ({"iterations": 0}, "iterations"),
     ({"precision": "f64"}, "precision"), ({"temporal": "much"}, "temporal"),
     ({"seed": -1}, "seed"), ({"patience": -1}, "patience"), ({"style_size": 4}, "style_size"),
     ({"crop": 16, "pyramid": 3}, "crop")],
)  # fmt: skip
def test_settings_out_of_range_are_refused(bad: dict[str, Any], word: str) -> None:
    with pytest.raises(TrainingError, match=word):
        TrainSettings(**{"iterations": 1, "style_weight": 1.0, **bad})


@pytest.mark.parametrize("places", [ONE_BLOCK, THREE_BLOCKS])
def test_bf16_follows_f32(given: Path, tmp_path: Path, places: tuple[str, ...]) -> None:
    """Autocast changes the numbers a little, not what is learnt."""
    totals = {}
    for precision in ("f32", "bf16"):
        torch.manual_seed(0)
        trainer = Trainer(
            DynamicNet(width=4, places=places),
            TrainSettings(iterations=4, style_weight=1.0, **{**QUICK, "crop": 64, "precision": precision}),
            style=given / "style.png",
            photos=given / "photos",
            loss_network=load_loss_network(given / "vgg.safetensors"),
            blocks_only=False,
            checkpoint=tmp_path / f"{precision}.pt",
        )
        seen: list[float] = []
        trainer.run(report=lambda now, seen=seen: seen.append(now.total))  # type: ignore[misc]
        totals[precision] = seen
    assert totals["bf16"] == pytest.approx(totals["f32"], rel=0.05)


def arguments(given: Path, output: Path, *more: str) -> list[str]:
    settings = changes(given, styles__painting__picture=given / "style.png", main__iterations=6)
    return ["train", "fixed", "-o", str(output), "--checkpoint-every", "5",
            *(word for change in settings for word in ("--set", change)), *more]  # fmt: skip


def test_ctrl_c_and_sigterm_save_and_resume_goes_on(given: Path, tmp_path: Path) -> None:
    output, long = tmp_path / "p.safetensors", ("--set", "main.iterations=2000")
    checkpoint = tmp_path / "p.main.checkpoint.pt"

    def reached() -> int:
        return int(torch.load(checkpoint, weights_only=True)["iteration"])

    with Forked(arguments(given, output, *long)) as running:
        running.until(checkpoint.exists)
        second = stylefader(*arguments(given, output, *long), cwd=tmp_path)
        assert second.returncode == 2
        assert "another run is training into" in second.stderr
        running.send_signal(signal.SIGINT)
        assert running.wait() == 130, running.stderr
        assert "--resume goes on from there" in running.stderr
    first = reached()
    assert 5 <= first < 2000
    with Forked(arguments(given, output, *long, "--resume")) as running:
        running.until(lambda: reached() > first)
        running.send_signal(signal.SIGTERM)
        assert running.wait() == 143, running.stderr
        assert "--resume goes on from there" in running.stderr
    assert reached() > first


def test_the_command_trains_to_the_end(given: Path, tmp_path: Path) -> None:
    output = tmp_path / "p.safetensors"
    done = stylefader(*arguments(given, output, "--json"), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["header"]["training"]["main"]["iterations"] == 6
    assert load_pack(output).header.objective == "fixed"


@pytest.mark.parametrize(
    ("words", "said"),
    [(("--set", "width=600"), "width"), (("--set", "licence="), "licence"),
     (("--checkpoint-every", "0"), "checkpoints"),
     (("--set", "main.seed=-1"), "seed"), (("--set", "main.style_size=4"), "style_size"),
     (("--set", "held_out=nowhere"), "nowhere"), (("--set", "main.iteratons=4"), "did you mean 'iterations'"),
     (("--set", "width"), "KEY=VALUE")],
)  # fmt: skip
def test_what_cannot_work_is_refused_before_training(
    given: Path, tmp_path: Path, words: tuple[str, str], said: str
) -> None:
    done = stylefader(*arguments(given, tmp_path / "p.safetensors", *words), cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert [line[:6] for line in done.stderr.splitlines()] == ["error:"]
    assert said in done.stderr
    assert list(tmp_path.iterdir()) == []
