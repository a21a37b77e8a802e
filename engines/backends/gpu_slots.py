"""The frames under way on a GPU: while one is computed, the one before is downloaded and the next is uploaded.

A slot has the buffers of one frame, and events that order its three steps on three streams. The host waits only for the
picture of the next slot. When that has come, all the slot's work is done, so its buffers are free for the next frame
without another wait.

The work is recorded for one set of addresses, so the slots' frames are copied into it and its pictures out of it, on
the device and in the order of the compute stream. A recording for each slot would save both copies, but two recordings
take twice the time to make, to measure and to warm up, libraries with recordings of their own (TensorRT for RTX) would
have to make them anew at each change of address, and frames that come on the GPU would need a third. The copies move
four times 3 bytes a pixel: 0.1 GB at 3840x2160, by the bandwidth of an H200 (4.8 TB/s) 0.02 ms of the 16.7 that a frame
has at 60 a second.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import numpy as np
import torch

from stylefader.engines.backends.gpu import Gpu, Replay
from stylefader.engines.base import Picture
from stylefader.engines.inputs import Array, BoundInput

TYPES = {"uint8": torch.uint8, "int32": torch.int32, "float32": torch.float32}
"""PyTorch's types of inputs."""
SLOTS = 2
"""With two, the GPU computes without a gap as long as a picture's way down and a frame's way up, with the host's own
copies, take no longer together than computing one. A third would add to the delay of a live picture."""


class StaticBuffers:
    """The fixed buffers on the device that recorded work reads (`all`, by name) and writes (`picture`).

    inputs: those of the graph, in its order. defaults: on the device too, for calls with tensors that leave an input
    out.
    """

    def __init__(
        self, gpu: Gpu, inputs: Iterable[BoundInput], height: int, width: int, *, finishing: Collection[str] = ()
    ) -> None:
        """finishing: names of the inputs that the graph does not take."""
        bound = list(inputs)
        self.all = {one.name: gpu.buffer(one.shape, TYPES[one.spec.dtype]) for one in bound}
        self.inputs = {name: tensor for name, tensor in self.all.items() if name not in finishing}
        self.picture = gpu.buffer((height, width, 3), torch.uint8)
        self.defaults = {
            one.name: torch.tensor(one.default, device=gpu.device)
            for one in bound if one.default is not None
        }  # fmt: skip


class Slot:
    """One frame under way; all is allocated here and nothing later."""

    def __init__(self, gpu: Gpu, static: StaticBuffers) -> None:
        self._gpu = gpu
        self._static = static
        kinds = {name: (tuple(tensor.shape), tensor.dtype) for name, tensor in static.all.items()}
        self._inputs = {name: gpu.buffer(*kind) for name, kind in kinds.items()}
        self._picture = gpu.buffer(tuple(static.picture.shape), torch.uint8)
        self._host_inputs = {name: gpu.host_buffer(*kind) for name, kind in kinds.items()}
        self._host_picture = gpu.host_buffer(tuple(static.picture.shape), torch.uint8)
        self._arrays = {name: tensor.numpy() for name, tensor in self._host_inputs.items()}
        self._picture_array: Picture = self._host_picture.numpy()
        self._up, self._computed, self._down = (gpu.event() for _ in range(3))

    def begin(self, values: Mapping[str, Array], *recorded: Replay) -> None:
        """Enqueue a frame; the slot must be free. The values of all inputs are the caller's again when this returns.

        recorded: what makes the picture, one after the other.
        """
        for name, array in self._arrays.items():
            np.copyto(array, values[name])
        gpu, static = self._gpu, self._static
        for name, host in self._host_inputs.items():
            gpu.upload.copy(self._inputs[name], host)
        gpu.upload.mark(self._up)

        gpu.compute.follow(self._up)
        for name, tensor in self._inputs.items():
            gpu.compute.copy(static.all[name], tensor)
        for work in recorded:
            gpu.compute.replay(work)
        gpu.compute.copy(self._picture, static.picture)
        gpu.compute.mark(self._computed)

        gpu.download.follow(self._computed)
        gpu.download.copy(self._host_picture, self._picture)
        gpu.download.mark(self._down)

    def finish(self) -> Picture:
        """Wait for the picture, in the slot's own pinned buffer; the slot is free then."""
        self._gpu.wait(self._down)
        return self._picture_array
