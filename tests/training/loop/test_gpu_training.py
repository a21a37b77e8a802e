"""Training on a GPU, beside the same on the CPU."""

from __future__ import annotations

import warnings
from itertools import pairwise
from pathlib import Path

import pytest
import torch

from stylefader.training.compute import find_device
from stylefader.training.loop.progress import Progress
from stylefader.training.loop.run import Run
from stylefader.training.loop.trainer import Trainer
from stylefader.training.losses.loss_network import load_loss_network
from stylefader.training.networks.dynamic_net import THREE_BLOCKS, DynamicNet
from stylefader.training.packs.pack import load_pack
from stylefader.training.settings import Precision, TrainSettings
from tests.engines.backends.gpu import needs_cuda
from tests.tools.program import PROGRAM
from tests.training.given import QUICK, recipe_of
from tests.training.loop.test_torchrun import in_two, losses, run, train


def trainer(given: Path, device: str, precision: Precision, checkpoint: Path, *, resume: bool = False) -> Trainer:
    torch.manual_seed(0)
    return Trainer(
        DynamicNet(width=4, places=THREE_BLOCKS),
        TrainSettings(**{**QUICK, "iterations": 6, "style_weight": 1.0, "batch": 2, "temporal": "strong",
                         "precision": precision}),
        style=given / "style.png",
        photos=given / "photos",
        loss_network=load_loss_network(given / "vgg.safetensors"),
        blocks_only=False,
        checkpoint=checkpoint,
        resume=resume,
        device=find_device(device),
    )  # fmt: skip


def totals(trainer: Trainer, *, until: int = 6) -> list[float]:
    seen: list[Progress] = []
    trainer.run(report=seen.append, should_stop=lambda: len(seen) >= until)
    return [now.total for now in seen]


@needs_cuda
@pytest.mark.parametrize("precision", ["f32", "bf16", "fp16"])
def test_a_gpu_learns_what_the_cpu_does_and_resumes(given: Path, tmp_path: Path, precision: Precision) -> None:
    """Autocast and TF32 change the numbers a little, not what is learnt. Sums on a GPU come in any order."""
    expected = totals(trainer(given, "cpu", "f32", tmp_path / "cpu.pt"))
    assert totals(trainer(given, "cuda", precision, tmp_path / "gpu.pt"), until=3) == pytest.approx(
        expected[:3], rel=0.05
    )
    resumed = trainer(given, "cuda", precision, tmp_path / "gpu.pt", resume=True)
    assert resumed.iteration == 3
    assert totals(resumed) == pytest.approx(expected[3:], rel=0.05)
    assert resumed.compute.numbers == precision
    assert all(p.dtype == torch.float32 and p.is_cuda for p in resumed.net.parameters())


@needs_cuda
def test_the_host_waits_for_the_gpu_once_a_step(given: Path, tmp_path: Path) -> None:
    training, steps = trainer(given, "cuda", "bf16", tmp_path / "gpu.pt"), []
    with warnings.catch_warnings(record=True) as waits:
        warnings.simplefilter("always")

        def report(now: Progress) -> None:
            steps.append(len([wait for wait in waits if "synchronizing" in str(wait.message)]))
            torch.cuda.set_sync_debug_mode("warn")

        try:
            training.run(report=report, should_stop=lambda: len(steps) == 5)
        finally:
            torch.cuda.set_sync_debug_mode("default")
    assert [after - before for before, after in pairwise(steps[1:])] == [1, 1, 1]


@needs_cuda
def test_a_whole_run_on_a_gpu_makes_a_measured_pack(
    given: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stylefader.training.loop.measuring.MEASURED_SIDE", 64)
    steps = {"main__iterations": 3, "blocks__iterations": 25, "train__precision": "auto"}
    making = Run(recipe_of(given, tmp_path / "p.safetensors", **steps), device=find_device("cuda"))
    for part in making.recipe.parts:
        making.begin(part)
        assert making.train(report=lambda now: None, should_stop=lambda: False)
    header = load_pack(making.finish().file).header
    assert header.losses is not None
    assert header.losses.style[-1] < header.losses.style[0], "the blocks learnt to lower the style loss"
    assert header.training["blocks"]["device"] == torch.cuda.get_device_name()
    assert header.training["blocks"]["precision"] in ("bf16", "fp16")


@needs_cuda
def test_two_gpus_are_one_with_twice_the_batch(given: Path, tmp_path: Path) -> None:
    if torch.cuda.device_count() < 2:
        pytest.skip("one GPU only")
    ours, theirs = tmp_path / "two.safetensors", tmp_path / "one.safetensors"
    for output, processes in ((ours, 2), (theirs, 1)):
        words = train(given, output, "--device", "cuda", train__batch=2 // processes)
        done = run(in_two(words) if processes == 2 else [str(PROGRAM), *words])
        assert done.returncode == 0, done.stderr
    for step, numbers in losses(theirs).items():
        assert losses(ours)[step] == pytest.approx(numbers, rel=0.02), step
