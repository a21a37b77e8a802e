"""The picture changes its size in the middle: the next frame is shown, brought to the session's size by the fit."""

from __future__ import annotations

import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from stylefader.realtime.media.frame import Frame
from stylefader.realtime.sources.options import Fit, LiveOptions
from stylefader.realtime.sources.transform import TransformedSource
from tests.realtime.faults.stage import Flow, Stage, promise

SESSION = (48, 64)
EDGE, MIDDLE = 20, 90


class Changing(Flow):
    """128x48 from when the test says so. Its edges, a quarter of the width each, are darker."""

    wide = False
    first_wide: int | None = None

    def __init__(self) -> None:
        super().__init__(SESSION)

    def __iter__(self) -> Iterator[Frame]:
        for frame in super().__iter__():
            width = 128 if self.wide else 64
            image = np.full((48, width, 3), MIDDLE, np.uint8)
            if self.wide:
                image[:, :32] = image[:, 96:] = EDGE
                self.first_wide = frame.index if self.first_wide is None else self.first_wide
            yield Frame(image=image, pts=Fraction(frame.index, 30), index=frame.index, captured_ns=time.monotonic_ns())


@pytest.mark.parametrize("fit", ["cover", "contain", "stretch"])
def test_a_picture_of_another_size_is_fitted(tmp_path: Path, fit: Fit) -> None:
    inner = Changing()
    source = TransformedSource(inner, LiveOptions(size=SESSION[::-1], fit=fit))
    with Stage(tmp_path, lambda: source, size=SESSION, reconnects=False) as stage:
        stage.play(alpha=0.25)
        before = stage.watcher.count
        inner.wide = True
        stage.until(lambda: inner.first_wide is not None and stage.watcher.last.index > inner.first_wide + 3)
        shown = stage.watcher.since(before)
        first = inner.first_wide
        assert first is not None
        missing = [number for number in range(first, first + 4) if number not in {frame.index for frame in shown}]
        assert len(missing) <= promise("size change") - 1 + stage.live.snapshot().drops.newer
        for frame in shown:
            assert frame.image.shape == (48, 64, 3) and frame.original is not None
            if frame.index < first:
                assert (frame.original == MIDDLE).all()
                continue
            middle, left = int(frame.original[24, 32, 0]), int(frame.original[24, 4, 0])
            top = int(frame.original[2, 32, 0])
            # cover: the edges are cut off. contain: bars above and below. stretch: everything, squashed.
            expected = {"cover": (MIDDLE, MIDDLE), "contain": (EDGE, 0), "stretch": (EDGE, MIDDLE)}[fit]
            assert (middle, left, top) == (MIDDLE, *expected)
            assert fit != "contain" or not frame.image[:6].any(), "bars stay black, whatever the network makes of them"
        last = shown[-1]
        assert last.original is not None
        added = int(last.image[24, 0, 0]) - int(last.original[24, 0, 0])
        assert added % 256 == 25, "stylized all the while, by the engine that was there"
        assert len(stage.builds) == 1 and stage.live.capture.counts.losses == 0
        assert sum("changed its size" in words for words in stage.live.capture.notes) <= 1
