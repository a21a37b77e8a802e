"""The mask of a live session: what its source gives, and the mask before where it gives none for once."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping

import numpy as np

from stylefader.realtime.masks.base import Mask, MaskSource
from stylefader.realtime.media.frame import Frame
from stylefader.realtime.parameters.parameter import Values
from stylefader.training.errors import SourceError

_log = logging.getLogger(__name__)


def checked_mask(mask: Mask | None, height: int, width: int) -> Mask | None:
    """The mask that a source gave. Raises SourceError for another size or type."""
    if mask is not None and (mask.dtype != np.uint8 or mask.shape != (height, width)):
        raise SourceError(f"a mask is {mask.dtype} {mask.shape}, expected uint8 {(height, width)}")
    return mask


class LiveMask:
    """A source in a session. The stylizer's thread calls it; any thread closes it, after which all is inside.

    failed: told, once, why a frame had no mask.
    """

    def __init__(self, source: MaskSource, height: int, width: int, *, failed: Callable[[Exception], None]) -> None:
        self._source: MaskSource | None = source
        self._size = (height, width)
        self._failed, self._told = failed, False
        self._last: Mask | None = None
        self._lock = threading.Lock()  # over the source, which must not be closed while it works

    def __call__(self, frame: Frame, values: Mapping[str, Values]) -> Mask | None:
        """The mask of a frame, uint8 (H, W); None where all is inside."""
        with self._lock:
            if self._source is None:
                return None
            try:
                self._last = checked_mask(self._source.mask(frame.image, frame.pts, values), *self._size)
            except Exception as error:  # a library's, too: the show goes on
                if not self._told:
                    self._told = True
                    _log.warning("no mask of a frame", exc_info=error)
                    self._failed(error)
            return self._last

    def close(self) -> None:
        """End the source; harmless twice."""
        with self._lock:
            source, self._source, self._last = self._source, None, None
        if source is not None:
            source.close()
