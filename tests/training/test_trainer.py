from __future__ import annotations

import contextlib
import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from tests.conftest import random_pack
from tests.training.small_vgg import vgg19_weights
from training.errors import PackError, TrainingError
from training.loss_network import load_loss_network
from training.networks import ONE_BLOCK, THREE_BLOCKS, DynamicNet
from training.pack import load_pack, save_pack
from training.runs import Credits, Run, RunFiles
from training.trainer import Progress, Trainer, TrainSettings

QUICK: dict[str, Any] = {"crop": 32, "batch": 1, "style_size": 32, "pyramid": 1, "precision": "f32"}


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with photographs, a style picture and a small loss network."""
    folder = tmp_path_factory.mktemp("training")
    (folder / "photos").mkdir()
    rng = np.random.default_rng(0)
    for number in range(6):
        coarse = rng.integers(0, 256, (5, 5, 3), np.uint8)
        cv2.imwrite(str(folder / "photos" / f"{number}.png"), cv2.resize(coarse, (48, 40)))
    cv2.imwrite(str(folder / "style.png"), cv2.resize(rng.integers(0, 256, (16, 16, 3), np.uint8), (64, 64)))
    (folder / "held_out").mkdir()
    cv2.imwrite(str(folder / "held_out" / "one.png"), cv2.resize(rng.integers(0, 256, (5, 5, 3), np.uint8), (48, 48)))
    save_file(vgg19_weights(), folder / "vgg.safetensors")
    return folder


def run_of(
    given: Path, output: Path, *, iterations: int = 6, blocks_of: Path | None = None, resume: bool = False
) -> Run:
    files = RunFiles(
        style=given / "style.png",
        photos=given / "photos",
        loss_network=given / "vgg.safetensors",
        output=output,
        held_out=given / "held_out",
    )
    settings = TrainSettings(iterations=iterations, style_weight=5.0, **QUICK)
    places = THREE_BLOCKS if blocks_of else ()
    return Run(files, settings, Credits(title="T"), width=4, main_pack=blocks_of, places=places, resume=resume)


def train(run: Run, *, until: int | None = None) -> list[Progress]:
    """Run it, stopping before iteration `until` + 1 as Ctrl-C would."""
    seen: list[Progress] = []
    run.train(report=seen.append, should_stop=lambda: until is not None and len(seen) >= until)
    return seen


def test_resume_goes_on_exactly(given: Path, tmp_path: Path) -> None:
    whole = run_of(given, tmp_path / "whole.safetensors")
    losses = [p.total for p in train(whole)]
    train(run_of(given, tmp_path / "parts.safetensors"), until=2)
    rest = run_of(given, tmp_path / "parts.safetensors", resume=True)
    assert [p.total for p in train(rest)] == losses[2:]
    for name, tensor in whole.net.state_dict().items():
        assert torch.equal(rest.net.state_dict()[name], tensor), name


def test_main_then_blocks_makes_a_level_pack(given: Path, tmp_path: Path) -> None:
    main = run_of(given, tmp_path / "main.safetensors", iterations=3)
    train(main)
    main.finish()
    blocks = run_of(given, tmp_path / "level.safetensors", iterations=25, blocks_of=tmp_path / "main.safetensors")
    before = {name: tensor.clone() for name, tensor in blocks.net.main.state_dict().items()}
    seen = train(blocks)
    pack = blocks.finish()
    assert seen[-1].iteration == 25
    for name, tensor in load_pack(pack.file).network().main.state_dict().items():
        assert torch.equal(tensor, before[name]), f"main network untouched: {name}"
    assert pack.header.objective == "level"
    assert pack.header.places == THREE_BLOCKS
    assert set(pack.header.training) == {"main", "blocks"}
    losses = load_pack(pack.file).header.losses
    assert losses is not None
    assert losses.photographs == 1
    assert losses.style[-1] < losses.style[0], "the blocks learnt to lower the style loss"
    assert cv2.imread(str(blocks.files.preview)).shape[1] > 5 * 200


def test_a_loss_that_is_not_finite_stops_and_keeps_the_checkpoint(given: Path, tmp_path: Path) -> None:
    train(run_of(given, tmp_path / "p.safetensors"), until=2)
    checkpoint = tmp_path / "p.checkpoint.pt"
    kept = checkpoint.read_bytes()
    run = run_of(given, tmp_path / "p.safetensors", resume=True)
    with torch.no_grad():
        run.net.main["conv1"].conv.weight.fill_(torch.nan)
    with pytest.raises(TrainingError, match="not finite at iteration 3") as caught:
        train(run)
    assert caught.value.exit_code == 1
    with pytest.raises(TrainingError, match="weights are not finite"):
        run.trainer.save_checkpoint()
    assert checkpoint.read_bytes() == kept
    assert sorted(p.name for p in tmp_path.iterdir()) == ["p.checkpoint.pt"]


def test_runs_that_do_not_fit_are_refused(given: Path, tmp_path: Path) -> None:
    output = tmp_path / "p.safetensors"
    with pytest.raises(TrainingError, match="no checkpoint at"):
        run_of(given, output, resume=True)
    train(run_of(given, output), until=1)
    with pytest.raises(TrainingError, match="is there already"):
        run_of(given, output)
    with pytest.raises(TrainingError, match="other settings: iterations"):
        run_of(given, output, iterations=7, resume=True)
    (tmp_path / "p.checkpoint.pt").write_bytes(b"torn")
    with pytest.raises(TrainingError, match="cannot read the checkpoint"):
        run_of(given, output, resume=True)
    with pytest.raises(TrainingError, match="the folder"):
        run_of(given, tmp_path / "nowhere" / "p.safetensors")
    with pytest.raises(TrainingError, match=r"ends in \.safetensors"):
        run_of(given, tmp_path / "p.pt")
    with pytest.raises(PackError, match="no style pack"):
        run_of(given, tmp_path / "q.safetensors", blocks_of=tmp_path / "none.safetensors")


def test_a_checkpoint_of_another_picture_folder_or_main_network_is_refused(given: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(given, other)
    train(run_of(given, tmp_path / "p.safetensors"), until=1)
    train(run_of(other, tmp_path / "p.safetensors", resume=True), until=0)  # the same things elsewhere are the same
    cv2.imwrite(str(other / "style.png"), np.zeros((64, 64, 3), np.uint8))
    with pytest.raises(TrainingError, match="other settings: style picture"):
        run_of(other, tmp_path / "p.safetensors", resume=True)
    shutil.copy(given / "style.png", other / "style.png")
    (other / "photos" / "0.png").rename(other / "photos" / "9.png")
    with pytest.raises(TrainingError, match="other settings: photographs"):
        run_of(other, tmp_path / "p.safetensors", resume=True)
    for seed, name in enumerate(("a.safetensors", "b.safetensors")):
        save_pack(random_pack(tmp_path / name, width=4, places=(), seed=seed))
    train(run_of(given, tmp_path / "q.safetensors", blocks_of=tmp_path / "a.safetensors"), until=1)
    with pytest.raises(TrainingError, match="other settings: main network"):
        run_of(given, tmp_path / "q.safetensors", blocks_of=tmp_path / "b.safetensors", resume=True)


@pytest.mark.parametrize(
    ("bad", "word"),
    [({"crop": 30}, "crop"), ({"batch": 0}, "batch"), ({"style_weight": float("nan")}, "style_weight"),
     ({"learning_rate": -1.0}, "learning_rate"), ({"iterations": 0}, "iterations"),
     ({"precision": "f64"}, "precision"), ({"seed": -1}, "seed"), ({"style_size": 4}, "style_size"),
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
            TrainSettings(iterations=4, style_weight=1.0, **{**QUICK, "precision": precision}),
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


def command(given: Path, output: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "tools.program", "train", "main", "--style", str(given / "style.png"),
            "--photos", str(given / "photos"), "--loss-network", str(given / "vgg.safetensors"), "-o", str(output),
            "--width", "4", "--crop", "32", "--style-size", "32", "--checkpoint-every", "5", *more]  # fmt: skip


def wait_a_moment(running: subprocess.Popen[str]) -> None:
    """Without taking the processor from the training that is waited for."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        running.wait(0.1)


def test_ctrl_c_saves_and_resume_goes_on(given: Path, tmp_path: Path) -> None:
    output = tmp_path / "p.safetensors"
    running = subprocess.Popen(command(given, output, "--iterations", "400"), stderr=subprocess.PIPE, text=True)
    checkpoint = tmp_path / "p.checkpoint.pt"
    while not checkpoint.exists() and running.poll() is None:
        wait_a_moment(running)
    running.send_signal(signal.SIGINT)
    _, words = running.communicate(timeout=120)
    assert running.returncode == 130, words
    assert "--resume goes on from there" in words
    reached = torch.load(checkpoint, weights_only=True)["iteration"]
    assert 5 <= reached < 400
    again = subprocess.Popen(
        command(given, output, "--iterations", "400", "--resume"), stderr=subprocess.PIPE, text=True
    )
    while torch.load(checkpoint, weights_only=True)["iteration"] == reached and again.poll() is None:
        wait_a_moment(again)
    again.send_signal(signal.SIGINT)
    _, words = again.communicate(timeout=120)
    assert again.returncode == 130, words
    assert torch.load(checkpoint, weights_only=True)["iteration"] > reached


def test_the_command_trains_to_the_end(given: Path, tmp_path: Path) -> None:
    output = tmp_path / "p.safetensors"
    done = subprocess.run(
        command(given, output, "--iterations", "6", "--json"), capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["iterations"] == 6
    assert load_pack(output).header.objective == "fixed"


@pytest.mark.parametrize(
    ("words", "said"),
    [(("--width", "600"), "width"), (("--licence", ""), "licence"), (("--checkpoint-every", "0"), "checkpoints"),
     (("--seed", "-1"), "seed"), (("--style-size", "4"), "style_size"), (("--held-out", "nowhere"), "nowhere")],
)  # fmt: skip
def test_what_cannot_work_is_refused_before_training(
    given: Path, tmp_path: Path, words: tuple[str, str], said: str
) -> None:
    done = subprocess.run(
        command(given, tmp_path / "p.safetensors", *words), capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 2, done.stderr
    assert [line[:6] for line in done.stderr.splitlines()] == ["error:"]
    assert said in done.stderr
    assert list(tmp_path.iterdir()) == []
