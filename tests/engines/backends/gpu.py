"""Tests that need an NVIDIA GPU: skipped where there is none, and failing where REQUIRE_CUDA=1 promises one.

`CpuGpu` takes its place for what can be shown without one: everything but the kernels, the capture and the speed.
"""

from __future__ import annotations

import os
import random
from collections import deque
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import Tensor

from stylefader.engines.backends.gpu import Replay
from stylefader.engines.backends.gpu_engine import GpuEngine
from stylefader.engines.backends.tensorrt_rtx_build import known_capabilities
from stylefader.training.errors import EngineError

GPU_DB = 40.0
"""fp16 on a GPU, whose kernels add up in other orders and some in fp16, against the reference.

A frame of one colour is no test in fp16: its norms divide rounding errors by sqrt(eps).
"""
needs_cuda = pytest.mark.skipif(
    not torch.cuda.is_available() and os.environ.get("REQUIRE_CUDA") != "1", reason="no CUDA GPU here"
)


def _no_rtx() -> bool:
    if not torch.cuda.is_available():
        return False
    try:
        return "{}.{}".format(*torch.cuda.get_device_capability()) not in known_capabilities()
    except EngineError:  # not installed, which is for the test to say
        return False


needs_rtx = [needs_cuda, pytest.mark.skipif(_no_rtx(), reason="TensorRT for RTX has nothing for this GPU")]
"""It is for GeForce and RTX, not for each GPU: data centres have some (9.0, 10.0) that it does not know."""
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


class CpuEvent:
    """marked: how often; come: the last mark that was passed."""

    def __init__(self) -> None:
        self.marked = self.come = 0


class CpuLane:
    """`engines.backends.gpu.CudaStream` on the CPU: what is put on it is done by the schedule of its `CpuGpu`."""

    stream = None
    handle = 7

    def __init__(self, gpu: CpuGpu) -> None:
        self.gpu = gpu
        self.ahead: deque[tuple[Callable[[], bool], Callable[[], object]]] = deque()

    def copy(self, to: Tensor, source: Tensor) -> None:
        self.put(lambda: to.copy_(source))

    def replay(self, recorded: Replay) -> None:
        self.put(recorded.replay)

    def mark(self, event: CpuEvent) -> None:
        event.marked += 1
        number = event.marked
        self.put(lambda: setattr(event, "come", number))

    def follow(self, event: CpuEvent) -> None:
        number = event.marked
        self.put(lambda: None, may=lambda: event.come >= number)

    def put(self, work: Callable[[], object], may: Callable[[], bool] = lambda: True) -> None:
        self.ahead.append((may, work))
        self.gpu.go_on()

    def step(self) -> bool:
        """Do the next thing, unless it must wait."""
        if not self.ahead or not self.ahead[0][0]():
            return False
        self.ahead.popleft()[1]()
        return True


class CpuGpu:
    """`engines.backends.gpu.Gpu` on the CPU. `free` is the memory that it claims to have.

    dice: None does everything at once. With dice the lanes go on by chance, some steps now and then and all that is
    needed where the host waits: whatever one lane does too early or too late for another shows in the pictures.
    """

    device = torch.device("cpu")
    name = "stand-in"
    capability = "8.9"
    driver = "580.1"
    driver_cuda = 13000
    free = 1 << 40

    def __init__(self) -> None:
        self.recordings: list[CpuReplay] = []
        self.waits = 0
        self.allocations = 0
        self.speeds: list[float] = []
        self.dice: random.Random | None = None
        self.upload, self.compute, self.download = (CpuLane(self) for _ in range(3))
        self.cuda_streams = [self.upload, self.compute, self.download]

    def go_on(self) -> None:
        steps = 1000 if self.dice is None else self.dice.choice((0, 0, 1, 5))
        while steps and self.step():
            steps -= 1

    def step(self) -> bool:
        cuda_streams = self.cuda_streams if self.dice is None else self.dice.sample(self.cuda_streams, 3)
        return any(cuda_stream.step() for cuda_stream in cuda_streams)

    def free_bytes(self) -> int:
        return self.free

    def buffer(self, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        self.allocations += 1
        return torch.zeros(shape, dtype=dtype)

    host_buffer = buffer

    def event(self) -> CpuEvent:
        self.allocations += 1
        return CpuEvent()

    def wait(self, event: CpuEvent) -> None:
        self.waits += 1
        while event.come < event.marked:
            assert self.step(), "it waits for what will never come"

    def settle(self) -> None:
        while self.step():
            pass
        assert not any(cuda_stream.ahead for cuda_stream in self.cuda_streams)

    def record(self, work: Callable[[], None]) -> CpuReplay:
        with torch.no_grad():
            work()
        self.recordings.append(CpuReplay(work))
        return self.recordings[-1]

    def milliseconds(self, cuda_stream: CpuLane, work: Callable[[], None], times: int) -> float:
        work()
        return self.speeds.pop(0)


def thousand_calls_leave_no_trace(engine: GpuEngine, frame: npt.NDArray[np.uint8]) -> None:
    """Nothing allocated on the device or pinned, no synchronisation that PyTorch knows of, no drift."""
    alpha = np.array([0.2, 0.9, 0.4], np.float32)
    first = engine.run({"frame": frame, "alpha": alpha}).copy()
    torch.cuda.synchronize()
    before, pinned = torch.cuda.memory_stats(), torch.cuda.host_memory_stats()
    torch.cuda.set_sync_debug_mode("error")
    try:
        for number in range(1000):
            engine.run({"frame": frame, "alpha": np.full(3, number / 1000, np.float32)})
    finally:
        torch.cuda.set_sync_debug_mode("default")
    after = torch.cuda.memory_stats()
    for counter in ("allocation.all.allocated", "segment.all.allocated", "allocated_bytes.all.current"):
        assert after[counter] == before[counter], counter
    assert torch.cuda.host_memory_stats()["num_host_alloc"] == pinned["num_host_alloc"]
    assert np.array_equal(engine.run({"frame": frame, "alpha": alpha}), first)
