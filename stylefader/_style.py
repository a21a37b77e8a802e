"""A style, made callable: frames in, stylized frames out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import numpy.typing as npt

from stylefader._arrays import is_cuda, is_tensor, on_host, shares_of
from stylefader.engines import Engine, Precision, frame_and_alpha, open_engine
from stylefader.engines.opening import check_engine_words, measure_missing
from stylefader.realtime.media.frame import Frame
from stylefader.training.closing import Closing
from stylefader.training.errors import EngineError
from stylefader.training.packs.added_inputs import ALPHA, FRAME, MASK, outside
from stylefader.training.packs.library import find_pack, known_packs
from stylefader.training.packs.pack_file import PackFile

if TYPE_CHECKING:
    import torch

Picture = npt.NDArray[np.uint8]
Alpha = float | Sequence[float] | npt.NDArray[Any] | Mapping[str, float]
"""One strength for all blocks, one for each, or some by the labels of their blocks; the others have the default."""

_MOST_SIZES = 4


def styles() -> list[str]:
    """The names of the styles that come with stylefader, and of those in the user's own folder."""
    return [header.name for _, header in known_packs()[0]]


def open(
    style: str | Path,
    *,
    size: tuple[int, int] | None = None,
    engine: str = "auto",
    precision: Precision = "auto",
    cache_dir: str | Path | None = None,
    measure: bool = False,
) -> Style:
    """Open a style.

    Args:
        style: A style's name (see `styles`), or a pack file. Of a style in several sizes it is the largest; `NAME:SIZE`
            is one of them.
        size: (width, height) of the frames. None takes frames of any size, and opens an engine for each size that
            comes, of which the four used last are kept.
        engine: `auto`, or an engine's name: `openvino`, `torch`, `cuda`, `tensorrt`, `tensorrt-rtx`.
        precision: `auto`, `f32`, `bf16`, `fp16` or `int8`.
        cache_dir: Where finished engines are kept. None is the user's cache folder.
        measure: Measure what is not known yet, for minutes, and take the fastest. Without, `auto` takes the fastest
            that is known, and the first that works where none is.

    Returns:
        The style, to be called with frames. Close it, or use it with `with`.

    Raises:
        StylefaderError: There is no such style, or no engine works here.
    """
    return Style(
        find_pack(str(style)), size=size, engine=engine, precision=precision, cache_dir=cache_dir, measure=measure
    )


class Style(Closing):
    """A style that is called with frames. Made by `open`. One thread at a time.

    Attributes:
        name: As `styles` has it.
        title: For people.
        blocks: The labels of its tuning-blocks, in the order of alpha.
        alpha_range: The lowest and the highest strength that it was trained for.
        alpha_default: The strength that plays where none is given.
    """

    def __init__(
        self,
        pack: Path,
        *,
        size: tuple[int, int] | None = None,
        engine: str = "auto",
        precision: Precision = "auto",
        cache_dir: str | Path | None = None,
        measure: bool = False,
    ) -> None:
        check_engine_words(engine, precision)
        if size is not None and not (
            isinstance(size, tuple | list) and len(size) == 2 and all(isinstance(side, int) for side in size)
        ):
            raise EngineError(f"a size is (width, height) in pixels, not {size!r:.80}")
        self._pack = PackFile(pack)
        header = self._pack.header
        self.name, self.title = header.name, header.title
        self.blocks = tuple(block.label for block in header.blocks)
        self.alpha_range = (header.alpha.low, header.alpha.high)
        self.alpha_default = header.alpha.default
        self._size = size
        self._words: dict[str, Any] = {
            "backend": engine,
            "precision": precision,
            "cache_dir": None if cache_dir is None else Path(cache_dir),
        }
        self._measure = measure and engine == "auto"
        self._engines: dict[tuple[int, int, bool], Engine] = {}
        self._closed = False
        self._under_way: Any = None
        if size is not None:
            width, height = size
            self._engine(height, width)

    @overload
    def __call__(
        self, frame: Picture | Frame, alpha: Alpha | None = None, *, mix: float | None = None,
        colour: float | None = None, mask: Picture | None = None, alpha_outside: Alpha | None = None,
        mix_outside: float | None = None, colour_outside: float | None = None, out: Picture | None = None,
    ) -> Picture: ...  # fmt: skip
    @overload
    def __call__(
        self, frame: torch.Tensor, alpha: Alpha | torch.Tensor | None = None, *, mix: float | None = None,
        colour: float | None = None, mask: torch.Tensor | None = None,
        alpha_outside: Alpha | torch.Tensor | None = None, mix_outside: float | None = None,
        colour_outside: float | None = None, out: torch.Tensor | None = None,
    ) -> torch.Tensor: ...  # fmt: skip
    def __call__(
        self, frame: Any, alpha: Any = None, *, mix: float | None = None, colour: float | None = None,
        mask: Any = None, alpha_outside: Any = None, mix_outside: float | None = None,
        colour_outside: float | None = None, out: Any = None,
    ) -> Any:  # fmt: skip
        """Stylize one frame.

        Args:
            frame: uint8 (H, W, 3) RGB: a NumPy array, a `Frame`, or a CUDA tensor (PyTorch's, or any that speaks
                DLPack), which is neither copied to the host nor back where the engine is on that GPU.
            alpha: One strength for all blocks, one for each, or a dict of strengths by label; None is the style's own
                default. Kept within `alpha_range`.
            mix: From the original picture (0) to the stylized one (1); None is 1.
            colour: From the style's colours (0) to those of the original picture (1); None is 0.
            mask: uint8 (H, W) of the frame's kind: 255 is inside, 0 outside, and between them the strengths go over
                softly. None is all inside. The first call with a mask opens a second engine, which takes a moment.
            alpha_outside: Likewise outside of the mask.
            mix_outside: Likewise; None is 0, the original.
            colour_outside: Likewise; None is 0.
            out: uint8 (H, W, 3) to write into, of the frame's kind. It is what is returned then.

        Returns:
            The stylized frame, uint8 (H, W, 3) RGB, a new array of yours. For a CUDA tensor a CUDA tensor, ready for
            the next work on PyTorch's current stream.

        Raises:
            StylefaderError: The frame has another size or type, or alpha another number of values.
        """
        if isinstance(frame, Frame):
            frame = frame.image
        shares = shares_of(mix=mix, colour=colour, mix_outside=mix_outside, colour_outside=colour_outside)
        if mask is None and (alpha_outside is not None or not {"mix_outside", "colour_outside"}.isdisjoint(shares)):
            raise EngineError("strengths of the outside need a mask")
        if is_tensor(frame) and not is_cuda(frame):
            import torch

            picture = self(
                frame.detach().numpy(), on_host(alpha), mask=on_host(mask), alpha_outside=on_host(alpha_outside),
                mix=mix, colour=colour, mix_outside=mix_outside, colour_outside=colour_outside,
                out=None if out is None else out.numpy(),
            )  # fmt: skip
            return torch.from_numpy(picture) if out is None else out
        if not isinstance(frame, np.ndarray):
            if is_cuda(frame):
                return self._on_gpu(frame, alpha, out, mask, alpha_outside, shares)
            frame = np.from_dlpack(frame) if hasattr(frame, "__dlpack__") else np.asarray(frame)
        if frame.ndim != 3 or frame.shape[2] != 3 or frame.dtype != np.uint8:
            raise EngineError(f"a frame is uint8 (H, W, 3) RGB, not {frame.dtype} {frame.shape}")
        if out is not None and not (isinstance(out, np.ndarray) and out.flags.writeable):
            raise EngineError("out is an array to write into, uint8 (H, W, 3)")
        engine = self._engine(*frame.shape[:2], masked=mask is not None)
        picture = np.empty(frame.shape, np.uint8) if out is None else out
        values = frame_and_alpha(frame, self.strengths(alpha)) | shares
        if mask is not None:
            values |= {MASK: mask} | self._outside(engine, self.strengths(alpha_outside))
        return engine.run(values, out=picture)

    def _outside(self, engine: Engine, alpha: Any) -> dict[str, Any]:
        """What alpha is outside of the mask, where the engine takes it."""
        name = outside(ALPHA)
        return {name: alpha} if any(spec.name == name for spec in engine.inputs) else {}

    def strengths(self, alpha: Alpha | None) -> npt.NDArray[np.float32]:
        """What `alpha` means for this style: float32, one value a block, within `alpha_range`.

        Raises:
            StylefaderError: There are not as many blocks, there is none of that label, or a value is not a number.
        """
        values = np.full(len(self.blocks), self.alpha_default, np.float32)
        try:
            self._fill(values, alpha)
        except (TypeError, ValueError) as error:
            raise EngineError(f"alpha is a number, numbers, or numbers by label, not {alpha!r:.80}") from error
        if not np.isfinite(values).all():
            raise EngineError(f"alpha has a value that is not finite: {values.tolist()}")
        return np.clip(values, *self.alpha_range)

    def _fill(self, values: npt.NDArray[np.float32], alpha: Alpha | None) -> None:
        if isinstance(alpha, Mapping):
            for label, value in alpha.items():
                if label not in self.blocks:
                    raise EngineError(
                        f"{self.name} has no block {label!r}: there are {', '.join(self.blocks) or 'none'}"
                    )
                values[self.blocks.index(label)] = value
        elif alpha is not None:
            given = np.asarray(alpha, np.float32)
            if given.shape not in ((), (1,), values.shape):
                raise EngineError(f"{self.name} has {len(self.blocks)} blocks: give one alpha or {len(self.blocks)}")
            values[:] = given

    @property
    def engine(self) -> str:
        """Which engine it runs on now, as `openvino bf16`; empty before the first frame."""
        last = list(self._engines.values())[-1:]
        return f"{last[0].name} {last[0].precision}" if last else ""

    def close(self) -> None:
        """Free its engines; harmless twice."""
        self._closed = True
        while self._engines:
            self._engines.popitem()[1].close()

    def _engine(self, height: int, width: int, *, masked: bool = False) -> Engine:
        if self._closed:
            raise EngineError(f"the style {self.name} is closed")
        if self._size is not None and (width, height) != self._size:
            raise EngineError(
                f"{self.name} was opened for {self._size[0]}x{self._size[1]}, and this frame is {width}x{height}: "
                "open it without a size for frames of any"
            )
        engine = self._engines.pop((height, width, masked), None)
        if engine is None:
            if self._measure:
                precision, cache_dir = self._words["precision"], self._words["cache_dir"]
                measure_missing(self._pack, height, width, precision=precision, cache_dir=cache_dir)
            while len(self._engines) >= _MOST_SIZES:
                self._engines.pop(next(iter(self._engines))).close()
            engine, _ = open_engine(self._pack, height, width, masked=masked, **self._words)
            try:
                engine.warm_up()
            except BaseException:
                engine.close()
                raise
        self._engines[height, width, masked] = engine  # the one used last stands last
        return engine

    def _on_gpu(
        self, frame: Any, alpha: Any, out: Any, mask: Any, alpha_outside: Any, shares: dict[str, Any]
    ) -> Any:  # fmt: skip
        import torch
        from torch.utils.dlpack import from_dlpack

        frame = frame if isinstance(frame, torch.Tensor) else from_dlpack(frame)
        if frame.ndim != 3 or frame.shape[2] != 3 or frame.dtype != torch.uint8:
            raise EngineError(f"a frame is uint8 (H, W, 3) RGB, not {frame.dtype} {tuple(frame.shape)}")
        engine = self._engine(*frame.shape[:2], masked=mask is not None)
        run = getattr(engine, "run_cuda", None)
        if run is None:
            raise EngineError(
                f"the engine {engine.name} is not on the GPU that this frame is on: open the style with engine='cuda', "
                "or bring the frame to the host"
            )
        values = {FRAME: frame} | {name: torch.from_numpy(value).pin_memory() for name, value in shares.items()}
        if len(self.blocks):
            values[ALPHA] = self._pinned(alpha)
        if mask is not None:
            values[MASK] = mask if is_tensor(mask) else from_dlpack(mask)
            values |= self._outside(engine, self._pinned(alpha_outside))
        out = out if out is None or is_tensor(out) else from_dlpack(out)
        picture = torch.empty_like(frame, memory_format=torch.contiguous_format) if out is None else out
        here, there = torch.cuda.current_stream(frame.device), engine.stream  # type: ignore[attr-defined]
        there.wait_stream(here)
        for tensor in (*values.values(), picture):
            if tensor.is_cuda:
                tensor.record_stream(there)
        run(values, out=picture)
        here.wait_stream(there)
        self._under_way = (values, picture)  # memory of other libraries is theirs to reuse: hold it until then
        return picture

    def _pinned(self, alpha: Any) -> Any:
        """Strengths as a tensor that can be copied without waiting."""
        import torch

        if is_tensor(alpha) and alpha.is_cuda:
            return alpha.float().clamp(*self.alpha_range).expand(len(self.blocks)).contiguous()
        return torch.from_numpy(self.strengths(on_host(alpha))).pin_memory()
