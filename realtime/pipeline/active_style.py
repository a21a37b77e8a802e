"""A style that plays: an engine, the desk that moves its alpha, and the size that it computes at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from stylefader.engines import Engine
from stylefader.engines.finishing.pictures import Finisher
from stylefader.engines.finishing.settings import UNTOUCHED, Finish
from stylefader.engines.inputs import Array
from stylefader.realtime.masks.base import Mask
from stylefader.realtime.media.frame import Picture
from stylefader.realtime.parameters.alpha_desk import AlphaDesk
from stylefader.realtime.parameters.parameter import Values
from stylefader.realtime.pipeline.frame_inputs import FrameInputs
from stylefader.realtime.pipeline.output_check import is_broken
from stylefader.realtime.pipeline.style_mixer import Vectors
from stylefader.training.packs.added_inputs import FRAME, MASK, MIX, outside
from stylefader.training.packs.pack_header import PackHeader


@dataclass(kw_only=True)
class ActiveStyle:
    """An engine that may compute at another size than the session's: frames are then scaled on the way in and out.

    name: of the style, as performers know it; the pack's own where none is given. styles: of a palette the style
    vectors by name, float32 (d,). broken_since_ns: since when all its
    pictures have been broken, None where the last was good. One thread begins and ends frames.
    """

    header: PackHeader
    engine: Engine
    desk: AlphaDesk
    name: str = ""
    styles: Mapping[str, Vectors] | None = None
    broken_since_ns: int | None = None

    def __post_init__(self) -> None:
        engine = self.engine
        self.inputs = FrameInputs(
            (*engine.inputs, *engine.finishing), masked=engine.masked, styles=self.styles, under_way=engine.slots
        )
        self._finishing = {spec.name for spec in engine.finishing}
        self._finisher: Finisher | None = None
        self.name = self.name or self.header.name

    def begin(
        self, image: Picture, values: Mapping[str, Values], out: Picture, mask: Mask | None = None
    ) -> PendingFrame:
        """Begin a frame.

        Args:
            image: The frame, uint8 (H, W, 3) RGB.
            values: Of the parameters, by name, as the desk gives them.
            out: Where the picture goes, of the frame's size.
            mask: uint8 (H, W); None where all is inside.

        Raises:
            EngineError: The engine refuses it or breaks.
        """
        engine = self.engine
        if image.shape[:2] == (engine.height, engine.width):
            return PendingFrame(self, image, self.inputs(image, values, mask), out)
        scaled = cv2.resize(image, (engine.width, engine.height), interpolation=cv2.INTER_AREA)
        given = self.inputs(np.asarray(scaled, np.uint8), values, mask)
        # The picture is finished at the session's size, where the original is as sharp as it came.
        finish = engine.finish_of(given)
        for name in self._finishing & given.keys():
            del given[name]
        if MASK in given and MASK not in self._finishing:
            given[MASK] = cv2.resize(given[MASK], (engine.width, engine.height), interpolation=cv2.INTER_AREA)
            if outside(MIX) in self._finishing:
                given[outside(MIX)] = np.ones(1, np.float32)  # so that the engine finishes neither side
        return PendingFrame(self, image, given, out, scaled=np.empty_like(scaled, np.uint8), finish=finish)

    def finish(self, picture: Picture, original: Picture, finish: Finish) -> None:
        """Finish a picture of the session's size in place."""
        if self._finisher is None:
            self._finisher = Finisher(*picture.shape[:2])
        self._finisher(picture, original, finish, picture)


class PendingFrame:
    """A frame in an engine. broken: whether its picture, once it is there, is of values that are not finite."""

    def __init__(
        self,
        playing: ActiveStyle,
        image: Picture,
        given: Mapping[str, Array],
        out: Picture,
        *,
        scaled: Picture | None = None,
        finish: Finish = UNTOUCHED,
    ) -> None:
        self.broken = False
        self._playing, self._image, self._out = playing, image, out
        self._original = given[FRAME]
        self._scaled, self._finish = scaled, finish
        self._pending = playing.engine.start(given, out=out if scaled is None else scaled, look=self._look)

    def _look(self, picture: Picture) -> None:
        """At the network's own picture: what is done to it, and scaling, would hide that it is broken."""
        self.broken = is_broken(picture, self._original)

    def result(self) -> Picture:
        """Wait for the picture, at the session's size. Raises EngineError."""
        picture = self._pending.result()
        if self._scaled is None:
            return picture
        height, width, _ = self._out.shape
        cv2.resize(picture, (width, height), dst=self._out, interpolation=cv2.INTER_LINEAR)
        if not self._finish.plain:
            self._playing.finish(self._out, self._image, self._finish)
        return self._out
