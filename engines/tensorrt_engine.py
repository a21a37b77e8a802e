"""`tensorrt`: the whole network as one TensorRT engine, built by Torch-TensorRT for this GPU.

The engine takes and gives colours as numbers 0..255 in the network's own type, at padded size: Torch-TensorRT has
no conversion to uint8 (https://github.com/pytorch/TensorRT/issues/3247, 2.13), and padding that depends on a dynamic
size would be left to PyTorch. Both are copies on the device around it, recorded with it in one CUDA graph.
"""

from __future__ import annotations

import contextlib
import io
import tempfile
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from engines.base import Precision
from engines.captured import CapturedEngine
from engines.gpu import Gpu
from engines.graph import FrameGraph
from engines.rewrite import Rewrites
from engines.sizes import FrameSizes, padded
from training.errors import EngineError
from training.pack import StylePack

INSTALL = "pip install 'stylefader[tensorrt]'"
TENSORRT_REWRITES = Rewrites(up="wide", output_stride=2)
"""Chosen by reasoning, not by measurement: no GPU was there."""
_TYPES = {"fp16": torch.float16, "f32": torch.float32}


class TensorRtEngine(CapturedEngine):
    """An engine for one size; see `CapturedEngine` for buffers and streams.

    built: what `build_engine` made for this pack and precision, for this size or a range around it and on a GPU of
    this kind; without it the engine is built here, for this size alone. That it is the pack's own is not checked.
    timing_cache: a file that makes the next build faster; see `build_engine`.
    """

    name = "tensorrt"

    def __init__(
        self,
        pack: StylePack,
        height: int,
        width: int,
        *,
        precision: Precision = "auto",
        built: bytes | None = None,
        timing_cache: Path | None = None,
    ) -> None:
        super().__init__(pack, height, width, precision=precision)
        load_library()
        with self._errors():
            if built is None:
                built = build_engine(
                    pack, FrameSizes.only(height, width), precision=self.precision, timing_cache=timing_cache
                )
            run = load_engine(built)
            canvas = self._gpu.buffer((padded(height), padded(width), 3), _TYPES[self.precision])

            def work() -> None:
                fill(canvas, self._frame)
                inputs = (canvas, self._alpha) if self.n_blocks else (canvas,)
                self._picture.copy_(_only(run(*inputs))[:height, :width])

            try:
                self._replay = self._gpu.record(work)
            except AssertionError as error:  # what an exported program says to a size that it is not for
                raise EngineError(f"the built engine does not take {width}x{height}: {error}") from error
        self._needed = (run, canvas)  # the recording holds their addresses

    def _release(self) -> None:
        super()._release()
        del self._needed


class PaddedGraph(FrameGraph):
    """`FrameGraph` without its ends: the colours of a frame of padded size, in and out as numbers 0..255 of one type.

    (height, width, 3), sides as `padded` gives them, and alpha float32 (n_blocks,), left out where there are no
    blocks; the picture's numbers are whole, so that no conversion to uint8 can change them.
    """

    def __init__(self, pack: StylePack, precision: str) -> None:
        super().__init__(pack.network(), None, None, rewrites=TENSORRT_REWRITES, half=precision == "fp16")
        self.picture_type = _TYPES[precision]

    def forward(self, frame_HWC: Tensor, alpha: Tensor | None = None) -> Tensor:
        return super().forward(frame_HWC, frame_HWC.new_zeros(0) if alpha is None else alpha)

    def _pad(self, x_NCHW: Tensor, height: int, width: int) -> Tensor:
        return x_NCHW

    def _crop(self, y_NCHW: Tensor, height: int, width: int) -> Tensor:
        return y_NCHW


def fill(canvas_HWC: Tensor, frame_HWC: Tensor) -> None:
    """Write a frame into the top left of a canvas and repeat its right and bottom edge over the rest."""
    height, width, _ = frame_HWC.shape
    canvas_HWC[:height, :width].copy_(frame_HWC)
    if width < canvas_HWC.shape[1]:
        canvas_HWC[:height, width:].copy_(canvas_HWC[:height, width - 1 : width].expand_as(canvas_HWC[:height, width:]))
    if height < canvas_HWC.shape[0]:
        canvas_HWC[height:].copy_(canvas_HWC[height - 1 : height].expand_as(canvas_HWC[height:]))


def load_library() -> Any:
    """Torch-TensorRT. Raises EngineError with the command that installs it, or with what it says itself."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import torch_tensorrt
    except ImportError as error:
        raise EngineError(f"engine tensorrt is not installed ({error}): {INSTALL}") from error
    except Exception as error:  # without a driver, or with libraries that do not match, it raises anything
        first_line = str(error).strip().partition("\n")[0]
        raise EngineError(f"engine tensorrt cannot be loaded ({first_line}); installed anew by: {INSTALL}") from error
    return torch_tensorrt


def export_padded(pack: StylePack, sizes: FrameSizes, *, precision: str, device: torch.device) -> Any:
    """The graph that TensorRT compiles, as an exported program on `device`; sides that vary are dynamic."""
    graph = PaddedGraph(pack, precision).eval().requires_grad_(False).to(device)
    low, usual, high = padded_sizes(sizes)
    names = ("height", "width")
    dims = {
        side: torch.export.Dim(names[side], min=low[side], max=high[side]) for side in (0, 1) if low[side] != high[side]
    }
    # Two sides that are equal could be taken for one: an export of a range sees none such.
    example = list(usual)
    if dims and usual[0] == usual[1]:
        side = next(iter(dims))
        example[side] += 4 if usual[side] < high[side] else -4
    inputs = [torch.zeros(*example, 3, dtype=graph.picture_type, device=device)]
    if pack.n_blocks:
        inputs.append(torch.zeros(pack.n_blocks, device=device))
    return torch.export.export(graph, tuple(inputs), dynamic_shapes=(dims or None, None)[: len(inputs)])


def padded_sizes(sizes: FrameSizes) -> tuple[tuple[int, int], ...]:
    """Smallest, usual and largest as the network sees them."""
    return tuple((padded(h), padded(w)) for h, w in (sizes.smallest, sizes.usual, sizes.largest))


def build_engine(
    pack: StylePack, sizes: FrameSizes, *, precision: str = "fp16", timing_cache: Path | None = None
) -> bytes:
    """Compile a pack for this GPU, as the bytes of an exported program that `load_engine` loads without a build.

    sizes: one size, or a range that one engine serves. precision: `fp16` or `f32`; types are explicit in the
    exported program, so norms keep their statistics in f32.
    timing_cache: a file of TensorRT's measurements, read where it is there and written afterwards.
    Raises EngineError: no GPU, not installed (with the command), or a build that fails. Takes minutes.
    """
    gpu = Gpu.find("tensorrt")
    library = load_library()
    low, usual, high = padded_sizes(sizes)
    frame_type = _TYPES[precision]
    if sizes.fixed or low == high:
        frame = library.Input(shape=(*usual, 3), dtype=frame_type, name="frame_HWC")
    else:
        shapes = {"min_shape": (*low, 3), "opt_shape": (*usual, 3), "max_shape": (*high, 3)}
        frame = library.Input(**shapes, dtype=frame_type, name="frame_HWC")
    inputs = [frame]
    if pack.n_blocks:
        inputs.append(library.Input(shape=(pack.n_blocks,), dtype=torch.float32, name="alpha"))
    with tempfile.TemporaryDirectory(prefix="stylefader-") as folder:
        file = Path(folder) / "engine.pt2"
        try:
            with torch.no_grad(), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                program = export_padded(pack, sizes, precision=precision, device=gpu.device)
                compiled = library.dynamo.compile(
                    program,
                    arg_inputs=inputs,
                    device=gpu.device,
                    require_full_compilation=True,
                    min_block_size=1,
                    disable_tf32=True,
                    # Its own cache of engines takes no notice of the weights.
                    cache_built_engines=False,
                    reuse_cached_engines=False,
                    timing_cache_path=str((timing_cache or Path(folder) / "timing.bin").absolute()),
                )
                library.save(compiled, str(file), output_format="exported_program", arg_inputs=inputs)
            return file.read_bytes()
        except Exception as error:  # each step of the compiler has errors of its own
            height, width = sizes.usual
            why = f"{type(error).__name__} {str(error).strip().partition(chr(10))[0]}"
            raise EngineError(f"engine tensorrt cannot be built for {width}x{height}: {why}", failure=True) from error


def load_engine(built: bytes) -> Any:
    """What `build_engine` made, as a callable of frame and alpha. Raises EngineError where it does not load here."""
    library = load_library()
    with tempfile.TemporaryDirectory(prefix="stylefader-") as folder:
        file = Path(folder) / "engine.pt2"
        file.write_bytes(built)
        try:
            # It prints the trace of what it also raises.
            with contextlib.redirect_stderr(io.StringIO()), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return library.load(str(file)).module()
        except torch.OutOfMemoryError:
            raise
        except Exception as error:
            raise EngineError(
                f"the built engine does not load: it is of another GPU, driver or version of TensorRT, or damaged "
                f"({type(error).__name__})",
                failure=True,
            ) from error


def _only(outputs: Any) -> Tensor:
    """The one output, which a compiled module may give in a tuple."""
    picture: Tensor = outputs[0] if isinstance(outputs, tuple | list) else outputs
    return picture
