"""The person as a mask: frame --scaled--> network --steadied--> --edges of the frame--> mask."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

import cv2

from stylefader.realtime.masks.base import Mask
from stylefader.realtime.masks.person.edges import refined
from stylefader.realtime.masks.person.network import open_network
from stylefader.realtime.masks.person.steadying import Steadier
from stylefader.realtime.media.frame import Picture
from stylefader.realtime.parameters.parameter import Values


class PersonMask:
    """A source of masks (`MaskSource`): inside is what the segmenter takes for a person.

    Args:
        model: An .onnx or .tflite file with one picture in and one mask out.
        height: Of the frames, in pixels.
        width: Likewise.

    Raises:
        MaskError: The file cannot be used.
    """

    def __init__(self, model: Path, height: int, width: int) -> None:
        self._network = open_network(model, height, width)
        self._steadier = Steadier()

    def mask(self, image: Picture, time: Fraction, values: Mapping[str, Values]) -> Mask:
        """The person in that frame. Masks are steadied, so frames are to be given in their order."""
        small = self._network.picture
        cv2.resize(image, small.shape[1::-1], dst=small, interpolation=cv2.INTER_AREA)
        return refined(self._steadier(self._network(), small, time), image)

    def close(self) -> None:
        """Nothing is held beyond memory."""
