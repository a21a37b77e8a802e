"""What `auto` takes, by measurements that are handed in: no clock decides here."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from stylefader.engines import EngineBuild, open_engine
from stylefader.engines.base import quiet
from stylefader.engines.cache.store import EngineCache
from stylefader.engines.int8.proof import Proof
from stylefader.engines.registry import REGISTRY, EngineEntry
from stylefader.engines.selection import choice as choice_module
from stylefader.engines.selection.choice import CPU_SIZE, Candidate, Choice, candidates, choose
from stylefader.engines.selection.measured import FILE, Measured, Measurements
from stylefader.training.errors import EngineError
from stylefader.training.packs.pack import StylePack
from stylefader.training.packs.pack_file import PackFile
from tests.conftest import random_pack

FAST = EngineEntry(
    module="stylefader.engines.backends.torch_engine", class_name="TorchEngine", install="pip install fast"
)
AUTO = Candidate(engine="openvino", precision="auto")
BAD = "its process ended with SIGSEGV"


class Bench:
    """In place of measuring: rows by engine, and what was asked for."""

    def __init__(self) -> None:
        self.rows = {"openvino": (20.0, 50.0, ""), "fast": (10.0, 48.0, ""), "int8": (5.0, 36.0, "")}
        self.asked: list[str] = []
        self.proof: Proof | None = Proof(psnr_db=36.5)

    def __call__(
        self, pack: object, wanted: Iterable[Candidate], height: int, width: int, *, cache: EngineCache
    ) -> dict[Candidate, Measured]:
        rows = {}
        for candidate in wanted:
            self.asked.append(str(candidate))
            name = "int8" if candidate.precision == "int8" else candidate.engine
            median_ms, db, problem = self.rows[name]
            rows[candidate] = Measured(
                engine=candidate.engine, asked=candidate.precision, height=CPU_SIZE[0], width=CPU_SIZE[1],
                precision="int8" if name == "int8" else "f32", median_ms=median_ms, p99_ms=median_ms,
                fps=1.0, psnr_db=db, problem=problem,
            )  # fmt: skip
        return rows


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A machine without a GPU and with two engines besides the reference: `fast` and `openvino`."""
    made = Bench()
    monkeypatch.setattr("stylefader.engines.machine.identity.has_nvidia_driver", lambda: False)
    monkeypatch.setattr(choice_module, "measure_all", made)
    monkeypatch.setattr(choice_module, "proved", lambda pack, folder, report: made.proof)
    monkeypatch.setattr(choice_module, "recall", lambda pack, folder: made.proof)
    monkeypatch.setattr("stylefader.engines.machine.processor.capabilities", lambda: frozenset({"FP32"}))
    entries = {"fast": FAST, **REGISTRY}
    for name in list(REGISTRY):
        monkeypatch.delitem(REGISTRY, name)
    for name, entry in entries.items():
        monkeypatch.setitem(REGISTRY, name, entry)
    return made


@pytest.fixture
def pick(pack: StylePack, tmp_path: Path) -> Callable[..., Choice]:
    def pick(least_db: float = 45.0, **words: object) -> Choice:
        cache = EngineCache(tmp_path / "c")
        settings = {"precision": "auto", "cache": cache, "report": quiet, **words}
        return choose(pack, 100, 100, least_db=least_db, **settings)  # type: ignore[arg-type]

    return pick


def names(choice: Choice) -> list[str]:
    return [str(candidate) for candidate in choice.order]


def test_the_fastest_that_holds_is_taken(bench: Bench, pick: Callable[..., Choice]) -> None:
    choice = pick()
    assert names(choice) == ["fast f32", "openvino f32", "torch f32"]
    assert choice.why == "the fastest here"
    assert choice.reasons == (
        "measured here: fast f32 174 ms a megapixel at 48.0 dB, openvino f32 347 ms a megapixel at 50.0 dB",
        "no NVIDIA GPU for tensorrt, tensorrt-rtx, cuda",
    )


def test_measured_once_and_remembered(bench: Bench, pick: Callable[..., Choice]) -> None:
    said: list[str] = []
    first = pick(report=said.append)
    assert bench.asked == ["fast f32", "openvino f32"]
    assert said == ["measuring once which is the fastest here: fast f32, openvino f32"]
    assert pick(report=said.append) == first
    assert len(bench.asked) == 2 and len(said) == 1
    assert names(pick(least_db=49)) == ["openvino f32", "torch f32"], "another demand needs no other measurement"
    assert len(bench.asked) == 2


def test_what_does_not_hold_or_does_not_work_is_refused(bench: Bench, pick: Callable[..., Choice]) -> None:
    bench.rows["fast"] = (0, 0, BAD)
    choice = pick(least_db=51)
    assert names(choice) == ["torch f32"]
    assert choice.why == "since no other engine here holds 51 dB"
    assert choice.reasons[:2] == (
        f"fast f32 did not work here when it was measured: {BAD}", "openvino f32 gives 50.0 dB here, less than 51"
    )  # fmt: skip
    assert names(pick()) == ["openvino f32", "torch f32"]
    assert len(bench.asked) == 2, "what failed is not tried at every start"


def test_the_quantised_form_of_a_pack(
    bench: Bench, pick: Callable[..., Choice], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(REGISTRY, "fast")
    assert names(pick(32)) == ["openvino f32", "torch f32"]
    monkeypatch.setattr(choice_module, "quantized_db", lambda pack: 36.5)
    assert names(pick(45)) == ["openvino f32", "torch f32"]
    assert "openvino int8 holds 36.5 dB with this style, less than 45" in pick(45).reasons
    assert bench.asked == [], "no choice, nothing to measure"
    assert names(pick(32)) == ["openvino int8", "openvino f32", "torch f32"]
    assert bench.asked == ["openvino int8", "openvino f32"]
    assert names(pick(32, precision="int8")) == ["openvino int8"]


def test_each_network_device_and_version_is_measured_for_itself(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def count(pack: StylePack) -> int:
        before = len(bench.asked)
        choose(pack, 9, 9, precision="auto", least_db=45, cache=EngineCache(tmp_path), report=quiet)
        return len(bench.asked) - before

    packs = [
        random_pack(tmp_path / "p.safetensors", **words) for words in ({}, {"seed": 1}, {"width": 4}, {"places": ()})
    ]
    assert [count(pack) for pack in packs] == [2, 0, 2, 2], "weights make no difference"
    for where, name in (
        ("stylefader.engines.machine.identity.cpu_name", "another"),
        ("stylefader.engines.selection.measured.code_hash", "changed"),
    ):
        monkeypatch.setattr(where, lambda name=name: name)
        assert [count(packs[0]) for _ in range(2)] == [2, 0]


@pytest.mark.parametrize("broken", ["", "{", "[]", "null", '{"format": 1}', '{"format": 1, "measured": {"x": 3}}'])
def test_a_broken_file_is_measured_again(
    bench: Bench, pick: Callable[..., Choice], tmp_path: Path, broken: str
) -> None:
    first = pick()
    (tmp_path / "c" / FILE).write_text(broken)
    assert pick() == first
    assert len(bench.asked) == 4
    assert json.loads((tmp_path / "c" / FILE).read_text())["measured"]


@pytest.mark.parametrize("value", ["no", -1, None, float("nan"), []])
def test_a_broken_row_is_measured_again(
    bench: Bench, pick: Callable[..., Choice], tmp_path: Path, value: object
) -> None:
    pick()
    file = tmp_path / "c" / FILE
    document = json.loads(file.read_text())
    for entry in document["measured"].values():
        if entry["key"]["engine"] == "fast":
            entry["sizes"]["320x180"]["median_ms"] = value
    file.write_text(json.dumps(document))
    assert names(pick())[0] == "fast f32"
    assert bench.asked == ["fast f32", "openvino f32", "fast f32"]


def test_a_folder_that_cannot_be_written(bench: Bench, pick: Callable[..., Choice], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    cache = EngineCache(tmp_path / "file" / "c")
    assert "measured for this process only: " in pick(cache=cache).reasons[-1]
    assert names(pick(cache=cache))[0] == "fast f32"
    assert len(bench.asked) == 2


def test_without_measuring_what_is_soonest_there_comes_first(
    bench: Bench, pick: Callable[..., Choice], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choice_module, "quantized_db", lambda pack: 36.5)
    monkeypatch.setitem(REGISTRY, "fast", replace(FAST, soon=False))
    choice = pick(32, measure=False)
    assert names(choice) == ["openvino f32", "torch f32", "openvino int8", "fast f32"]
    assert choice.why == "for now"
    assert [str(candidate) for candidate in choice.unmeasured] == ["fast f32", "openvino int8", "openvino f32"]
    assert choice.reasons[0] == "not measured yet: fast f32, openvino int8, openvino f32"
    assert bench.asked == []
    pick(32)
    assert pick(32, measure=False) == pick(32)


def test_an_int8_form_that_was_not_tried_is_not_taken_before(
    bench: Bench, pick: Callable[..., Choice], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where engines of that kind were measured with another style."""
    monkeypatch.delitem(REGISTRY, "fast")
    monkeypatch.setattr(choice_module, "quantized_db", lambda pack: 36.5)
    assert names(pick(32))[0] == "openvino int8"
    bench.proof = None
    choice = pick(32, measure=False)
    assert names(choice)[0] == "openvino f32"
    assert [str(candidate) for candidate in choice.unmeasured] == ["openvino int8"]
    bench.proof = Proof(problem="its graph has a loop")
    choice = pick(32, measure=False)
    assert names(choice) == ["openvino f32", "torch f32"] and "int8: its graph has a loop" in choice.reasons
    bench.proof = Proof(psnr_db=25.0)
    assert "openvino int8 holds 25.0 dB with this style, less than 32" in pick(32).reasons, "what it showed counts"


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


def test_open_engine_says_which_and_why(bench: Bench, pack: StylePack, tmp_path: Path) -> None:
    engine, why = open_engine(pack, 16, 16, cache_dir=tmp_path / "c")
    assert why == "torch f32, the fastest here", "the stand-in is of that class"
    assert engine.reasons[0].startswith("measured here: fast f32 174 ms a megapixel at 48.0 dB, openvino f32 347 ms")
    assert engine.reasons[-1] == "no NVIDIA GPU for tensorrt, tensorrt-rtx, cuda"
    engine.close()
    engine, why = open_engine(pack, 16, 16, least_db=49, cache_dir=tmp_path / "c")
    assert engine.name == "openvino"
    assert "fast f32 gives 48.0 dB here, less than 49" in engine.reasons
    assert re.fullmatch(r"openvino f32, the fastest here, built in \d+\.\d s", why)


def test_what_was_fastest_and_does_not_open_any_more(
    bench: Bench, pack: StylePack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(REGISTRY, "fast", replace(FAST, module="stylefader.engines.not_there"))
    engine, why = open_engine(pack, 16, 16, cache_dir=tmp_path / "c")
    assert why.startswith("openvino f32, the next that works here, built in ")
    assert "fast f32 engine fast is not installed" in " ".join(engine.reasons) or "pip install fast" in " ".join(
        engine.reasons
    )


def test_engines_that_are_not_here_are_no_candidates(
    pack: StylePack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stylefader.engines.machine.identity.has_nvidia_driver", lambda: True)
    gone = EngineEntry(module="x", class_name="X", install="pip install gone", gpu=True, needs={"gone_module": "gone"})
    monkeypatch.setitem(REGISTRY, "tensorrt", gone)
    found, reasons, _ = candidates(pack, precision="auto", least_db=45, folder=tmp_path)
    assert "tensorrt is not installed (no module gone_module): pip install gone" in reasons
    assert {"cuda", "openvino", "torch"} <= {candidate.engine for candidate in found}
    found, reasons, _ = candidates(pack, precision="bf16", least_db=45, folder=tmp_path)
    assert [str(candidate) for candidate in found] == ["openvino bf16"]
    assert "cuda computes in fp16 or f32, not bf16" in reasons
    monkeypatch.setattr("stylefader.engines.machine.identity.has_nvidia_driver", lambda: False)
    with pytest.raises(EngineError, match=r"no engine works here: .*torch computes in f32, not fp16"):
        open_engine(pack, 16, 16, precision="fp16")


def test_engines_built_in_the_background_know_what_they_must_hold(
    bench: Bench, pack: StylePack, tmp_path: Path
) -> None:
    open_engine(pack, 16, 16, backend="openvino", cache_dir=tmp_path / "c")[0].close()
    open_engine(pack, 16, 16, cache_dir=tmp_path / "c")[0].close()
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
from stylefader.engines.selection import choice
from stylefader.engines.machine import processor
from stylefader.engines.int8.proof import Proof
from stylefader.training.packs.pack_file import PackFile
sys.modules["torch"] = None
subprocess.Popen = None
processor.capabilities = lambda: frozenset({"FP32"})
choice.quantized_db = lambda pack: 40.0
choice.proved = lambda pack, folder, report: Proof(psnr_db=40.0)
pack = PackFile(Path(sys.argv[1]))
engine, why = open_engine(pack, 16, 16, least_db=32, cache_dir=Path(sys.argv[2]))
engine.warm_up()
print(why)
print("; ".join(engine.reasons))
"""


def test_a_remembered_choice_imports_no_torch_and_starts_no_process(
    bench: Bench, pack: StylePack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(REGISTRY, "fast")
    monkeypatch.setattr(choice_module, "quantized_db", lambda pack: 40.0)
    monkeypatch.setattr("stylefader.engines.machine.identity.has_nvidia_driver", lambda: False)
    bench.rows["int8"] = (30.0, 36.0, "")
    open_engine(PackFile(pack.file), 16, 16, least_db=32, cache_dir=tmp_path)[0].close()
    done = subprocess.run(
        [sys.executable, "-c", REMEMBERED, str(pack.file), str(tmp_path)], capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    line, reasons = done.stdout.splitlines()
    assert re.fullmatch(r"openvino (f32|bf16), the fastest here, from the cache", line)
    assert re.match(r"measured here: openvino (f32|bf16) .* dB, openvino int8 ", reasons)
