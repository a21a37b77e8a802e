"""The words that people see of a session's numbers."""

from __future__ import annotations

import json
import types
from dataclasses import replace
from pathlib import Path

import pytest

from stylefader.realtime.controls.mapping.sound_section import BANDS
from stylefader.realtime.session.painting_lessons import LessonState
from stylefader.realtime.session.snapshot import Drops, SinkState, Snapshot, as_json
from stylefader.realtime.session.stats import Latencies, Percentiles
from stylefader.realtime.session.status import NumbersFile, Status, overlay_lines, sign_of, status_line
from stylefader.realtime.sound.live_sound import SoundReading

TIMES = Percentiles(p50=5.0, p95=6.0, p99=7.0)
ROW = Snapshot(
    time_s=1, source="the testcard", state="running", frames=30, losses=0, engine_failures=0,
    style="wave", plays="wave", alpha=(0.5,), alpha_now=(0.5,), scene=None, fps_in=30.0, fps_out=30.0,
    engine="torch", precision="f32", size=(8, 4), latency=Latencies(wait=TIMES, engine=TIMES, shown=TIMES),
    coming=None, drops=Drops(newer=0, skipped=0, broken=0), bypass=False, freeze=False, blackout=False,
    muted=frozenset(),
)  # fmt: skip


@pytest.mark.parametrize(("plays", "words"), [("wave", "wave"), ("scream", "scream -> wave"), (None, "wave")])
def test_a_style_on_its_way_stands_behind_the_one_that_plays(plays: str | None, words: str) -> None:
    row = replace(ROW, plays=plays)
    assert status_line(row).startswith(f"{words} torch") and overlay_lines(row)[0].startswith(f"{words}  alpha")


@pytest.mark.parametrize(
    ("mask", "flags", "words"),
    [
        ("ellipse:x=0.3,width=0.5", {}, "where ellipse"),
        ("not:chroma:#00ff00,tolerance=0.3", {}, "where not:chroma:#00ff00"),
        ("chroma:0,255,0", {"mask_off": True}, "where chroma:0,255,0 (off)"),
        ("person", {"mask_inverted": True}, "where not:person"),
        ("not:person", {"mask_inverted": True}, "where person"),
    ],
)
def test_the_mask_in_use_is_named(mask: str, flags: dict[str, bool], words: str) -> None:
    row = replace(ROW, mask=mask, **flags)  # type: ignore[arg-type]
    assert f"; {words};" in status_line(row) and words in overlay_lines(row)
    assert as_json(row)["mask"] == mask and as_json(ROW)["mask"] is None
    assert "where" not in status_line(ROW) + "".join(overlay_lines(ROW))


def test_the_tempo_is_shown_where_anything_counts_beats() -> None:
    assert "bpm" not in status_line(ROW) + "".join(overlay_lines(ROW))
    row = replace(ROW, bpm=123.46)
    assert "123.5 bpm" in overlay_lines(row) and "123.5 bpm" in status_line(row)


def sink(name: str, state: str) -> SinkState:
    return SinkState(name=name, state=state, written=9, dropped=1, waiting=0, latency=TIMES)  # type: ignore[arg-type]


FULL = replace(
    ROW, style="great_wave_lite", plays="starry_night_scale", alpha=(0.5, 0.25, 1.0), alpha_now=(0.6, 0.31, 1.0),
    modulated=("lfo", "sound"), scene="chorus", mask="person", engine="openvino", precision="bf16", size=(640, 360),
    bpm=128.0,
    sound=SoundReading(state="running", levels_db=tuple((band, -12.0) for band in BANDS), lost=0), coming="compiling",
    drops=Drops(newer=1234, skipped=5, broken=6), sinks=(sink("show.mkv", "failed"), sink("null", "running")),
)  # fmt: skip
SIGNS = {
    None: {},
    "no signal": {"state": "lost"},
    "blackout, rec take.csv, fine steps": {"blackout": True, "notes": ("rec take.csv", "fine steps")},
}


@pytest.mark.parametrize("sign", SIGNS)
@pytest.mark.parametrize("width", [20, 40, 79, 100, 150])
def test_a_line_fits_and_the_least_important_goes_first(width: int, sign: str | None) -> None:
    full = replace(FULL, **SIGNS[sign])  # type: ignore[arg-type]
    assert sign_of(full) == sign
    line = status_line(full, width=width)
    assert 0 < len(line) <= width
    whole = status_line(full)
    # By rank: what stays is all that is more important than what went.
    ranks = ["starry_night_scale", f"[{sign}]" if sign else "", "alpha 0.50/0.25/1.00", "show.mkv failed",
             "now 0.60/0.31/1.00 by lfo, sound", "openvino bf16", "in 30 out 30 fps", "shown 5/7 ms", "640x360",
             "where person", "128.0 bpm", "scene chorus", "coming: compiling", "sound ", "left out 1239, broken 6",
             "engine 5/7 ms"]  # fmt: skip
    assert all(part in whole for part in ranks)
    seen = [part in line for part in ranks]
    assert seen == sorted(seen, reverse=True)
    assert width < 79 or sign is not None or all(seen[:4])


def test_eighty_columns_hold_style_alpha_engine_and_rates() -> None:
    row = replace(FULL, plays="great_wave_lite", modulated=(), sinks=(), sound=None, bpm=None, coming=None)
    line = status_line(row, width=79)
    assert line.startswith("great_wave_lite openvino bf16; alpha 0.50/0.25/1.00; in 30 out 30 fps")


def test_eighty_columns_hold_what_moves_alpha_of_three_blocks() -> None:
    row = replace(FULL, plays="great_wave_lite", alpha=(0.5,) * 3, alpha_now=(0.62,) * 3, modulated=("lfo",), sinks=())
    assert status_line(row, width=79) == "great_wave_lite openvino bf16; alpha 0.50; now 0.62 by lfo; in 30 out 30 fps"


def test_modulation_is_seen_where_alpha_is() -> None:
    moved = replace(ROW, alpha_now=(0.75,), modulated=("lfo",))
    assert overlay_lines(moved)[:2] == ["wave  alpha 0.50", "now 0.75 by lfo"]
    assert "alpha 0.50; now 0.75 by lfo; in 30" in status_line(moved)
    still = replace(ROW, alpha_now=(0.49,))  # on its way to where a key moved it
    assert "0.49" not in status_line(still) + "".join(overlay_lines(still))


class Observed:
    """A session whose strengths go on between snapshots."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.newest, self.taken, self.alpha_now = snapshot, 0, snapshot.alpha_now

    def snapshot(self) -> Snapshot:
        self.taken += 1
        return self.newest

    def refreshed(self, snapshot: Snapshot) -> Snapshot:
        return replace(snapshot, alpha_now=self.alpha_now)


def test_the_lines_follow_alpha_between_snapshots() -> None:
    session = Observed(replace(ROW, modulated=("lfo",)))
    status = Status(session)
    assert not status.told
    status.tell(None, every_s=1e9)
    for alpha in (0.5, 0.6, 0.7):
        session.alpha_now = (alpha,)
        assert overlay_lines(status.now())[:2] == ["wave  alpha 0.50", f"now {alpha:.2f} by lfo"]
    assert status.told and session.taken == 1


@pytest.mark.parametrize("rewrites", [True, False])
def test_the_line_is_as_short_as_the_terminal_is_wide(rewrites: bool) -> None:
    shown: list[str] = []
    screen = types.SimpleNamespace(rewrites=rewrites, columns=60, show=shown.append)
    status = Status(Observed(replace(FULL, blackout=True, state="lost")), screen=screen)
    status.tell(None, every_s=0)
    (line,) = shown
    assert line.startswith("[blackout, no signal] starry_night_scale -> great_wave_lite")
    assert len(line) <= 60 if rewrites else "engine 5/7 ms" in line


def test_a_line_of_json_is_the_snapshot(tmp_path: Path) -> None:
    numbers = NumbersFile(tmp_path / "n.jsonl", tell=lambda event: pytest.fail(str(event)))
    status = Status(Observed(FULL))
    status.tell(numbers, every_s=1e9)
    numbers.close()
    numbers.write(ROW)
    row = json.loads((tmp_path / "n.jsonl").read_text())
    assert row == json.loads(json.dumps(as_json(FULL)))
    assert row["latency_ms"]["engine"] == {"p50": 5, "p95": 6, "p99": 7} and row["size"] == "640x360"
    assert row["sinks"][0] == {"name": "show.mkv", "state": "failed", "written": 9, "dropped": 1,
                               "latency_ms": [5, 6, 7]}  # fmt: skip
    assert row["sound"] == {"state": "running", "low": -12, "mid": -12, "high": -12, "all": -12, "lost": 0}


def test_a_painting_that_is_learnt_is_seen() -> None:
    row = replace(ROW, lesson=LessonState(style="sea", step=40, steps=150, share=0.5, waiting=0))
    assert "; learning sea 40/150" in status_line(row) and "learning sea 40/150" in overlay_lines(row)
    behind = replace(row, lesson=LessonState(style="sea", step=40, steps=150, share=0.5, waiting=2))
    assert "learning sea 40/150, 2 wait" in overlay_lines(behind)
    assert as_json(row)["lesson"] == {"style": "sea", "step": 40, "steps": 150, "share": 0.5, "waiting": 0}
