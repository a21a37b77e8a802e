"""The tolerances of the tests, in one place."""

from __future__ import annotations

import math
import os
from pathlib import Path

import numpy as np
import numpy.typing as npt

F32_DB = 60.0
"""An engine in float32 against the reference, in dB PSNR of the picture."""
BF16_DB = 45.0
FP16_DB = 50.0


def psnr(a: npt.NDArray[np.uint8], b: npt.NDArray[np.uint8]) -> float:
    """Peak signal-to-noise ratio of two pictures in dB; infinite where they are equal."""
    error = float(np.mean((a.astype(np.float64) - b.astype(np.float64)) ** 2))
    return 10 * math.log10(255**2 / error) if error else math.inf


def resident_bytes() -> int:
    """What this process holds in memory now; 0 where the system does not tell."""
    statm = Path("/proc/self/statm")
    return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") if statm.exists() else 0
