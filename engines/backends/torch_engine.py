"""`torch`: eager float32 on the CPU, straight through the network's own code. The reference for all others."""

from __future__ import annotations

import numpy as np
import torch

from stylefader.engines.base import Engine, Goal, Picture, Precision, Report, quiet
from stylefader.engines.cache.store import EngineCache
from stylefader.engines.engine_inputs import engine_inputs
from stylefader.engines.graph.families import full_size_channels, graphs_of
from stylefader.engines.inputs import Array
from stylefader.engines.machine.memory import check_memory
from stylefader.training.errors import EngineError
from stylefader.training.packs.pack import StylePack
from stylefader.training.packs.pack_file import PackFile


class TorchEngine(Engine):
    """PyTorch on the processor in f32: the reference for all other engines."""

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
        masked: bool = False,
    ) -> None:
        super().__init__(**engine_inputs(pack.header, masked=masked), height=height, width=width)
        if precision not in ("auto", "f32"):
            raise EngineError(f"engine torch is the reference and runs in f32 only, not {precision}")
        check_memory(self.name, height, width, full_size_channels(pack.header), self.precision)
        self._graph = graphs_of(pack.header).frame_graph(pack, height, width, masked=masked)
        self._picture: Picture = np.zeros((height, width, 3), np.uint8)

    def _begin(self, slot: int, values: dict[str, Array]) -> None:
        # Copies, since PyTorch takes no read-only arrays without a warning.
        tensors = [torch.tensor(values[spec.name]) for spec in self.inputs]
        with torch.inference_mode():
            self._picture = self._graph(*tensors).contiguous().numpy()

    def _finish(self, slot: int) -> Picture:
        return self._picture
