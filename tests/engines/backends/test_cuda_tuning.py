"""Which form the `cuda` engine takes: measured, remembered, and forgotten where it no longer works."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch

from stylefader.engines import open_engine
from stylefader.engines.backends.cuda_engine import (
    FORMS,
    READY_FIRST,
    CudaEngine,
    TuningResult,
    fastest,
    keep_compilers_files,
)
from stylefader.engines.cache.entries import keep
from stylefader.engines.cache.store import EngineCache
from stylefader.training.errors import EngineError
from stylefader.training.packs.pack import StylePack
from tests.conftest import random_pack
from tests.engines.backends.gpu import CpuGpu

MakePicture = Callable[[int, int], npt.NDArray[np.uint8]]


def test_warming_up_keeps_the_fastest_form_and_remembers_it(
    pack: StylePack, cpu_gpu: CpuGpu, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, picture: MakePicture
) -> None:
    def no_compiler(*args: object, **options: object) -> None:
        assert options == {"mode": "max-autotune-no-cudagraphs", "fullgraph": True, "dynamic": False}
        raise RuntimeError("Cannot find a working triton installation")

    monkeypatch.setattr(torch, "compile", no_compiler)
    cache, said = EngineCache(tmp_path / "new"), list[str]()
    cpu_gpu.speeds = [3.0, 2.0]
    with CudaEngine(pack, 16, 24, cache=cache, report=said.append) as engine:
        assert (engine.form, engine.outcome) == ("eager", None)
        engine.warm_up()
        assert engine.form == "eager-transposed"
        assert engine.outcome and engine.outcome.kept and not engine.outcome.hit
        engine.warm_up()
        assert [recording.live for recording in cpu_gpu.recordings[1:]] == [False, True]
        engine.run({"frame": picture(16, 24), "alpha": np.zeros(3, np.float32)})
    assert said == ["building cuda at 24x16", *(f"measuring form {name}" for name in FORMS)]
    (entry,) = cache.entries()
    assert (entry.key["device"], entry.key["capability"], entry.key["driver"]) == ("stand-in", "8.9", "580.1")
    assert (entry.key["size"], entry.key["precision"], entry.key["width"]) == ("24x16", "fp16", 8)
    answer = json.loads(entry.file.read_bytes())
    assert answer["milliseconds"] == {"eager": 3.0, "eager-transposed": 2.0}
    assert "working triton" in answer["failed"]["compiled"]
    monkeypatch.setattr(CudaEngine, "_known", {})
    engine, why = open_engine(pack, 16, 24, backend="cuda", cache_dir=tmp_path / "new")
    assert isinstance(engine, CudaEngine)
    assert (engine.form, why) == ("eager-transposed", "cuda fp16, as asked, its form from the cache")
    engine.warm_up()
    other = random_pack(tmp_path / "other.safetensors", seed=1)
    with CudaEngine(other, 16, 24, cache=cache) as engine:
        assert engine.form == "eager-transposed", "the weights make no difference to the time"
    with CudaEngine(pack, 24, 24, cache=cache) as engine:
        assert engine.form == "eager", "of another size nothing is known"


def test_a_cache_that_cannot_be_written_costs_only_the_remembering(
    pack: StylePack, cpu_gpu: CpuGpu, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(torch, "compile", lambda graph, **_: graph)
    cpu_gpu.speeds = [3.0, 2.0, 1.0]
    with CudaEngine(pack, 16, 24, cache=EngineCache(tmp_path / "file" / "c")) as engine:
        engine.warm_up()
        assert engine.form == "compiled"
        assert engine.outcome and not engine.outcome.kept and "cannot be written" in engine.outcome.words


def test_another_process_may_have_measured_meanwhile(pack: StylePack, cpu_gpu: CpuGpu, tmp_path: Path) -> None:
    cache = EngineCache(tmp_path)
    with CudaEngine(pack, 16, 24, cache=cache) as engine:
        measured = TuningResult(name="eager-transposed", milliseconds={}, failed={}).kept()
        cache.open(engine._question, build=lambda: measured, load=bytes, report=print)
        engine.warm_up()
        assert engine.form == "eager-transposed"
        assert [recording.live for recording in cpu_gpu.recordings[1:]] == [False, True]


def test_the_first_form_stays_where_it_is_the_fastest(pack: StylePack, cpu_gpu: CpuGpu, tmp_path: Path) -> None:
    cpu_gpu.speeds = [1.0, 2.0, 3.0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "compile", lambda graph, **_: graph)
        with CudaEngine(pack, 16, 24) as engine:
            engine.warm_up()
            assert engine.form == "eager"
            assert [recording.live for recording in cpu_gpu.recordings[1:]] == [True, False, False]
    with CudaEngine(pack, 16, 24) as engine:
        assert engine._measured, "remembered while the program runs"


def test_a_remembered_form_that_no_longer_works_gives_way(
    pack: StylePack, cpu_gpu: CpuGpu, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cache = EngineCache(tmp_path)
    with CudaEngine(pack, 16, 24, cache=cache) as engine:
        measured = TuningResult(name="compiled", milliseconds={}, failed={}).kept()
        cache.open(engine._question, build=lambda: measured, load=bytes, report=print)
    monkeypatch.setattr(torch, "compile", lambda *_, **__: (_ for _ in ()).throw(RuntimeError("gone")))
    cpu_gpu.speeds = [1.0, 2.0]
    with CudaEngine(pack, 16, 24, cache=cache) as engine:
        assert engine.form == "eager"
        assert cache.entries() == []
        engine.warm_up()
        assert json.loads(cache.entries()[0].file.read_bytes())["name"] == "eager"
    with pytest.raises(EngineError, match="failed on stand-in: gone"):
        CudaEngine(pack, 16, 24, form="compiled")


@pytest.mark.parametrize("content", ["", "[]", "{", '{"q": 3}', '{"name": "warp"}', "[" * 100_000, '{"name": [1]}'])
def test_what_is_no_answer_is_as_good_as_none(
    pack: StylePack, cpu_gpu: CpuGpu, tmp_path: Path, content: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(EngineError, match="names no form"):
        TuningResult.read(content.encode())
    cache = EngineCache(tmp_path)
    with CudaEngine(pack, 16, 24, cache=cache) as engine:
        keep(cache.folder, engine._question, content.encode(), {})
    monkeypatch.setattr(torch, "compile", lambda graph, **_: graph)
    cpu_gpu.speeds = [1.0, 2.0, 3.0]
    with CudaEngine(pack, 16, 24, cache=cache) as engine:
        assert engine.form == READY_FIRST
        engine.warm_up()
        assert engine.outcome and "corrupt" in engine.outcome.words


def test_the_fastest_is_found_among_those_that_work() -> None:
    speeds: dict[str, float | Exception] = {"a": 2.0, "b": ValueError("broken\nlong"), "c": 1.0}

    def measure(name: str) -> float:
        speed = speeds[name]
        if isinstance(speed, Exception):
            raise speed
        return speed

    answer = fastest(speeds, measure)
    assert (answer.name, answer.failed) == ("c", {"b": "ValueError: broken"})
    with pytest.raises(EngineError, match="no form works: b: ValueError: broken"):
        fastest(["b"], measure)


def test_what_compilers_keep_is_in_our_folder_and_nobody_elses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Inductor unpickles what it finds in its cache, which is in /tmp where nobody says otherwise."""
    names = ("TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR")
    for name in names:
        monkeypatch.setenv(name, "/tmp/elsewhere")
    keep_compilers_files(tmp_path / "c")
    folders = [Path(os.environ[name]) for name in names]
    assert folders == [tmp_path / "c" / "compiled" / part for part in ("inductor", "triton")]
    assert {folder.stat().st_mode & 0o777 for folder in folders} == {0o700}
    EngineCache(tmp_path / "c").clear()
    assert not folders[0].exists()
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    keep_compilers_files(tmp_path / "open")
    for name in names:
        place = Path(os.environ[name])
        assert tmp_path not in place.parents and place.parents[1].stat().st_mode & 0o777 == 0o700
