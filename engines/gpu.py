"""One NVIDIA GPU and its one compute stream: all that the engines on it ask of `torch.cuda`.

CUDA graphs stay valid for one stream and one set of addresses. So there is one stream an engine, never the default
one, and all work of the engine is recorded on it once and replayed for each frame.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager
from itertools import pairwise
from typing import Protocol

import torch
from torch import Tensor

from training.errors import EngineError

_RUNS_BEFORE_CAPTURE = 3
"""Libraries choose algorithms, compile and allocate in the first runs; none of that may fall into the capture."""


class Replay(Protocol):
    """Recorded work."""

    def replay(self) -> None:
        """Enqueue it on the current stream; returns at once."""

    def reset(self) -> None:
        """Free it and its memory."""


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


class Gpu:
    """The current GPU, for one engine."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.name = torch.cuda.get_device_name(device)
        self.stream: torch.cuda.Stream | None = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        # An event, not the stream, is waited for: `set_sync_debug_mode` then finds only what nobody meant.
        self._done = torch.cuda.Event()  # type: ignore[no-untyped-call]

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
        return torch.zeros(shape, dtype=dtype, device=self.device)

    def host_buffer(self, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        """Pinned, so that copies to and from it do not wait."""
        return torch.zeros(shape, dtype=dtype, pin_memory=True)

    def current(self) -> AbstractContextManager[object]:
        """Makes the stream the current one, and its device the current device."""
        return torch.cuda.stream(self.stream)

    def wait(self) -> None:
        """Wait on the host until the stream has done all that was enqueued so far."""
        self._done.record(self.stream)
        self._done.synchronize()

    def record(self, work: Callable[[], None]) -> Replay:
        """Run `work` a few times and record it. It must use fixed tensors only, and must not touch the host."""
        assert self.stream is not None
        self.stream.wait_stream(torch.cuda.current_stream(self.device))
        with torch.no_grad(), self.current():
            for _ in range(_RUNS_BEFORE_CAPTURE):
                work()
            self.wait()
            graph = torch.cuda.CUDAGraph()
            # Only this thread's calls count as errors: another one may be playing on this GPU meanwhile.
            with torch.cuda.graph(graph, stream=self.stream, capture_error_mode="thread_local"):
                work()
        return graph

    def milliseconds(self, recorded: Replay, times: int) -> float:
        """Median duration of a replay, after as many again to warm the clocks up."""
        marks = [torch.cuda.Event(enable_timing=True) for _ in range(times + 1)]  # type: ignore[no-untyped-call]
        with self.current():
            for _ in range(times):
                recorded.replay()
            marks[0].record(self.stream)
            for mark in marks[1:]:
                recorded.replay()
                mark.record(self.stream)
        self.wait()
        durations = sorted(a.elapsed_time(b) for a, b in pairwise(marks))
        return durations[times // 2]
