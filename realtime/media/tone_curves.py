"""HDR to SDR, one colour at a time: from PQ, HLG or BT.2020 signals to the signal of a BT.709 screen.

    signal --ITU-R BT.2100--> nits of BT.2020 light --BT.2390 knee--> 0 to 203 nits --matrix--> BT.709 light
           --cut where it lies outside--> BT.1886 signal

203 nits are white on paper in HDR (ITU-R BT.2408), and become the white of the BT.709 picture. All arrays are float
and may have any leading dimensions.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

PQ_TRANSFER = 16
HLG_TRANSFER = 18

WHITE_NITS = 203.0
HLG_NITS = 1000.0
"""What HLG's full signal is on the screen that it is graded for."""

# SMPTE ST 2084.
_M1, _M2 = 2610 / 16384, 2523 / 4096 * 128
_C1, _C2, _C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
# ITU-R BT.2100, HLG.
_A, _B, _C = 0.17883277, 1 - 4 * 0.17883277, 0.55991073
_HLG_GAMMA = 1.2
# BT.1886: the light of an SDR screen over its signal.
_SDR_GAMMA = 2.4
_LUMA_2020 = np.array([0.2627, 0.6780, 0.0593])
# ITU-R BT.2087, the other way round.
_TO_709 = np.array(
    [[1.660491, -0.587641, -0.072850], [-0.124550, 1.132900, -0.008349], [-0.018151, -0.100579, 1.118730]]
)

Floats = npt.NDArray[np.float64]


def pq_to_nits(signal: Floats) -> Floats:
    """SMPTE ST 2084: a signal of 0 to 1 to light of 0 to 10000 nits."""
    power = np.asarray(signal).clip(0, 1) ** (1 / _M2)
    return 10000 * (np.maximum(power - _C1, 0) / (_C2 - _C3 * power)) ** (1 / _M1)


def nits_to_pq(nits: Floats) -> Floats:
    """The reverse of `pq_to_nits`."""
    power = (np.asarray(nits).clip(0, 10000) / 10000) ** _M1
    return ((_C1 + _C2 * power) / (1 + _C3 * power)) ** _M2


def hlg_to_nits(signal_rgb: Floats) -> Floats:
    """(..., 3) HLG signals of 0 to 1 to the light of a screen of 1000 nits, by BT.2100's OETF and OOTF."""
    signal = np.asarray(signal_rgb).clip(0, 1)
    scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - _C) / _A) + _B) / 12)
    luminance = scene @ _LUMA_2020
    return HLG_NITS * scene * (luminance ** (_HLG_GAMMA - 1))[..., None]


def knee(nits: Floats, peak: float, white: float = WHITE_NITS) -> Floats:
    """ITU-R BT.2390's EETF for black at 0: light of up to `peak` nits into 0 to `white`, dark parts as they are."""
    if peak <= white:
        return np.minimum(nits, white)
    top = float(nits_to_pq(np.array(peak)))
    most = float(nits_to_pq(np.array(white))) / top
    signal = np.minimum(nits_to_pq(nits) / top, 1)
    begins = 1.5 * most - 0.5
    t = ((signal - begins) / (1 - begins)).clip(0, 1)
    bent = (2 * t**3 - 3 * t**2 + 1) * begins + (t**3 - 2 * t**2 + t) * (1 - begins) + (-2 * t**3 + 3 * t**2) * most
    return np.minimum(pq_to_nits(np.where(signal < begins, signal, bent) * top), white)


def to_bt709(signal_rgb: Floats, transfer: int, peak: float = HLG_NITS) -> Floats:
    """BT.2020 signals to BT.709 signals.

    Args:
        signal_rgb: (..., 3), from 0 to 1.
        transfer: H.273 code point: 16 PQ, 18 HLG; any other is taken as SDR, of which only the gamut is changed.
        peak: Nits of the brightest place of a PQ picture.

    Returns:
        (..., 3), from 0 to 1, for a screen that follows BT.1886.
    """
    signal = np.asarray(signal_rgb, np.float64)
    if transfer == PQ_TRANSFER:
        light = _compressed(pq_to_nits(signal), peak)
    elif transfer == HLG_TRANSFER:
        light = _compressed(hlg_to_nits(signal), HLG_NITS)
    else:
        light = signal.clip(0, 1) ** _SDR_GAMMA
    return np.asarray(_into_gamut(light @ _TO_709.T) ** (1 / _SDR_GAMMA))


def _compressed(nits: Floats, peak: float) -> Floats:
    """Light relative to white: the brightest of the three through the knee, the others in proportion (maxRGB)."""
    brightest = nits.max(-1)
    ratio = knee(brightest, peak) / np.maximum(brightest, 1e-9)
    return np.asarray(nits * ratio[..., None] / WHITE_NITS)


def _into_gamut(light: Floats) -> Floats:
    """Colours outside of 0 to 1: negative light is cut at 0, too much of it is taken back, all three in proportion."""
    positive = np.maximum(light, 0)
    return np.asarray(positive / np.maximum(positive.max(-1, keepdims=True), 1))
