"""Samples from the sound system's callback to our thread: the callback copies, and nothing else."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]


class Ring:
    """The newest `size` samples of that many channels. One thread puts, one takes; neither ever waits.

    lost: samples that were overwritten before they were taken.
    """

    def __init__(self, size: int, channels: int) -> None:
        self._samples: Samples = np.zeros((size, channels), np.float32)
        self._put = 0  # in all; only `put` writes it, after the samples
        self._taken = 0
        self.lost = 0

    def put(self, samples: Samples) -> None:
        """Copy (n, channels) in. Allocates nothing."""
        size = len(self._samples)
        samples = samples[-size:]
        at = self._put % size
        first = min(len(samples), size - at)
        self._samples[at : at + first] = samples[:first]
        self._samples[: len(samples) - first] = samples[first:]
        self._put += len(samples)

    def take(self) -> Samples:
        """All that came since the last call, (n, channels), of its own memory.

        Half the ring is left to be written meanwhile, so what is given is never torn.
        """
        size, put = len(self._samples), self._put
        begin = max(self._taken, put - size // 2)
        self.lost += begin - self._taken
        taken = self._samples[np.arange(begin, put) % size]
        self._taken = put
        return taken
