"""`stylefader train`: make a style pack from a recipe."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stylefader.tools.console.messages import print_json, say
from stylefader.tools.console.progress import progress
from stylefader.tools.console.signals import asking, unwind

if TYPE_CHECKING:
    from stylefader.training.loop.process_group import ProcessGroup
    from stylefader.training.loop.recipe import Part
    from stylefader.training.loop.run import Run
    from stylefader.training.packs.pack import StylePack


def command(
    recipe: Annotated[str, typer.Argument(help="A recipe file, or the name of one that comes with stylefader.")],
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change the recipe, as in main.iterations=100. Many times."),
    ] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="The pack to write, NAME.safetensors.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the checkpoints beside the output.")] = False,
    checkpoint_every: Annotated[int, typer.Option(help="Steps between checkpoints.")] = 200,
    preview_minutes: Annotated[float, typer.Option(help="Minutes between previews.")] = 5.0,
    tensorboard: Annotated[Path | None, typer.Option(help="Folder for TensorBoard logs.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, or one GPU as in cuda:1.")] = "auto",
    json: Annotated[bool, typer.Option("--json", help="Print what was made as JSON.")] = False,
) -> None:
    """Train a style pack from a recipe: the main network, then its tuning-blocks.

    The recipes that come with stylefader, one for each thing that alpha can mean: level, pair, scale, dual, one_block,
    fixed. With nano a small network learns from another pack. With palette many paintings are one network, with
    metastyle one to adapt; predictor makes what says new styles for a palette; adain is another method, to compare
    with. They say what to fill in; docs/training.md says the rest, also on several GPUs and machines.
    """
    from stylefader.training.loop.process_group import PeerError, ProcessGroup

    group = ProcessGroup.from_environment()
    stop, pack = _StopOnce(speaks=group.leads), None
    try:
        with group.joined(), ExitStack() as held:
            with group.all_or_none():
                run = held.enter_context(
                    _begun(
                        recipe,
                        changes or [],
                        output,
                        group,
                        device,
                        resume,
                        checkpoint_every,
                        preview_minutes,
                        tensorboard,
                    )
                )
            unwind()
            _train(run, stop)
            group.part()
            pack = _finished(run) if group.leads else None
    except PeerError as error:
        os._exit(error.exit_code)  # at once: PyTorch may abort where it tidies up connections to a leader that has gone
    if pack is None:
        return
    if json:
        print_json({"file": str(pack.file), "header": asdict(pack.header)})
    else:
        say(f"wrote {pack.file}")


@contextmanager
def _begun(
    recipe: str, changes: list[str], output: Path | None, group: ProcessGroup, device: str, resume: bool,
    checkpoint_every: int, preview_minutes: float, tensorboard: Path | None,
) -> Iterator[Run]:  # fmt: skip
    """The run, checked, in a folder where no other trains the same pack meanwhile."""
    from stylefader.training.loop.recipe_reading import find_recipe, read_recipe

    checked = read_recipe(find_recipe(recipe), changes, output=output)
    from stylefader.engines.cache.file_lock import try_lock
    from stylefader.training.compute import find_device, prepare
    from stylefader.training.errors import TrainingError
    from stylefader.training.leftovers import clear_leftovers
    from stylefader.training.loop.runs import run_of

    where = find_device(device, local_rank=group.local_rank, local_size=group.local_size)
    prepare(where)
    with try_lock(checked.output.with_suffix(".lock")) if group.leads else nullcontext() as held:
        if held is False:
            raise TrainingError(f"another run is training into {checked.output}: wait for it, or name another output")
        for line in clear_leftovers(checked.output.parent) if group.leads else ():
            say(f"note: {line}")
        yield run_of(
            checked,
            resume=resume,
            checkpoint_every=checkpoint_every,
            preview_minutes=preview_minutes,
            tensorboard=tensorboard,
            device=where,
            group=group,
        )


def _train(run: Run, stop: _StopOnce) -> None:
    for part in run.recipe.parts:
        if not (_lead_part(run, part, stop) if run.group.leads else _follow_part(run, part, stop)):
            if run.group.leads:
                say(f"stopped at iteration {run.trainer.iteration} of {part.name}; "
                    "the same command with --resume goes on from there")  # fmt: skip
            raise typer.Exit(128 + (stop.wanted or signal.SIGINT))  # the wish may be another process' alone


def _finished(run: Run) -> StylePack:
    if run.measures:
        say(f"measuring on {run.recipe.held_out}")
    for problem in run.problems:
        say(f"note: {problem}")
    return run.finish()


def _follow_part(run: Run, part: Part, stop: _StopOnce) -> bool:
    """As `_lead_part`, in silence: the leader speaks for all processes."""
    with stop:
        run.begin(part)
        return run.train(report=lambda now: None, should_stop=stop)


def _lead_part(run: Run, part: Part, stop: _StopOnce) -> bool:
    """Train one part to its end; False where a signal came first."""
    from stylefader.training.loop.progress import Progress
    from stylefader.training.networks.architectures import network_words

    last: list[Progress] = []
    with stop:
        trainer = run.begin(part)
        together = f" in {run.group.size} processes" if run.group.size > 1 else ""
        start = run.started_from(part)
        of = f" from {start['name']}" if start else ""
        size = network_words(run.architecture, run.width)
        say(f"training {part.name} at {size}{of} on {len(trainer.photos)} photographs{together}, "
            f"{trainer.compute.numbers} on {trainer.compute.name}; previews in {run.recipe.preview}")  # fmt: skip
        with progress(part.name, part.settings.iterations, done=trainer.iteration) as advance:

            def report(now: Progress) -> None:
                losses = f"content {now.content:.3f} style {now.style:.4f}"
                if now.pixel:
                    losses += f" pixel {now.pixel:.4f}"
                if now.hint:
                    losses += f" vector {now.vector:.3f} hint {now.hint:.3f}"
                if part.settings.temporal != "off":
                    losses += f" temporal {now.temporal:.5f}"
                advance(now.iteration, f"{losses} {now.images_per_second:.1f} images/s")
                last[:] = [now]

            finished = run.train(report=report, should_stop=stop)
    for now in last:
        say(f"{part.name}: {now.images_per_second:.2f} images/s, {now.waiting / now.seconds:.1%} of the time spent "
            f"waiting for photographs, {now.outside:.1%} in all outside of the networks")  # fmt: skip
    if finished and trainer.iteration < part.settings.iterations:
        say(f"{part.name}: the loss no longer falls after {trainer.iteration} iterations")
    photos = trainer.photos
    if photos.unreadable:
        say(f"note: {len(photos.unreadable)} of {len(photos)} pictures could not be read and were skipped, "
            f"{min(photos.unreadable)} among them")  # fmt: skip
    if photos.enlarged:
        say(f"note: {len(photos.enlarged)} of {len(photos)} pictures are smaller than the crop and were enlarged")
    return finished


class _StopOnce:
    """The first Ctrl-C or SIGTERM asks for a stop between two steps; the second ends at once, as usual.

    SIGTERM is how schedulers and machines that are called back ask, and at times torchrun, where Ctrl-C reaches it in
    the middle of its own book-keeping. speaks: whether this process is the one that says so.
    """

    def __init__(self, *, speaks: bool) -> None:
        self.wanted = 0
        """The signal that came, or 0."""
        self._speaks, self._said = speaks, False

    def __call__(self) -> bool:
        """Whether to stop; asked between two steps, which is when it is said, too: a handler must not print."""
        if self.wanted and self._speaks and not self._said:
            self._said = True
            say("stopping after this step; Ctrl-C again ends at once")
        return bool(self.wanted)

    def __enter__(self) -> _StopOnce:
        self._asking = asking(lambda number: setattr(self, "wanted", number))
        self._asking.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._asking.__exit__(*error)
