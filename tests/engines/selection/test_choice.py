"""What `auto` takes, by rows that are handed in: no clock decides here, and nothing is waited for."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stylefader.engines import EngineBuild, open_engine
from stylefader.engines.registry import REGISTRY, EngineEntry
from stylefader.engines.selection import choice as choice_module
from stylefader.engines.selection.choice import Candidate, Choice, candidates, choose
from stylefader.engines.selection.measured import FILE, Measured, Measurements
from stylefader.engines.selection.measuring import CPU_SIZE, Measuring
from stylefader.training.errors import EngineError
from stylefader.training.packs.pack import StylePack
from stylefader.training.packs.pack_file import PackFile
from tests.conftest import random_pack

FAST = EngineEntry(
    module="stylefader.engines.backends.torch_engine", class_name="TorchEngine", install="pip install fast"
)
BAD = "its process ended with SIGSEGV"
ROWS = {"openvino": (20.0, 50.0), "fast": (10.0, 48.0), "int8": (5.0, 36.0)}


@pytest.fixture(autouse=True)
def two_engines(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without a GPU and with two engines besides the reference, `fast` and `openvino`; nothing is run."""
    monkeypatch.setattr("stylefader.engines.machine.identity.has_nvidia_driver", lambda: False)
    monkeypatch.setattr("stylefader.engines.machine.processor.capabilities", lambda: frozenset({"FP32"}))
    monkeypatch.setattr("stylefader.engines.selection.measuring.start_worker", lambda *_, **__: pytest.fail("waits"))
    entries = {"fast": FAST, **REGISTRY}
    for name in list(REGISTRY):
        monkeypatch.delitem(REGISTRY, name)
    for name, entry in entries.items():
        monkeypatch.setitem(REGISTRY, name, entry)


@pytest.fixture
def int8_form(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every pack has an int8 form that states 36.5 dB."""
    monkeypatch.setattr(choice_module, "quantized_db", lambda pack, folder: 36.5)
    monkeypatch.setattr("stylefader.engines.selection.measured.read_form", lambda pack, folder: b"a form")


def a_row(name: str, problem: str = "", **words: Any) -> Measured:
    """What was measured of `fast`, `openvino`, or `openvino` in int8."""
    median_ms, db = ROWS[name]
    facts: dict[str, Any] = {
        "engine": "openvino" if name == "int8" else name, "asked": "int8" if name == "int8" else "auto",
        "precision": "int8" if name == "int8" else "f32", "height": CPU_SIZE[0], "width": CPU_SIZE[1],
        "median_ms": median_ms, "p99_ms": median_ms, "fps": 1.0, "psnr_db": db, "problem": problem,
    }  # fmt: skip
    return Measured(**{**facts, **words})


@pytest.fixture
def know(pack: StylePack, tmp_path: Path) -> Callable[..., None]:
    """Remembers rows of this pack's kind of network."""

    def know(*rows: Measured, proof: bool = False) -> None:
        assert Measurements(tmp_path / "c").remember(pack, rows, proof=proof) == ""

    return know


@pytest.fixture
def pick(pack: StylePack, tmp_path: Path) -> Callable[..., Choice]:
    def pick(least_db: float = 45.0, precision: Any = "auto", of: StylePack = pack) -> Choice:
        return choose(of, 100, 100, least_db=least_db, precision=precision, folder=tmp_path / "c")

    return pick


def names(choice: Choice) -> list[str]:
    return [str(candidate) for candidate in choice.order]


def test_the_fastest_that_holds_is_taken(know: Callable[..., None], pick: Callable[..., Choice]) -> None:
    know(a_row("openvino"), a_row("fast", under_load=True))
    choice = pick()
    assert names(choice) == ["fast f32", "openvino f32", "torch f32"]
    assert (choice.why, choice.unmeasured) == ("the fastest here", ())
    assert choice.reasons == (
        "measured here: fast f32 174 ms a megapixel at 48.0 dB under load, openvino f32 347 ms a megapixel at 50.0 dB",
        "no NVIDIA GPU for tensorrt, tensorrt-rtx, cuda",
    )
    assert names(pick(least_db=49)) == ["openvino f32", "torch f32"], "another demand needs no other measurement"


def test_where_nothing_is_known_the_first_that_works_is_taken(
    int8_form: None, pick: Callable[..., Choice], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is there in seconds; after the reference what was not proved, and what compiles for minutes."""
    assert names(pick(32)) == ["fast f32", "openvino f32", "torch f32", "openvino int8"]
    monkeypatch.setitem(REGISTRY, "fast", replace(FAST, soon=False))
    choice = pick(32)
    assert names(choice) == ["openvino f32", "torch f32", "openvino int8", "fast f32"]
    assert choice.why == "for now"
    assert [str(one) for one in choice.unmeasured] == ["openvino f32", "openvino int8", "fast f32"]
    assert [str(one) for one in choice.unproved] == ["openvino int8"]
    assert choice.reasons[0] == (
        "not measured yet: openvino f32, openvino int8, fast f32: stylefader devices --measure"
    )


def test_what_is_measured_comes_before_what_is_not(know: Callable[..., None], pick: Callable[..., Choice]) -> None:
    know(a_row("openvino"))
    choice = pick()
    assert names(choice) == ["openvino f32", "fast f32", "torch f32"]
    assert choice.why == "the fastest of those measured here"
    assert [str(one) for one in choice.unmeasured] == ["fast f32"]
    know(a_row("openvino", BAD))
    choice = pick()
    assert names(choice) == ["fast f32", "torch f32"] and choice.unmeasured == (), "no choice, nothing to measure"


def test_what_does_not_hold_or_does_not_work_is_refused(know: Callable[..., None], pick: Callable[..., Choice]) -> None:
    know(a_row("fast", BAD), a_row("openvino"))
    choice = pick(least_db=51)
    assert names(choice) == ["torch f32"]
    assert choice.why == "since no other engine here holds 51 dB"
    assert choice.reasons[:2] == (
        f"fast f32 did not work here when it was measured: {BAD}", "openvino f32 gives 50.0 dB here, less than 51"
    )  # fmt: skip
    choice = pick()
    assert names(choice) == ["openvino f32", "torch f32"]
    assert choice.unmeasured == (), "what failed is not tried again by itself"


def test_the_quantised_form_of_a_pack(
    int8_form: None, know: Callable[..., None], pick: Callable[..., Choice], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(REGISTRY, "fast")
    choice = pick(45)
    assert names(choice) == ["openvino f32", "torch f32"]
    assert (choice.why, choice.unmeasured) == ("", ()), "no choice, nothing to measure"
    assert "openvino int8 holds 36.5 dB with this style, less than 45" in choice.reasons
    assert names(pick(32, "int8")) == names(pick(45, "int8")) == ["openvino int8"]
    know(a_row("openvino"), a_row("int8"))
    choice = pick(32)
    assert names(choice) == ["openvino f32", "torch f32", "openvino int8"], "also where another style's form was known"
    assert choice.unmeasured == choice.unproved == (Candidate(engine="openvino", precision="int8"),)
    know(a_row("int8", psnr_db=30.0), proof=True)
    assert names(pick(32)) == ["openvino int8", "openvino f32", "torch f32"]
    know(a_row("int8", psnr_db=20.0), proof=True)
    assert "openvino int8 holds 28.0 dB with this style, less than 32" in pick(32).reasons, "what it showed counts"
    know(a_row("int8", "its graph has a loop"), proof=True)
    choice = pick(32)
    assert names(choice) == ["openvino f32", "torch f32"] and choice.unmeasured == ()
    assert "openvino int8 does not work here: its graph has a loop" in choice.reasons


def test_an_engine_on_a_gpu_is_proved_before_it_is_used(
    pick: Callable[..., Choice], pack: StylePack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once for all networks, and what is refused is remembered with the reason."""
    tried: list[str] = []
    gives = [a_row("fast", psnr_db=48.0)]

    def prove(self: Measuring, engine: str, precision: str) -> Measured:
        tried.append(engine)
        return gives[-1]

    monkeypatch.setattr(Measuring, "prove", prove)
    monkeypatch.setattr("stylefader.engines.machine.identity.has_nvidia_driver", lambda: True)
    monkeypatch.setattr("stylefader.engines.machine.identity.gpu_name", lambda: "a GPU")
    monkeypatch.setitem(REGISTRY, "fast", replace(FAST, gpu=True))
    for name in ("tensorrt", "tensorrt-rtx", "cuda"):
        monkeypatch.delitem(REGISTRY, name)
    assert [str(one) for one in pick().unproved] == ["fast f32"]
    said: list[str] = []
    for turn in range(2):
        other = random_pack(tmp_path / f"{turn}.safetensors", width=4 * (1 + turn))
        engine, why = open_engine(other, 16, 16, cache_dir=tmp_path / "c", report=said.append)
        assert why == "torch f32, for now", "the stand-in is of that class"
        engine.close()
    assert tried == ["fast"] and said == ["trying fast with 0 once"]
    assert pick().unproved == ()
    for row, words in (
        (a_row("fast", psnr_db=12.0), "fast f32 holds 12.0 dB with this style, less than 45"),
        (a_row("fast", BAD), f"fast f32 does not work here: {BAD}"),
    ):
        gives.append(row)
        folder = tmp_path / words[-4:]
        for _ in range(2):
            engine, why = open_engine(pack, 16, 16, cache_dir=folder)
            assert engine.name == "openvino" and words in engine.reasons
            engine.close()
    assert tried == ["fast"] * 3, "refused once"


def test_each_network_device_and_version_is_known_for_itself(
    know: Callable[..., None], pick: Callable[..., Choice], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(pack: StylePack) -> int:
        return len(pick(of=pack).unmeasured)

    know(a_row("fast"), a_row("openvino"))
    packs = [
        random_pack(tmp_path / "p.safetensors", **words) for words in ({}, {"seed": 1}, {"width": 4}, {"places": ()})
    ]
    assert [unknown(pack) for pack in packs] == [0, 0, 2, 2], "weights make no difference"
    for where, name in (
        ("stylefader.engines.machine.identity.cpu_name", "another"),
        ("stylefader.engines.selection.measured.code_hash", "changed"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(where, lambda name=name: name)
            assert unknown(packs[0]) == 2


@pytest.mark.parametrize("broken", ["", "{", "[]", "null", '{"format": 2}', '{"format": 2, "rows": {"x": 3}}'])
def test_a_broken_file_counts_as_empty(
    know: Callable[..., None], pick: Callable[..., Choice], tmp_path: Path, broken: str
) -> None:
    know(a_row("fast"), a_row("openvino"))
    (tmp_path / "c" / FILE).write_text(broken)
    assert len(pick().unmeasured) == 2
    know(a_row("fast"), a_row("openvino"))
    assert pick().unmeasured == ()


@pytest.mark.parametrize("value", ["no", -1, None, float("nan"), []])
def test_a_broken_row_is_not_there(
    know: Callable[..., None], pick: Callable[..., Choice], tmp_path: Path, value: object
) -> None:
    know(a_row("fast"), a_row("openvino"))
    file = tmp_path / "c" / FILE
    document = json.loads(file.read_text())
    for entry in document["rows"].values():
        if entry["key"]["engine"] == "fast":
            entry["sizes"]["320x180"]["median_ms"] = value
    file.write_text(json.dumps(document))
    assert [str(one) for one in pick().unmeasured] == ["fast f32"]


def test_a_folder_that_cannot_be_written(pack: StylePack, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    folder = tmp_path / "file" / "c"
    assert "measured for this process only: " in Measurements(folder).remember(pack, [a_row("fast")])
    assert "measured for this process only: " in Measurements(folder).remember(pack, [a_row("openvino")])
    choice = choose(pack, 9, 9, least_db=45, precision="auto", folder=folder)
    assert (names(choice)[0], choice.unmeasured) == ("fast f32", ())


def test_the_nearest_size_counts_and_a_failure_only_at_its_own(pack: StylePack, tmp_path: Path) -> None:
    kept = Measurements(tmp_path)
    row = Measured(
        engine="openvino",
        asked="auto",
        precision="bf16",
        height=100,
        width=100,
        median_ms=1,
        p99_ms=1,
        fps=1,
        psnr_db=50,
    )
    failed = replace(row, height=4000, width=4000, problem="too big")
    assert kept.remember(pack, [failed]) == ""
    assert kept.recall(pack, "openvino", "auto", height=4000, width=4000) == failed
    assert kept.recall(pack, "openvino", "auto", height=100, width=100) is None
    large = replace(row, height=1000, width=1000, median_ms=90)
    kept.remember(pack, [row, large])
    for side, expected in ((50, row), (200, row), (500, large), (4000, large)):
        assert kept.recall(pack, "openvino", "auto", height=side, width=side) == expected
    again = kept.recall(pack, "openvino", "bf16", height=100, width=100)
    assert again == replace(row, asked="bf16"), "what auto came to is found under its own name as well"


def test_open_engine_says_which_and_why(know: Callable[..., None], pack: StylePack, tmp_path: Path) -> None:
    know(a_row("fast"), a_row("openvino"))
    engine, why = open_engine(pack, 16, 16, cache_dir=tmp_path / "c")
    assert why == "torch f32, the fastest here", "the stand-in is of that class"
    assert engine.reasons[0].startswith("measured here: fast f32 174 ms a megapixel at 48.0 dB, openvino f32 347 ms")
    assert engine.reasons[-1] == "no NVIDIA GPU for tensorrt, tensorrt-rtx, cuda"
    engine.close()
    engine, why = open_engine(pack, 16, 16, least_db=49, cache_dir=tmp_path / "c")
    assert engine.name == "openvino"
    assert "fast f32 gives 48.0 dB here, less than 49" in engine.reasons
    assert re.fullmatch(r"openvino f32, the fastest here, built in \d+\.\d s", why)
    engine.close()


def test_what_was_fastest_and_does_not_open_any_more(
    know: Callable[..., None], pack: StylePack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    know(a_row("fast"), a_row("openvino"))
    monkeypatch.setitem(REGISTRY, "fast", replace(FAST, module="stylefader.engines.not_there"))
    engine, why = open_engine(pack, 16, 16, cache_dir=tmp_path / "c")
    assert why.startswith("openvino f32, the next that works here, built in ")
    assert "fast f32 is not installed" in " ".join(engine.reasons)
    engine.close()


def test_engines_that_are_not_here_are_no_candidates(
    pack: StylePack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stylefader.engines.machine.identity.has_nvidia_driver", lambda: True)
    gone = EngineEntry(module="x", class_name="X", install="pip install gone", gpu=True, needs={"gone_module": "gone"})
    monkeypatch.setitem(REGISTRY, "tensorrt", gone)
    found, reasons, _ = candidates(pack)
    assert "tensorrt is not installed (no module gone_module): pip install gone" in reasons
    assert {"cuda", "openvino", "torch"} <= {candidate.engine for candidate in found}
    found, reasons, _ = candidates(pack, "bf16")
    assert [str(candidate) for candidate in found] == ["openvino bf16"]
    assert "cuda computes in fp16 or f32, not bf16" in reasons
    monkeypatch.setattr("stylefader.engines.machine.identity.has_nvidia_driver", lambda: False)
    with pytest.raises(EngineError, match=r"no engine works here: .*torch computes in f32, not fp16"):
        open_engine(pack, 16, 16, precision="fp16")


def test_engines_built_in_the_background_know_what_they_must_hold(
    know: Callable[..., None], pack: StylePack, tmp_path: Path
) -> None:
    know(a_row("fast"), a_row("openvino"))
    open_engine(pack, 16, 16, backend="openvino", cache_dir=tmp_path / "c")[0].close()
    with EngineBuild(pack, 16, 16, least_db=49, cache_dir=tmp_path / "c") as build:
        assert build.wait(300)
        result = build.take()
    assert result is not None
    assert result[0].name == "openvino"
    result[0].close()


REMEMBERED = """
import subprocess, sys
from pathlib import Path
from stylefader.engines import open_engine
from stylefader.engines.machine import processor
from stylefader.training.packs.pack_file import PackFile
sys.modules["torch"] = None
subprocess.Popen = None
processor.capabilities = lambda: frozenset({"FP32"})
pack = PackFile(Path(sys.argv[1]))
engine, why = open_engine(pack, 16, 16, cache_dir=Path(sys.argv[2]))
engine.warm_up()
print(why)
print("; ".join(engine.reasons))
"""


def test_a_choice_imports_no_torch_and_starts_no_process(
    know: Callable[..., None], pack: StylePack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(REGISTRY, "fast")
    know(a_row("openvino"))
    open_engine(PackFile(pack.file), 16, 16, cache_dir=tmp_path / "c")[0].close()
    done = subprocess.run(
        [sys.executable, "-c", REMEMBERED, str(pack.file), str(tmp_path / "c")], capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    line, reasons = done.stdout.splitlines()
    assert line == "openvino f32, the fastest here, from the cache"
    assert reasons.startswith("measured here: openvino f32 347 ms a megapixel at 50.0 dB")
