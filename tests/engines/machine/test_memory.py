from __future__ import annotations

from pathlib import Path

import pytest

from stylefader.engines import open_engine
from stylefader.engines.machine import identity as machine
from stylefader.engines.machine.memory import cpu_bytes_needed
from stylefader.training.errors import EngineError
from stylefader.training.packs.pack import StylePack


@pytest.mark.parametrize("backend", ["openvino", "torch"])
def test_a_size_beyond_memory_is_said_before_trying(
    pack: StylePack, monkeypatch: pytest.MonkeyPatch, backend: str, tmp_path: Path
) -> None:
    with pytest.raises(
        EngineError, match=rf"{backend} needs about \d+\.\d GiB of memory for 500000x400000, and \d+\.\d GiB"
    ):
        open_engine(pack, 400_000, 500_000, backend=backend, cache_dir=tmp_path)
    monkeypatch.setattr("stylefader.engines.machine.identity.available_memory", lambda: 1 << 20)
    with pytest.raises(EngineError, match=r"and 0\.0 GiB are available: use a smaller size"):
        open_engine(pack, 16, 16, backend=backend, cache_dir=tmp_path)
    monkeypatch.setattr("stylefader.engines.machine.identity.available_memory", lambda: None)
    open_engine(pack, 16, 16, backend=backend, cache_dir=tmp_path)[0].close()


@pytest.mark.parametrize(
    ("engine", "size", "precision", "grown"),
    [
        ("openvino", (360, 640), "bf16", 265_027_584), ("openvino", (720, 1280), "bf16", 483_483_648),
        ("openvino", (360, 640), "f32", 329_961_472), ("openvino", (720, 1280), "f32", 725_811_200),
        ("torch", (360, 640), "f32", 258_056_192), ("torch", (720, 1280), "f32", 742_813_696),
    ],
)  # fmt: skip
def test_the_estimate_is_that_of_what_was_measured_at_width_32(
    engine: str, size: tuple[int, int], precision: str, grown: int
) -> None:
    assert grown < cpu_bytes_needed(engine, *size, 32, precision) < 2 * grown


def test_what_the_system_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "meminfo"
    monkeypatch.setattr(machine, "_MEMINFO", file)
    assert machine.available_memory() is None
    file.write_text("MemTotal: 9 kB\nMemAvailable:      3 kB\n")
    assert machine.available_memory() == 3072
    file.write_text("MemAvailable: ? kB\n")
    assert machine.available_memory() is None


def test_a_machine_has_a_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert "core" in machine.cpu_name()
    machine.cpu_name.cache_clear()
    (tmp_path / "cpuinfo").write_text("flags: x\nmodel name\t: Abacus 9\nmodel name\t: Other\n")
    monkeypatch.setattr(machine, "_CPUINFO", tmp_path / "cpuinfo")
    assert machine.cpu_name().startswith("Abacus 9 (")
    machine.cpu_name.cache_clear()
