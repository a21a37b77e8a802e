"""Stand-ins for the libraries of TensorRT, which keep the exported program as it is and run it on the CPU."""

from __future__ import annotations

import ctypes
import math
import types
from pathlib import Path
from typing import Any

import torch


class Input:
    def __init__(self, *, dtype: torch.dtype, name: str, **shapes: tuple[int, ...]) -> None:
        assert set(shapes) in ({"shape"}, {"min_shape", "opt_shape", "max_shape"})
        self.dtype, self.name, self.shapes = dtype, name, shapes


class Library(types.ModuleType):
    """As much of `torch_tensorrt` 2.13 as is used here, with its own names for what it takes."""

    Input = Input

    def __init__(self) -> None:
        super().__init__("torch_tensorrt")
        self.dynamo = types.SimpleNamespace(convert_exported_program_to_serialized_trt_engine=self.convert)
        self.compiled: list[dict[str, Any]] = []
        self.timings: list[Path] = []

    def convert(
        self, exported_program: Any, *, arg_inputs: list[Input], device: torch.device, require_full_compilation: bool,
        min_block_size: int, disable_tf32: bool, timing_cache_path: str, cache_built_engines: bool,
        reuse_cached_engines: bool,
    ) -> bytes:  # fmt: skip
        assert require_full_compilation and not cache_built_engines and not reuse_cached_engines
        self.timings.append(Path(timing_cache_path))
        self.timings[-1].write_bytes(b"timings")
        self.compiled.append({"inputs": arg_inputs, "device": device, "program": exported_program})
        return b"plan %d" % (len(self.compiled) - 1)


class Runtime(types.ModuleType):
    """As much of `tensorrt` as is used here. A plan is the number of a program, which is run on the CPU."""

    TensorIOMode = types.SimpleNamespace(INPUT="in", OUTPUT="out")

    def __init__(self, library: Library) -> None:
        super().__init__("tensorrt")
        self.library = library
        self.Logger = type("Logger", (), {"ERROR": 1, "__init__": lambda self, level: None})
        self.Runtime = lambda log: types.SimpleNamespace(deserialize_cuda_engine=self.load)

    def load(self, plan: bytes) -> Any:
        if not plan.startswith(b"plan "):
            return None
        return LoadedEngine(self.library.compiled[int(plan[5:])])


class LoadedEngine:
    def __init__(self, compiled: dict[str, Any]) -> None:
        self.inputs: list[Input] = compiled["inputs"]
        self.program = compiled["program"].module()
        self.num_io_tensors = len(self.inputs) + 1

    def get_tensor_name(self, place: int) -> str:
        return [*(entry.name for entry in self.inputs), "output0"][place]

    def get_tensor_mode(self, name: str) -> str:
        return "out" if name == "output0" else "in"

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        (entry,) = (entry for entry in self.inputs if entry.name == name)
        return next(iter(entry.shapes.values()))

    def create_execution_context(self) -> LoadedEngine:
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.addresses: dict[str, int] = {}
        return self

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        (entry,) = (entry for entry in self.inputs if entry.name == name)
        low = entry.shapes.get("shape") or entry.shapes["min_shape"]
        high = entry.shapes.get("shape") or entry.shapes["max_shape"]
        self.shapes[name] = shape
        return all(a <= side <= b for a, side, b in zip(low, shape, high, strict=True))

    def set_tensor_address(self, name: str, address: int) -> bool:
        self.addresses[name] = address
        return True

    def execute_async_v3(self, stream: int) -> bool:
        assert stream == 7, "the engine's own stream"
        tensors = [_at(self.addresses[e.name], self.shapes[e.name], e.dtype) for e in self.inputs]
        picture = self.program(*tensors)
        _at(self.addresses["output0"], tuple(picture.shape), picture.dtype).copy_(picture)
        return True


def _at(address: int, shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
    """The tensor of which a library has only the address."""
    size = math.prod(shape) * dtype.itemsize
    return torch.frombuffer((ctypes.c_uint8 * size).from_address(address), dtype=dtype).reshape(shape)
