"""`stylefader bench train`: steps of training beside the loss network's own passes, which no step can do without."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stylefader.tools.console.messages import print_json, say
from stylefader.tools.console.signals import unwind

if TYPE_CHECKING:
    from stylefader.training.loop.progress import Progress
    from stylefader.training.loop.run import Run
    from stylefader.training.loop.trainer import Trainer

_WARM_UP = 4
"""Steps and passes that do not count: the first ones wait for photographs that nobody asked for before."""


def command(
    recipe: Annotated[str, typer.Argument(help="A recipe file, or the name of one that comes with stylefader.")],
    changes: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change the recipe. Many times.")
    ] = None,
    steps: Annotated[int, typer.Option(min=1, max=100000, help="Steps that are timed in each run.")] = 10,
    runs: Annotated[int, typer.Option(min=1, max=1000, help="How often steps and passes are timed.")] = 3,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, or one GPU as in cuda:1.")] = "auto",
    json: Annotated[bool, typer.Option("--json/--no-json", help="End in one JSON line.")] = True,
) -> None:
    """Time the steps of a recipe's first part, and what of each is spent outside of the networks.

    A step's ceiling is what it asks of the loss network, forward and backward, at the same batch and crop, with nothing
    else done. Steps are those of `stylefader train`, loader threads and log included. Nothing is kept. Give main_pack
    in the recipe to time blocks.
    """
    from dataclasses import replace

    from stylefader.training.compute import find_device, prepare
    from stylefader.training.loop.recipe_reading import find_recipe, read_recipe
    from stylefader.training.loop.runs import run_of
    from stylefader.training.loop.samples import loader_workers

    where = find_device(device)
    unwind()
    with tempfile.TemporaryDirectory() as folder:
        checked = read_recipe(find_recipe(recipe), changes or (), output=Path(folder, "bench.safetensors"))
        part = replace(checked.parts[0], settings=replace(checked.parts[0].settings, iterations=10**6, patience=0))
        prepare(where)
        run = run_of(
            replace(checked, parts=(part, *checked.parts[1:])),
            preview_minutes=1e6,
            checkpoint_every=10**6,
            device=where,
        )
        trainer = run.begin(part)
        timed: list[list[Progress]] = []
        passes: list[list[float]] = []
        for number in range(runs):
            say(f"run {number + 1} of {runs}: {steps} steps of {part.name}, then what they ask of the loss network")
            timed.append(_time_steps(run, steps))
            passes.append(_time_passes(trainer, steps))
    settings = part.settings
    result = {
        "part": part.name, "width": run.width, "batch": settings.batch, "crop": settings.crop,
        "temporal": settings.temporal, "photographs": len(trainer.photos), "precision": trainer.compute.numbers,
        "device": trainer.compute.name, "cores": os.cpu_count(), "workers": loader_workers(), "steps": steps,
        "runs": runs, **_summary(timed, passes, settings.batch),
    }  # fmt: skip
    say(
        f"{result['images_per_s']:.2f} images/s; the loss network alone {result['loss_network_images_per_s']:.2f}: "
        f"a step takes {result['ratio']:.2f} times as long ({result['ratio_min']:.2f} to {result['ratio_max']:.2f}); "
        f"{result['outside']:.1%} of the time outside of the networks ({result['outside_min']:.1%} to "
        f"{result['outside_max']:.1%}), {result['waiting']:.1%} waiting for photographs"
    )
    if json:
        print_json(result)


def _time_steps(run: Run, steps: int) -> list[Progress]:
    """Where training stood before the first of the steps and after each."""
    seen: list[Progress] = []
    run.train(report=seen.append, should_stop=lambda: len(seen) >= _WARM_UP + steps)
    return seen[_WARM_UP - 1 :]


def _time_passes(trainer: Trainer, passes: int) -> list[float]:
    """Seconds of each pass of what a step asks of the loss network."""
    import torch

    settings, device = trainer.settings, trainer.compute.device
    generator = torch.Generator().manual_seed(0)
    side = settings.crop - trainer.window_moves  # of the window that the losses see
    shape = (settings.batch, 3, side, side)
    photo, picture = (
        torch.rand(shape, generator=generator).to(device, memory_format=torch.channels_last) for _ in range(2)
    )
    picture.requires_grad_(True)
    times = []
    for _ in range(_WARM_UP + passes):
        began = time.perf_counter()
        with trainer.compute.autocast():
            content, style = trainer.looked_at(photo, picture)
        (gradient,) = torch.autograd.grad(content + settings.style_weight * style, picture)
        gradient[0, 0, 0, 0].tolist()  # waits for a GPU
        times.append(time.perf_counter() - began)
    return times[_WARM_UP:]


def _summary(timed: Sequence[Sequence[Progress]], passes: Sequence[Sequence[float]], batch: int) -> dict[str, float]:
    """Medians over all steps and passes; ratio (of medians) and shares (of all time) by run, the least and the most."""
    steps = [[after.seconds - before.seconds for before, after in pairwise(run)] for run in timed]
    ratios = [statistics.median(run) / statistics.median(alone) for run, alone in zip(steps, passes, strict=True)]
    waiting = [(run[-1].waiting - run[0].waiting) / sum(times) for run, times in zip(timed, steps, strict=True)]
    outside = [1 - (run[-1].networks - run[0].networks) / sum(times) for run, times in zip(timed, steps, strict=True)]
    step = statistics.median(time for run in steps for time in run)
    one_pass = statistics.median(time for run in passes for time in run)
    return {
        "step_ms": round(1000 * step, 2), "loss_network_ms": round(1000 * one_pass, 2),
        "images_per_s": round(batch / step, 3), "loss_network_images_per_s": round(batch / one_pass, 3),
        "ratio": round(statistics.median(ratios), 4), "ratio_min": round(min(ratios), 4),
        "ratio_max": round(max(ratios), 4), "outside": round(statistics.median(outside), 5),
        "outside_min": round(min(outside), 5), "outside_max": round(max(outside), 5),
        "waiting": round(statistics.median(waiting), 5),
    }  # fmt: skip
