"""What tests of masks give to sources."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from stylefader.realtime.parameters.parameter import Parameter, Values
from stylefader.realtime.sources.options import LiveOptions


def standing(parameters: Iterable[Parameter], **moved: float) -> dict[str, Values]:
    """Where parameters stand: at their defaults, but for those that were moved."""
    values = {one.name: np.array(one.default, np.float32) for one in parameters}
    return values | {name: np.array([value], np.float32) for name, value in moved.items()}


def placed(width: int, height: int) -> LiveOptions:
    """Frames of that size."""
    return LiveOptions(size=(width, height))
