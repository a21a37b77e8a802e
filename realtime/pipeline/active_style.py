"""A style that plays: an engine, the desk that moves its parameters, and the size that it computes at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from stylefader.engines import Engine
from stylefader.engines.inputs import Array
from stylefader.engines.scaling.scaled_engine import ScaledEngine
from stylefader.realtime.masks.base import Mask
from stylefader.realtime.media.frame import Picture
from stylefader.realtime.parameters.alpha_desk import AlphaDesk
from stylefader.realtime.parameters.parameter import STROKE, Values
from stylefader.realtime.pipeline.frame_inputs import FrameInputs, has_steady
from stylefader.realtime.pipeline.output_check import is_broken
from stylefader.realtime.pipeline.style_mixer import Vectors
from stylefader.training.packs.pack_header import PackHeader


@dataclass(kw_only=True)
class ActiveStyle:
    """An engine that may compute at another size than the session's: its pictures are then brought back.

    name: of the style, as performers know it; the pack's own where none is given. stroke: the size of the strokes that
    the engine's size is for; None where the style has no such parameter of the session's. styles: of a palette the
    style vectors by name, float32 (d,). broken_since_ns: since when all its pictures have been broken, None where the
    last was good. One thread begins and ends frames.
    """

    header: PackHeader
    engine: Engine
    desk: AlphaDesk
    name: str = ""
    stroke: float | None = None
    styles: Mapping[str, Vectors] | None = None
    broken_since_ns: int | None = None

    def __post_init__(self) -> None:
        engine = self.engine
        self.inputs = FrameInputs(
            (*engine.inputs, *engine.finishing), masked=engine.masked, styles=self.styles, under_way=engine.slots
        )
        self.has_steady = has_steady(engine)
        self._scaled: ScaledEngine | None = None
        self._played = None if self.stroke is None else np.array([self.stroke], np.float32)
        self.name = self.name or self.header.name

    def values(self, at_ns: int) -> Mapping[str, Values]:
        """What a frame of that time gets of every parameter, in monotonic nanoseconds."""
        values = self.desk.values(at_ns)
        return values if self._played is None else {**values, STROKE: self._played}

    def begin(
        self, image: Picture, values: Mapping[str, Values], out: Picture, mask: Mask | None = None
    ) -> PendingFrame:
        """Begin a frame.

        Args:
            image: The frame, uint8 (H, W, 3) RGB.
            values: Of the parameters, by name, as `values` gives them.
            out: Where the picture goes, of the frame's size.
            mask: uint8 (H, W); None where all is inside.

        Raises:
            EngineError: The engine refuses it or breaks.
        """
        return PendingFrame(self._engine_of(*image.shape[:2]), self.inputs(image, values, mask), image, out)

    def _engine_of(self, height: int, width: int) -> Engine:
        """The engine, for frames of that size."""
        if (height, width) == (self.engine.height, self.engine.width):
            return self.engine
        if self._scaled is None or (height, width) != (self._scaled.height, self._scaled.width):
            self._scaled = ScaledEngine(self.engine, height, width)
        return self._scaled


class PendingFrame:
    """A frame in an engine. broken: whether its picture, once it is there, is of values that are not finite."""

    def __init__(self, engine: Engine, given: Mapping[str, Array], image: Picture, out: Picture) -> None:
        self.broken = False
        self._image = image
        self._pending = engine.start(given, out=out, look=self._look)

    def _look(self, picture: Picture) -> None:
        """At the network's own picture: what is done to it, and scaling, would hide that it is broken."""
        self.broken = is_broken(picture, self._image)

    def result(self) -> Picture:
        """Wait for the picture, at the session's size. Raises EngineError."""
        return self._pending.result()
