"""Tests that need an NVIDIA GPU: skipped where there is none, and failing where REQUIRE_CUDA=1 promises one.

`CpuGpu` takes its place for what can be shown without one: everything but the kernels, the copies and the capture.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import Tensor

from engines.captured import CapturedEngine

needs_cuda = pytest.mark.skipif(
    not torch.cuda.is_available() and os.environ.get("REQUIRE_CUDA") != "1", reason="no CUDA GPU here"
)
ON_CUDA = {"tensorrt", "tensorrt-rtx", "cuda"}
"""The engines of the registry that need one."""


class CpuReplay:
    """Recorded work that is done again at each replay."""

    def __init__(self, work: Callable[[], None]) -> None:
        self.work = work
        self.live = True

    def replay(self) -> None:
        assert self.live, "a recording that was freed"
        with torch.no_grad():
            self.work()

    def reset(self) -> None:
        self.live = False


class CpuGpu:
    """`engines.gpu.Gpu` on the CPU: the same calls, work done at once. `free` is the memory that it claims to have."""

    device = torch.device("cpu")
    name = "stand-in"
    stream = None
    free = 1 << 40

    def __init__(self) -> None:
        self.recordings: list[CpuReplay] = []
        self.waits = 0
        self.speeds: list[float] = []

    def free_bytes(self) -> int:
        return self.free

    def buffer(self, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        return torch.zeros(shape, dtype=dtype)

    host_buffer = buffer

    def current(self) -> AbstractContextManager[object]:
        return nullcontext()

    def wait(self) -> None:
        self.waits += 1

    def record(self, work: Callable[[], None]) -> CpuReplay:
        with torch.no_grad():
            work()
        self.recordings.append(CpuReplay(work))
        return self.recordings[-1]

    def milliseconds(self, recorded: object, times: int) -> float:
        return self.speeds.pop(0)


@pytest.fixture
def cpu_gpu(monkeypatch: pytest.MonkeyPatch) -> CpuGpu:
    """A stand-in that the engines opened in this test find instead of a GPU."""
    gpu = CpuGpu()
    monkeypatch.setattr("engines.gpu.Gpu.find", lambda engine: gpu)
    return gpu


def thousand_calls_leave_no_trace(engine: CapturedEngine, frame: npt.NDArray[np.uint8]) -> None:
    """Nothing allocated on the device or pinned, no synchronisation that PyTorch knows of, no drift."""
    alpha = np.array([0.2, 0.9, 0.4], np.float32)
    first = engine.stylize(frame, alpha).copy()
    torch.cuda.synchronize()
    before, pinned = torch.cuda.memory_stats(), torch.cuda.host_memory_stats()
    torch.cuda.set_sync_debug_mode("error")
    try:
        for number in range(1000):
            engine.stylize(frame, np.full(3, number / 1000, np.float32))
    finally:
        torch.cuda.set_sync_debug_mode("default")
    after = torch.cuda.memory_stats()
    for counter in ("allocation.all.allocated", "segment.all.allocated", "allocated_bytes.all.current"):
        assert after[counter] == before[counter], counter
    assert torch.cuda.host_memory_stats()["num_host_alloc"] == pinned["num_host_alloc"]
    assert np.array_equal(engine.stylize(frame, alpha), first)
