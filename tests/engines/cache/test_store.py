"""The engine cache: what is found again and what is not, whatever happens to its files."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from stylefader.engines.backends.gpu_engine import in_a_range
from stylefader.engines.base import Outcome, quiet
from stylefader.engines.cache.key import EngineKey, code_hash
from stylefader.engines.cache.store import EngineCache
from stylefader.training.errors import EngineError
from stylefader.training.files import temporary_beside
from tests.engines.cache.maker import KEY, Maker, names, only_file

OTHER = {"width": 9, "places": ("residual3", "up1"), "inputs": (), "libraries": {"maker": "1.1"}}


def test_the_second_time_nothing_is_built(cache: EngineCache) -> None:
    maker = Maker()
    payload, first = maker.open(cache)
    assert (payload, first.hit, first.kept) == (b"the engine", False, True)
    assert re.fullmatch(r"built in \d+\.\d s", first.words)
    assert maker.said == ["building demo at 64x48"]
    payload, second = maker.open(cache)
    assert (payload, second.hit, second.words) == (b"the engine", True, "from the cache")
    assert (maker.builds, len(maker.said)) == (1, 1)
    assert {Path(name).suffix for name in names(cache)} == {".json", ".engine"}
    assert len(names(cache)) == 2, "neither locks nor temporaries stay"


@pytest.mark.parametrize("name", [field.name for field in fields(EngineKey)])
def test_every_field_of_the_key_counts(cache: EngineCache, name: str) -> None:
    maker = Maker()
    maker.open(cache)
    other = replace(KEY, **{name: OTHER.get(name, "another")})
    assert not maker.open(cache, other)[1].hit
    assert maker.open(cache, other)[1].hit
    assert maker.open(cache)[1].hit
    assert maker.builds == 2
    described = {entry.digest: entry.key for entry in cache.entries()}
    assert described[other.digest][name] != described[KEY.digest][name]


def test_the_key_is_kept_readable(cache: EngineCache) -> None:
    Maker().open(cache)
    document = json.loads(only_file(cache, "*.json").read_text())
    assert document["key"]["libraries"] == {"maker": "1.0"}
    assert document["key"]["code"] == code_hash()
    assert document["facts"]["style"] == "s"
    assert document["bytes"] == len(b"the engine")


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def _edit(change: dict[str, Any]) -> Callable[[Path], None]:
    return lambda path: path.write_text(json.dumps(json.loads(path.read_text()) | change)) and None


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGE: dict[str, tuple[str, Callable[[Path], Any], str]] = {
    "engine cut": ("*.engine", _cut, "checksum"),
    "engine with a wrong bit": ("*.engine", _flip, "checksum"),
    "engine empty": ("*.engine", lambda path: path.write_bytes(b""), "checksum"),
    "engine gone": ("*.engine", Path.unlink, "gone"),
    "engine longer": ("*.engine", lambda path: path.write_bytes(path.read_bytes() + b"x"), "checksum"),
    "engine a folder": ("*.engine", _folder, "cannot be read"),
    "json cut": ("*.json", _cut, "cannot be read"),
    "json empty": ("*.json", lambda path: path.write_bytes(b""), "cannot be read"),
    "json no text": ("*.json", lambda path: path.write_bytes(b"\xff\xfe\x00"), "cannot be read"),
    "json a list": ("*.json", lambda path: path.write_text("[]"), "cannot be read"),
    "json deep": ("*.json", lambda path: path.write_text("[" * 100_000), "cannot be read"),
    "json without fields": ("*.json", lambda path: path.write_text("{}"), "cannot be read"),
    "json of another key": ("*.json", _edit({"key": replace(KEY, size="1x1").fields()}), "does not fit its name"),
    "json with a path for a checksum": ("*.json", _edit({"sha256": "../../etc/passwd"}), "does not fit its name"),
    "json with another size": ("*.json", _edit({"bytes": 3}), "checksum"),
    "json with a size in words": ("*.json", _edit({"bytes": "many"}), "does not fit its name"),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_a_corrupt_entry_is_built_anew_with_a_word(cache: EngineCache, case: str) -> None:
    pattern, damage, word = DAMAGE[case]
    maker = Maker()
    maker.open(cache)
    damage(only_file(cache, pattern))
    assert len(cache.entries()) == 1, "list goes on"
    payload, outcome = maker.open(cache)
    assert (payload, outcome.hit, maker.builds) == (b"the engine", False, 2)
    assert "corrupt" in outcome.words and word in outcome.words
    assert "corrupt" in maker.said[-1]
    if case != "engine a folder":  # which is left alone, and the engine not kept
        assert outcome.kept
        assert maker.open(cache)[1].hit
        assert len(names(cache)) == 2


def test_whole_bytes_that_do_not_load_are_built_anew(cache: EngineCache) -> None:
    Maker(b"by another compiler").open(cache)
    payload, outcome = Maker().open(cache)
    assert (payload, outcome.kept) == (b"the engine", True)
    assert "it does not load" in outcome.words
    assert len(names(cache)) == 2, "the one that does not load is gone"


def test_an_engine_for_a_range_serves_where_there_is_none_for_the_size(cache: EngineCache) -> None:
    maker = Maker()
    wide = replace(KEY, size="8x8..640x480")
    for key in (wide, replace(wide, precision="bf16"), replace(KEY, size="8x8..32x32"), replace(KEY, size="65x48")):
        maker.open(cache, key)
    (cache.folder / f"{'0' * 64}.json").write_text("{")

    def opened() -> Outcome:
        serves = in_a_range(KEY, 48, 64)
        return cache.open(KEY, build=maker.build, load=maker.load, report=quiet, serves=serves)[1]

    outcome = opened()
    assert (outcome.digest, outcome.hit) == (wide.digest, True)
    assert outcome.words == "from the cache, where it is for 8x8..640x480"
    _cut(cache.find(wide.digest).file)
    assert not opened().hit, "one that is corrupt serves nobody"
    assert opened().digest == KEY.digest


@pytest.mark.parametrize("size", ["", "x", "8x8..", "8x8..640x", "640x480..8x8", "1e3x4", 7, None])
def test_sizes_that_are_none_serve_nobody(size: Any) -> None:
    assert not in_a_range(KEY, 48, 64)({**KEY.fields(), "size": size})


def test_files_of_compilers_stand_beside_and_go_with_clear(cache: EngineCache, tmp_path: Path) -> None:
    outcome = Maker().open(cache)[1]
    shared, own = cache.side_file("timings", "a GPU"), cache.side_file("kernels", entry=outcome.digest)
    other = cache.side_file("timings", "another GPU")
    assert shared and own and other and shared != other
    for path in (shared, own, other):
        path.write_bytes(b"12345")
    assert cache.side_file("timings", "a GPU") == shared
    assert len(cache.entries()) == 1, "they are no engines"
    assert cache.remove(outcome.digest) > 5
    assert names(cache) == {shared.name, other.name}, "what belongs to an engine goes with it"
    assert cache.clear() == (0, 10)
    assert names(cache) == set()
    (tmp_path / "file").touch()
    assert EngineCache(tmp_path / "file" / "c").side_file("timings") is None


def test_reading_builds_nothing(cache: EngineCache) -> None:
    assert cache.read(KEY) is None
    Maker().open(cache)
    assert cache.read(KEY) == b"the engine"
    _cut(only_file(cache, "*.engine"))
    assert cache.read(KEY) is None


def test_a_folder_that_cannot_be_written_costs_only_the_keeping(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    cache, maker = EngineCache(tmp_path / "file" / "engines"), Maker()
    for _ in range(2):
        payload, outcome = maker.open(cache)
        assert (payload, outcome.hit, outcome.kept) == (b"the engine", False, False)
        assert f"{cache.folder} cannot be written (Not a directory)" in outcome.words
    assert maker.builds == 2
    assert cache.entries() == []
    assert cache.clear() == (0, 0)


def test_a_disk_that_is_full_costs_only_the_keeping(cache: EngineCache, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        payload, outcome = Maker().open(cache)
    assert (payload, outcome.kept) == (b"the engine", False)
    assert "No space left" in outcome.words
    assert names(cache) == set()


@pytest.mark.parametrize("error", [EngineError("no"), KeyboardInterrupt()])
def test_a_build_that_fails_leaves_nothing(cache: EngineCache, error: BaseException) -> None:
    def build() -> bytes:
        raise error

    with pytest.raises(type(error)):
        cache.open(KEY, build=build, load=bytes, report=quiet)
    assert names(cache) == set()


def test_what_killed_builds_left_is_swept(cache: EngineCache) -> None:
    digest, other = KEY.digest, replace(KEY, size="1x1").digest
    cache.folder.mkdir(parents=True)
    killed, running = (temporary_beside(cache.folder / f"{digest}-{'0' * 64}.engine") for _ in range(2))
    left = [killed.name, f"{digest}-{'1' * 64}.engine"]
    for name in (*left, running.name, f"{digest}.lock", f"{other}-{'2' * 64}.engine", f"{other}.lock", "notes.txt"):
        (cache.folder / name).write_text("left")
    os.utime(killed, (0, 0))
    assert Maker().open(cache)[1].kept, "a lock whose holder died does not stop anyone"
    assert not names(cache) & {*left, f"{digest}.lock"}
    assert cache.clear()[0] == 1
    assert names(cache) == {"notes.txt", running.name}, "what is not ours, or is being written, stays"


def test_the_longest_unused_goes_when_the_folder_is_full(tmp_path: Path) -> None:
    cache = EngineCache(tmp_path, largest=25)
    keys = [replace(KEY, size=f"{number}x{number}") for number in range(1, 4)]
    for age, key in enumerate(keys[:2]):
        Maker().open(cache, key)
        os.utime(tmp_path / f"{key.digest}.json", (age, age))
    assert Maker().open(cache, keys[0])[1].hit  # used again, so the second is the oldest now
    Maker().open(cache, keys[2])
    assert {entry.key["size"] for entry in cache.entries()} == {"1x1", "3x3"}
    assert len(names(cache)) == 4


def test_find_and_remove(cache: EngineCache) -> None:
    other = replace(KEY, size="1x1")
    Maker().open(cache)
    Maker().open(cache, other)
    assert cache.find(KEY.digest[:8]).key["size"] == "64x48"
    with pytest.raises(EngineError, match="2 engines with id"):
        cache.find("")
    with pytest.raises(EngineError, match="no engine with id nothing"):
        cache.find("nothing")
    _flip(cache.find(KEY.digest).file)
    assert "checksum" in cache.find(KEY.digest).problem
    assert cache.remove(KEY.digest) > 10
    assert [entry.digest for entry in cache.entries()] == [other.digest]
