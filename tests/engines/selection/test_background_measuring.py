"""Measuring behind a session: nothing waits for it, nothing that was measured is lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stylefader.engines.registry import REGISTRY, EngineEntry
from stylefader.engines.selection import choice as choice_module
from stylefader.engines.selection import measuring as measuring_module
from stylefader.engines.selection.background_measuring import Look, MeasuringBehind, News
from stylefader.engines.selection.choice import choose
from stylefader.engines.selection.measured import Measured, Measurements
from stylefader.engines.selection.measuring import CPU_SIZE
from stylefader.training.packs.pack import StylePack, save_pack
from stylefader.training.packs.pack_file import PackFile
from tests.conftest import random_pack

WAIT_S = 30.0
FAST = EngineEntry(
    module="stylefader.engines.backends.torch_engine", class_name="TorchEngine", install="pip install fast"
)
MS = {"openvino": 20.0, "fast": 10.0}


class Bench:
    """In place of `Measuring`: gives rows when it may, and says what was begun."""

    begun: list[str] = []  # noqa: RUF012  # of one test, see the fixture
    may = threading.Event()
    under_way = threading.Event()

    def __init__(self, pack: PackFile, height: int, width: int, *, stop: threading.Event, **words: Any) -> None:
        assert words["behind"], "frames come first, also those before a proof"
        self.pack, self.stop = pack, stop
        self.scratch = Path("none")
        pack.weights_hash()

    def __enter__(self) -> Bench:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def measure(self, engine: str, precision: str, *, seconds: float, cache_dir: Path) -> Measured:
        Bench.begun.append(f"{engine} {precision}")
        Bench.under_way.set()
        until = time.monotonic() + WAIT_S
        while not Bench.may.is_set() and not self.stop.wait(0.005):
            assert time.monotonic() < until
        return Measured(
            engine=engine, asked=precision, precision="f32", height=CPU_SIZE[0], width=CPU_SIZE[1],
            median_ms=MS[engine], p99_ms=9, fps=9, psnr_db=50, under_load=True,
            problem="stopped" if self.stop.is_set() else "",
        )  # fmt: skip

    def prove(self, engine: str, precision: str) -> Measured:
        Bench.begun.append(f"proof of {engine} {precision}")
        return Measured(
            engine=engine, asked=precision, precision=precision, height=96, width=160, problem="its picture is wrong"
        )


@pytest.fixture(autouse=True)
def two_engines(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    Bench.begun, Bench.may, Bench.under_way = [], threading.Event(), threading.Event()
    monkeypatch.setattr("stylefader.engines.machine.identity.has_nvidia_driver", lambda: False)
    monkeypatch.setattr("stylefader.engines.machine.processor.capabilities", lambda: frozenset({"FP32"}))
    monkeypatch.setattr(measuring_module, "Measuring", Bench)
    monkeypatch.setitem(REGISTRY, "fast", FAST)
    yield
    assert not [thread for thread in threading.enumerate() if thread.name == "measuring-behind"]


def behind(tmp_path: Path, **words: Any) -> MeasuringBehind:
    return MeasuringBehind(precision="auto", least_db=32, cache_dir=tmp_path / "c", **words)


def soon(found: MeasuringBehind) -> News:
    until = time.monotonic() + WAIT_S
    while (news := found.news()) is None:
        assert time.monotonic() < until, "no news"
        time.sleep(0.005)
    return news


def test_what_is_the_fastest_comes_as_news_and_stays_known(pack: StylePack, tmp_path: Path) -> None:
    look = Look(pack=PackFile(pack.file), height=16, width=16)
    measuring = behind(tmp_path)
    measuring.look(look)
    assert measuring.news() is None, "never waits"
    assert Bench.under_way.wait(WAIT_S) and measuring.stage == "measuring openvino f32"
    Bench.may.set()
    news = soon(measuring)
    assert (news.look, str(news.first)) == (look, "fast f32")
    measuring.look(look)
    assert str(soon(measuring).first) == "fast f32"
    assert Bench.begun == ["openvino auto", "fast auto"], "measured once"
    measuring.close()
    measuring.close()
    chosen = choose(pack, 16, 16, precision="auto", least_db=32, folder=tmp_path / "c")
    assert str(chosen.order[0]) == "fast f32" and not chosen.unmeasured, "and by the next session"
    assert "ms a megapixel at 50.0 dB under load" in chosen.reasons[0]


def test_a_session_that_ends_keeps_what_was_measured(pack: StylePack, tmp_path: Path) -> None:
    look = Look(pack=PackFile(pack.file), height=16, width=16)
    first = behind(tmp_path)
    first.look(look)
    assert Bench.under_way.wait(WAIT_S)
    Bench.may.set()
    while len(Bench.begun) < 2:
        time.sleep(0.005)
    first.close()
    kept = Measurements(tmp_path / "c")
    assert kept.recall(pack, "openvino", "auto", height=180, width=320) is not None
    Bench.begun.clear()
    second = behind(tmp_path)
    second.look(look)
    assert str(soon(second).first) == "fast f32"
    assert "openvino auto" not in Bench.begun, "it goes on where the other ended"
    second.close()


def test_what_is_stopped_in_the_middle_is_not_remembered_as_a_failure(pack: StylePack, tmp_path: Path) -> None:
    measuring = behind(tmp_path)
    measuring.look(Look(pack=PackFile(pack.file), height=16, width=16))
    assert Bench.under_way.wait(WAIT_S)
    measuring.close()
    assert Measurements(tmp_path / "c").recall(pack, "openvino", "auto", height=180, width=320) is None
    measuring.look(Look(pack=PackFile(pack.file), height=16, width=16))
    assert measuring.news() is None


def test_while_something_is_waited_for_no_other_engine_is_begun(pack: StylePack, tmp_path: Path) -> None:
    measuring = behind(tmp_path)
    measuring.hold(True)
    measuring.look(Look(pack=PackFile(pack.file), height=16, width=16))
    assert not Bench.under_way.wait(0.05) and Bench.begun == []
    measuring.hold(False)
    assert Bench.under_way.wait(WAIT_S)
    measuring.hold(True)
    Bench.may.set()
    assert measuring.news() is None
    measuring.hold(False)
    assert str(soon(measuring).first) == "fast f32"
    measuring.close()


def test_the_style_asked_for_last_comes_first_and_the_other_after_it(tmp_path: Path) -> None:
    """A change of style in the middle throws nothing away."""
    packs = []
    for name, width in (("first", 4), ("second", 8)):
        save_pack(made := random_pack(tmp_path / f"{name}.safetensors", width=width))
        packs.append(PackFile(made.file))
    looks = [Look(pack=pack, height=16, width=16) for pack in packs]
    measuring = behind(tmp_path)
    measuring.look(looks[0])
    assert Bench.under_way.wait(WAIT_S)
    measuring.look(looks[1])
    Bench.may.set()
    assert [soon(measuring).look for _ in looks] == [looks[1], looks[0]]
    assert Bench.begun == ["openvino auto", "openvino auto", "fast auto", "fast auto"], "each network's engines once"
    measuring.close()


def test_a_bad_int8_form_is_said_once_and_costs_nothing_else(
    pack: StylePack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(choice_module, "quantized_db", lambda pack, folder: 40.0)
    monkeypatch.setattr("stylefader.engines.selection.measured.read_form", lambda pack, folder: b"a form")
    Bench.may.set()
    measuring = behind(tmp_path, say=said.append)
    look = Look(pack=PackFile(pack.file), height=16, width=16)
    for _ in range(2):
        measuring.look(look)
        assert str(soon(measuring).first) == "fast f32"
    assert said == ["openvino int8 is not used with random: its picture is wrong"]
    assert Bench.begun == ["openvino auto", "fast auto", "proof of openvino int8"]
    measuring.close()


def test_a_pack_that_is_spoilt_is_said_and_ends_nothing(pack: StylePack, tmp_path: Path) -> None:
    file = PackFile(pack.file)
    said: list[str] = []
    measuring = behind(tmp_path, say=said.append)
    Bench.may.set()
    pack.file.unlink()
    measuring.look(Look(pack=file, height=16, width=16))
    good = random_pack(tmp_path / "good.safetensors")
    save_pack(good)
    look = Look(pack=PackFile(good.file), height=16, width=16)
    measuring.look(look)
    until = time.monotonic() + WAIT_S
    found = soon(measuring)
    while found.look != look:
        assert time.monotonic() < until
        found = soon(measuring)
    assert str(found.first) == "fast f32"
    measuring.close()


def test_what_a_library_raises_is_said_and_ends_nothing(
    pack: StylePack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> Measured:
        raise RuntimeError("no\nluck")

    said: list[str] = []
    with monkeypatch.context() as patch:
        patch.setattr(Bench, "measure", fails)
        measuring = behind(tmp_path, say=said.append)
        measuring.look(Look(pack=PackFile(pack.file), height=16, width=16))
        until = time.monotonic() + WAIT_S
        while not said or measuring.stage:
            assert time.monotonic() < until
            time.sleep(0.005)
    assert said == [f"cannot measure for {pack.header.name}: no luck"]
    Bench.may.set()
    look = Look(pack=PackFile(pack.file), height=32, width=16)
    measuring.look(look)
    assert soon(measuring).look == look
    measuring.close()
