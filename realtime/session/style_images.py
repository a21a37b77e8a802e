"""Paintings that a running session is given: looked at by a thread of their own, so that no frame waits for them."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from stylefader.engines.predicting import predicted_style
from stylefader.training.errors import SourceError
from stylefader.training.packs.pack_file import PackFile

_MOST = 8
"""Paintings that wait, at most: a folder that is dropped has no end."""
_THREADS = 1
"""Of the processor: the others play."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LookedAt:
    """A painting that was looked at for a palette.

    vector: float32 (d,); raises what kept it from being made, as a StylefaderError with one line.
    """

    painting: Path
    palette: PackFile
    _vector: Future[npt.NDArray[np.float32]]

    @property
    def vector(self) -> npt.NDArray[np.float32]:
        """See the class."""
        return self._vector.result(timeout=0)


class StyleImages:
    """Says style vectors of paintings, one after another, while a session plays. Close it at the end."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="style-image")
        self._waiting: list[LookedAt] = []

    def ask(self, palette: PackFile, painting: Path) -> None:
        """Have a painting looked at for a palette. Raises SourceError where too many wait already."""
        if len(self._waiting) >= _MOST:
            raise SourceError(f"{painting} must wait: {_MOST} paintings are being looked at")
        vector = self._pool.submit(predicted_style, palette, painting, threads=_THREADS)
        self._waiting.append(LookedAt(painting=painting, palette=palette, _vector=vector))

    def done(self, timeout_s: float = 0.0) -> list[LookedAt]:
        """Those that were looked at since the last call, in the order of asking; the next one is waited for so long."""
        if self._waiting and timeout_s:
            wait([self._waiting[0]._vector], timeout_s)
        found = []
        while self._waiting and self._waiting[0]._vector.done():
            found.append(self._waiting.pop(0))
        return found

    def close(self) -> None:
        """Give up what waits; harmless twice. Nothing is waited for."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._waiting.clear()
