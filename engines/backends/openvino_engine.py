"""`openvino`: the whole graph compiled by OpenVINO for the CPU. The default on machines without a GPU.

What the cache keeps is OpenVINO's own export of the compiled model, which carries its version and the processor's
instruction set and is refused elsewhere. Nothing here needs torch where the network's family writes its graph itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import openvino as ov

from stylefader.engines.base import Engine, Goal, Picture, Precision, Report, quiet
from stylefader.engines.cache.key import EngineKey
from stylefader.engines.cache.store import EngineCache
from stylefader.engines.engine_inputs import engine_inputs
from stylefader.engines.graph.families import full_size_channels, graphs_of, network_key
from stylefader.engines.graph.openvino_names import input_places
from stylefader.engines.inputs import Array
from stylefader.engines.int8.form import Quantized, find_quantized, quantized_file
from stylefader.engines.machine import processor
from stylefader.engines.machine.memory import check_memory
from stylefader.training.errors import EngineError, first_line

if TYPE_CHECKING:
    from stylefader.training.packs.pack import StylePack
    from stylefader.training.packs.pack_file import PackFile


class OpenVinoEngine(Engine):
    """OpenVINO on the processor."""

    name = "openvino"

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
        core, graphs = ov.Core(), graphs_of(pack.header)
        inputs = engine_inputs(pack.header, masked=masked)
        self.device = str(core.get_property("CPU", "FULL_DEVICE_NAME")).strip()
        if precision == "fp16":
            raise EngineError("engine openvino computes in bf16 or f32, not fp16")
        if precision == "bf16" and not processor.has_bf16():
            raise EngineError(f"engine openvino: {self.device} has no bf16 arithmetic; use f32")
        floating = processor.own_precision()
        self.precision = floating if precision == "auto" else precision
        check_memory(self.name, height, width, full_size_channels(pack.header), self.precision)
        quantized = _quantized(pack, cache) if precision == "int8" else None
        # In int8, what is not quantised is in the processor's own floating point.
        # One engine serves both goals: how many streams it runs in is settled when it is loaded.
        settings = {
            "PERFORMANCE_HINT": goal.upper(),
            "INFERENCE_PRECISION_HINT": self.precision if quantized is None else floating,
        }

        def failed(what: str, error: RuntimeError) -> EngineError:
            return EngineError(f"engine openvino cannot {what} at {width}x{height}: {error}", failure=True)

        def build() -> bytes:
            report("converting the network")
            model = (
                graphs.openvino_model(pack, height, width, masked=masked)
                if quantized is None
                else quantized.model(pack, height, width, masked=masked)
            )
            report("compiling")
            try:
                return bytes(core.compile_model(model, "CPU", settings).export_model().getvalue())
            except RuntimeError as error:
                raise failed("compile", error) from error

        def load(exported: bytes) -> ov.CompiledModel:
            try:
                found = core.import_model(exported, "CPU", settings)
                input_places(found, inputs["inputs"])  # a kept one that takes others is built anew
                return found
            except RuntimeError as error:
                raise failed("load", error) from error

        if cache is None:
            compiled = load(build())
        else:
            key = EngineKey(
                engine=self.name, precision=self.precision, size=f"{width}x{height}",
                **network_key(pack.header, masked=masked),
                weights=pack.weights_hash() if quantized is None else quantized.sha256,
                rewrites=graphs.openvino_rewrites,
                device=self.device, capability=" ".join(sorted(processor.capabilities())), driver="none",
                libraries={"openvino": ov.get_version()},
            )  # fmt: skip
            facts = {"style": pack.header.name}
            compiled, self.outcome = cache.open(key, build=build, load=load, report=report, facts=facts)
        # With throughput for a goal, each stream of cores takes a frame of its own.
        slots = int(compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")) if goal == "throughput" else 1
        super().__init__(**inputs, height=height, width=width, slots=slots)
        self._places = input_places(compiled, self.inputs)
        self._requests = [compiled.create_infer_request() for _ in range(slots)]
        self._under_way: list[object] = [None] * slots

    def _begin(self, slot: int, values: dict[str, Array]) -> None:
        self._under_way[slot] = values  # shared with OpenVINO, which does not keep them alive
        with self._errors():
            self._requests[slot].start_async(
                {place: values[name] for name, place in self._places.items()}, share_inputs=True
            )

    def _finish(self, slot: int) -> Picture:
        try:
            with self._errors():
                self._requests[slot].wait()
        finally:
            self._under_way[slot] = None
        picture: Picture = self._requests[slot].get_output_tensor(0).data
        return picture

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Turn OpenVINO's errors into an EngineError."""
        try:
            yield
        except RuntimeError as error:
            raise EngineError(f"engine openvino failed on {self.device}: {first_line(error)}", failure=True) from error

    def _release(self) -> None:
        for request in self._requests:
            request.cancel()
        self._requests.clear()


def _quantized(pack: StylePack | PackFile, cache: EngineCache | None) -> Quantized:
    found = find_quantized(pack, cache.folder if cache else None)
    if found is None:
        raise EngineError(
            f"{pack.header.name} has no int8 form ({quantized_file(pack).name} beside it): "
            f"stylefader engine quantize {pack.header.name} --photos FOLDER makes one"
        )
    return found
