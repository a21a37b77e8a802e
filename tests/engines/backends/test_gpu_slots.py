"""Frames under way on a GPU: on a stand-in whose lanes go on by chance, and as calls of `torch.cuda`."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from stylefader.engines.backends import gpu as gpu_module
from stylefader.engines.backends.cuda_engine import CudaEngine
from stylefader.engines.backends.gpu import Gpu
from stylefader.engines.backends.gpu_slots import SLOTS, Slot, StaticBuffers
from stylefader.engines.base import Pending
from stylefader.engines.inputs import BoundInputs
from stylefader.training.errors import EngineError
from stylefader.training.packs.families.dynamic_net import style_inputs
from stylefader.training.packs.pack import StylePack
from tests.engines.backends.gpu import CpuGpu, CpuReplay

MakePicture = Callable[[int, int], npt.NDArray[np.uint8]]
SHAPE = (4, 5, 3)
INPUTS = list(BoundInputs(style_inputs(["only"]), 4, 5).all.values())


def frames(count: int) -> Iterator[tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]]:
    rng = np.random.default_rng(3)
    for number in range(count):
        yield rng.integers(0, 200, SHAPE, np.uint8), np.array([number % 50], np.float32)


def overlapped(slots: list[Slot], recorded: CpuReplay, count: int) -> list[npt.NDArray[np.uint8]]:
    """As many frames under way as there are slots; what was given is spoilt as soon as it may be."""
    pictures, under_way = [], deque[Slot]()
    for number, (frame, alpha) in enumerate(frames(count)):
        if len(under_way) == len(slots):
            pictures.append(under_way.popleft().finish().copy())
        slot = slots[number % len(slots)]
        slot.begin({"frame": frame, "alpha": alpha}, recorded)
        under_way.append(slot)
        frame.fill(255)
        alpha.fill(255)
    return pictures + [slot.finish().copy() for slot in under_way]


def adding(static: StaticBuffers) -> CpuReplay:
    """Work in two steps, so that what changes frame or alpha in between shows."""
    return CpuReplay(lambda: static.picture.copy_(static.inputs["frame"]).add_(static.inputs["alpha"].to(torch.uint8)))


@pytest.mark.parametrize("seed", range(40))
def test_whatever_the_lanes_do_first_each_picture_is_its_frames(seed: int) -> None:
    gpu = CpuGpu()
    static = StaticBuffers(gpu, INPUTS, 4, 5)  # type: ignore[arg-type]
    slots = [Slot(gpu, static) for _ in range(SLOTS)]  # type: ignore[arg-type]
    gpu.dice = random.Random(seed)
    found = overlapped(slots, adding(static), 60)
    for picture, (frame, alpha) in zip(found, frames(60), strict=True):
        assert np.array_equal(picture, frame + alpha.astype(np.uint8))
    assert gpu.waits == 60, "one wait a frame, for its picture"


@pytest.mark.parametrize("missing", ["up", "computed", "down"])
def test_the_stand_in_finds_a_missing_order(missing: str) -> None:
    """Without any one of the events, some picture is wrong: the test above could fail."""
    wrong = 0
    for seed in range(10):
        gpu = CpuGpu()
        static = StaticBuffers(gpu, INPUTS, 4, 5)  # type: ignore[arg-type]
        slots = [Slot(gpu, static) for _ in range(SLOTS)]  # type: ignore[arg-type]
        for slot in slots:
            setattr(slot, f"_{missing}", Never())
        gpu.dice = random.Random(seed)
        found = overlapped(slots, adding(static), 20)
        wrong += sum(not np.array_equal(p, f + a.astype(np.uint8)) for p, (f, a) in zip(found, frames(20), strict=True))
    assert wrong > 0


class Never:
    """An event that keeps nobody waiting."""

    marked = property(lambda self: 0, lambda self, value: None)
    come = 0


@pytest.mark.parametrize("seed", range(3))
def test_an_engine_gives_the_same_bytes_one_at_a_time_and_overlapped(
    pack: StylePack, picture: MakePicture, cpu_gpu: CpuGpu, seed: int
) -> None:
    alphas = [np.array([number / 8, 1 - number / 4, 0.5], np.float32) for number in range(8)]
    shots = [np.roll(picture(9, 14), number, axis=1) for number in range(8)]
    with CudaEngine(pack, 9, 14) as engine:
        assert engine.slots == SLOTS == 2
        cpu_gpu.dice = random.Random(seed)
        expected = [
            engine.run({"frame": shot, "alpha": alpha}).copy() for shot, alpha in zip(shots, alphas, strict=True)
        ]
        found, under_way = [], deque[Pending]()
        for shot, alpha in zip(shots, alphas, strict=True):
            if len(under_way) == engine.slots:
                found.append(under_way.popleft().result().copy())
            under_way.append(engine.start({"frame": shot, "alpha": alpha}))
        with pytest.raises(EngineError, match="has 2 frames under way: take a result first"):
            engine.start({"frame": shots[0], "alpha": alphas[0]})
        found += [pending.result().copy() for pending in under_way]
        for one, other in zip(expected, found, strict=True):
            assert np.array_equal(one, other)
        left = engine.start({"frame": shots[0], "alpha": alphas[0]})
    assert not any(cuda_stream.ahead for cuda_stream in cpu_gpu.cuda_streams), "closing waits for what is under way"
    with pytest.raises(EngineError, match="closed"):
        left.result()


def test_frames_on_the_gpu_and_on_the_host_may_take_turns(
    pack: StylePack, picture: MakePicture, cpu_gpu: CpuGpu
) -> None:
    alpha, out = np.array([0.1, 0.9, 0.5], np.float32), torch.zeros(9, 14, 3, dtype=torch.uint8)
    with CudaEngine(pack, 9, 14) as engine:
        expected = engine.run({"frame": picture(9, 14), "alpha": alpha}).copy()
        cpu_gpu.dice = random.Random(1)
        for _ in range(5):
            pending = engine.start({"frame": picture(9, 14), "alpha": alpha})
            engine.run_cuda({"frame": torch.tensor(picture(9, 14)[::-1].copy()), "alpha": torch.tensor(alpha)}, out=out)
            assert np.array_equal(pending.result(), expected)
        cpu_gpu.settle()
        assert np.array_equal(out.numpy(), engine.run({"frame": picture(9, 14)[::-1], "alpha": alpha}))


class Operators(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.names.add(str(function))
        return function(*args, **(kwargs or {}))


def test_a_call_allocates_nothing(pack: StylePack, picture: MakePicture, cpu_gpu: CpuGpu) -> None:
    """Around the recorded work a call only copies, and makes neither buffers nor events."""
    with CudaEngine(pack, 9, 14) as engine:
        engine._replay = CpuReplay(lambda: None)
        made = cpu_gpu.allocations
        with Operators() as seen:
            for number in range(10):
                engine.run({"frame": picture(9, 14), "alpha": np.full(3, number, np.float32)})
                engine.run_cuda(engine._static.inputs)
        assert seen.names == {"aten.copy_.default"}
        assert cpu_gpu.allocations == made


# As calls of `torch.cuda`.


class Calls(list[str]):
    """A stand-in for `torch.cuda` that writes down what is asked of it."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        super().__init__()
        self.made = 0
        self.current = ""
        calls = self

        class Stream:
            def __init__(self, device: torch.device) -> None:
                calls.made += 1
                self.name = ("upload", "compute", "download")[calls.made - 1]
                self.cuda_stream = calls.made

            def wait_event(self, event: Event) -> None:
                calls.append(f"{self.name} waits for {event.name}")

        class Event:
            name = ""

            def record(self, stream: Stream) -> None:
                calls.append(f"{stream.name} marks {self.name}")

            def synchronize(self) -> None:
                calls.append(f"host waits for {self.name}")

        @contextmanager
        def stream(wanted: Stream) -> Iterator[None]:
            before, calls.current = calls.current, wanted.name
            yield
            calls.current = before

        def copy_(to: Any, source: Any, non_blocking: bool = False) -> Any:
            assert non_blocking
            calls.append(f"copy on {calls.current}")
            return to

        patch.setattr(torch.cuda, "Stream", Stream)
        patch.setattr(torch.cuda, "Event", Event)
        patch.setattr(torch.cuda, "stream", stream)
        patch.setattr(torch.cuda, "get_device_name", lambda device: "a GPU")
        patch.setattr(torch.cuda, "get_device_capability", lambda device: (8, 9))
        patch.setattr(gpu_module, "driver_version", lambda: "580.1")
        patch.setattr(gpu_module, "driver_cuda", lambda: 13000)
        patch.setattr(Gpu, "host_buffer", Gpu.buffer)
        patch.setattr(torch.Tensor, "copy_", copy_)


def test_three_streams_and_one_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = Calls(monkeypatch)
    gpu = Gpu(torch.device("cpu"))
    assert (gpu.name, gpu.capability, calls.made, gpu.compute.handle) == ("a GPU", "8.9", 3, 2)
    slot = Slot(gpu, StaticBuffers(gpu, INPUTS, 4, 5))
    for event, name in ((slot._up, "up"), (slot._computed, "computed"), (slot._down, "down")):
        event.name = name

    class Recorded:
        def replay(self) -> None:
            calls.append(f"replay on {calls.current}")

        def reset(self) -> None: ...

    slot.begin({"frame": np.zeros(SHAPE, np.uint8), "alpha": np.zeros(1, np.float32)}, Recorded())
    assert calls == [
        "copy on upload", "copy on upload", "upload marks up",
        "compute waits for up", "copy on compute", "copy on compute", "replay on compute", "copy on compute",
        "compute marks computed", "download waits for computed", "copy on download", "download marks down",
    ]  # fmt: skip
    calls.clear()
    slot.finish()
    assert calls == ["host waits for down"]


def test_the_version_of_the_driver_is_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(name: str) -> None:
        raise OSError

    gpu_module.driver_version.cache_clear()
    monkeypatch.setattr(gpu_module.ctypes, "CDLL", none)
    monkeypatch.setattr(torch._C, "_cuda_getDriverVersion", lambda: 12080, raising=False)
    assert gpu_module.driver_version() == "for CUDA 12.8"
    gpu_module.driver_version.cache_clear()
