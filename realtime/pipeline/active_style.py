"""A style that plays: an engine, the desk that moves its alpha, and the size that it computes at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from stylefader.engines import Engine
from stylefader.realtime.media.frame import Picture
from stylefader.realtime.parameters.alpha_desk import AlphaDesk
from stylefader.realtime.parameters.parameter import Values
from stylefader.realtime.pipeline.frame_inputs import FrameInputs
from stylefader.realtime.pipeline.output_check import is_broken
from stylefader.training.packs.pack_header import PackHeader


@dataclass(kw_only=True)
class ActiveStyle:
    """An engine that may compute at another size than the session's: frames are then scaled on the way in and out.

    name: of the style, as performers know it; the pack's own where none is given. broken_since_ns: since when all its
    pictures have been broken, None where the last was good. One thread begins and ends frames.
    """

    header: PackHeader
    engine: Engine
    desk: AlphaDesk
    name: str = ""
    broken_since_ns: int | None = None

    def __post_init__(self) -> None:
        self.inputs = FrameInputs(self.engine.inputs)
        self.name = self.name or self.header.name

    def begin(self, image: Picture, values: Mapping[str, Values], out: Picture) -> PendingFrame:
        """Begin a frame. values: of the parameters, by name, as the desk gives them. Raises EngineError."""
        engine = self.engine
        if image.shape[:2] == (engine.height, engine.width):
            return PendingFrame(self, image, values, out, scaled=None)
        scaled = cv2.resize(image, (engine.width, engine.height), interpolation=cv2.INTER_AREA)
        return PendingFrame(self, np.asarray(scaled, np.uint8), values, out, scaled=np.empty_like(scaled, np.uint8))


class PendingFrame:
    """A frame in an engine. broken: whether its picture, once it is there, is of values that are not finite."""

    def __init__(
        self,
        playing: ActiveStyle,
        image: Picture,
        values: Mapping[str, Values],
        out: Picture,
        *,
        scaled: Picture | None,
    ) -> None:
        self.broken = False
        self._image, self._out = image, out
        self._scaled = scaled
        given = playing.inputs(image, values)
        self._pending = playing.engine.start(given, out=out if scaled is None else scaled)

    def result(self) -> Picture:
        """Wait for the picture, at the session's size. Raises EngineError."""
        picture = self._pending.result()
        self.broken = is_broken(picture, self._image)  # before it is scaled, which would hide it
        if self._scaled is None:
            return picture
        height, width, _ = self._out.shape
        cv2.resize(picture, (width, height), dst=self._out, interpolation=cv2.INTER_LINEAR)
        return self._out
