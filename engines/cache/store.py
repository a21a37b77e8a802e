"""The engine cache: a folder of finished engines, so that a style opens at once the second time.

An entry is two files: `KEY.json`, with every field of its key in words, and `KEY-SUM.engine`, what the engine's
compiler made. KEY is a hash over every input of the build, so outdated entries are never looked up; eviction removes
them. The JSON is renamed into place last, and names its engine by checksum: an entry is complete or absent, also for a
process that reads at the same time. The compilers' own files (`side_file`) are in the same folder; they only save time.
Two processes that want to build the same engine take turns by a file lock, which the system frees if its holder dies.
On file systems without locks both build, and the last one stays.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from stylefader.engines.base import Outcome, Report
from stylefader.engines.cache.entries import DIGEST, CorruptError, Entry, entry, json_file, keep, read
from stylefader.engines.cache.file_lock import try_lock
from stylefader.engines.cache.folder import default_folder, files, folder_problem, may_read, plain_or_none, sweep
from stylefader.engines.cache.key import EngineKey
from stylefader.training.errors import EngineError, one_line

T = TypeVar("T")

_LARGEST = 4 << 30
"""Bytes that the folder may hold; beyond that, the least recently used engines are removed."""
_WAIT_S = 900.0
"""How long to wait for another process that builds the same engine, before building it here as well."""
_POLL_S = 0.05
COMPILED = "compiled"
"""Subfolder of PyTorch's compilers."""
_ENGINE = re.compile(r"([0-9a-f]{64})-[0-9a-f]{64}\.engine")
_LOCK = re.compile(r"([0-9a-f]{64})\.lock")
_SIDE = re.compile(r"([0-9a-f]{64})(-[0-9a-f]{16})?\.side")
_OURS = (_ENGINE, _LOCK, _SIDE)


class EngineCache:
    """The cache in one folder (default: the user's), which is made when the first engine is kept.

    If the folder cannot be written, engines are built and not kept. Safe to use from several threads and processes.
    """

    def __init__(self, folder: Path | None = None, *, largest: int = _LARGEST, wait_s: float = _WAIT_S) -> None:
        self.folder = default_folder() if folder is None else folder
        self._largest = largest
        self._wait_s = wait_s

    def open(
        self,
        key: EngineKey,
        *,
        build: Callable[[], bytes],
        load: Callable[[bytes], T],
        report: Report,
        facts: dict[str, Any] | None = None,
        serves: Callable[[dict[str, Any]], bool] | None = None,
    ) -> tuple[T, Outcome]:
        """Load the engine of `key`, building and keeping it where it is not there or corrupt.

        build: makes the bytes that are kept; load: makes an engine of them and raises EngineError where they do
        not fit. A new engine goes through `load` as well, so a later start gets exactly the same engine.
        report: told before something takes long, and not if the engine is in the cache; if it raises, this ends with
        that error.
        facts: kept beside the engine for people.
        serves: whether an engine of another key, given by its fields, does as well; asked before one is built.
        Raises what build raises, and what load raises on new bytes.
        """
        digest = key.digest
        word = ""
        try:
            found = self._read(digest)
            if found is not None:
                return load(found), Outcome(digest=digest, hit=True, kept=True, words="from the cache")
        except (CorruptError, EngineError) as error:
            word = f"the cached one was corrupt ({one_line(error)}), so "
        for other in self.entries() if serves else ():
            if serves and not other.problem and serves(other.key):
                with suppress(CorruptError, EngineError):
                    found = self._read(other.digest)
                    if found is not None:
                        words = f"from the cache, where it is for {other.key['size']}"
                        return load(found), Outcome(digest=other.digest, hit=True, kept=True, words=words)
        report(f"{word}building {key.engine} at {key.size}")
        problem = self.problem()
        if problem:
            words = f"{word}built for this time only: {problem}"
            return load(build()), Outcome(digest=digest, hit=False, kept=False, words=words)
        with self._locked(digest, report) as alone:
            # Whoever had the lock before may have built it meanwhile.
            with suppress(CorruptError, EngineError):
                found = self._read(digest)
                if found is not None:
                    words = "from the cache, where another process has just put it"
                    return load(found), Outcome(digest=digest, hit=True, kept=True, words=words)
            began = time.monotonic()
            payload = build()
            thing = load(payload)
            seconds = round(time.monotonic() - began, 3)
            now = datetime.now(UTC).isoformat(timespec="seconds")
            try:
                keep(self.folder, key, payload, {**(facts or {}), "built": now, "build_seconds": seconds})
                if alone:
                    self._tidy(digest)
            except OSError as error:
                words = f"{word}built for this time only: the cache {self.folder} does not take it ({error})"
                return thing, Outcome(digest=digest, hit=False, kept=False, words=words)
        words = f"{word}built in {seconds:.1f} s"
        return thing, Outcome(digest=digest, hit=False, kept=True, words=words)

    def read(self, key: EngineKey) -> bytes | None:
        """The kept bytes of a key, None where there are none or they are corrupt."""
        with suppress(CorruptError):
            return self._read(key.digest)
        return None

    def side_file(self, *belongs_to: str, entry: str | None = None) -> Path | None:
        """A file of a compiler's own, there or not, in this folder; None where the folder cannot be written.

        belongs_to: everything that its content depends on, in words. `clear` removes it, or the removal of the engine
        with the digest `entry`, if one is named. It is never listed.
        """
        mark = hashlib.sha256(json.dumps(belongs_to).encode()).hexdigest()
        if self.problem():
            return None
        return plain_or_none(self.folder / (f"{mark}.side" if entry is None else f"{entry}-{mark[:16]}.side"))

    def problem(self) -> str:
        """Why the folder cannot be used, in words; empty where it can. It is made where it is not there."""
        return folder_problem(self.folder)

    def entries(self) -> list[Entry]:
        """All engines in the folder, the last used first; none where there is no folder."""
        if not may_read(self.folder):
            return []
        digests = [path.stem for path in self._files("*.json") if DIGEST.fullmatch(path.stem)]
        return sorted((entry(self.folder, digest) for digest in digests), key=lambda found: -found.used_ns)

    def find(self, digest_start: str) -> Entry:
        """The entry whose digest begins so, its engine file read and checked. Raises EngineError."""
        found = [one for one in self.entries() if one.digest.startswith(digest_start)]
        if len(found) != 1:
            many = "no engine" if not found else f"{len(found)} engines"
            raise EngineError(f"the cache {self.folder} has {many} with id {digest_start}: see stylefader engine list")
        try:
            read(self.folder, found[0].digest, touch=False)
        except CorruptError as error:
            return Entry(**{**vars(found[0]), "problem": str(error)})
        return found[0]

    def remove(self, digest: str) -> int:
        """Remove one engine, unless it is being built just now; bytes freed. Open engines go on. Raises EngineError."""
        freed = 0
        try:
            with try_lock(self.folder / f"{digest}.lock") as mine:
                if mine is False:
                    return 0
                for path in (json_file(self.folder, digest), *self._files(f"{digest}-*.engine", f"{digest}-*.side")):
                    with suppress(FileNotFoundError):
                        size = path.stat().st_size
                        path.unlink()
                        freed += size
        except OSError as error:
            raise EngineError(f"cannot clear the engine cache: {error}", failure=True) from error
        return freed

    def clear(self) -> tuple[int, int]:
        """Remove every engine, and what builds that were killed have left; engines and bytes removed.

        Other files in the folder stay, and so does what a build under way is writing. Raises EngineError.
        """
        entries = self.entries()
        freed = sum(self.remove(found.digest) for found in entries)
        for path in self._files("*", ".*"):
            match = next(filter(None, (pattern.fullmatch(path.name) for pattern in _OURS)), None)
            if match is None:
                continue
            with try_lock(self.folder / f"{match[1]}.lock") as mine, suppress(FileNotFoundError):
                if mine:
                    size = path.stat().st_size
                    path.unlink()
                    freed += size
        # What PyTorch's compilers keep of their own: see engines.backends.cuda_engine.
        shutil.rmtree(self.folder / COMPILED, ignore_errors=True)
        return len(entries), freed + sweep(self.folder)

    def _files(self, *patterns: str) -> list[Path]:
        return files(self.folder, *patterns)

    def _read(self, digest: str) -> bytes | None:
        """The checked bytes of an engine, None if there is none that may be used. Raises CorruptError."""
        return read(self.folder, digest) if may_read(self.folder) else None

    def _tidy(self, newest: str) -> None:
        """Remove what earlier engines of this key and killed builds of it have left, then the longest unused."""
        now = entry(self.folder, newest)
        sweep(self.folder)
        for path in self._files(f"{newest}-*.engine"):
            if path != now.file:
                with suppress(OSError):
                    path.unlink()
        entries = self.entries()
        total = sum(found.bytes for found in entries)
        for found in reversed(entries):
            if total <= self._largest:
                return
            if found.digest != newest:
                with suppress(EngineError):
                    self.remove(found.digest)
                total -= found.bytes

    @contextmanager
    def _locked(self, digest: str, report: Report) -> Iterator[bool]:
        """Hold the lock of one key (True); after `wait_s`, or where there are no locks, go on without it (False)."""
        path = self.folder / f"{digest}.lock"
        give_up = time.monotonic() + self._wait_s
        said = False
        while True:
            with try_lock(path) as mine:
                if mine or mine is None or time.monotonic() >= give_up:
                    yield bool(mine)
                    return
            if not said:
                report("waiting for another process that builds the same engine")
                said = True
            time.sleep(_POLL_S)
