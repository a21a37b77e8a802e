"""The mask of a live session: what its source gives, and the mask before where it gives none for once."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from stylefader.realtime.masks.base import NO_MASK, Mask, MaskSource, MaskUse, notes_of
from stylefader.realtime.masks.inverted import turned
from stylefader.realtime.media.frame import Frame
from stylefader.realtime.parameters.flags import OutputFlags
from stylefader.realtime.parameters.parameter import Parameter, Values
from stylefader.training.errors import SourceError

_log = logging.getLogger(__name__)
_PATIENCE_S = 0.2
"""How long an end waits for a source that is at work."""


def checked_mask(mask: Mask | None, height: int, width: int) -> Mask | None:
    """The mask that a source gave. Raises SourceError for another size or type."""
    if mask is not None and (mask.dtype != np.uint8 or mask.shape != (height, width)):
        raise SourceError(f"a mask is {mask.dtype} {mask.shape}, expected uint8 {(height, width)}")
    return mask


class LiveMask:
    """A source in a session. The stylizer's thread calls it; any thread closes it, after which all is inside.

    words: what it is. parameters: of the source; their defaults count until the desk has them.
    show: whether the mask is off, or its sides are exchanged.
    failed: told, once, why a frame had no mask. said: told each note of the source once.
    used: what the last frame got; None before the first one.
    """

    def __init__(
        self,
        source: MaskSource,
        height: int,
        width: int,
        *,
        words: str = NO_MASK.where,
        parameters: Sequence[Parameter] = (),
        show: OutputFlags | None = None,
        failed: Callable[[Exception], None],
        said: Callable[[str], None] = lambda note: None,
    ) -> None:
        self._source: MaskSource | None = source
        self._size, self.words = (height, width), words
        self.used: MaskUse | None = None
        self._begin = {one.name: np.array(one.default, np.float32) for one in parameters}
        self._show, self._said, self._notes = show or OutputFlags(), said, 0
        self._failed, self._told = failed, False
        self._last: Mask | None = None
        self._over = False
        self._lock = threading.Lock()  # over the source, which must not be closed while it works

    def __call__(self, frame: Frame, values: Mapping[str, Values]) -> Mask | None:
        """The mask of a frame, uint8 (H, W); None where all is inside."""
        with self._lock:
            if self._source is None:
                self.used = NO_MASK
                return None
            self.used = MaskUse(self.words, self._show.mask_off, self._show.mask_inverted)
            if self.used.off:
                return None
            try:
                self._last = checked_mask(
                    self._source.mask(frame.image, frame.pts, {**self._begin, **values}), *self._size
                )
            except Exception as error:  # a library's, too: the show goes on
                if not self._told:
                    self._told = True
                    _log.warning("no mask of a frame", exc_info=error)
                    self._failed(error)
            for note in notes_of(self._source)[self._notes :]:
                self._notes += 1
                self._said(note)
            found = turned(self._last, *self._size) if self.used.inverted else self._last
            if self._over:
                self._end()
            return found

    def close(self) -> None:
        """End the source; harmless twice. One that hangs is ended when it comes back, so that nobody waits for it."""
        self._over = True
        if not self._lock.acquire(timeout=_PATIENCE_S):
            return
        try:
            self._end()
        finally:
            self._lock.release()

    def _end(self) -> None:
        source, self._source, self._last = self._source, None, None
        if source is not None:
            source.close()
