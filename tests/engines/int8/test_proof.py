"""An int8 form from anywhere costs only int8, whatever it says, and is tried once."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stylefader.engines import open_engine
from stylefader.engines.base import Report, quiet
from stylefader.engines.int8.form import Fidelity, Quantized, quantized_file
from stylefader.engines.int8.quantize import find_ranges
from stylefader.engines.selection import measuring
from stylefader.engines.selection.choice import Choice, choose
from stylefader.engines.selection.measured import FILE, Measured, Measurements
from stylefader.engines.subprocesses import start_worker
from stylefader.training.errors import EngineError
from stylefader.training.packs.pack import StylePack, save_pack
from stylefader.training.packs.pack_file import PackFile
from tests.conftest import random_pack

STATED = Fidelity(photographs=1, size="32x32", alpha=(0.0, 1.0), psnr_db=(99.0, 99.0), worst_db=(99.0, 99.0))


def put(pack: StylePack, *, times: float = 1.0) -> None:
    """A form beside a pack that states 99 dB; its ranges are so many times as wide as they should be."""
    frame = np.random.default_rng(0).integers(0, 256, (32, 40, 3), np.uint8)
    ranges = {name: (times * low, times * high) for name, (low, high) in find_ranges(pack, [frame] * 4).items()}
    form = Quantized(weights=pack.weights_hash(), ranges=ranges, fidelity=STATED, made={})
    form.save(quantized_file(pack))


def proved(pack: StylePack | PackFile, folder: Path, report: Report = quiet) -> Measured:
    return measuring.prove(pack, "openvino", "int8", folder=folder, report=report)


def recall(pack: StylePack | PackFile, folder: Path) -> Measured | None:
    return Measurements(folder).proof(pack, "openvino", "int8")


def chosen(pack: StylePack, folder: Path) -> Choice:
    return choose(pack, 16, 16, precision="auto", least_db=32, folder=folder)


def test_a_form_that_is_what_it_says_is_tried_once(
    pack: StylePack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(pack)
    said: list[str] = []
    assert recall(pack, tmp_path / "c") is None
    proof = proved(PackFile(pack.file), tmp_path / "c", said.append)
    assert proof.problem == "" and proof.psnr_db > 30
    assert said == ["trying openvino int8 with random once"]
    monkeypatch.setattr(measuring, "start_worker", None)
    assert proved(pack, tmp_path / "c", said.append) == proof and len(said) == 1
    other = random_pack(tmp_path / "other.safetensors", seed=3)
    put(other)
    assert recall(other, tmp_path / "c") is None, "another form is proved for itself"


def test_a_form_of_other_ranges_loses_what_it_states(pack: StylePack, tmp_path: Path) -> None:
    """It states the right weights and 99 dB; its ranges cut off nearly everything."""
    put(pack, times=0.02)
    proof = proved(pack, tmp_path / "c")
    assert proof.psnr_db < 22
    choice = chosen(pack, tmp_path / "c")
    assert [str(candidate).split()[0] for candidate in choice.order] == ["openvino", "torch"]
    assert f"openvino int8 holds {proof.psnr_db + 8:.1f} dB with this style, less than 32" in choice.reasons


@pytest.mark.parametrize("how", ["crash", "hang", "silent"])
def test_a_worker_that_crashes_or_hangs_costs_only_int8(
    pack: StylePack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    put(pack)
    real, started = start_worker, []

    def other(module: str, order: str, **streams: object) -> object:
        started.append(module)
        return real("tests.engines.building.bad_worker", how, **streams)  # type: ignore[arg-type]

    monkeypatch.setattr(measuring, "start_worker", other)
    monkeypatch.setattr(measuring, "TIMEOUTS_S", {False: 2.0})
    said: list[str] = []
    first = proved(pack, tmp_path / "c", said.append)
    words = {"crash": "its process ended with SIGSEGV", "hang": "no answer within 2 s",
             "silent": "its process ended with exit code 0"}  # fmt: skip
    assert words[how] in first.problem
    assert said[1:] == [f"openvino int8 is not used with random: {first.problem}"]
    assert proved(pack, tmp_path / "c", said.append) == first and len(started) == 1, "remembered"
    with pytest.raises(EngineError, match="does not use int8 with random"):
        open_engine(pack, 16, 16, backend="openvino", precision="int8", cache_dir=tmp_path / "c")
    assert open_engine(pack, 16, 16, cache_dir=tmp_path / "c")[0].name == "openvino"


@pytest.mark.parametrize("broken", ["{", "[]", "null", '{"x": 3}'])
def test_a_broken_file_of_proofs_counts_as_empty(pack: StylePack, tmp_path: Path, broken: str) -> None:
    put(pack)
    (tmp_path / "c").mkdir(mode=0o700)
    (tmp_path / "c" / FILE).write_text(broken)
    assert recall(pack, tmp_path / "c") is None


def test_a_folder_that_cannot_be_written_remembers_for_this_process(
    pack: StylePack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(pack)
    (tmp_path / "file").touch()
    row = Measured(engine="openvino", asked="int8", precision="int8", height=96, width=160, psnr_db=50.0)
    monkeypatch.setattr(measuring.Measuring, "prove", lambda *_: row)
    assert proved(pack, tmp_path / "file" / "c") == row
    monkeypatch.setattr(measuring.Measuring, "prove", None)
    assert proved(pack, tmp_path / "file" / "c") == row


@pytest.mark.parametrize("spoil", ["huge header", "folder", "huge"])
def test_a_file_of_any_kind_is_refused_in_bounded_time(pack: StylePack, tmp_path: Path, spoil: str) -> None:
    file = quantized_file(pack)
    if spoil == "folder":
        file.mkdir()
    elif spoil == "huge":
        with file.open("wb") as holes:
            holes.truncate(50 * 2**30)
    else:
        file.write_bytes((1 << 60).to_bytes(8, "little") + b"{}")
    tracemalloc.start()
    choice = chosen(pack, tmp_path / "c")
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [candidate.engine for candidate in choice.order] == ["openvino", "torch"]
    assert spoil != "huge" or most < 2**24


def test_a_pack_in_memory_is_tried_as_well(tmp_path: Path) -> None:
    pack = random_pack(tmp_path / "memory.safetensors", places=())
    save_pack(pack)
    put(pack)
    pack.file.unlink()
    assert proved(replace(pack), tmp_path / "c").psnr_db > 30
