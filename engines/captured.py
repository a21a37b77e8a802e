"""What the engines on a GPU share: fixed buffers and recorded work, replayed for each frame.

A call copies frame and alpha into place and replays; it allocates nothing, and waits for nothing but the picture.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from engines.base import Engine, Picture, Precision
from engines.gpu import Gpu, Replay
from engines.sizes import padded
from training.errors import EngineError
from training.pack import StylePack

_GIB = 1 << 30
_BYTES_A_FEATURE = 24
"""Memory at the peak over pixels times channels: see `bytes_needed`."""
_BYTES_ANYWAY = 256 << 20
"""The libraries, their workspaces and the weights."""


def bytes_needed(height: int, width: int, channels: int) -> int:
    """An estimate, from above, of the GPU memory for one frame size and a network of width `channels`.

    The peak is at full resolution, where in f32 and, by the f32 statistics of its norms, in fp16 as well 12 to 14
    bytes a feature live at once. As much again is for what the kernels need: copies between layouts, workspaces.
    """
    return _BYTES_ANYWAY + padded(height) * padded(width) * channels * _BYTES_A_FEATURE


class CapturedEngine(Engine):
    """The buffer that `stylize` returns is pinned host memory of the engine. All its work is on `stream`.

    A subclass sets `_replay` in its constructor: recorded work that reads `_frame` and `_alpha` and writes
    `_picture`, all three fixed buffers on the device.
    """

    def __init__(self, pack: StylePack, height: int, width: int, *, precision: Precision) -> None:
        super().__init__(height=height, width=width, n_blocks=pack.n_blocks)
        if precision not in ("auto", "fp16", "f32"):
            raise EngineError(f"engine {self.name} computes in fp16 or f32, not {precision}")
        self.precision = "f32" if precision == "f32" else "fp16"
        self._gpu = Gpu.find(self.name)
        self.device = self._gpu.name
        self._needs = bytes_needed(height, width, pack.header.width)
        self._replay: Replay | None = None
        free = self._gpu.free_bytes()
        if self._needs > free:
            raise EngineError(f"{self._too_big()}, and {free / _GIB:.1f} GiB are free: use a smaller size")
        with self._errors():
            self._frame = self._gpu.buffer((height, width, 3), torch.uint8)
            self._alpha = self._gpu.buffer((self.n_blocks,), torch.float32)
            self._picture = self._gpu.buffer((height, width, 3), torch.uint8)
            self._host_frame = self._gpu.host_buffer((height, width, 3), torch.uint8)
            self._host_alpha = self._gpu.host_buffer((max(1, self.n_blocks),), torch.float32)[: self.n_blocks]
            self._host_picture = self._gpu.host_buffer((height, width, 3), torch.uint8)
        self._frame_array = self._host_frame.numpy()
        self._alpha_array = self._host_alpha.numpy()
        self._picture_array = self._host_picture.numpy()

    @property
    def stream(self) -> torch.cuda.Stream | None:
        """The one stream that the engine computes on, for as long as it lives."""
        return self._gpu.stream

    def stylize_cuda(self, frame_HWC: Tensor, alpha: Tensor, *, out: Tensor | None = None) -> Tensor:
        """`stylize` for a frame on the engine's GPU: enqueued on `stream`, returns at once, waits for nothing.

        frame_HWC: uint8 (height, width, 3), any strides. alpha: float32 (n_blocks,), on the GPU or in pinned memory;
        that it is finite is for the caller to see to. out: uint8 (height, width, 3) on the GPU to write into.

        Order is the caller's: `stream` must wait for whatever fills frame and alpha, and whoever reads the picture
        must wait for `stream`. Frame, alpha and out are the caller's and stay as they are until `stream` has passed
        this call. Without `out` the picture is the engine's own buffer, overwritten in the next call's place on
        `stream`.
        """
        if self._closed:
            raise EngineError(f"engine {self.name} is closed")
        expected = (self.height, self.width, 3)
        for what, tensor in (("frame", frame_HWC), ("out", out)):
            if tensor is None:
                continue
            if tensor.shape != expected or tensor.dtype != torch.uint8 or tensor.device != self._gpu.device:
                raise EngineError(
                    f"{what} is {tensor.dtype} {tuple(tensor.shape)} on {tensor.device}, "
                    f"expected uint8 {expected} on {self._gpu.device}"
                )
        if alpha.shape != (self.n_blocks,) or alpha.dtype != torch.float32:
            raise EngineError(f"alpha is {alpha.dtype} {tuple(alpha.shape)}, expected float32 {(self.n_blocks,)}")
        if self.n_blocks and alpha.device != self._gpu.device and not alpha.is_pinned():
            raise EngineError(f"alpha is on {alpha.device}, expected it on {self._gpu.device} or in pinned memory")
        with self._errors(), self._gpu.current():
            self._enqueue(frame_HWC, alpha)
            if out is None:
                return self._picture
            return out.copy_(self._picture, non_blocking=True)

    def _begin(self, slot: int, frame_HWC: Picture, alpha: npt.NDArray[np.float32]) -> None:
        np.copyto(self._frame_array, frame_HWC)
        np.copyto(self._alpha_array, alpha)
        with self._errors(), self._gpu.current():
            self._enqueue(self._host_frame, self._host_alpha)
            self._host_picture.copy_(self._picture, non_blocking=True)

    def _finish(self, slot: int) -> Picture:
        with self._errors():
            self._gpu.wait()  # for the picture; the host buffers are free again, too
        return self._picture_array

    def _enqueue(self, frame_HWC: Tensor, alpha: Tensor) -> None:
        assert self._replay is not None
        self._frame.copy_(frame_HWC, non_blocking=True)
        if self.n_blocks:
            self._alpha.copy_(alpha, non_blocking=True)
        self._replay.replay()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Makes what PyTorch raises an EngineError with a reason."""
        try:
            yield
        except torch.OutOfMemoryError as error:
            raise EngineError(f"{self._too_big()} and ran out of it: use a smaller size", failure=True) from error
        except RuntimeError as error:
            first_line = str(error).strip().partition("\n")[0]
            raise EngineError(f"engine {self.name} failed on {self.device}: {first_line}", failure=True) from error

    def _too_big(self) -> str:
        return (
            f"engine {self.name} needs about {self._needs / _GIB:.1f} GiB of memory on {self.device} "
            f"for {self.width}x{self.height}"
        )

    def _release(self) -> None:
        with suppress(RuntimeError):  # a device that has failed is left alone
            self._gpu.wait()
        if self._replay is not None:
            self._replay.reset()
            self._replay = None
        del self._frame, self._alpha, self._picture
