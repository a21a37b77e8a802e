"""Several threads and processes that use one cache at the same time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

from stylefader.engines.base import Outcome, quiet
from stylefader.engines.cache.store import EngineCache
from stylefader.training.packs.pack import StylePack
from tests.engines.cache.maker import KEY, Maker, names


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
from tests.engines.cache.maker import KEY
import stylefader.engines.cache.file_lock
number, folder = int(sys.argv[1]), Path(sys.argv[2])
if number % 2:  # a file system without locks: both build, the last one stays
    def no_locks(*_, **__):
        raise OSError("no locks")
    stylefader.engines.cache.file_lock.FileLock = no_locks
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
from stylefader.training.packs.pack_file import PackFile
print("ready", flush=True)
sys.stdin.readline()
engine, why = open_engine(PackFile(Path(sys.argv[1])), 32, 48, backend="openvino", cache_dir=Path(sys.argv[2]))
picture = engine.run({"frame": np.full((32, 48, 3), 90, np.uint8), "alpha": np.array([0.2, 1.0, 0.5], np.float32)})
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
