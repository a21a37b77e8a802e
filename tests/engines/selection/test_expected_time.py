from __future__ import annotations

from pathlib import Path

import pytest

from stylefader.engines.selection import expected_time as module
from stylefader.engines.selection.expected_time import ExpectedTime, expected_time, multiply_adds, processor_rate
from stylefader.engines.selection.measured import Measured, Measurements
from stylefader.engines.selection.roofline import frame_work
from stylefader.training.packs.pack import StylePack, save_pack
from stylefader.training.packs.pack_file import PackFile
from tests.conftest import random_pack


def a_row(pack: StylePack, folder: Path, *, ms: float, engine: str = "openvino", problem: str = "") -> None:
    row = Measured(
        engine=engine, asked="auto", precision="f32", height=180, width=320, calls=3, median_ms=ms, p99_ms=ms,
        fps=1000 / ms, psnr_db=60, problem=problem,
    )  # fmt: skip
    Measurements(folder).remember(pack, [row])


def expected(pack: StylePack, folder: Path, **words: object) -> ExpectedTime:
    return expected_time(PackFile(pack.file), 360, 640, least_db=32, folder=folder, **words)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def _rate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stylefader.engines.selection.peak_rates.openvino_rate", lambda *_: 1e9)


def test_what_was_measured_counts_by_the_pixels(pack: StylePack, tmp_path: Path) -> None:
    a_row(pack, tmp_path, ms=10)
    assert expected(pack, tmp_path) == ExpectedTime(ms=pytest.approx(40), measured=True)
    assert expected(pack, tmp_path, backend="openvino") == expected(pack, tmp_path)
    assert not expected(pack, tmp_path, backend="torch").measured


def test_without_a_measurement_multiply_adds_count(pack: StylePack, tmp_path: Path) -> None:
    first = expected(pack, tmp_path)
    assert not first.measured and first.ms is not None
    assert first.ms == pytest.approx(1000 * multiply_adds(PackFile(pack.file), 360, 640) / (1e9 * 0.7))
    wide = random_pack(tmp_path / "wide.safetensors", width=16)
    save_pack(wide)
    assert (expected(wide, tmp_path).ms or 0) > 3 * first.ms
    a_row(pack, tmp_path, ms=10, problem="it crashed")
    assert not expected(pack, tmp_path).measured


def test_multiply_adds_are_those_of_the_network(pack: StylePack) -> None:
    found = multiply_adds(PackFile(pack.file), 180, 320)
    work = frame_work(pack.network(), 180, 320).multiply_adds
    assert work <= found < 1.3 * work, "the last convolution makes four pixels at once, by larger kernels"


def test_the_processors_rate_is_found_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "cache"
    assert processor_rate("f32", folder) == 1e9
    monkeypatch.setattr("stylefader.engines.selection.peak_rates.openvino_rate", lambda *_: 2e9)
    assert processor_rate("f32", folder) == 1e9
    (folder / module.FILE).write_text('{"x": [')
    assert processor_rate("f32", folder) == 2e9
    (tmp_path / "file").touch()
    assert processor_rate("f32", tmp_path / "file" / "c") == 2e9, "a folder that cannot be written is no error"
