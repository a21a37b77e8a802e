"""What every engine promises: a style pack made callable for one device, size and precision."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self

import numpy as np
import numpy.typing as npt

from training.errors import EngineError

if TYPE_CHECKING:
    from engines.cache import Outcome

Precision = Literal["auto", "f32", "bf16", "fp16"]
Picture = npt.NDArray[np.uint8]
Report = Callable[[str], None]
"""Told in words before something that takes long, and only then. What it raises ends the opening of an engine."""


def quiet(words: str) -> None:
    """A Report that keeps it to itself."""


class Engine(ABC):
    """`stylize` a frame at the strengths `alpha`, which are a run-time input: changing them costs nothing.

    name: as in the registry; device: what it runs on, in words; precision: of the matrix products.
    The buffer that `stylize` returns belongs to the engine and holds until its next call; pass `out` to have
    the picture written into a buffer of your own. One thread calls at a time. `close` twice is harmless.
    """

    name: str
    device: str
    precision: str
    cached = False
    """Whether the class takes `cache` and `report` when it is made, and sets `outcome`."""
    outcome: Outcome | None = None
    """How this engine came out of the cache."""

    def __init__(self, *, height: int, width: int, n_blocks: int) -> None:
        self.height = height
        self.width = width
        self.n_blocks = n_blocks
        self._closed = False

    def stylize(self, frame_HWC: Picture, alpha: npt.NDArray[np.float32], *, out: Picture | None = None) -> Picture:
        """Stylize one frame.

        frame_HWC: uint8 (height, width, 3) RGB, any strides. alpha: float32 (n_blocks,).
        out: uint8 (height, width, 3) to write into; it is then what is returned.
        Raises EngineError when the engine is closed or shapes, types or alpha do not fit.
        """
        if self._closed:
            raise EngineError(f"engine {self.name} is closed")
        expected = (self.height, self.width, 3)
        for what, picture in (("frame", frame_HWC), ("out", out)):
            if picture is not None and (picture.shape != expected or picture.dtype != np.uint8):
                raise EngineError(f"{what} is {picture.dtype} {picture.shape}, expected uint8 {expected}")
        if alpha.shape != (self.n_blocks,) or alpha.dtype != np.float32:
            raise EngineError(f"alpha is {alpha.dtype} {alpha.shape}, expected float32 {(self.n_blocks,)}")
        if not np.isfinite(alpha).all():
            raise EngineError(f"alpha has a value that is not finite: {alpha.tolist()}")
        picture = self._run(np.ascontiguousarray(frame_HWC), np.ascontiguousarray(alpha))
        if out is None:
            return picture
        np.copyto(out, picture)
        return out

    @abstractmethod
    def _run(self, frame_HWC: Picture, alpha: npt.NDArray[np.float32]) -> Picture:
        """Stylize a checked, contiguous frame into the engine's own buffer."""

    def warm_up(self) -> None:
        """Run once on a grey frame, so that the first real frame is as fast as the others."""
        self.stylize(np.full((self.height, self.width, 3), 128, np.uint8), np.zeros(self.n_blocks, np.float32))

    def close(self) -> None:
        """Free what the engine holds; afterwards `stylize` raises EngineError."""
        if not self._closed:
            self._closed = True
            self._release()

    def _release(self) -> None:
        """Free device memory and handles; called once."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
