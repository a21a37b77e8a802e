"""`cuda`: PyTorch's own kernels on an NVIDIA GPU, fp16 and channels-last, replayed as one CUDA graph.

The same graph has several forms, and which is the fastest depends on the GPU, the size and the libraries. The first
`warm_up` records each, measures it and keeps the fastest; the choice is remembered.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from engines.base import Precision
from engines.captured import CapturedEngine
from engines.gpu import Replay
from engines.graph import FrameGraph
from engines.rewrite import Rewrites
from training.errors import EngineError
from training.files import written_whole
from training.pack import StylePack

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Form:
    """One way to compute the graph.

    compiled: by Inductor with its own tuned Triton kernels, colours, norms and padding fused into them; needs Triton
    and a C compiler. Else kernel by kernel as the module says, convolutions by the fastest of cuDNN's algorithms.
    """

    compiled: bool
    rewrites: Rewrites


FORMS = {
    "eager": Form(compiled=False, rewrites=Rewrites(up="wide", output_stride=2)),
    "eager-transposed": Form(compiled=False, rewrites=Rewrites(up="transposed", output_stride=2)),
    # Not "wide" or "phases": with those Inductor fails (2.13, https://github.com/pytorch/pytorch/issues/187337).
    "compiled": Form(compiled=True, rewrites=Rewrites(up="transposed", output_stride=2)),
}
READY_FIRST = "eager"
"""What an engine starts with where nothing is remembered: there is nothing to compile."""
_REPLAYS = 20
_GRAPHS_AT_ONCE = 256
"""Compiled graphs that Dynamo keeps for one module before it refuses; its own limit of 8 is less than a gallery."""


class CudaEngine(CapturedEngine):
    """An engine of one of `FORMS`; see `CapturedEngine` for buffers and streams.

    form: take this one, with nothing measured.
    choices: a JSON file that keeps what was measured; without one it is remembered while the program runs.
    """

    name = "cuda"

    def __init__(
        self,
        pack: StylePack,
        height: int,
        width: int,
        *,
        precision: Precision = "auto",
        form: str | None = None,
        choices: Path | None = None,
    ) -> None:
        if form is not None and form not in FORMS:
            raise EngineError(f"engine cuda has no form {form!r}: there are {', '.join(FORMS)}")
        super().__init__(pack, height, width, precision=precision)
        self._pack = pack
        self._choices = Choices(choices)
        self._question = " | ".join(
            (
                self.device, f"torch {torch.__version__}", f"triton {version_of('triton')}", pack.header.kind,
                f"width {pack.header.width}", f"blocks {','.join(pack.header.places)}", f"{width}x{height}",
                self.precision,
            )
        )  # fmt: skip
        known = form or self._choices.find(self._question)
        self._measured = known is not None
        self.form = known or READY_FIRST
        """The name of the form that is in use."""
        try:
            self._replay = self._record(self.form)
        except EngineError as error:
            if self.form in (form, READY_FIRST):
                raise
            log.warning("form %s does not work any more: %s", self.form, error)
            self._measured, self.form = False, READY_FIRST
            self._replay = self._record(self.form)

    def warm_up(self) -> None:
        """Measure the forms, unless that was done before, and keep the fastest; then run it once.

        The first time on a machine this takes minutes, most of them for the compiled form.
        """
        if not self._measured:
            self._measure()
        super().warm_up()

    def _measure(self) -> None:
        self._measured = True
        best = float("inf")

        def milliseconds(name: str) -> float:
            nonlocal best
            assert self._replay is not None
            recorded = self._replay if name == self.form else self._record(name)
            taken = self._gpu.milliseconds(recorded, _REPLAYS)
            # Never more than two at a time: each holds the memory of a whole frame.
            if taken < best and recorded is not self._replay:
                self._replay.reset()
                self.form, self._replay = name, recorded
            elif recorded is not self._replay:
                recorded.reset()
            best = min(best, taken)
            return taken

        # The one in use first, so that the others have something to be faster than.
        answer = fastest([self.form, *(name for name in FORMS if name != self.form)], milliseconds)
        assert answer.name == self.form
        log.info("engine cuda at %dx%d: %s", self.width, self.height, answer)
        self._choices.keep(self._question, answer)

    def _record(self, name: str) -> Replay:
        try:
            with (
                self._errors(),
                torch._dynamo.config.patch(recompile_limit=_GRAPHS_AT_ONCE),
                torch.backends.cudnn.flags(enabled=True, benchmark=True, allow_tf32=False),
            ):
                run = self._prepare(FORMS[name])

                def work() -> None:
                    self._picture.copy_(run(self._frame, self._alpha))

                # The recording holds addresses: weights must live as long as it does.
                return _Kept(self._gpu.record(work), run)
        except EngineError:
            raise
        except Exception as error:  # compilers raise anything
            first_line = str(error).strip().partition("\n")[0]
            raise EngineError(
                f"engine cuda cannot make its form {name}: {type(error).__name__} {first_line}", failure=True
            ) from error

    def _prepare(self, form: Form) -> Callable[[Tensor, Tensor], Tensor]:
        half = self.precision == "fp16"
        graph = FrameGraph(self._pack.network(), self.height, self.width, rewrites=form.rewrites, half=half)
        graph = graph.eval().requires_grad_(False).to(self._gpu.device)
        graph = graph.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if not form.compiled:
            return graph
        # Without Inductor's own CUDA graphs: they choose streams and own the outputs, which is done here.
        return torch.compile(graph, mode="max-autotune-no-cudagraphs", fullgraph=True, dynamic=False)


def version_of(package: str) -> str:
    """The installed version of a package, without importing it; `none` where it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "none"


class _Kept:
    """Recorded work, and what must stay in memory for it."""

    def __init__(self, recorded: Replay, needs: Any) -> None:
        self.replay = recorded.replay
        self._recorded = recorded
        self._needs = needs

    def reset(self) -> None:
        self._recorded.reset()
        self._needs = None


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What was measured: the fastest form, the time of each, and why others did not run."""

    name: str
    milliseconds: dict[str, float]
    failed: dict[str, str]


def fastest(names: Iterable[str], measure: Callable[[str], float]) -> Answer:
    """Measure each by name and answer with the fastest. Raises EngineError with every reason when none works.

    What fails is left out, whatever it raises: a compiler that is missing or broken must not stop a picture that
    another form can make.
    """
    milliseconds: dict[str, float] = {}
    failed: dict[str, str] = {}
    for name in names:
        try:
            milliseconds[name] = measure(name)
        except Exception as error:
            failed[name] = f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
    if not milliseconds:
        raise EngineError(f"no form works: {'; '.join(f'{k}: {v}' for k, v in failed.items())}", failure=True)
    return Answer(name=min(milliseconds, key=milliseconds.__getitem__), milliseconds=milliseconds, failed=failed)


class Choices:
    """Answers by question, in a JSON file or, without one, for as long as the program runs.

    A file that cannot be read or written costs only the remembering.
    """

    _here: dict[str, Any] = {}  # noqa: RUF012  # shared by all on purpose

    def __init__(self, file: Path | None) -> None:
        self._file = file

    def find(self, question: str) -> str | None:
        """The form that was the fastest, None where that is not known."""
        answer = self._all().get(question)
        name = answer.get("form") if isinstance(answer, dict) else None
        return name if name in FORMS else None

    def keep(self, question: str, answer: Answer) -> None:
        known = self._all()
        known[question] = {
            "form": answer.name,
            "milliseconds": {name: round(value, 4) for name, value in answer.milliseconds.items()},
            "failed": answer.failed,
        }
        if self._file is None:
            return
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with written_whole(self._file) as file:
                file.write(json.dumps(known, indent=1, sort_keys=True).encode())
        except OSError as error:
            log.warning("what engine cuda measured is not kept: %s", error)

    def _all(self) -> dict[str, Any]:
        if self._file is None:
            return self._here
        with suppress(OSError, ValueError, RecursionError):
            known = json.loads(self._file.read_bytes())
            if isinstance(known, dict):
                return known
        return {}
