"""`stylefader bench soak`: what its verdicts say of made-up sessions, and a real session of some seconds."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from stylefader.engines import open_engine
from stylefader.tools.commands.bench.soak_load import Receiver
from stylefader.tools.commands.bench.soak_plot import plot
from stylefader.tools.commands.bench.soak_proof import packets_in, proofs
from stylefader.tools.commands.bench.soak_session import is_asked
from stylefader.tools.commands.bench.soak_verdicts import COLUMNS, Sample, Verdict, verdicts
from stylefader.training.evaluation.plots import png
from stylefader.training.packs.pack import save_pack
from stylefader.training.packs.pack_file import PackFile
from tests.conftest import random_pack
from tests.realtime.controls.midi.jack import jack_server
from tests.tools.program import stylefader

SETTLE_S, ROUND_S, STEP_S, END_S = 300.0, 40.0, 5.0, 3600.0


def sample(time_s: float, **other: Any) -> Sample:
    values = {
        "memory_mib": 500.0, "processes": 2, "threads": 25, "handles": 30, "p50_ms": 30.0, "p99_ms": 50.0, "fps": 30.0,
        "frames": round(30 * time_s), "newer": 0, "skipped": 0, "broken": 0, "sinks_dropped": 0, "losses": 0,
        "engine_failures": 0, "log_lines": 5, "unasked": 0, "plays": "one",
    }  # fmt: skip
    return Sample(time_s=time_s, **{**values, **other})


def series(change: Callable[[Sample], Sample] = lambda s: s) -> list[Sample]:
    """An hour, a look every 5 s: two styles of 20 s, one of which takes 40 MiB, 3 threads and 10 ms more."""
    chance = np.random.default_rng(3)
    found = []
    for number in range(round(END_S / STEP_S)):
        time_s = number * STEP_S
        second = time_s % ROUND_S >= ROUND_S / 2
        found.append(
            change(
                sample(
                    time_s, memory_mib=500 + 40 * second + chance.normal(0, 3), threads=25 + 3 * second,
                    handles=30 + 2 * (number % 7 == 0), p99_ms=50 + 10 * second + chance.normal(0, 1),
                )
            )
        )  # fmt: skip
    return found


def judged(samples: list[Sample]) -> dict[str, Verdict]:
    return {verdict.name: verdict for verdict in verdicts(samples, settle_s=SETTLE_S, round_s=ROUND_S)}


def fails(samples: list[Sample]) -> set[str]:
    return {name for name, verdict in judged(samples).items() if not verdict.ok}


def test_a_session_that_stays_as_it_is_holds() -> None:
    found = judged(series())
    assert list(found) == ["memory", "threads", "handles", "processes", "latency", "log"]
    assert fails(series()) == set()
    assert found["memory"].first == pytest.approx(520, abs=2) and found["threads"].first == 25


def test_what_grows_in_the_first_five_minutes_is_left_out() -> None:
    def warms_up(s: Sample) -> Sample:
        early = max(0.0, 1 - s.time_s / SETTLE_S)
        return replace(s, memory_mib=s.memory_mib - 300 * early, threads=s.threads - round(10 * early))

    assert fails(series(warms_up)) == set()


@pytest.mark.parametrize(("growth", "bad"), [(0.01, set()), (0.019, set()), (0.025, {"memory"}), (0.5, {"memory"})])
def test_memory_may_grow_by_less_than_two_per_cent(growth: float, bad: set[str]) -> None:
    def grows(s: Sample) -> Sample:
        # Between the middles of beginning and end, which are 15 % of what is judged each.
        share = (s.time_s - SETTLE_S) / (END_S - SETTLE_S) / 0.85
        return replace(s, memory_mib=s.memory_mib * (1 + growth * share))

    assert fails(series(grows)) == bad


@pytest.mark.parametrize("name", ["threads", "handles", "processes"])
def test_one_that_stays_is_one_too_many(name: str) -> None:
    def leaks(s: Sample) -> Sample:
        return replace(s, **{name: getattr(s, name) + (s.time_s > 2000)})

    assert fails(series(leaks)) == {name}


@pytest.mark.parametrize("name", ["threads", "handles", "processes"])
def test_those_of_a_moment_are_none_too_many(name: str) -> None:
    def changes_style(s: Sample) -> Sample:
        return replace(s, **{name: getattr(s, name) + (4 if s.time_s % ROUND_S == 0 else 0)})

    assert fails(series(changes_style)) == set()


def test_latency_that_creeps_up_does_not_hold() -> None:
    assert fails(series(lambda s: replace(s, p99_ms=s.p99_ms + s.time_s / 300))) == {"latency"}
    assert fails(series(lambda s: replace(s, p99_ms=s.p99_ms - s.time_s / 300))) == set()
    # One bad moment is no trend.
    assert fails(series(lambda s: replace(s, p99_ms=900.0 if 3400 < s.time_s < 3410 else s.p99_ms))) == set()


def test_a_line_that_nobody_asked_for_does_not_hold() -> None:
    assert fails(series(lambda s: replace(s, unasked=int(s.time_s >= 3000)))) == {"log"}
    assert fails(series(lambda s: replace(s, unasked=1))) == {"log"}, "before the fifth minute as well"


def test_too_few_samples_say_nothing() -> None:
    assert fails([]) == {"memory", "threads", "handles", "processes", "latency"}
    assert fails([sample(400), sample(405)]) == {"memory", "threads", "handles", "processes", "latency"}
    assert fails(series(lambda s: replace(s, p99_ms=None))) == {"latency"}


@pytest.mark.parametrize(
    ("line", "asked"),
    [
        ("the testcard at 320x180; Ctrl-C or q ends", True),
        ("OSC at 127.0.0.1:40123", True),
        ("MIDI: soak-knob:out", True),
        ("MIDI: soak-knob:soak-knob out 128:0", True),
        ("udp://127.0.0.1:5000: connected", True),
        ("building starry_night: great_wave_lite goes on", True),
        ("The Great Wave, lite: 320x180, engine: openvino, as asked; from the cache", True),
        ("starry_night openvino bf16 96x64; alpha 0.00/1.00; in 30 out 30 fps; left out 3, broken 0", True),
        ("starry_night openvino bf16 96x64; alpha 0.00/1.00; in 30 out 30 fps; left out 3, broken 2", False),
        ("[no signal] starry_night openvino bf16 96x64; alpha 0.00; in 0 out 0 fps", False),
        ("starry_night openvino bf16 96x64; alpha 0.00; in 30 out 30 fps; udp://127.0.0.1:5 reconnecting", False),
        ("MIDI: soak-knob:out has gone", False),
        ("udp://127.0.0.1:5000 broke off: Broken pipe; trying again in 1 s", False),
        ("Traceback (most recent call last):", False),
        ("engine openvino failed: it broke; another one takes over, the original passes through", False),
        ("the testcard is lost (it ended): the last picture holds, trying again", False),
    ],
)
def test_lines_of_the_log(line: str, asked: bool) -> None:
    assert is_asked(line) == asked


PROOF: dict[str, Any] = {
    "asked": ["b", "a", "b"], "came": ["b", "a"], "rate": 100.0, "code": 0, "full": True,
    "receiver": SimpleNamespace(packets=10, bad=0), "player": SimpleNamespace(sent=1000, seconds=10.0),
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "bad"),
    [
        ({}, set()),
        ({"came": ["b", "a", "b"]}, set()),
        ({"came": ["b"]}, {"styles"}),
        ({"came": ["b", "b"]}, {"styles"}),
        ({"asked": [], "came": []}, {"styles"}),
        ({"code": None}, {"ended"}),
        ({"code": 1}, {"ended"}),
        ({"full": False}, {"ended"}),
        ({"receiver": SimpleNamespace(packets=0, bad=0)}, {"stream"}),
        ({"receiver": SimpleNamespace(packets=10, bad=1)}, {"stream"}),
        ({"player": SimpleNamespace(sent=800, seconds=10.0)}, {"midi"}),
        ({"player": SimpleNamespace(sent=0, seconds=0.0)}, {"midi"}),
        ({"alphas": {0.5}}, {"midi"}),
        ({"written": 31}, {"recording"}),
        ({"written": 0}, {"recording"}),
        ({"recording": Path("none.mkv")}, {"recording"}),
    ],
)
def test_a_load_that_was_not_there_is_found_out(tmp_path: Path, change: dict[str, Any], bad: set[str]) -> None:
    from tests.realtime.clips import Clip

    recording = Clip(frames=30).make(tmp_path / "show.mkv")
    assert packets_in(recording) == 30
    words = {**PROOF, "recording": recording, **change}
    sinks = [{"name": "recording show.mkv", "written": words.pop("written", 30)}]
    session: Any = SimpleNamespace(row={"sinks": sinks}, alphas=words.pop("alphas", {0.1, 0.2, 0.3}))
    found = proofs(session=session, **words)
    assert [verdict.name for verdict in found] == ["ended", "styles", "midi", "stream", "recording"]
    assert {verdict.name for verdict in found if not verdict.ok} == bad


def test_a_receiver_tells_damaged_packets() -> None:
    import socket
    import threading

    receiver = Receiver()
    host, port = receiver.address.removeprefix("udp://").split(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto((b"\x47" + bytes(187)) * 6 + bytes(188), (host, int(port)))
    for _ in range(1000):
        if receiver.packets:
            break
        threading.Event().wait(0.02)
    receiver.close()
    assert (receiver.packets, receiver.bad) == (7, 1)


def test_the_plot_says_what_does_not_hold() -> None:
    samples = series(lambda s: replace(s, threads=s.threads + (s.time_s > 2000)))
    found = verdicts(samples, settle_s=SETTLE_S, round_s=ROUND_S)
    figure = plot(samples, found, settle_s=SETTLE_S, title="an hour")
    words = [axes.get_title(loc="left") for axes in figure.axes]
    assert "memory, MiB: holds" in words and "threads: DOES NOT HOLD, handles: holds" in words
    (memory, settled), *_ = (axes.lines for axes in figure.axes)
    assert memory.get_ydata()[-1] == samples[-1].memory_mib and memory.get_xdata()[0] == samples[0].time_s / 60
    assert list(settled.get_xdata()) == [SETTLE_S / 60] * 2
    image = cv2.imdecode(np.frombuffer(png(figure), np.uint8), cv2.IMREAD_COLOR)
    assert image.shape == (1800, 1920, 3)


@pytest.mark.slow
def test_a_session_of_some_seconds(tmp_path: Path) -> None:
    for name, seed in (("one", 1), ("two", 2)):
        save_pack(random_pack(tmp_path / f"{name}.safetensors", seed=seed))
        pack = PackFile(tmp_path / f"{name}.safetensors")
        open_engine(pack, 64, 96, backend="openvino", cache_dir=tmp_path / "c")[0].close()
    words = ("--minutes", "0.1", "--change", "1", "--sample", "0.25", "--size", "96x64", "--engine", "openvino")
    styles = ("--style", "one.safetensors", "--style", "two.safetensors", "--cache-dir", "c")
    with jack_server():
        done = stylefader("bench", "soak", *words, *styles, "-o", "run", cwd=tmp_path)
    assert done.stdout.count("\n") == 1, done.stderr
    found = json.loads(done.stdout)
    assert done.returncode == (0 if found["ok"] else 1)
    by_name = {verdict["name"]: verdict for verdict in found["verdicts"]}
    # How fast a busy machine is says nothing here; that the load was there, and the log quiet, does.
    for name in ("ended", "midi", "stream", "recording", "log"):
        assert by_name[name]["ok"], (by_name[name], found["unasked"])
    assert found["engine"] == "openvino" and found["style_changes"] >= 4 and by_name["styles"]["last"] >= 1
    with (tmp_path / "run" / "soak.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == found["samples"] > 5 and tuple(rows[0]) == COLUMNS
    assert all(float(row["memory_mib"]) > 50 and int(row["threads"]) > 4 and int(row["handles"]) > 4 for row in rows)
    assert max(int(row["processes"]) for row in rows) >= 2, "the stream's process counts"
    assert {row["plays"] for row in rows} == {"one", "two"}
    assert cv2.imread(str(tmp_path / "run" / "soak.png")) is not None
    assert not (tmp_path / "run" / "show.mkv").exists(), "it was read, and is gone"
    done = stylefader("bench", "soak", "-o", "run", cwd=tmp_path)
    assert done.returncode == 2 and "run is not empty" in done.stderr
