"""`tensorrt`: the whole network as one TensorRT engine, built by Torch-TensorRT for this GPU.

The frame is padded and converted, and the picture cut out and converted back, by copies on the device that are
recorded with the engine in one CUDA graph. The cache keeps TensorRT's own plan; nothing in it is unpickled.
"""

from __future__ import annotations

from torch import Tensor

from stylefader.engines.backends.gpu import Kept, Replay
from stylefader.engines.backends.gpu_engine import GpuEngine, in_a_range
from stylefader.engines.backends.tensorrt_build import (
    Plan,
    build_engine,
    engine_key,
    input_type,
    load_library,
    timing_file,
)
from stylefader.engines.base import Goal, Precision, Report, quiet
from stylefader.engines.cache.store import EngineCache
from stylefader.engines.graph.frame_graph import PADDED_TYPES
from stylefader.engines.graph.sizes import FrameSizes, padded
from stylefader.training.packs.pack import StylePack
from stylefader.training.packs.pack_file import PackFile


class TensorRtEngine(GpuEngine):
    """An engine for one size; see `GpuEngine` for buffers and streams.

    Where the cache has none for this size but one for a range around it (`build_ahead`), that one is taken.
    built: what `build_engine` made for this pack and precision, for this size or a range around it and on a GPU of
    this kind, instead of the cache's. That it is the pack's own is not checked.
    """

    name = "tensorrt"

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
        built: bytes | None = None,
    ) -> None:
        super().__init__(pack, height, width, precision=precision, masked=masked)
        load_library()
        with self._errors():
            if built is not None:
                self._replay = self._record(built)
            elif cache is None:
                self._replay = self._record(self._build(pack, None, report))
            else:
                key = engine_key(self._gpu, pack, FrameSizes.only(height, width), self.precision, masked=masked)
                self._replay, self.outcome = cache.open(
                    key, build=lambda: self._build(pack, cache, report), load=self._record, report=report,
                    facts={"style": pack.header.name}, serves=in_a_range(key, height, width),
                )  # fmt: skip

    def _build(self, pack: StylePack | PackFile, cache: EngineCache | None, report: Report) -> bytes:
        report("building with TensorRT, which takes minutes")
        timings = timing_file(cache, self._gpu) if cache else None
        sizes = FrameSizes.only(self.height, self.width)
        return build_engine(
            pack, sizes, gpu=self._gpu, precision=self.precision, timing_cache=timings, masked=self.masked
        )

    def _record(self, built: bytes) -> Replay:
        plan, static = Plan(built), self._static
        height, width = padded(self.height), padded(self.width)
        # What has the size of the picture is padded into a canvas; the rest is read where it is.
        bound, canvases = dict(static.inputs), dict[str, Tensor]()
        for spec in self.inputs:
            if spec.sized:
                kind = input_type(spec, self.precision)
                bound[spec.name] = canvases[spec.name] = self._gpu.buffer(spec.sides(height, width), kind)
        painted = self._gpu.buffer((height, width, 3), PADDED_TYPES[self.precision])
        plan.bind(list(bound.values()), painted)
        stream = self._gpu.compute.handle

        def work() -> None:
            for name, canvas in canvases.items():
                fill(canvas, static.inputs[name])
            plan.run(stream)
            static.picture.copy_(painted[: self.height, : self.width])

        return Kept(self._gpu.record(work), (plan, bound, painted))


def fill(canvas: Tensor, frame: Tensor) -> None:
    """Write a frame (H, W, ...) into the top left of a canvas and repeat its right and bottom edge over the rest."""
    height, width = frame.shape[:2]
    canvas[:height, :width].copy_(frame)
    if width < canvas.shape[1]:
        canvas[:height, width:].copy_(canvas[:height, width - 1 : width].expand_as(canvas[:height, width:]))
    if height < canvas.shape[0]:
        canvas[height:].copy_(canvas[height - 1 : height].expand_as(canvas[height:]))
