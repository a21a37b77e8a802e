"""What the engines on a GPU share: fixed buffers and recorded work, replayed for each frame.

A call copies its values into place and replays; it allocates nothing, and waits for nothing but the picture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor

from stylefader.engines.backends.gpu import Gpu, Replay
from stylefader.engines.backends.gpu_slots import SLOTS, Slot, StaticBuffers
from stylefader.engines.base import Engine, Picture, Precision
from stylefader.engines.cache.key import EngineKey
from stylefader.engines.engine_inputs import engine_inputs
from stylefader.engines.finishing.settings import read_finish
from stylefader.engines.finishing.tensors import finish_tensors
from stylefader.engines.graph.families import full_size_channels, network_key
from stylefader.engines.graph.rewrite import Rewrites
from stylefader.engines.graph.sizes import FrameSizes, padded
from stylefader.engines.inputs import Array
from stylefader.training.errors import EngineError, first_line
from stylefader.training.packs.added_inputs import FRAME, MASK

if TYPE_CHECKING:
    from stylefader.training.packs.pack import StylePack
    from stylefader.training.packs.pack_file import PackFile

_GIB = 1 << 30
_BYTES_A_FEATURE = 24
"""Memory at the peak over pixels times channels: see `bytes_needed`."""
_BYTES_ANYWAY = 256 << 20
"""The libraries, their workspaces and the weights."""


def bytes_needed(height: int, width: int, channels: int) -> int:
    """An estimate, from above, of the GPU memory for one frame size and a network of width `channels`.

    The peak is at full resolution, where in f32 and, by the f32 statistics of its norms, in fp16 as well 12 to 14
    bytes a feature live at once. As much again is for what the kernels need: copies between layouts, workspaces. The
    buffers of the slots, 18 bytes a pixel, are little beside that.
    """
    return _BYTES_ANYWAY + padded(height) * padded(width) * channels * _BYTES_A_FEATURE


class GpuEngine(Engine):
    """`SLOTS` frames may be under way. The buffer that `run` returns is pinned host memory of the engine.

    A subclass sets `_replay` in its constructor: recorded work on the compute stream of `_gpu` that reads the inputs
    and writes the picture of `_static`, its fixed buffers. The picture is finished behind it, on the same stream, by
    work of its own that is replayed for those frames alone that ask for it.
    """

    finishes = True

    def __init__(
        self, pack: StylePack | PackFile, height: int, width: int, *, precision: Precision, masked: bool = False
    ) -> None:
        super().__init__(**engine_inputs(pack.header, masked=masked), height=height, width=width, slots=SLOTS)
        self.precision = half_or_f32(self.name, precision)
        self._gpu = Gpu.find(self.name)
        self.device = self._gpu.name
        self._needs = bytes_needed(height, width, full_size_channels(pack.header))
        self._replay: Replay | None = None
        self._finishing: Replay | None = None
        free = self._gpu.free_bytes()
        if self._needs > free:
            raise EngineError(f"{self._too_big()}, and {free / _GIB:.1f} GiB are free: use a smaller size")
        with self._errors():
            names = {spec.name for spec in self.finishing}
            self._static = StaticBuffers(self._gpu, self._bound.all.values(), height, width, finishing=names)
            self._slots = [Slot(self._gpu, self._static) for _ in range(SLOTS)]
            self._gpu.settle()
            if names:
                self._finishing = self._record_finishing(self._static)

    def _record_finishing(self, static: StaticBuffers) -> Replay:
        values = {name: static.all[name] for name in self._finished_by}
        return self._gpu.record(lambda: finish_tensors(static.picture, static.all[FRAME], values))

    @property
    def stream(self) -> torch.cuda.Stream | None:
        """The one stream that the engine computes on, for as long as it lives."""
        return self._gpu.compute.stream

    def run_cuda(self, values: Mapping[str, Tensor], *, out: Tensor | None = None) -> Tensor:
        """`run` for tensors: enqueued on `stream`, returns at once, waits for nothing.

        The caller orders the streams: `stream` must wait for the work that fills the values, and readers of the picture
        must wait for `stream`. Values and out belong to the caller and must not change until `stream` has passed this
        call.

        Args:
            values: Tensors by the names of `inputs` and `finishing`, of their types and shapes and any strides, on the
                engine's GPU; vectors and states in pinned memory as well. Those left out take their defaults. The
                caller makes sure that numbers are finite, in range and keep their constraint: a check would have to
                wait.
            out: uint8 (height, width, 3) on the GPU to write into.

        Returns:
            `out`, or else the engine's own buffer, overwritten in the place of the next call, of `start` as well, on
            `stream`.

        Raises:
            EngineError: The engine is closed, a name is unknown or missing, or a type, shape or device does not fit.
        """
        self._must_be_open()
        if out is not None:
            self._check_tensor("out", out, (self.height, self.width, 3), torch.uint8, pinned=False)
        static = self._static
        tensors = self._bound.named(values, static.defaults, self.name)
        for name, tensor in tensors.items():
            buffer, pinned = static.all[name], not self._bound.all[name].spec.sized
            self._check_tensor(name, tensor, tuple(buffer.shape), buffer.dtype, pinned=pinned)
        assert self._replay is not None
        cuda_stream = self._gpu.compute
        with self._errors():
            for name, tensor in tensors.items():
                cuda_stream.copy(static.all[name], tensor)
            cuda_stream.replay(self._replay)
            # Tensors are not looked at, so whatever is given counts as other than the default.
            if self._finishing is not None and not self._finished_by.isdisjoint(values):
                cuda_stream.replay(self._finishing)
            if out is None:
                return static.picture
            cuda_stream.copy(out, static.picture)
            return out

    def _check_tensor(
        self, name: str, tensor: Tensor, shape: tuple[int, ...], dtype: torch.dtype, *, pinned: bool
    ) -> None:
        """Raise EngineError for a tensor that cannot be copied on the stream without waiting."""
        expected = f"expected {str(dtype).removeprefix('torch.')} {shape}"
        if tensor.shape != shape or tensor.dtype != dtype:
            raise EngineError(f"{name} is {tensor.dtype} {tuple(tensor.shape)}, {expected}")
        if tensor.device != self._gpu.device and not (pinned and tensor.is_pinned()):
            where = f"on {self._gpu.device}{' or in pinned memory' if pinned else ''}"
            raise EngineError(f"{name} is on {tensor.device}, expected it {where}")

    def _begin(self, slot: int, values: dict[str, Array]) -> None:
        assert self._replay is not None
        masked = self.masked and values[MASK] is not self._bound.all[MASK].default
        works = [self._replay]
        if self._finishing is not None and not read_finish(values, masked=masked).plain:
            works.append(self._finishing)
        with self._errors():
            self._slots[slot].begin(values, *works)

    def _finish(self, slot: int) -> Picture:
        with self._errors():
            return self._slots[slot].finish()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Turn PyTorch's errors into an EngineError with a reason."""
        try:
            yield
        except torch.OutOfMemoryError as error:
            raise EngineError(f"{self._too_big()} and ran out of it: use a smaller size", failure=True) from error
        except RuntimeError as error:
            raise EngineError(
                f"engine {self.name} failed on {self.device}: {first_line(error)}", failure=True
            ) from error

    def _too_big(self) -> str:
        return (
            f"engine {self.name} needs about {self._needs / _GIB:.1f} GiB of memory on {self.device} "
            f"for {self.width}x{self.height}"
        )

    def _release(self) -> None:
        with suppress(RuntimeError):  # a device that has failed is left alone
            self._gpu.settle()
        if self._replay is not None:
            self._replay.reset()
            self._replay = None
        if self._finishing is not None:
            self._finishing.reset()
            self._finishing = None
        self._slots.clear()
        del self._static


def half_or_f32(engine: str, precision: Precision) -> Literal["fp16", "f32"]:
    """The precision that an engine on a GPU takes where it is asked for one. Raises EngineError for another."""
    if precision not in ("auto", "fp16", "f32"):
        raise EngineError(f"engine {engine} computes in fp16 or f32, not {precision}")
    return "f32" if precision == "f32" else "fp16"


def words_of(rewrites: Rewrites) -> str:
    """Rewrites as a cache key has them."""
    return " ".join(f"{name}={value}" for name, value in vars(rewrites).items())


def gpu_key(
    gpu: Gpu, engine: str, pack: StylePack | PackFile, *, size: str, precision: str, rewrites: str, weights: str,
    libraries: dict[str, str], masked: bool = False,
) -> EngineKey:  # fmt: skip
    """Cache key of an engine that is compiled for, or measured on, this GPU."""
    return EngineKey(
        engine=engine, precision=precision, size=size, **network_key(pack.header, masked=masked), weights=weights,
        rewrites=rewrites,
        device=gpu.name, capability=gpu.capability, driver=gpu.driver, libraries=libraries,
    )  # fmt: skip


def in_a_range(key: EngineKey, height: int, width: int) -> Callable[[dict[str, Any]], bool]:
    """`serves` of `EngineCache.open`: whether an engine is as `key` has it, but for a range with this size in it."""

    def serves(fields: dict[str, Any]) -> bool:
        with suppress(EngineError):
            return key.differs(fields) == {"size"} and FrameSizes.parse(str(fields["size"])).covers(height, width)
        return False

    return serves
