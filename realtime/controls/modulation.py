"""What moves parameters by themselves in a live session: LFOs, sound, each a part; what they add is added up.

The alpha desk asks, once a frame, and keeps the sum with where the faders stand within the pack's range.
"""

from __future__ import annotations

from collections.abc import Set
from typing import Protocol

import numpy as np
import numpy.typing as npt

from stylefader.realtime.controls.mapping.mapping import Mapping
from stylefader.realtime.parameters.parameter import Layout


class ModulationPart(Protocol):
    """One kind of modulation. source: its name among those that a session mutes (`lfo`, `sound`)."""

    @property
    def source(self) -> str:
        """The name by which it can be muted."""

    def offsets(self, at_ns: int, layout: Layout) -> npt.NDArray[np.float64]:
        """What to add at a time in monotonic nanoseconds: float64 (layout.size,), finite. Any thread; never waits."""
        ...

    def take_over(self, mapping: Mapping) -> None:
        """The mapping file was edited: use the new mapping."""
        ...


class Modulators:
    """The sum of its parts, which is a modulation again. muted: sources that add nothing, shared with who gave it."""

    def __init__(self, *parts: ModulationPart, muted: Set[str] = frozenset()) -> None:
        self.parts = parts
        self.muted = muted

    def offsets(self, at_ns: int, layout: Layout) -> npt.NDArray[np.float64]:
        """What all parts that are not muted add: float64 (layout.size,)."""
        total = np.zeros(layout.size)
        for part in self.parts:
            if part.source not in self.muted:
                total += part.offsets(at_ns, layout)
        return total

    def take_over(self, mapping: Mapping) -> None:
        """Every part goes on with what the mapping says now."""
        for part in self.parts:
            part.take_over(mapping)
