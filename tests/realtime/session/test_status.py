"""The words that people see of a session's numbers."""

from __future__ import annotations

import types
from typing import Any

import numpy as np
import pytest

from stylefader.realtime.controls.mapping.sound_section import BANDS
from stylefader.realtime.parameters.alpha_desk import AlphaDesk
from stylefader.realtime.parameters.flags import OutputFlags
from stylefader.realtime.parameters.parameter import alpha_parameter
from stylefader.realtime.session.status import Status, overlay_lines, status_line
from stylefader.training.packs.pack_header import AlphaHeader

TIMES = {"p50": 5.0, "p95": 6.0, "p99": 7.0}
ROW: dict[str, Any] = {
    "style": "wave", "plays": "wave", "alpha": [0.5], "alpha_now": [0.5], "modulated": [], "scene": None,
    "fps_in": 30.0, "fps_out": 30.0,
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


FULL = ROW | {
    "style": "great_wave_lite", "plays": "starry_night_scale", "alpha": [0.5, 0.25, 1.0], "alpha_now": [0.6, 0.31, 1.0],
    "modulated": ["lfo", "sound"], "scene": "chorus", "engine": "openvino", "precision": "bf16", "size": "640x360",
    "bpm": 128.0, "sound": {"state": "running", "lost": 0, **dict.fromkeys(BANDS, -12.0)}, "coming": "compiling",
    "drops": {"newer": 1234, "skipped": 5, "broken": 6},
    "sinks": [{"name": "show.mkv", "state": "failed"}, {"name": "null", "state": "running"}],
}  # fmt: skip


@pytest.mark.parametrize("sign", [None, "no signal", "blackout, rec take.csv, fine steps"])
@pytest.mark.parametrize("width", [20, 40, 79, 100, 150])
def test_a_line_fits_and_the_least_important_goes_first(width: int, sign: str | None) -> None:
    line = status_line(FULL, sign=sign, width=width)
    assert 0 < len(line) <= width
    whole = status_line(FULL, sign=sign)
    # By rank: what stays is all that is more important than what went.
    ranks = ["starry_night_scale", f"[{sign}]" if sign else "", "alpha 0.50/0.25/1.00", "show.mkv failed",
             "now 0.60/0.31/1.00 by lfo, sound", "openvino bf16", "in 30 out 30 fps", "shown 5/7 ms", "640x360",
             "128.0 bpm", "scene chorus", "coming: compiling", "sound ", "left out 1239, broken 6",
             "engine 5/7 ms"]  # fmt: skip
    assert all(part in whole for part in ranks)
    seen = [part in line for part in ranks]
    assert seen == sorted(seen, reverse=True)
    assert width < 79 or sign is not None or all(seen[:4])


def test_eighty_columns_hold_style_alpha_engine_and_rates() -> None:
    row = FULL | {"plays": "great_wave_lite", "modulated": [], "sinks": [], "sound": None, "bpm": None, "coming": None}
    line = status_line(row, width=79)
    assert line.startswith("great_wave_lite openvino bf16; alpha 0.50/0.25/1.00; in 30 out 30 fps")


def test_eighty_columns_hold_what_moves_alpha_of_three_blocks() -> None:
    row = FULL | {
        "plays": "great_wave_lite", "alpha": [0.5] * 3, "alpha_now": [0.62] * 3, "modulated": ["lfo"], "sinks": [],
    }  # fmt: skip
    assert status_line(row, width=79) == "great_wave_lite openvino bf16; alpha 0.50; now 0.62 by lfo; in 30 out 30 fps"


def test_modulation_is_seen_where_alpha_is() -> None:
    moved = ROW | {"alpha_now": [0.75], "modulated": ["lfo"]}
    assert overlay_lines(moved)[:2] == ["wave  alpha 0.50", "now 0.75 by lfo"]
    assert "alpha 0.50; now 0.75 by lfo; in 30" in status_line(moved)
    still = ROW | {"alpha_now": [0.49]}  # on its way to where a key moved it
    assert "0.49" not in status_line(still) + "".join(overlay_lines(still))


def test_the_lines_follow_alpha_from_frame_to_frame() -> None:
    at = [0]
    modulation = types.SimpleNamespace(offsets=lambda at_ns, layout: np.full(layout.size, 0.1 * at[0]))
    desk = AlphaDesk([alpha_parameter(AlphaHeader(meaning={}, low=0, high=1, default=0.5), 1)], modulation=modulation)
    session = types.SimpleNamespace(
        numbers=lambda: dict(ROW), targets=desk.targets, latest=desk.latest, show=OutputFlags(),
        capture=types.SimpleNamespace(state="running"),
    )  # fmt: skip
    status = Status(session, types.SimpleNamespace(stats=lambda: []), modulated=lambda: ["lfo"])  # type: ignore[arg-type]
    assert status.lines == []
    status.tell(None, every_s=1e9)
    for step in range(3):
        at[0] = step
        desk.alpha(step)
        assert status.lines[:2] == ["wave  alpha 0.50", f"now {0.5 + 0.1 * step:.2f} by lfo"]


@pytest.mark.parametrize("rewrites", [True, False])
def test_the_line_is_as_short_as_the_terminal_is_wide(rewrites: bool) -> None:
    desk = AlphaDesk([alpha_parameter(AlphaHeader(meaning={}, low=0, high=1, default=0.5), 3)])
    session = types.SimpleNamespace(
        numbers=lambda: dict(FULL), targets=desk.targets, latest=desk.latest, show=OutputFlags(blackout=True),
        capture=types.SimpleNamespace(state="lost"),
    )  # fmt: skip
    shown: list[str] = []
    screen = types.SimpleNamespace(rewrites=rewrites, columns=60, show=shown.append, say=shown.append)
    status = Status(session, types.SimpleNamespace(stats=lambda: []), screen=screen)  # type: ignore[arg-type]
    status.tell(None, every_s=0)
    (line,) = shown
    assert line.startswith("[blackout, no signal] starry_night_scale -> great_wave_lite")
    assert len(line) <= 60 if rewrites else "engine 5/7 ms" in line
