"""Picture buffers that are used again when nobody looks at them any more."""

from __future__ import annotations

import sys

import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]


class BufferPool:
    """Buffers of one size for pictures that go out to several threads, each of which lets go when it is done.

    `take` gives one that is referred to nowhere else, so what was handed out is never written to while it is in use;
    there are as many as are in use at the worst moment. One thread takes. Counting references is CPython's own way
    of knowing; an array that was made from a buffer (a view) keeps it in use as well.
    """

    def __init__(self, height: int, width: int) -> None:
        self._shape = (height, width, 3)
        self._buffers: list[Picture] = []
        self._next = 0

    def __len__(self) -> int:
        return len(self._buffers)

    def take(self) -> Picture:
        """uint8 (height, width, 3), contents undefined."""
        for _ in range(len(self._buffers)):
            self._next = (self._next + 1) % len(self._buffers)
            # Two: the list's own, and the argument of getrefcount.
            if sys.getrefcount(self._buffers[self._next]) == 2:
                return self._buffers[self._next]
        self._buffers.append(np.empty(self._shape, np.uint8))
        return self._buffers[-1]
