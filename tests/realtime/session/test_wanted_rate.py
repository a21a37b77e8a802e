from __future__ import annotations

from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import pytest

from stylefader.realtime.session.config import PictureConfig, SessionConfig
from stylefader.realtime.session.connections import Connections
from stylefader.realtime.session.events import Listeners

CAMERA, FILE = True, False


@pytest.mark.parametrize(
    ("picture", "source", "own", "arriving", "wanted"),
    [
        ({}, CAMERA, 30, None, 30),
        ({}, CAMERA, 30, 14.5, 14.5),
        ({}, FILE, 25, 11, 25),
        ({}, CAMERA, None, None, 30),
        ({}, FILE, None, 12, 12),
        ({"fps": 20}, CAMERA, 30, 30, 20),
        ({"fps": 60}, CAMERA, 30, 30, 30),
        ({"adaptive_fps": 15}, FILE, 30, 30, 15),
        ({"fps": 20, "adaptive_fps": 15}, FILE, 30, 30, 20),
        ({"every": 2}, CAMERA, 30, 28, 14),
    ],
)  # fmt: skip
def test_the_rate_that_a_session_should_reach(
    picture: dict[str, Any], source: bool, own: int | None, arriving: float | None, wanted: float
) -> None:
    rate = None if own is None else Fraction(own)
    config = SessionConfig(picture=PictureConfig(**picture))
    connections = Connections(
        config, SimpleNamespace(reconnects=source, name="x"), SimpleNamespace(rate=rate), Listeners()  # type: ignore[arg-type]
    )  # fmt: skip
    assert connections.wanted_rate(arriving) == pytest.approx(wanted)
