"""`torch`: eager float32 on the CPU, straight through the network's own code. The reference for all others."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from engines.base import Engine, Picture, Precision
from engines.graph import FrameGraph
from training.errors import EngineError
from training.pack import StylePack
from training.pack_file import PackFile


class TorchEngine(Engine):
    name = "torch"
    device = "CPU"
    precision = "f32"

    def __init__(self, pack: StylePack | PackFile, height: int, width: int, *, precision: Precision = "auto") -> None:
        super().__init__(height=height, width=width, n_blocks=pack.n_blocks)
        if precision not in ("auto", "f32"):
            raise EngineError(f"engine torch is the reference and runs in f32 only, not {precision}")
        self._graph = FrameGraph(pack.network(), height, width).eval()

    def _run(self, frame_HWC: Picture, alpha: npt.NDArray[np.float32]) -> Picture:
        # A copy of the frame, since PyTorch takes no read-only arrays without a warning.
        with torch.inference_mode():
            return self._graph(torch.tensor(frame_HWC), torch.tensor(alpha)).contiguous().numpy()
