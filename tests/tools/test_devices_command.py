from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from stylefader.engines import REGISTRY
from stylefader.engines.selection import choice, measuring
from stylefader.engines.selection.measured import Measured, Measurements
from stylefader.engines.selection.measuring import CPU_SIZE
from stylefader.tools.cli import app
from stylefader.training.packs.pack import StylePack
from tests.tools.program import stylefader


def row(precision: str, asked: str, median_ms: float, db: float, *, under_load: bool = False) -> Measured:
    return Measured(
        engine="openvino", asked=asked, precision=precision, height=CPU_SIZE[0], width=CPU_SIZE[1],
        median_ms=median_ms, p99_ms=median_ms, fps=1000 / median_ms, psnr_db=db,
        under_load=under_load,
    )  # fmt: skip


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stylefader.engines.machine.identity.has_nvidia_driver", lambda: False)


def devices(pack: StylePack, folder: Path, *words: str) -> str:
    line = ["devices", "--style", str(pack.file), "--cache-dir", str(folder), *words]
    done = CliRunner().invoke(app, line, catch_exceptions=False)
    assert done.exit_code == 0
    return done.stdout


def test_every_engine_with_what_speaks_against_it(pack: StylePack, tmp_path: Path) -> None:
    section = json.loads(devices(pack, tmp_path, "--json"))["engines"]
    table = {row["engine"]: row for row in section["table"]}
    assert list(table) == list(REGISTRY)
    assert table["cuda"]["problem"] == "no NVIDIA GPU or driver is here"
    assert not table["cuda"]["here"]
    assert table["openvino"]["here"] and table["openvino"]["device"]
    assert {"f32"} <= set(table["openvino"]["precisions"]) <= {"f32", "bf16"}
    assert table["openvino"]["auto"] and not table["torch"]["auto"]
    assert section["auto"]["engine"] == "openvino"
    assert section["auto"]["precision"] in ("bf16", "f32")
    assert section["auto"]["reasons"][0] == "it is the only engine here beside the reference"
    words = devices(pack, tmp_path)
    assert "openvino (auto)" in words and "not yet" in words
    assert re.search(r"auto, random at 640x360: openvino (bf16|f32); it is the only engine here beside the", words)


def test_an_engine_that_is_not_installed_says_how(
    pack: StylePack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stylefader.engines.machine.identity.has_nvidia_driver", lambda: True)
    monkeypatch.setattr("stylefader.engines.registry.EngineEntry.missing", lambda entry: ["x"] if entry.gpu else [])
    section = json.loads(devices(pack, tmp_path, "--json"))["engines"]
    problems = {row["engine"]: row["problem"] for row in section["table"]}
    assert problems["tensorrt"] == "is not installed (no module x): pip install 'stylefader[tensorrt]'"


def test_what_was_measured_here(pack: StylePack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "quantized_db", lambda pack, folder: 37.0)
    monkeypatch.setattr("stylefader.engines.selection.measured.read_form", lambda pack, folder: b"a form")
    monkeypatch.setattr("stylefader.engines.machine.processor.capabilities", lambda: frozenset({"BF16"}))
    section = json.loads(devices(pack, tmp_path, "--least-db", "32", "--json"))["engines"]
    assert (section["auto"]["engine"], section["auto"]["precision"]) == ("openvino", "bf16")
    assert section["auto"]["unmeasured"] == ["openvino bf16", "openvino int8"]
    assert (
        "openvino bf16, for now; not measured yet: openvino bf16, openvino int8: stylefader devices --measure"
        in devices(pack, tmp_path, "--least-db", "32")
    )
    Measurements(tmp_path).remember(
        pack, [row("int8", "int8", 10, 37.2, under_load=True), row("bf16", "auto", 20, 51.0)]
    )
    Measurements(tmp_path).remember(pack, [row("int8", "int8", 1, 37.0)], proof=True)
    section = json.loads(devices(pack, tmp_path, "--least-db", "32", "--json"))["engines"]
    assert (section["auto"]["engine"], section["auto"]["precision"]) == ("openvino", "int8")
    measured = {one["precision"]: one for row in section["table"] for one in row["measured"]}
    assert measured["int8"] == {
        "precision": "int8", "size": "320x180", "median_ms": 10, "fps": 100, "ms_a_megapixel": 173.61, "psnr_db": 37.2,
        "under_load": True,
    }  # fmt: skip
    assert measured["bf16"]["psnr_db"] == 51
    words = devices(pack, tmp_path, "--least-db", "32")
    assert "openvino int8, the fastest here; measured here: openvino int8 174 ms a megapixel at 37.2 dB under" in words


def test_measure_now(pack: StylePack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def measure(self: object, engine: str, precision: str, *, seconds: float, cache_dir: Path) -> Measured:
        asked.append(engine)
        return row("f32", precision, 4.0, 60) if engine == "openvino" else failed

    failed = Measured(engine="torch", asked="auto", precision="auto", height=9, width=9, problem="no luck")
    monkeypatch.setattr(measuring.Measuring, "measure", measure)
    Measurements(tmp_path).remember(pack, [row("f32", "auto", 9.0, 60, under_load=True)])
    table = json.loads(devices(pack, tmp_path, "--measure", "--json"))["engines"]["table"]
    assert asked == ["openvino", "torch"]
    measured = {row["engine"]: row["measured"] for row in table}
    (found,) = measured["openvino"]
    assert (found["median_ms"], found["under_load"]) == (4, False), "what was measured under load is measured again"
    assert measured["torch"] == [{"precision": "auto", "size": "9x9", "problem": "no luck"}]
    assert "no luck" in devices(pack, tmp_path)


def test_bad_input(tmp_path: Path) -> None:
    done = stylefader("devices", "--style", "none_such", cwd=tmp_path)
    assert done.returncode == 2
    assert [line[:6] for line in done.stderr.splitlines()] == ["error:"]
