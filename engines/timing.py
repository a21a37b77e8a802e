"""Timing an engine: warm, one call after another, its vectors (alpha and others) changing at every call."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import numpy as np

from stylefader.engines.base import Engine, Picture
from stylefader.engines.example_inputs import example_inputs, with_vectors
from stylefader.engines.inputs import Array


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Milliseconds a call over `calls` calls, sorted out; p99 is the largest below 100 calls."""

    calls: int
    median_ms: float
    p99_ms: float
    fps: float


def time_engine(
    engine: Engine, picture_HWC: Picture, *, seconds: float, least: int = 3, styles: Array | None = None
) -> Timing:
    """Call `run` for about `seconds` and at least `least` times, after two calls that do not count.

    Args:
        engine: What is timed.
        picture_HWC: uint8 (height, width, 3), for every image that it takes. Its vectors change at every call.
        seconds: How long, about.
        least: How often at least.
        styles: Of a palette, float32 (n, d): their mixtures are played.
    """
    rng, specs = np.random.default_rng(0), engine.inputs
    first = example_inputs(specs, engine.height, engine.width, rng=rng, picture=picture_HWC, styles=styles)
    settings = [with_vectors(first, specs, rng, styles=styles) for _ in range(64)]
    for warm in settings[:2]:
        engine.run(warm)
    times: list[float] = []
    began = time.perf_counter()
    while len(times) < least or time.perf_counter() - began < seconds:
        called = time.perf_counter()
        engine.run(settings[len(times) % len(settings)])
        times.append(1000 * (time.perf_counter() - called))
    ordered = sorted(times)
    middle = float(np.median(ordered))
    return Timing(
        calls=len(times),
        median_ms=middle,
        p99_ms=ordered[math.ceil(0.99 * len(ordered)) - 1],
        fps=1000 / middle,
    )


def bench_picture(height: int, width: int) -> Picture:
    """A picture with broad areas and fine edges, uint8 (height, width, 3), the same every time."""
    import cv2

    rng = np.random.default_rng(1)
    broad = cv2.resize(rng.integers(0, 256, (9, 16, 3), np.uint8), (width, height), interpolation=cv2.INTER_CUBIC)
    fine = rng.integers(-12, 13, (height, width, 3))
    return np.clip(broad.astype(np.int16) + fine, 0, 255).astype(np.uint8)


def psnr_db(a: Picture, b: Picture) -> float:
    """Peak signal-to-noise ratio of two pictures in dB, at most 99 (equal pictures)."""
    error = float(np.mean((a.astype(np.float64) - b.astype(np.float64)) ** 2))
    return min(99.0, 10 * math.log10(255**2 / error)) if error else 99.0
