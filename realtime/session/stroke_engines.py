"""The engines of a render: one for each size of strokes that its automation comes to, all opened before it begins."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from stylefader.engines import Engine
from stylefader.engines.scaling.scaled_engine import ScaledEngine
from stylefader.realtime.parameters.parameter import STROKES, Values
from stylefader.realtime.parameters.stroke import nearest_stroke, network_size, stroke_of
from stylefader.training.packs.pack_header import PackHeader

Opens = Callable[[int, int], tuple[Engine, str]]
"""Opens an engine of a height and a width; gives it with a line on which it is."""


class StrokeEngines:
    """Called with the values of a frame's parameters, it gives the frame's engine.

    Args:
        header: Of the style's pack.
        height: Of the frames, in pixels.
        width: Likewise.
        opens: Opens an engine.
        report: Told which sizes the network computes at, where they are not the frames'.
    """

    def __init__(
        self, header: PackHeader, height: int, width: int, *, opens: Opens, report: Callable[[str], None]
    ) -> None:
        self._header, self._height, self._width = header, height, width
        self._opens, self._report = opens, report
        self._engines: dict[float, Engine] = {}

    def open(self, values: Mapping[str, Values], bounds: tuple[float, float] | None) -> tuple[Engine, str]:
        """Open the engines of all strokes that are asked for.

        Args:
            values: Of the first frame.
            bounds: The smallest and the largest stroke; None where nothing moves it.

        Returns:
            The engine of the first frame, and a line on which it is.

        Raises:
            EngineError: One cannot be had; `close` closes the others.
        """
        first = stroke_of(self._header, values)
        engine, why = self._open(first)
        lowest, highest = (first, first) if bounds is None else map(nearest_stroke, bounds)
        for stroke in STROKES:
            if lowest <= stroke <= highest and stroke != first:
                self._open(stroke)
        return engine, why

    def __call__(self, values: Mapping[str, Values]) -> Engine:
        """The engine for these values, which are within the bounds that were given."""
        return self._engines[stroke_of(self._header, values)]

    def close(self) -> None:
        """Close all of them; harmless twice."""
        while self._engines:
            self._engines.popitem()[1].close()

    def _open(self, stroke: float) -> tuple[Engine, str]:
        height, width = network_size(self._height, self._width, stroke)
        if (height, width) != (self._height, self._width):
            self._report(f"stroke {stroke:.3g}: the network computes at {width}x{height}")
        engine, why = self._opens(height, width)
        if (height, width) != (self._height, self._width):
            engine = ScaledEngine(engine, self._height, self._width)
        self._engines[stroke] = engine
        return engine, why
