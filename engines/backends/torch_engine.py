"""`torch`: eager float32 on the CPU, straight through the network's own code. The reference for all others."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from stylefader.engines.base import Engine, Goal, Picture, Precision, Report, quiet
from stylefader.engines.cache.store import EngineCache
from stylefader.engines.graph.frame_graph import FrameGraph
from stylefader.engines.machine.memory import check_memory
from stylefader.training.errors import EngineError
from stylefader.training.packs.pack import StylePack
from stylefader.training.packs.pack_file import PackFile


class TorchEngine(Engine):
    name = "torch"
    device = "CPU"
    precision = "f32"

    def __init__(
        self,
        pack: StylePack | PackFile,
        height: int,
        width: int,
        *,
        precision: Precision = "auto",
        goal: Goal = "latency",
        cache: EngineCache | None = None,
        report: Report = quiet,
    ) -> None:
        super().__init__(height=height, width=width, n_blocks=pack.n_blocks)
        if precision not in ("auto", "f32"):
            raise EngineError(f"engine torch is the reference and runs in f32 only, not {precision}")
        check_memory(self.name, height, width, pack.header.width, self.precision)
        self._graph = FrameGraph(pack.network(), height, width).eval()
        self._picture: Picture = np.zeros((height, width, 3), np.uint8)

    def _begin(self, slot: int, frame_HWC: Picture, alpha: npt.NDArray[np.float32]) -> None:
        # A copy of the frame, since PyTorch takes no read-only arrays without a warning.
        with torch.inference_mode():
            self._picture = self._graph(torch.tensor(frame_HWC), torch.tensor(alpha)).contiguous().numpy()

    def _finish(self, slot: int) -> Picture:
        return self._picture
