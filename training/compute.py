"""Where a run computes, and in which numbers: mixed precision (Micikevicius et al. 2018) by autocast.

Weights, losses and the optimiser are f32 always; convolutions and products take the smaller type.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal

import torch

from stylefader.training.errors import TrainingError
from stylefader.training.settings import Precision

Numbers = Literal["f32", "bf16", "fp16"]
CPU = torch.device("cpu")
_DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
_FIRST_BF16 = (8, 0)
"""The first compute capability that multiplies bf16 itself; PyTorch emulates it on others, slowly."""


@dataclass(frozen=True, kw_only=True)
class Compute:
    """A device and the type that autocast takes on it."""

    device: torch.device = CPU
    numbers: Numbers = "f32"

    def autocast(self) -> AbstractContextManager[None]:
        """A context in which PyTorch computes in that type; in f32 it changes nothing."""
        return torch.autocast(self.device.type, dtype=_DTYPES[self.numbers], enabled=self.numbers != "f32")

    def scaler(self) -> torch.amp.GradScaler:
        """Keeps gradients within fp16's range; does nothing for the other types, whose range is that of f32."""
        return torch.amp.GradScaler(self.device.type, enabled=self.numbers == "fp16")

    @property
    def name(self) -> str:
        """For people: CPU, or what the GPU is called."""
        return "CPU" if self.device.type == "cpu" else torch.cuda.get_device_name(self.device)


def prefers_bf16() -> bool:
    """Whether this CPU multiplies bf16 matrices itself, so that autocast is faster than float32."""
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def choose_compute(precision: Precision, device: torch.device) -> Compute:
    """The device with the numbers that were asked for, or by `auto` the fastest that it has. Raises TrainingError."""
    on_gpu = device.type == "cuda"
    bf16 = torch.cuda.get_device_capability(device) >= _FIRST_BF16 if on_gpu else prefers_bf16()
    return Compute(device=device, numbers=choose_numbers(precision, on_gpu=on_gpu, bf16=bf16))


def choose_numbers(precision: Precision, *, on_gpu: bool, bf16: bool) -> Numbers:
    """bf16: whether the device multiplies it itself. Raises TrainingError for what the device has not."""
    if precision == "auto":
        return "bf16" if bf16 else "fp16" if on_gpu else "f32"
    if precision == "fp16" and not on_gpu:
        raise TrainingError("precision fp16 needs a GPU: on a CPU take auto, bf16 or f32")
    if precision == "bf16" and on_gpu and not bf16:
        raise TrainingError("this GPU has no bf16: take auto, fp16 or f32")
    return precision


def find_device(word: str, *, local_rank: int = 0, local_size: int = 1) -> torch.device:
    """The device that a user means: `auto`, `cpu`, `cuda`, or one GPU as `cuda:1`. Raises TrainingError.

    local_rank, local_size: which of how many processes on this machine asks; each gets a GPU of its own.
    """
    kind, colon, place = word.partition(":")
    if kind not in ("auto", "cpu", "cuda") or (colon and (kind != "cuda" or not place.isdecimal())):
        raise TrainingError(f"a device is auto, cpu, cuda, or one GPU as in cuda:1, not {word!r}")
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if kind == "cpu" or (kind == "auto" and not gpus):
        return CPU
    if colon and local_size > 1:
        raise TrainingError(f"{word} is one GPU for {local_size} processes: say cuda, and each takes its own")
    number = int(place) if colon else local_rank
    if number >= gpus:
        wanted = f"there is no {word}" if local_size == 1 else f"{local_size} processes want a GPU each"
        raise TrainingError(f"{wanted}: this machine has {gpus or 'no'} GPU{'' if gpus == 1 else 's'}")
    return torch.device("cuda", number)


def prepare(device: torch.device) -> None:
    """Settings of PyTorch's own for the whole process: on a GPU TF32 for what stays f32, and the fastest kernels."""
    if device.type == "cuda":
        torch.cuda.set_device(device)
        torch.backends.cuda.matmul.fp32_precision = "tf32"
        torch.backends.cudnn.conv.fp32_precision = "tf32"  # type: ignore[attr-defined]
        torch.backends.cudnn.benchmark = True
