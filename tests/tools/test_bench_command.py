from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.tools.program import stylefader
from training.pack import StylePack


@pytest.mark.parametrize("size", ["64x48", "65x49"])
def test_bench_render_ends_in_one_json_line(pack: StylePack, tmp_path: Path, size: str) -> None:
    words = ("--style", pack.file, "--size", size, "--seconds", "0.3", "--runs", "1", "--no-memory")
    done = stylefader("bench", "render", *words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert (result["frames"], result["size"], result["engine"]) == (9, size, "openvino")
    assert result["ratio"] == pytest.approx(result["render_seconds"] / result["engine_seconds"], rel=0.2)
    assert "peak_ratio" not in result


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


def test_bench_engine_sets_every_engine_beside_the_floor(pack: StylePack, tmp_path: Path) -> None:
    words = ("--style", pack.file, "--size", "64x48", "--size", "33x51", "--seconds", "0.1")
    done = stylefader("bench", "engine", *words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    rows = {(row["engine"], row["precision"], row["size"]): row for row in result["engines"]}
    assert {("openvino", "f32", "64x48"), ("torch", "f32", "33x51")} <= rows.keys()
    assert rows["torch", "f32", "64x48"]["psnr_db"] == 99
    assert rows["openvino", "f32", "64x48"]["psnr_db"] >= 60
    for row in rows.values():
        assert row["floor_ms"] > 0
        assert row["fps"] == pytest.approx(1000 / row["median_ms"], rel=0.01)
        assert row["p99_ms"] >= row["median_ms"]
    assert "median_ms" in done.stderr, "a table for people"
