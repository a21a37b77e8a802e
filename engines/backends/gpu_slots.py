"""The frames under way on a GPU: while one is computed, the one before comes down and the next goes up.

A slot is one frame's buffers, and events that put its three steps on three lanes in order. The host waits for nothing
but the picture of the slot whose turn it is. When that has come, all the slot's work is done, so its buffers are free
for the next frame without another wait.

The work is recorded for one set of addresses, so the slots' frames are copied into it and its pictures out of it, on
the device and in the order of the compute lane. A recording for each slot would save both copies, but two recordings
take twice the time to make, to measure and to warm up, libraries with recordings of their own (TensorRT for RTX) would
have to make them anew at each change of address, and frames that come on the GPU would need a third. The copies move
four times 3 bytes a pixel: 0.1 GB at 3840x2160, by the bandwidth of an H200 (4.8 TB/s) 0.02 ms of the 16.7 that a
frame has at 60 a second.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from stylefader.engines.backends.gpu import Gpu, Replay
from stylefader.engines.base import Picture

SLOTS = 2
"""With two, the GPU computes without a gap as long as a picture's way down and a frame's way up, with the host's own
copies, take no longer together than computing one. A third would add to the delay of a live picture."""


class StaticBuffers:
    """The fixed buffers on the device that recorded work reads (`frame`, `alpha`) and writes (`picture`)."""

    def __init__(self, gpu: Gpu, height: int, width: int, n_blocks: int) -> None:
        self.frame = gpu.buffer((height, width, 3), torch.uint8)
        self.alpha = gpu.buffer((n_blocks,), torch.float32)
        self.picture = gpu.buffer((height, width, 3), torch.uint8)


class Slot:
    """One frame under way; all is allocated here and nothing later."""

    def __init__(self, gpu: Gpu, static: StaticBuffers) -> None:
        self._gpu = gpu
        self._static = static
        shape, n_blocks = tuple(static.frame.shape), len(static.alpha)
        self._frame = gpu.buffer(shape, torch.uint8)
        self._alpha = gpu.buffer((n_blocks,), torch.float32)
        self._picture = gpu.buffer(shape, torch.uint8)
        self._host_frame = gpu.host_buffer(shape, torch.uint8)
        self._host_alpha = gpu.host_buffer((max(1, n_blocks),), torch.float32)[:n_blocks]
        self._host_picture = gpu.host_buffer(shape, torch.uint8)
        self._frame_array, self._alpha_array = self._host_frame.numpy(), self._host_alpha.numpy()
        self._picture_array: Picture = self._host_picture.numpy()
        self._up, self._computed, self._down = (gpu.event() for _ in range(3))

    def begin(self, frame_HWC: Picture, alpha: npt.NDArray[np.float32], recorded: Replay) -> None:
        """Enqueue a frame; the slot must be free. Frame and alpha are the caller's again when this returns."""
        np.copyto(self._frame_array, frame_HWC)
        np.copyto(self._alpha_array, alpha)
        gpu, static = self._gpu, self._static
        gpu.upload.copy(self._frame, self._host_frame)
        if len(alpha):
            gpu.upload.copy(self._alpha, self._host_alpha)
        gpu.upload.mark(self._up)

        gpu.compute.follow(self._up)
        gpu.compute.copy(static.frame, self._frame)
        if len(alpha):
            gpu.compute.copy(static.alpha, self._alpha)
        gpu.compute.replay(recorded)
        gpu.compute.copy(self._picture, static.picture)
        gpu.compute.mark(self._computed)

        gpu.download.follow(self._computed)
        gpu.download.copy(self._host_picture, self._picture)
        gpu.download.mark(self._down)

    def finish(self) -> Picture:
        """Wait for the picture, in the slot's own pinned buffer; the slot is free then."""
        self._gpu.wait(self._down)
        return self._picture_array
