"""`cuda`: PyTorch's own kernels on an NVIDIA GPU, fp16 and channels-last, replayed as one CUDA graph.

The same graph has several forms, and which is the fastest depends on the GPU, the size and the libraries. The first
`warm_up` records each, measures it and takes the fastest; what was measured is what the engine cache keeps.
"""

from __future__ import annotations

import atexit
import functools
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from stylefader.engines.backends.gpu import Kept, Replay
from stylefader.engines.backends.gpu_engine import GpuEngine, gpu_key
from stylefader.engines.base import Goal, Outcome, Precision, Report, quiet
from stylefader.engines.cache.folder import folder_problem
from stylefader.engines.cache.key import version_of
from stylefader.engines.cache.store import COMPILED, EngineCache
from stylefader.engines.graph.families import graphs_of
from stylefader.engines.graph.rewrite import Rewrites
from stylefader.training.errors import EngineError, first_line
from stylefader.training.packs.pack import StylePack
from stylefader.training.packs.pack_file import PackFile

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class KernelVariant:
    """One way to compute the graph.

    compiled: by Inductor with its own tuned Triton kernels, colours, norms and padding fused into them; needs Triton
    and a C compiler. Else kernel by kernel as the module says, convolutions by the fastest of cuDNN's algorithms.
    """

    compiled: bool
    rewrites: Rewrites


FORMS = {
    "eager": KernelVariant(compiled=False, rewrites=Rewrites(up="wide", output_stride=2)),
    "eager-transposed": KernelVariant(compiled=False, rewrites=Rewrites(up="transposed", output_stride=2)),
    # Not "wide" or "phases": with those Inductor fails (2.13, https://github.com/pytorch/pytorch/issues/187337).
    "compiled": KernelVariant(compiled=True, rewrites=Rewrites(up="transposed", output_stride=2)),
}
READY_FIRST = "eager"
"""What an engine starts with where nothing is remembered: there is nothing to compile."""
_REPLAYS = 20
_GRAPHS_AT_ONCE = 256
"""Compiled graphs that Dynamo keeps for one module before it refuses; its own limit of 8 is less than a gallery."""


class CudaEngine(GpuEngine):
    """An engine of one of `FORMS`; see `GpuEngine` for buffers and streams.

    form: take this one, with nothing measured. Without a cache, what was measured is known while the program runs.
    """

    name = "cuda"
    _known: dict[str, bytes] = {}  # noqa: RUF012  # shared by all on purpose

    def __init__(
        self,
        pack: StylePack | PackFile,
        height: int,
        width: int,
        *,
        precision: Precision = "auto",
        goal: Goal = "latency",
        cache: EngineCache | None = None,
        report: Report = quiet,
        masked: bool = False,
        form: str | None = None,
    ) -> None:
        if form is not None and form not in FORMS:
            raise EngineError(f"engine cuda has no form {form!r}: there are {', '.join(FORMS)}")
        super().__init__(pack, height, width, precision=precision, masked=masked)
        self._pack, self._cache, self._report = pack, cache, report
        libraries = {"torch": torch.__version__, "triton": version_of("triton")}
        # Time does not depend on what the weights are: what was measured for one style holds for the others.
        self._question = gpu_key(
            self._gpu, self.name, pack, size=f"{width}x{height}", precision=self.precision, rewrites="any",
            weights="any", libraries=libraries, masked=masked,
        )  # fmt: skip
        measured = self._remembered() if form is None else None
        self._measured = form is not None or measured is not None
        self.form = form or (measured.name if measured else READY_FIRST)
        """The name of the form that is in use."""
        try:
            self._replay = self._record(self.form)
        except EngineError as error:
            if self.form in (form, READY_FIRST):
                raise
            log.warning("form %s does not work any more: %s", self.form, error)
            self._measured, self.form, self.outcome = False, READY_FIRST, None
            self._forget()
            self._replay = self._record(self.form)

    def warm_up(self) -> None:
        """Measure the forms, unless that was done before, and keep the fastest; then run it once.

        The first time on a machine this takes minutes, most of them for the compiled form.
        """
        if not self._measured:
            self._choose()
        super().warm_up()

    def _choose(self) -> None:
        self._measured = True
        if self._cache is None:
            self._known[self._question.digest] = self._measure()
            return
        facts = {"style": self._pack.header.name}
        answer, self.outcome = self._cache.open(
            self._question, build=self._measure, load=TuningResult.read, report=self._report, facts=facts
        )
        self._known[self._question.digest] = answer.kept()
        if answer.name != self.form:  # measured by another process meanwhile
            self._take(answer.name, self._record(answer.name))

    def _remembered(self) -> TuningResult | None:
        kept = self._cache.read(self._question) if self._cache else None
        known = kept or self._known.get(self._question.digest)
        try:
            answer = TuningResult.read(known) if known else None
        except EngineError:
            return None
        if kept:
            words = "its form from the cache"
            self.outcome = Outcome(digest=self._question.digest, hit=True, kept=True, words=words)
        return answer

    def _forget(self) -> None:
        self._known.pop(self._question.digest, None)
        try:
            if self._cache:
                self._cache.remove(self._question.digest)
        except EngineError:
            self._cache = None  # it would only say the same again

    def _measure(self) -> bytes:
        best = float("inf")

        def milliseconds(name: str) -> float:
            nonlocal best
            assert self._replay is not None
            recorded = self._replay if name == self.form else self._record(name)
            cuda_stream = self._gpu.compute
            taken = self._gpu.milliseconds(cuda_stream, lambda: cuda_stream.replay(recorded), _REPLAYS)
            # Never more than two at a time: each holds the memory of a whole frame.
            if taken < best and recorded is not self._replay:
                self._take(name, recorded)
            elif recorded is not self._replay:
                recorded.reset()
            best = min(best, taken)
            return taken

        def names() -> Iterator[str]:
            # The one in use first, so that the others have something to be faster than.
            for name in (self.form, *(name for name in FORMS if name != self.form)):
                self._report(f"measuring form {name}")
                yield name

        answer = fastest(names(), milliseconds)
        assert answer.name == self.form
        log.info("engine cuda at %dx%d: %s", self.width, self.height, answer)
        return answer.kept()

    def _take(self, name: str, recorded: Replay) -> None:
        assert self._replay is not None
        self._replay.reset()
        self.form, self._replay = name, recorded

    def _record(self, name: str) -> Replay:
        try:
            with (
                self._errors(),
                torch._dynamo.config.patch(recompile_limit=_GRAPHS_AT_ONCE),
                torch.backends.cudnn.flags(enabled=True, benchmark=True, allow_tf32=False),
            ):
                run, static = self._prepare(FORMS[name]), self._static

                def work() -> None:
                    static.picture.copy_(run(*static.inputs.values()))

                # The recording holds addresses: weights must live as long as it does.
                return Kept(self._gpu.record(work), run)
        except EngineError:
            raise
        except Exception as error:  # compilers raise anything
            raise EngineError(
                f"engine cuda cannot make its form {name}: {type(error).__name__} {first_line(error)}", failure=True
            ) from error

    def _prepare(self, form: KernelVariant) -> Callable[..., Tensor]:
        half = self.precision == "fp16"
        family = graphs_of(self._pack.header)
        graph = family.frame_graph(
            self._pack, self.height, self.width, rewrites=form.rewrites, half=half, masked=self.masked
        )
        graph = graph.requires_grad_(False).to(self._gpu.device)
        graph = graph.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if not form.compiled:
            return graph
        keep_compilers_files((self._cache or EngineCache()).folder)
        # Without Inductor's own CUDA graphs: they choose streams and own the outputs, which is done here.
        return torch.compile(graph, mode="max-autotune-no-cudagraphs", fullgraph=True, dynamic=False)


def keep_compilers_files(folder: Path) -> None:
    """Have Inductor and Triton keep what they compiled in our folder, which is ours alone, and not in one of /tmp.

    They run what they find there, and unpickle it. Where the folder cannot be used it is one for this process only.
    """
    problem = folder_problem(folder)
    if problem:
        log.warning("compiled kernels are not kept: %s", problem)
        folder = _own_folder()
    for name, part in (("TORCHINDUCTOR_CACHE_DIR", "inductor"), ("TRITON_CACHE_DIR", "triton")):
        place = folder / COMPILED / part
        why = folder_problem(place)
        os.environ[name] = str(place if not why else _own_folder() / part)


@functools.cache
def _own_folder() -> Path:
    folder = tempfile.mkdtemp(prefix="stylefader-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


@dataclass(frozen=True, kw_only=True)
class TuningResult:
    """What was measured: the fastest form, the time of each, and why others did not run."""

    name: str
    milliseconds: dict[str, float]
    failed: dict[str, str]

    def kept(self) -> bytes:
        """As the cache keeps it: JSON."""
        return json.dumps(asdict(self)).encode()

    @staticmethod
    def read(kept: bytes) -> TuningResult:
        """Raises EngineError for what is no answer."""
        try:
            answer = TuningResult(**json.loads(kept))
            if isinstance(answer.name, str) and answer.name in FORMS:
                return answer
        except (ValueError, TypeError, RecursionError):
            pass
        raise EngineError("it names no form of engine cuda")


def fastest(names: Iterable[str], measure: Callable[[str], float]) -> TuningResult:
    """Measure each by name and answer with the fastest. Raises EngineError with every reason when none works.

    A form that fails is left out, with any error: a missing or broken compiler must not stop the other forms.
    """
    milliseconds: dict[str, float] = {}
    failed: dict[str, str] = {}
    for name in names:
        try:
            milliseconds[name] = measure(name)
        except Exception as error:
            failed[name] = f"{type(error).__name__}: {first_line(error)}"
    if not milliseconds:
        raise EngineError(f"no form works: {'; '.join(f'{k}: {v}' for k, v in failed.items())}", failure=True)
    return TuningResult(name=min(milliseconds, key=milliseconds.__getitem__), milliseconds=milliseconds, failed=failed)
