from __future__ import annotations

import json
from pathlib import Path

import pytest

from stylefader.engines.selection.measured import Measured
from stylefader.engines.selection.measuring import Measuring
from stylefader.tools.commands.bench import engine as bench_engine
from stylefader.tools.commands.bench.train import _summary
from stylefader.training.loop.progress import Progress
from stylefader.training.packs.pack import StylePack
from stylefader.training.packs.pack_file import PackFile
from tests.realtime.controls.midi.jack import jack_server
from tests.tools.program import stylefader
from tests.training.given import changes, make_given


@pytest.mark.parametrize("size", ["64x48", "65x49"])
def test_bench_render_ends_in_one_json_line(pack: StylePack, tmp_path: Path, size: str) -> None:
    words = ("--style", pack.file, "--size", size, "--seconds", "0.3", "--runs", "1", "--no-memory")
    done = stylefader("bench", "render", *words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert (result["frames"], result["size"], result["engine"]) == (9, size, "openvino")
    assert result["ratio"] == pytest.approx(result["render_seconds"] / result["engine_seconds"], rel=0.2)
    assert "peak_ratio" not in result


@pytest.mark.slow
def test_bench_render_compares_the_memory_of_two_lengths(pack: StylePack, tmp_path: Path) -> None:
    words = ("--style", pack.file, "--size", "64x48", "--seconds", "0.3", "--runs", "1", "--memory-rate", "2")
    done = stylefader("bench", "render", *words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["peak_mib_10s"] > 100
    assert result["peak_ratio"] < 1.05
    assert list(tmp_path.glob("*.mp4")) == []


@pytest.mark.parametrize("words", [("--runs", "0"), ("--seconds", "nan"), ("--size", "0x3"), ("--style", "none_such")])
def test_bad_input(tmp_path: Path, words: tuple[str, str]) -> None:
    done = stylefader("bench", "render", *words, cwd=tmp_path)
    assert done.returncode == 2
    assert [line[:6] for line in done.stderr.splitlines()] == ["error:"]


@pytest.mark.slow
def test_bench_engine_sets_every_engine_beside_the_floor(pack: StylePack, tmp_path: Path) -> None:
    words = ("--style", pack.file, "--size", "64x48", "--seconds", "0.1", "--cache-dir", tmp_path / "c")
    engines = ("--engine", "openvino", "--engine", "torch", "--engine", "cuda")
    done = stylefader("bench", "engine", *words, *engines, "--precision", "f32", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    rows = {(row["engine"], row["precision"], row["size"]): row for row in result["engines"]}
    assert rows.keys() == {(name, "f32", "64x48") for name in ("openvino", "torch", "cuda")}
    cuda = rows.pop(("cuda", "f32", "64x48"))
    assert cuda["problem"] if "problem" in cuda else cuda["psnr_db"] >= 45
    torch, openvino = rows["torch", "f32", "64x48"], rows["openvino", "f32", "64x48"]
    assert (torch["psnr_db"], torch["speedup"], torch["open_cached_s"]) == (99, 1, None)
    assert openvino["psnr_db"] >= 60
    assert openvino["open_cached_s"] < openvino["open_s"]
    assert openvino["speedup"] == pytest.approx(torch["median_ms"] / openvino["median_ms"], rel=0.01, abs=0.01)
    for row in rows.values():
        assert (row["style"], row["width"]) == ("random", 8)
        assert row["floor_ms"] > 0
        assert row["floor_share"] == pytest.approx(row["floor_ms"] / row["median_ms"], rel=0.05, abs=0.001)
        assert row["fps"] == pytest.approx(1000 / row["median_ms"], rel=0.01)
        assert row["p99_ms"] >= row["median_ms"]
        assert row["calls"] >= 3
        assert row["memory_mib"] > 0 and row["memory_growth_mib"] >= 0
    assert {"f32", "int8"} <= result["multiply_adds_per_s"].keys()
    assert "median_ms" in done.stderr, "a table for people"

    done = stylefader("devices", "--style", pack.file, "--cache-dir", tmp_path / "c", "--json", cwd=tmp_path)
    table = {row["engine"]: row for row in json.loads(done.stdout)["engines"]["table"]}
    (kept,) = table["openvino"]["measured"]
    assert kept["median_ms"] == openvino["median_ms"], "what was benchmarked is remembered"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--engine", "warp"), "no engine named 'warp'"),
        (("--precision", "f8"), "no precision named 'f8'"),
        (("--against", "none_such"), "no style named 'none_such'"),
    ],
)
def test_bench_engine_refuses_words_that_it_does_not_know(tmp_path: Path, words: tuple[str, str], said: str) -> None:
    done = stylefader("bench", "engine", *words, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


@pytest.mark.parametrize(("has", "expected"), [(True, ["auto", "bf16", "f32"]), (False, ["auto", "f32"])])
def test_bench_engine_asks_only_for_what_the_processor_has(
    pack: StylePack, monkeypatch: pytest.MonkeyPatch, has: bool, expected: list[str]
) -> None:
    asked: list[str] = []

    def measure(self: Measuring, engine: str, precision: str = "auto", **more: object) -> Measured:
        asked.append(precision)
        return Measured(engine=engine, asked=precision, precision=precision, height=48, width=64, problem="not run")

    monkeypatch.setattr(
        "stylefader.engines.machine.processor.capabilities", lambda: frozenset({"FP32", *(["BF16"] if has else [])})
    )
    monkeypatch.setattr(Measuring, "measure", measure)
    bench_engine._measure(PackFile(pack.file), 48, 64, ["openvino"], None, 0.1)
    assert asked == expected


@pytest.mark.slow
def test_bench_midi_ends_in_one_json_line(pack: StylePack, tmp_path: Path) -> None:
    words = ("--style", pack.file, "--size", "96x64", "--seconds", "1", "--rate", "200", "--engine", "openvino")
    with jack_server():
        done = stylefader("bench", "midi", *words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    (row,) = result["runs"]
    assert (row["messages"], row["ports"], row["engine"]) == (800, 4, "openvino"), done.stderr
    assert result["switch_ms"] == 0.5
    assert 0 <= row["lost"] < 800 and row["skipped"] == 0
    for name in ("inside_ms", "python_ms", "sent_ms"):
        assert 0 < row[name]["p50"] <= row[name]["p95"] <= row[name]["p99"] <= row[name]["max"]
    assert row["python_ms"]["p50"] <= row["inside_ms"]["p50"] <= row["sent_ms"]["p50"]


@pytest.mark.parametrize("part", ["main", "blocks"])
def test_bench_train_sets_steps_beside_the_loss_network(pack: StylePack, tmp_path: Path, part: str) -> None:
    given = make_given(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    more = {"width": None, "main_pack": pack.file} if part == "blocks" else {}
    settings = changes(given, styles__painting__picture=given / "style.png", train__batch=2, **more)
    words = ("level", "--steps", 3, "--runs", 2, "--device", "cpu", *(f"--set={change}" for change in settings))
    done = stylefader("bench", "train", *words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert (result["part"], result["width"], result["batch"], result["crop"]) == (part, 8 if more else 4, 2, 32)
    assert (result["steps"], result["runs"], result["precision"], result["device"]) == (3, 2, "f32", "CPU")
    assert result["images_per_s"] == pytest.approx(2000 / result["step_ms"], rel=0.01)
    assert 0 <= result["waiting"] <= result["outside_max"] < 1
    assert result["ratio_min"] <= result["ratio"] <= result["ratio_max"]
    assert sorted(tmp_path.rglob("*")) == before, "nothing is kept"


def test_a_summary_of_steps_is_of_what_came_between_its_ends() -> None:
    def at(seconds: float, waiting: float, networks: float) -> Progress:
        losses = dict.fromkeys(("total", "content", "style", "temporal", "images_per_second", "seconds_left"), 0.0)
        return Progress(iteration=1, iterations=2, seconds=seconds, waiting=waiting, networks=networks, **losses)

    timed = [[at(10, 5, 4), at(12, 5.5, 5), at(14, 6, 6)], [at(5, 0, 5), at(7, 0, 7), at(9, 0, 9)]]
    found = _summary(timed, [[1.0, 1.0], [0.5, 0.5]], batch=4)
    assert (found["images_per_s"], found["loss_network_images_per_s"]) == (2, pytest.approx(4 / 0.75, abs=1e-3))
    assert (found["outside_min"], found["outside"], found["outside_max"]) == (0, 0.25, 0.5)
    assert (found["ratio_min"], found["ratio_max"]) == (2, 4)
    assert found["waiting"] == pytest.approx(0.125)


def test_bench_frame_measures_every_step(tmp_path: Path) -> None:
    words = ("--source", "128x96", "--source", "66x50", "--size", "64x36", "--window", "96x96", "--frames", "6")
    done = stylefader("bench", "frame", *words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["processor"] and result["size"] == "64x36" and result["frames"] == 6
    assert [row["source"] for row in result["sources"]] == ["128x96", "66x50"]
    for row in result["sources"]:
        assert row["ms"].keys() == {
            "decode", "convert", "packed", "whole", "render_in", "render_in_packed", "render_out", "pipeline",
            "recording"}  # fmt: skip
        assert all(ms > 0 for ms in row["ms"].values())
        assert row["same"] and row["psnr_db"] > 30
    assert result["drawing"]["window"] == "96x96" and result["drawing"]["ms"].keys() == {
        "picture", "picture and numbers"}  # fmt: skip
    assert list(tmp_path.iterdir()) == []


def test_of_several_turns_the_median_counts() -> None:
    def row(engine: str, median_ms: float, problem: str = "") -> Measured:
        return Measured(
            engine=engine, asked="f32", precision="f32", height=48, width=64, median_ms=median_ms, problem=problem
        )

    turns = [[row("openvino", ms), row("torch", 0, "away")] for ms in (7, 3, 5)]
    turns.append([row("openvino", 0, "busy"), row("torch", 0, "away")])
    assert bench_engine._middle(turns) == [row("openvino", 5), row("torch", 0, "away")]
