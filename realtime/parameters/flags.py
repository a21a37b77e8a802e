"""The output flags: what the performer wants to be seen instead of, or besides, the style."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass
class OutputFlags:
    """What the performer wants to be seen; plain flags that any thread may set, read once a frame.

    Attributes:
        bypass: The original.
        freeze: The last picture.
        blackout: Black.
        mask_off: All of the picture is inside, whatever the mask.
        mask_inverted: Inside and outside are exchanged.
        mask_shown: The mask itself: inside is white.
    """

    bypass: bool = False
    freeze: bool = False
    blackout: bool = False
    mask_off: bool = False
    mask_inverted: bool = False
    mask_shown: bool = False

    def clear(self) -> None:
        """Turn all off."""
        for name in FLAGS:
            setattr(self, name, False)


FLAGS = tuple(field.name for field in fields(OutputFlags))
"""Their names."""
