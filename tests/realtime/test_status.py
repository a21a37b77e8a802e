"""The words that people see of a session's numbers."""

from __future__ import annotations

from typing import Any

import pytest

from realtime.status import overlay_lines, status_line

TIMES = {"p50": 5.0, "p95": 6.0, "p99": 7.0}
ROW: dict[str, Any] = {
    "style": "wave", "plays": "wave", "alpha": [0.5], "scene": None, "fps_in": 30.0, "fps_out": 30.0,
    "engine": "torch", "precision": "f32", "size": "8x4",
    "latency_ms": {"wait": TIMES, "engine": TIMES, "shown": TIMES},
    "sound": None, "coming": None, "bpm": None, "drops": {"newer": 0, "skipped": 0, "broken": 0}, "sinks": [],
}  # fmt: skip


@pytest.mark.parametrize(("plays", "words"), [("wave", "wave"), ("scream", "scream -> wave"), (None, "wave")])
def test_a_style_on_its_way_stands_behind_the_one_that_plays(plays: str | None, words: str) -> None:
    row = ROW | {"plays": plays}
    assert status_line(row).startswith(f"{words} torch") and overlay_lines(row)[0].startswith(f"{words}  alpha")


def test_the_tempo_is_shown_where_anything_counts_beats() -> None:
    assert "bpm" not in status_line(ROW) + "".join(overlay_lines(ROW))
    row = ROW | {"bpm": 123.46}
    assert "123.5 bpm" in overlay_lines(row) and "123.5 bpm" in status_line(row)
