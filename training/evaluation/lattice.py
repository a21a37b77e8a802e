"""Lattices: dots or weaves at a fixed distance, which a network can leave in flat and dark places.

They come from the grid of the loss network's poolings or of the network's own strides, so their periods are powers of
two. The measure is the strongest peak of the spectrum at such a period.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]
_PERIODS = (2, 4, 8, 16)
_NEIGHBOURS = 3
SEEN = 4.0
"""From here on a lattice is seen in the picture."""
_LEAST_LEVELS = 0.5
"""The amplitude, in levels of 0 to 255, below which one is lost in the rounding to whole levels."""
PLAIN_SIDE = 192
"""Of the plain pictures, in pixels."""
_EDGE = 16
_NOISE = 1.5
_FLAT = {"black": (12, 12, 14), "night": (24, 30, 48), "grey": (128, 128, 128), "skin": (200, 150, 120),
         "sky": (140, 180, 225)}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class PictureLattice:
    """The lattice of one made-up picture, stylized.

    picture: its name, a key of `plain_pictures`. alpha: of every block. lattice: see `lattice`.
    """

    picture: str
    alpha: float
    lattice: float


def lattice(picture_HWC: Picture) -> float:
    """How far a lattice stands out: the strongest peak of the spectrum at a period of 2, 4, 8 or 16 pixels.

    Takes uint8 (H, W, 3) RGB of 32 pixels or more each way. The power of the luminance along each axis, averaged over
    the other, at the period, as a multiple of the mean of its neighbours in the spectrum. About 1 where there is no
    lattice; from `SEEN` on it is seen. A lattice of less than half a level of 255 stays below that.
    """
    luminance = picture_HWC.astype(np.float64) @ (0.2126, 0.7152, 0.0722)
    return max(_strongest_peak(lines) for lines in (luminance, luminance.T))


def _strongest_peak(lines: npt.NDArray[np.float64]) -> float:
    length = lines.shape[1] // 16 * 16
    lines = lines[:, :length] - lines[:, :length].mean(axis=1, keepdims=True)
    power = (np.abs(np.fft.rfft(lines * np.hanning(length), axis=1)) ** 2).mean(axis=0)
    strongest = 0.0
    for period in _PERIODS:
        at = length // period
        # The window spreads a peak over its next neighbours, so these are left out.
        beside = [n for n in range(at - 2 - _NEIGHBOURS, at + 3 + _NEIGHBOURS) if abs(n - at) > 2]
        mean = np.mean([power[n] for n in beside if 0 < n < len(power)])
        strongest = max(strongest, float(power[at] / max(mean, _power_of(_LEAST_LEVELS, length, period) / SEEN)))
    return strongest


def _power_of(levels: float, length: int, period: int) -> float:
    """The power in the spectrum of a cosine of this amplitude and period, under the window."""
    return (levels * length / 2 * (1 if period == 2 else 0.5)) ** 2


def plain_pictures() -> dict[str, Picture]:
    """Pictures in which a lattice is seen first: flat colours and a dark ramp, with a camera's noise, 192 by 192."""
    numbers = np.random.default_rng(0)
    y, x = np.mgrid[0:PLAIN_SIDE, 0:PLAIN_SIDE] / PLAIN_SIDE
    floats = {name: np.full((PLAIN_SIDE, PLAIN_SIDE, 3), colour, np.float64) for name, colour in _FLAT.items()}
    floats["dusk"] = np.stack([20 + 40 * y, 18 + 25 * x, 30 + 50 * (1 - y)], axis=-1)
    return {
        name: (picture + numbers.normal(0, _NOISE, picture.shape)).clip(0, 255).round().astype(np.uint8)
        for name, picture in floats.items()
    }


def lattices(stylized: Callable[[Picture, float], Picture], alphas: Iterable[float]) -> list[PictureLattice]:
    """The lattices of all plain pictures at all alphas; `stylized` gives a picture as uint8 (H, W, 3) RGB.

    The edges, where padding shows, are left out.
    """
    inside = slice(_EDGE, -_EDGE)
    return [
        PictureLattice(picture=name, alpha=alpha, lattice=lattice(stylized(picture, alpha)[inside, inside]))
        for alpha in alphas
        for name, picture in plain_pictures().items()
    ]
