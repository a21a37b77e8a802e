"""The engine cache: what is found again and what is not, whatever happens to its files."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from stylefader.engines import frame_and_alpha, open_engine
from stylefader.engines.backends.gpu_engine import in_a_range
from stylefader.engines.base import Outcome, quiet
from stylefader.engines.cache.entries import keep
from stylefader.engines.cache.folder import default_folder
from stylefader.engines.cache.key import EngineKey, code_hash
from stylefader.engines.cache.store import EngineCache
from stylefader.engines.selection.measured import Measured, Measurements
from stylefader.training.errors import EngineError
from stylefader.training.files import temporary_beside
from stylefader.training.packs.pack import StylePack
from tests.conftest import random_pack

MakePicture = Callable[[int, int], npt.NDArray[np.uint8]]
ALPHA = np.array([0.2, 1.0, 0.5], np.float32)
KEY = EngineKey(
    engine="demo", precision="f32", size="64x48", network="single", width=8, places=("residual3",),
    inputs=("frame: image uint8 HxWx3",),
    weights="ab" * 32, rewrites="none", device="a CPU", capability="F32", driver="none", libraries={"maker": "1.0"},
)  # fmt: skip
OTHER = {"width": 9, "places": ("residual3", "up1"), "inputs": (), "libraries": {"maker": "1.1"}}


class Maker:
    """An engine's compiler that makes `bytes` and counts how often it had to."""

    def __init__(self, payload: bytes = b"the engine") -> None:
        self.payload = payload
        self.builds = 0
        self.said: list[str] = []

    def open(self, cache: EngineCache, key: EngineKey = KEY) -> tuple[bytes, Outcome]:
        return cache.open(key, build=self.build, load=self.load, report=self.said.append, facts={"style": "s"})

    def build(self) -> bytes:
        self.builds += 1
        return self.payload

    def load(self, payload: bytes) -> bytes:
        if payload != self.payload:
            raise EngineError("it does\nnot load")
        return payload


@pytest.fixture
def cache(tmp_path: Path) -> EngineCache:
    return EngineCache(tmp_path / "cache" / "engines")


def names(cache: EngineCache) -> set[str]:
    return {path.name for path in cache.folder.iterdir()}


def only_file(cache: EngineCache, pattern: str) -> Path:
    (path,) = cache.folder.glob(pattern)
    return path


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


def test_a_second_thread_waits_and_takes_what_the_first_made(cache: EngineCache) -> None:
    building, go_on, waiting = threading.Event(), threading.Event(), threading.Event()
    maker = Maker()
    results: list[Outcome] = []

    def slow() -> bytes:
        building.set()
        assert go_on.wait(30)
        return maker.build()

    def first() -> None:
        results.append(cache.open(KEY, build=slow, load=maker.load, report=quiet)[1])

    def second() -> None:
        def report(words: str) -> None:
            if "waiting" in words:
                waiting.set()

        results.append(cache.open(KEY, build=maker.build, load=maker.load, report=report)[1])

    threads = [threading.Thread(target=first), threading.Thread(target=second)]
    threads[0].start()
    assert building.wait(30)
    threads[1].start()
    assert waiting.wait(30)
    assert cache.clear() == (0, 0), "what is being built stays"
    assert cache.remove(KEY.digest) == 0
    go_on.set()
    for thread in threads:
        thread.join(30)
    assert [outcome.hit for outcome in results] == [False, True]
    assert "another process" in results[1].words
    assert maker.builds == 1
    assert len(names(cache)) == 2


def test_waiting_for_another_has_an_end(cache: EngineCache) -> None:
    impatient = EngineCache(cache.folder, wait_s=0.2)
    inner = Maker()

    def build() -> bytes:
        assert inner.open(impatient)[1].kept
        return b"the engine"

    assert cache.open(KEY, build=build, load=bytes, report=quiet)[1].kept
    assert inner.builds == 1
    assert Maker().open(cache)[1].hit


WRITER = """
import sys
from pathlib import Path
from stylefader.engines.cache.store import EngineCache
from tests.engines.cache.test_store import KEY
import stylefader.engines.cache.file_lock
number, folder = int(sys.argv[1]), Path(sys.argv[2])
if number % 2:  # a file system without locks: both build, the last one stays
    stylefader.engines.cache.file_lock.fcntl = None
print("ready", flush=True)
sys.stdin.readline()
for turn in range(60):
    def load(payload):
        assert len(payload) == 1 << 18 and payload == payload[:1] * len(payload), "torn"
        return payload
    cache = EngineCache(folder)
    cache.open(KEY, build=lambda: bytes([65 + (number + turn) % 26]) * (1 << 18), load=load, report=lambda words: None)
    if turn % 3 == number % 3:
        cache.remove(KEY.digest)
print("done", flush=True)
"""


def test_processes_at_once_never_read_a_torn_engine(cache: EngineCache) -> None:
    """Four processes build, read and remove the same engine in a race, half of them without locks."""
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(number), str(cache.folder)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        for number in range(4)
    ]  # fmt: skip
    for worker in workers:
        assert worker.stdout and worker.stdout.readline() == "ready\n"
    for worker in workers:
        assert worker.stdin
        worker.stdin.write("go\n")
        worker.stdin.flush()
    for worker in workers:
        said, errors = worker.communicate(timeout=120)
        assert (worker.returncode, said) == (0, "done\n"), errors
    cache.clear()
    assert names(cache) == set()


OPENER = """
import json, sys
from pathlib import Path
import numpy as np
from stylefader.engines import open_engine
from stylefader.training.packs.pack import load_pack
print("ready", flush=True)
sys.stdin.readline()
engine, why = open_engine(load_pack(Path(sys.argv[1])), 32, 48, backend="openvino", cache_dir=Path(sys.argv[2]))
picture = engine.run(
    {"frame": np.full((32, 48, 3), 90, np.uint8), "alpha": np.array([0.2, 1.0, 0.5], np.float32)}
)
print(json.dumps([engine.outcome.hit, why, picture.tobytes().hex()]), flush=True)
"""


def test_two_processes_that_want_the_same_engine_build_it_once(pack: StylePack, tmp_path: Path) -> None:
    folder = tmp_path / "engines"
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", OPENER, str(pack.file), str(folder)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        for _ in range(2)
    ]  # fmt: skip
    for worker in workers:
        assert worker.stdout and worker.stdout.readline() == "ready\n"
    for worker in workers:
        assert worker.stdin
        worker.stdin.write("go\n")
        worker.stdin.flush()
    results = [json.loads(worker.communicate(timeout=300)[0]) for worker in workers]
    assert sorted(hit for hit, _, _ in results) == [False, True], results
    assert results[0][2] == results[1][2], "the same picture"
    assert len(list(folder.iterdir())) == 2


@pytest.mark.parametrize("places", [("residual3", "up1", "output"), ()], ids=["three blocks", "no blocks"])
def test_openvino_from_the_cache_gives_the_same_bytes(
    tmp_path: Path, picture: MakePicture, places: tuple[str, ...]
) -> None:
    pack = random_pack(tmp_path / "p.safetensors", places=places)
    cache_dir = tmp_path / "engines"
    alphas = [np.full(pack.n_blocks, value, np.float32) for value in (0.0, 0.4, 1.0)]
    pictures = []
    for hit in (False, True, True):
        engine, why = open_engine(pack, 33, 51, backend="openvino", cache_dir=cache_dir)
        with engine:
            assert engine.outcome is not None
            assert engine.outcome.hit is hit
            assert engine.outcome.words in why
            pictures.append([engine.run(frame_and_alpha(picture(33, 51), alpha)).copy() for alpha in alphas])
    for others in pictures[1:]:
        for first, other in zip(pictures[0], others, strict=True):
            assert np.array_equal(first, other)


def test_openvino_engines_of_other_packs_sizes_and_precisions_are_others(tmp_path: Path) -> None:
    pack, other = (random_pack(tmp_path / "p.safetensors", width=4, seed=seed) for seed in (0, 1))
    for given, height, width, precision in (
        (pack, 16, 16, "f32"),
        (other, 16, 16, "f32"),
        (pack, 16, 20, "f32"),
        (pack, 20, 16, "f32"),
    ):
        for hit in (False, True):
            engine, _ = open_engine(
                given, height, width, backend="openvino", precision=precision, cache_dir=tmp_path / "c"
            )  # type: ignore[arg-type]
            assert engine.outcome is not None
            assert engine.outcome.hit is hit
    auto, _ = open_engine(pack, 16, 16, backend="openvino", cache_dir=tmp_path / "c")
    assert auto.outcome is not None
    assert auto.outcome.hit is (auto.precision == "f32")
    engine, why = open_engine(pack, 16, 16, backend="torch", cache_dir=tmp_path / "c")
    assert (engine.outcome, why) == (None, "torch f32, as asked")


def test_a_cached_openvino_engine_that_does_not_load_is_built_anew(pack: StylePack, tmp_path: Path) -> None:
    """Bytes with a good checksum that OpenVINO refuses, as after a change that the key missed."""
    engine, _ = open_engine(pack, 16, 16, backend="openvino", cache_dir=tmp_path)
    assert engine.outcome is not None
    key_file = tmp_path / f"{engine.outcome.digest}.json"
    document = json.loads(key_file.read_text())
    fields = document["key"]
    key = EngineKey(**{**fields, "places": tuple(fields["places"]), "inputs": tuple(fields["inputs"])})
    assert key.inputs == ("frame: image uint8 HxWx3", "alpha: vector float32 3")
    assert key.digest == engine.outcome.digest
    keep(tmp_path, key, b"no model", {})
    again, why = open_engine(pack, 16, 16, backend="openvino", cache_dir=tmp_path)
    assert "corrupt (engine openvino cannot load at 16x16" in why
    assert "\n" not in why
    assert again.outcome is not None
    assert again.outcome.kept
    assert open_engine(pack, 16, 16, backend="openvino", cache_dir=tmp_path)[1].endswith("from the cache")


def test_an_unwritable_cache_is_in_the_line(pack: StylePack, tmp_path: Path, picture: MakePicture) -> None:
    (tmp_path / "file").touch()
    engine, why = open_engine(pack, 16, 16, backend="openvino", cache_dir=tmp_path / "file" / "cache")
    assert "cannot be written (Not a directory)" in why
    assert engine.run({"frame": picture(16, 16), "alpha": ALPHA}).shape == (16, 16, 3)


def test_the_default_folder_is_the_users(pack: StylePack) -> None:
    assert default_folder() == Path(os.environ["XDG_CACHE_HOME"]) / "stylefader" / "engines"
    engine, _ = open_engine(pack, 8, 8, backend="openvino")
    assert engine.outcome is not None
    assert (default_folder() / f"{engine.outcome.digest}.json").is_file()


WITHOUT_TORCH = """
import sys
from pathlib import Path
from stylefader.engines import open_engine
from stylefader.training.packs.pack_file import PackFile
sys.modules["torch"] = None
engine, why = open_engine(PackFile(Path(sys.argv[1])), 16, 16, cache_dir=Path(sys.argv[2]))
engine.warm_up()
print(why)
"""


def test_a_cached_engine_needs_no_torch(pack: StylePack, tmp_path: Path) -> None:
    open_engine(pack, 16, 16, backend="openvino", cache_dir=tmp_path)[0].close()
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, str(pack.file), str(tmp_path)], capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert ", from the cache" in done.stdout


def _foreign(patch: pytest.MonkeyPatch) -> None:
    """As if another user had made all that is there."""
    mine = os.geteuid()
    patch.setattr("stylefader.engines.cache.folder.os.geteuid", lambda: mine + 1)


class TestNobodyElses:
    """Engines are compiled code: whoever writes to the folder runs code in our name."""

    def test_the_folder_is_made_for_us_alone(self, cache: EngineCache) -> None:
        before = os.umask(0)
        try:
            Maker().open(cache)
        finally:
            os.umask(before)
        assert {path.stat().st_mode & 0o777 for path in (cache.folder, cache.folder.parent)} == {0o700}

    def test_the_users_folder_of_an_earlier_version_is_closed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        folder = default_folder()
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
        assert EngineCache().problem() == ""
        assert folder.stat().st_mode & 0o777 == 0o700

    def test_a_folder_that_others_can_write_to(self, cache: EngineCache) -> None:
        Maker().open(cache)
        cache.folder.chmod(0o770)
        maker = Maker()
        _, outcome = maker.open(cache)
        assert (outcome.hit, outcome.kept, maker.builds, cache.entries()) == (False, False, 1, [])
        assert f"others can write to the cache folder {cache.folder}: chmod go-w" in outcome.words
        cache.folder.chmod(0o750)
        assert Maker().open(cache)[1].hit, "that others can read is no harm"

    def test_a_folder_of_another_user(self, cache: EngineCache, monkeypatch: pytest.MonkeyPatch) -> None:
        Maker().open(cache)
        _foreign(monkeypatch)
        _, outcome = Maker().open(cache)
        assert (outcome.hit, cache.entries()) == (False, [])
        assert "belongs to another user" in outcome.words

    def test_a_folder_that_is_a_link(self, cache: EngineCache, tmp_path: Path) -> None:
        Maker().open(cache)
        (tmp_path / "link").symlink_to(cache.folder)
        linked = EngineCache(tmp_path / "link")
        _, outcome = Maker().open(linked)
        assert not outcome.hit and "is a link" in outcome.words

    @pytest.mark.parametrize("pattern", ["*.engine", "*.json"])
    def test_links_are_not_followed(self, cache: EngineCache, tmp_path: Path, pattern: str) -> None:
        Maker().open(cache)
        path = only_file(cache, pattern)
        path.rename(tmp_path / "elsewhere")
        path.symlink_to(tmp_path / "elsewhere")
        _, outcome = Maker().open(cache)
        assert (outcome.hit, outcome.kept) == (False, True)
        assert Maker().open(cache)[1].hit
        assert (tmp_path / "elsewhere").is_file() and not only_file(cache, pattern).is_symlink()

    @pytest.mark.parametrize("pattern", ["*.engine", "*.json"])
    def test_a_file_that_others_can_write_to(self, cache: EngineCache, pattern: str) -> None:
        Maker().open(cache)
        only_file(cache, pattern).chmod(0o666)
        _, outcome = Maker().open(cache)
        assert not outcome.hit and "corrupt" in outcome.words

    @pytest.mark.parametrize("pattern", ["*.engine", "*.json"])
    def test_a_pipe_in_place_of_a_file_is_not_waited_for(self, cache: EngineCache, pattern: str) -> None:
        Maker().open(cache)
        path = only_file(cache, pattern)
        path.unlink()
        os.mkfifo(path)
        assert not Maker().open(cache)[1].hit

    def test_a_description_without_end_is_not_read(self, cache: EngineCache) -> None:
        Maker().open(cache)
        path = only_file(cache, "*.json")
        os.truncate(path, 1 << 34)
        assert "cannot be read" in Maker().open(cache)[1].words

    def test_a_compilers_file_that_is_a_link_is_taken_away(self, cache: EngineCache, tmp_path: Path) -> None:
        own = cache.side_file("timings")
        assert own
        (tmp_path / "of another").write_text("precious")
        own.symlink_to(tmp_path / "of another")
        assert cache.side_file("timings") == own and not os.path.lexists(own)
        assert (tmp_path / "of another").read_text() == "precious"
        own.write_text("ours")
        assert cache.side_file("timings") == own and own.read_text() == "ours"

    def test_a_lock_that_is_a_link_makes_no_file_elsewhere(self, cache: EngineCache, tmp_path: Path) -> None:
        cache.folder.mkdir(parents=True, mode=0o700)
        (cache.folder / f"{KEY.digest}.lock").symlink_to(tmp_path / "made")
        assert Maker().open(cache)[1].kept
        assert not (tmp_path / "made").exists()

    def test_measurements_are_not_read_from_where_others_write(self, pack: StylePack, tmp_path: Path) -> None:
        kept = Measurements(tmp_path / "c")
        row = Measured(engine="openvino", asked="f32", precision="f32", height=8, width=8, median_ms=1, p99_ms=1,
                       fps=1, psnr_db=50)  # fmt: skip
        assert kept.remember(pack, [row]) == ""
        assert kept.recall(pack, "openvino", "f32", height=8, width=8) == row
        (tmp_path / "c").chmod(0o777)
        assert kept.recall(pack, "openvino", "f32", height=8, width=8) is None
        assert "others can write" in kept.remember(pack, [row])


def test_trying_the_folder_leaves_nothing_and_what_was_left_is_swept(cache: EngineCache) -> None:
    assert cache.problem() == "" and names(cache) == set()
    probe = cache.folder / ".probe-77-12345"
    probe.touch()
    Maker().open(cache)
    assert probe.exists(), "another program may be trying the folder just now"
    os.utime(probe, (0, 0))
    Maker().open(cache, replace(KEY, size="1x1"))
    assert not probe.exists()
