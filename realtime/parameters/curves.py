"""How a fader's way becomes alpha's: from 0 to 1 onto 0 to 1, rising all along, and back for feedback."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple


class Curve(NamedTuple):
    """A function of the fader's way, 0 to 1, and its inverse. there: way to value; back: value to way."""

    there: Callable[[float], float]
    back: Callable[[float], float]


CURVES = {
    "linear": Curve(lambda p: p, lambda y: y),
    "slow": Curve(lambda p: p * p, math.sqrt),
    "fast": Curve(lambda p: 1 - (1 - p) ** 2, lambda y: 1 - math.sqrt(1 - y)),
    "smooth": Curve(lambda p: p * p * (3 - 2 * p), lambda y: 0.5 - math.sin(math.asin(1 - 2 * y) / 3)),
}
"""`slow` moves little near 0, `fast` much; `smooth` little at both ends."""
