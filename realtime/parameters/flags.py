"""The output flags: what the performer wants to be seen instead of, or besides, the style."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass
class OutputFlags:
    """What the performer wants to be seen; plain flags that any thread may set, read once a frame."""

    bypass: bool = False
    freeze: bool = False
    blackout: bool = False


FLAGS = tuple(field.name for field in fields(OutputFlags))
"""Their names."""
