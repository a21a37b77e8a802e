"""One NVIDIA GPU and an engine's streams on it: everything that GPU engines need of `torch.cuda`.

Frames go up, are computed and come down on three streams, so that these overlap for different frames. Recorded work
stays valid for one stream and one set of addresses, so each engine has one compute stream, which is never the default
stream.
"""

from __future__ import annotations

import ctypes
import functools
import sys
import warnings
from collections.abc import Callable
from itertools import pairwise
from typing import Any, Protocol

import torch
from torch import Tensor

from stylefader.training.errors import EngineError

_RUNS_BEFORE_CAPTURE = 3
"""Libraries choose algorithms, compile and allocate in the first runs; this must not happen during the capture."""


class Replay(Protocol):
    """Recorded work."""

    def replay(self) -> None:
        """Enqueue it on the current stream; returns at once."""

    def reset(self) -> None:
        """Free it and its memory."""


class Kept:
    """Recorded work, and what must stay in memory for it: a recording holds addresses."""

    def __init__(self, recorded: Replay, needs: Any) -> None:
        self.replay = recorded.replay
        self._recorded = recorded
        self._needs = needs

    def reset(self) -> None:
        """Free the recorded work and what it needs."""
        self._recorded.reset()
        self._needs = None


def why_no_gpu() -> str:
    """Why there is no NVIDIA GPU to use, in words; empty where there is one. Imports nothing and starts nothing."""
    if torch.version.cuda is None:
        return "this PyTorch is built without CUDA: see https://pytorch.org/get-started/locally"
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        if torch.cuda.is_available():
            return ""
    # PyTorch warns where there is a driver that it cannot use, an old one above all.
    return " ".join(str(said[-1].message).split()) if said else "no NVIDIA GPU or driver is here"


@functools.cache
def driver_version() -> str:
    """The version of NVIDIA's driver, `580.65.06` and so on; only the CUDA that it is for where it does not say."""
    words = ctypes.create_string_buffer(80)
    try:
        library = ctypes.CDLL("nvml.dll" if sys.platform == "win32" else "libnvidia-ml.so.1")
        if library.nvmlInit_v2() == 0 and library.nvmlSystemGetDriverVersion(words, len(words)) == 0:
            return words.value.decode(errors="replace")
    except (OSError, AttributeError):  # not everywhere beside the driver, in containers above all
        pass
    return f"for CUDA {driver_cuda() // 1000}.{driver_cuda() % 1000 // 10}"


def driver_cuda() -> int:
    """The newest CUDA that the driver is for, as it says it itself: 13000 for 13.0."""
    return int(torch._C._cuda_getDriverVersion())  # type: ignore[attr-defined]


class CudaStream:
    """A stream, and what engines put on it. Nothing here waits on the host."""

    def __init__(self, device: torch.device) -> None:
        self.stream: torch.cuda.Stream | None = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]

    @property
    def handle(self) -> int:
        """The handle of CUDA, for other libraries; valid as long as this object."""
        assert self.stream is not None
        return int(self.stream.cuda_stream)

    def copy(self, to: Tensor, source: Tensor) -> None:
        """Enqueue a copy between tensors of one shape; from or to pinned memory it does not wait."""
        with torch.cuda.stream(self.stream):
            to.copy_(source, non_blocking=True)

    def replay(self, recorded: Replay) -> None:
        """Enqueue recorded work."""
        with torch.cuda.stream(self.stream):
            recorded.replay()

    def mark(self, event: Any) -> None:
        """Record an event, which has come when all work that is on the stream so far is done."""
        event.record(self.stream)

    def follow(self, event: Any) -> None:
        """Make later work on the stream wait until the event has come, as it was marked last."""
        assert self.stream is not None
        self.stream.wait_event(event)


class Gpu:
    """The current GPU, for one engine."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.name = torch.cuda.get_device_name(device)
        self.capability = "{}.{}".format(*torch.cuda.get_device_capability(device))
        self.driver = driver_version()
        self.driver_cuda = driver_cuda()
        self.upload, self.compute, self.download = (CudaStream(device) for _ in range(3))
        self._done = self.event()

    @classmethod
    def find(cls, engine: str) -> Gpu:
        """The GPU for an engine. Raises EngineError that says why there is none."""
        why = why_no_gpu()
        if why:
            raise EngineError(f"engine {engine} cannot run: {why}")
        try:
            return cls(torch.device("cuda", torch.cuda.current_device()))
        except RuntimeError as error:
            raise EngineError(f"engine {engine} cannot run: {error}") from error

    def free_bytes(self) -> int:
        """What can be allocated now: free on the device, or kept by PyTorch for new tensors."""
        free, _ = torch.cuda.mem_get_info(self.device)
        return free + torch.cuda.memory_reserved(self.device) - torch.cuda.memory_allocated(self.device)

    def buffer(self, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        """A new tensor of zeros on the GPU."""
        return torch.zeros(shape, dtype=dtype, device=self.device)

    def host_buffer(self, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        """Pinned, so that copies to and from it do not wait."""
        return torch.zeros(shape, dtype=dtype, pin_memory=True)

    def event(self) -> Any:
        """A new CUDA event, for `CudaStream.mark` and `follow`."""
        return torch.cuda.Event()  # type: ignore[no-untyped-call]

    def wait(self, event: Any) -> None:
        """Wait on the host until an event has come, as it was marked last."""
        # Wait for an event, not a stream: `set_sync_debug_mode` then reports only unintended waits.
        event.synchronize()

    def settle(self) -> None:
        """Wait on the host for all that the engine has enqueued so far, and for what PyTorch's own stream has."""
        self._done.record(torch.cuda.current_stream(self.device))
        self._done.synchronize()
        for cuda_stream in (self.upload, self.compute, self.download):
            cuda_stream.mark(self._done)
            self._done.synchronize()

    def record(self, work: Callable[[], None]) -> Replay:
        """Run `work` a few times on the compute stream and record it.

        It must use fixed tensors only, and must not touch the host.
        """
        self.settle()
        with torch.no_grad(), torch.cuda.stream(self.compute.stream):
            for _ in range(_RUNS_BEFORE_CAPTURE):
                work()
            self.settle()
            graph = torch.cuda.CUDAGraph()
            # Only this thread's calls count as errors: another one may be playing on this GPU meanwhile.
            with torch.cuda.graph(graph, stream=self.compute.stream, capture_error_mode="thread_local"):
                work()
        return graph

    def milliseconds(self, cuda_stream: CudaStream, work: Callable[[], None], times: int) -> float:
        """Median duration of `work` on a stream, after as many runs to warm up the clocks."""
        marks = [torch.cuda.Event(enable_timing=True) for _ in range(times + 1)]  # type: ignore[no-untyped-call]
        for _ in range(times):
            work()
        cuda_stream.mark(marks[0])
        for mark in marks[1:]:
            work()
            cuda_stream.mark(mark)
        self.settle()
        durations = sorted(a.elapsed_time(b) for a, b in pairwise(marks))
        return durations[times // 2]
