"""Runs that tests train: to their end, or stopped as Ctrl-C would and taken up again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from stylefader.training.loop.progress import Progress
from stylefader.training.loop.recipe import Recipe
from stylefader.training.loop.run import Run
from stylefader.training.loop.runs import run_of
from stylefader.training.packs.pack import StylePack


def steps_of(run: Run, *, until: int | None = None) -> list[Progress]:
    """Run its parts, stopping after step `until` of this call as Ctrl-C would."""
    seen: list[Progress] = []
    for part in run.recipe.parts:
        run.begin(part)
        if not run.train(report=seen.append, should_stop=lambda: until is not None and len(seen) >= until):
            break
    return seen


def trained(recipe: Recipe) -> tuple[StylePack, list[Progress]]:
    """The pack, and all steps."""
    run = run_of(recipe)
    seen = steps_of(run)
    return run.finish(), seen


def assert_resume_goes_on_exactly(recipe: Callable[[Path], Recipe], folder: Path, *, stop: int) -> None:
    """A run that is stopped after so many steps and resumed is the one that was never stopped, bit for bit.

    recipe: for this output.
    """
    whole = run_of(recipe(folder / "whole.safetensors"))
    steps = [now.total for now in steps_of(whole)]
    assert len(steps_of(run_of(recipe(folder / "parts.safetensors")), until=stop)) == stop < len(steps)
    rest = run_of(recipe(folder / "parts.safetensors"), resume=True)
    assert [now.total for now in steps_of(rest)] == steps[stop:]
    for one, other in (
        (whole.net.state_dict(), rest.net.state_dict()),
        (whole.finish().tensors, rest.finish().tensors),
    ):
        assert one.keys() == other.keys()
        assert all(torch.equal(tensor, other[name]) for name, tensor in one.items())
