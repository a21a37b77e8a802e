"""How loud bands of a sound are, over time: a streaming meter that short-time spectra are summed in.

    samples --windows of 43 ms, every 5 ms--> spectrum --summed over each band--> dB full scale

A window's level counts for the middle of the window. Nothing depends on how the samples were cut into pieces.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Band = tuple[float, float]

SILENCE_DB = -120.0
"""What silence is shown as."""
_WINDOW_S = 2048 / 48000
_STEPS = 8
_AT_ONCE = 16  # what fits in the cache: twice as fast as 64


class BandMeter:
    """Levels of bands, in hertz (from, to), of a sound with that many samples a second and 1 or 2 channels.

    A sine that just reaches full scale is 0 dB. The steepness of the edges is that of a Hann window: a tone 50 Hz
    beyond a band counts in part, one 100 Hz beyond hardly (over 50 dB less).
    `step`, `window`: samples from one level to the next, and in each window. `passed`: levels given so far; level k is
    that at `middle(k)` samples from the beginning, and is given once `window / 2` samples more are there.
    """

    def __init__(self, rate: int, bands: Sequence[Band]) -> None:
        self.rate = rate
        self.window = max(2 * _STEPS, 2 ** round(math.log2(rate * _WINDOW_S)))
        self.step = self.window // _STEPS
        self.passed = 0
        self._shape = np.hanning(self.window + 1)[:-1]
        self._mean = self._shape / self._shape.sum()
        # Of the mean square of what a window holds, as a sine at full scale has it: 1.
        self._scale = 4.0 / (self.window * float((self._shape**2).sum()))
        self._waiting: Floats = np.zeros((self.window - self.step, 2))  # silence before the beginning
        self.set_bands(bands)

    @property
    def step_s(self) -> float:
        """Seconds from one level to the next."""
        return self.step / self.rate

    def middle(self, level: int) -> float:
        """Where a level stands, in samples from the beginning; the first ones stand before it."""
        return (level + 1) * self.step - self.window / 2

    def set_bands(self, bands: Sequence[Band]) -> None:
        """Go on with other bands."""
        width = self.rate / self.window
        bins = np.arange(self.window // 2 + 1) * width
        self._weights = np.zeros((len(bins), len(bands)))
        for place, (low, high) in enumerate(bands):
            # A bin stands for all between its neighbours' halves, so that bands side by side add up.
            share = np.minimum(bins + width / 2, high) - np.maximum(bins - width / 2, low)
            self._weights[:, place] = np.clip(share / width, 0, 1)

    def feed(self, samples: npt.NDArray[np.floating]) -> Floats:
        """The levels that these samples complete: dB (levels, bands, 3), of the left, the right, and both channels.

        samples: (n, channels), full scale is 1; what is no finite number is silence.
        """
        if samples.ndim != 2 or samples.shape[1] not in (1, 2):
            raise ValueError(f"samples are (n, 1) or (n, 2), not {samples.shape}")
        clean = np.asarray(samples, np.float64)
        clean = np.where(np.isfinite(clean), clean, 0.0).clip(-1e6, 1e6)
        self._waiting = np.concatenate([self._waiting, np.broadcast_to(clean, (len(clean), 2))])
        count = max(0, (len(self._waiting) - self.window) // self.step + 1)
        if not count:
            return np.empty((0, self._weights.shape[1], 3))
        windows = np.lib.stride_tricks.sliding_window_view(self._waiting, self.window, axis=0)[:: self.step]
        levels = [self._levels(windows[at : at + _AT_ONCE]) for at in range(0, count, _AT_ONCE)]
        self._waiting = self._waiting[count * self.step :].copy()
        self.passed += count
        return np.concatenate(levels)

    def _levels(self, windows: Floats) -> Floats:
        """Of (n, 2, window)."""
        steady = windows @ self._mean  # cheap sound inputs have an offset, which is no sound
        spectra = np.fft.rfft((windows - steady[..., None]) * self._shape)
        powers = (spectra.real**2 + spectra.imag**2) * self._scale
        sums = (powers @ self._weights).transpose(0, 2, 1)
        each = np.concatenate([sums, sums.mean(axis=2, keepdims=True)], axis=2)
        return 10 * np.log10(np.maximum(each, 10 ** (SILENCE_DB / 10)))
