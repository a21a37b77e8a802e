"""The engine cache: a folder of finished engines, so that a style opens at once the second time.

An entry is two files: `KEY.json`, with every field of its key in words, and `KEY-SUM.engine`, what the engine's
compiler made. KEY is a hash over everything that makes an engine stale, so a stale one is never found, only no
longer used. The JSON is renamed into place last, and names its engine by checksum: an entry is whole or not there,
also for a second process that reads meanwhile. Beside them stand files of the compilers' own (`side_file`), which
only save time. Two that want to build the same engine take turns by a file lock,
which the system frees when its holder dies; where a file system has no locks both build, and the last one stays.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

from engines.base import Report
from engines.file_lock import try_lock
from training.errors import EngineError
from training.files import written_whole
from training.leftovers import PARTIAL_FILES

T = TypeVar("T")

FORMAT = 1
_LARGEST = 4 << 30
"""Bytes that the folder may hold; beyond it, what was used longest ago goes."""
_WAIT_S = 900.0
"""How long to wait for another process that builds the same engine, before building it here as well."""
_POLL_S = 0.05
_ABANDONED_S = 3600
"""A file that is still being written after so long is what a build that was killed has left."""
_DIGEST = re.compile(r"[0-9a-f]{64}")
_ENGINE = re.compile(r"([0-9a-f]{64})-[0-9a-f]{64}\.engine")
_LOCK = re.compile(r"([0-9a-f]{64})\.lock")
_SIDE = re.compile(r"([0-9a-f]{64})(-[0-9a-f]{16})?\.side")
_OURS = (_ENGINE, _LOCK, _SIDE)


def version_of(package: str) -> str:
    """The installed version of a package, without importing it; `none` where it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "none"


@functools.cache
def code_hash() -> str:
    """Over the source of `engines` and the networks: a change there makes new engines, also between versions."""
    digest = hashlib.sha256()
    here = Path(__file__).parent
    for folder in (here, here.parent / "training" / "networks"):
        for path in sorted(folder.glob("*.py")):
            digest.update(f"{path.name} {path.stat().st_size}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


@dataclass(frozen=True, kw_only=True)
class EngineKey:
    """Everything that makes an engine another one.

    weights: the pack's `weights_hash`; network, width, places: what they are the weights of.
    size: `640x360`, or a range `64x64..1920x1080`; rewrites: of the graph, in words.
    device, capability, driver: what it is compiled for, each `any` where that makes no difference.
    libraries: versions of all that compiles or runs it.
    stylefader: our version; code: a hash over the modules that make the graph and the engines.
    """

    engine: str
    precision: str
    size: str
    network: str
    width: int
    places: tuple[str, ...]
    weights: str
    rewrites: str
    device: str
    capability: str
    driver: str
    libraries: dict[str, str]
    stylefader: str = field(default_factory=lambda: version_of("stylefader"))
    code: str = field(default_factory=code_hash)

    @property
    def digest(self) -> str:
        return _digest(self.fields())

    def fields(self) -> dict[str, Any]:
        """The key as JSON has it."""
        return {**asdict(self), "places": list(self.places)}

    def differs(self, fields: dict[str, Any]) -> set[str]:
        """The names of the fields in which another key, as JSON has it, is another one."""
        mine = self.fields()
        return {name for name in mine.keys() | fields.keys() if mine.get(name) != fields.get(name)}


def _digest(fields: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps([FORMAT, fields], sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How an engine came out of the cache. words: for people; kept: it is in the cache now."""

    digest: str
    hit: bool
    kept: bool
    words: str


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One engine in the cache. facts: style, when it was built and how long that took; problem: why it is unusable."""

    digest: str
    key: dict[str, Any]
    facts: dict[str, Any]
    file: Path
    bytes: int
    used_ns: int
    problem: str = ""


class _CorruptError(Exception):
    """An entry that is there and cannot be used; the message says why."""


def default_folder() -> Path:
    """`engines` in the user's cache folder of stylefader."""
    from platformdirs import user_cache_path

    return user_cache_path("stylefader", appauthor=False) / "engines"


class EngineCache:
    """The cache in one folder (default: the user's), which is made when the first engine is kept.

    A folder that cannot be written costs only the keeping. Safe to use from several threads and processes.
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
        not fit. A fresh engine goes through `load` as well, so it is the very one that a later start gets.
        report: told before something takes long, and not at all when the engine is there; what it raises ends this.
        facts: kept beside the engine for people.
        serves: whether an engine of another key, given by its fields, does as well; asked where this one is not
        there, before it is built. Raises what build raises, and what load raises on fresh bytes.
        """
        digest = key.digest
        word = ""
        try:
            found = self._read(digest)
            if found is not None:
                return load(found), Outcome(digest=digest, hit=True, kept=True, words="from the cache")
        except (_CorruptError, EngineError) as error:
            word = f"the cached one was corrupt ({' '.join(str(error).split())}), so "
        for other in self.entries() if serves else ():
            if serves and not other.problem and serves(other.key):
                with suppress(_CorruptError, EngineError):
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
            with suppress(_CorruptError, EngineError):
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
                self._keep(key, payload, {**(facts or {}), "built": now, "build_seconds": seconds})
                if alone:
                    self._tidy(digest)
            except OSError as error:
                words = f"{word}built for this time only: the cache {self.folder} does not take it ({error})"
                return thing, Outcome(digest=digest, hit=False, kept=False, words=words)
        words = f"{word}built in {seconds:.1f} s and kept in the cache"
        return thing, Outcome(digest=digest, hit=False, kept=True, words=words)

    def read(self, key: EngineKey) -> bytes | None:
        """The kept bytes of a key, None where there are none or they are corrupt."""
        with suppress(_CorruptError):
            return self._read(key.digest)
        return None

    def side_file(self, *belongs_to: str, entry: str | None = None) -> Path | None:
        """A file of a compiler's own, there or not, in this folder; None where the folder cannot be written.

        belongs_to: all that makes its content stale, in words. It goes with `clear`, or with the engine of the
        digest `entry` where one is named, and is never listed.
        """
        mark = hashlib.sha256(json.dumps(belongs_to).encode()).hexdigest()
        if self.problem():
            return None
        return self.folder / (f"{mark}.side" if entry is None else f"{entry}-{mark[:16]}.side")

    def problem(self) -> str:
        """Why the folder cannot be written, in words; empty where it can."""
        probe = self.folder / f".probe-{os.getpid()}-{time.monotonic_ns()}"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            probe.touch()
            probe.unlink()
        except OSError as error:
            return f"the cache folder {self.folder} cannot be written ({error.strerror or error})"
        return ""

    def entries(self) -> list[Entry]:
        """All engines in the folder, the last used first; none where there is no folder."""
        digests = [path.stem for path in self._files("*.json") if _DIGEST.fullmatch(path.stem)]
        return sorted(map(self._entry, digests), key=lambda entry: -entry.used_ns)

    def find(self, digest_start: str) -> Entry:
        """The entry whose digest begins so, its engine file read and checked. Raises EngineError."""
        found = [entry for entry in self.entries() if entry.digest.startswith(digest_start)]
        if len(found) != 1:
            many = "no engine" if not found else f"{len(found)} engines"
            raise EngineError(f"the cache {self.folder} has {many} with id {digest_start}: see stylefader engine list")
        try:
            self._read(found[0].digest, touch=False)
        except _CorruptError as error:
            return Entry(**{**vars(found[0]), "problem": str(error)})
        return found[0]

    def remove(self, digest: str) -> int:
        """Remove one engine, unless it is being built just now; bytes freed. Open engines go on. Raises EngineError."""
        freed = 0
        try:
            with try_lock(self.folder / f"{digest}.lock") as mine:
                if mine is False:
                    return 0
                for path in (self._json(digest), *self._files(f"{digest}-*.engine", f"{digest}-*.side")):
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
        freed = sum(self.remove(entry.digest) for entry in entries)
        for path in self._files("*", ".*"):
            match = next(filter(None, (pattern.fullmatch(path.name) for pattern in _OURS)), None)
            if match is None:
                continue
            with try_lock(self.folder / f"{match[1]}.lock") as mine, suppress(FileNotFoundError):
                if mine:
                    size = path.stat().st_size
                    path.unlink()
                    freed += size
        return len(entries), freed + self._sweep()

    def _sweep(self) -> int:
        """Remove what killed builds were writing; bytes freed."""
        freed = 0
        for path in self._files(PARTIAL_FILES):
            with suppress(OSError):
                status = path.stat()
                if time.time() - status.st_mtime > _ABANDONED_S:
                    path.unlink()
                    freed += status.st_size
        return freed

    def _files(self, *patterns: str) -> list[Path]:
        return sorted({path for pattern in patterns for path in self.folder.glob(pattern) if path.is_file()})

    def _json(self, digest: str) -> Path:
        return self.folder / f"{digest}.json"

    def _document(self, digest: str) -> dict[str, Any] | None:
        """The checked JSON of an entry, None where there is none. Raises _CorruptError."""
        try:
            document = json.loads(self._json(digest).read_bytes())
            key, sha256, size = document["key"], document["sha256"], document["bytes"]
            fits = isinstance(document["facts"], dict) and isinstance(size, int) and _DIGEST.fullmatch(sha256)
            if not fits or _digest(key) != digest:
                raise _CorruptError("its description does not fit its name")
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
            raise _CorruptError(f"its description cannot be read: {type(error).__name__}") from error
        return dict(document)

    def _entry(self, digest: str) -> Entry:
        path = self._json(digest)
        document: dict[str, Any] = {"key": {}, "facts": {}, "sha256": "", "bytes": 0}
        problem = ""
        used = 0
        try:
            document = self._document(digest) or document
            used = path.stat().st_mtime_ns
        except FileNotFoundError:
            pass  # cleared meanwhile
        except _CorruptError as error:
            problem = str(error)
        return Entry(
            digest=digest, key=document["key"], facts=document["facts"], bytes=document["bytes"], used_ns=used,
            file=self.folder / f"{digest}-{document['sha256']}.engine", problem=problem,
        )  # fmt: skip

    def _read(self, digest: str, *, touch: bool = True) -> bytes | None:
        """The checked bytes of an engine, None where there is none. Raises _CorruptError."""
        for again in (True, False):
            document = self._document(digest)
            if document is None:
                return None
            try:
                payload = (self.folder / f"{digest}-{document['sha256']}.engine").read_bytes()
            except FileNotFoundError as error:
                if again:
                    continue  # another process has replaced the entry between the two files
                raise _CorruptError("its engine file is gone") from error
            except OSError as error:
                raise _CorruptError(f"its engine file cannot be read: {error.strerror or error}") from error
            if len(payload) != document["bytes"] or hashlib.sha256(payload).hexdigest() != document["sha256"]:
                raise _CorruptError("its checksum does not fit")
            if touch:
                with suppress(OSError):
                    os.utime(self._json(digest))
            return payload
        raise AssertionError("unreachable")

    def _keep(self, key: EngineKey, payload: bytes, facts: dict[str, Any]) -> None:
        digest, sha256 = key.digest, hashlib.sha256(payload).hexdigest()
        document = {"key": key.fields(), "sha256": sha256, "bytes": len(payload), "facts": facts}
        with written_whole(self.folder / f"{digest}-{sha256}.engine") as file:
            file.write(payload)
        with written_whole(self._json(digest)) as file:
            file.write(json.dumps(document, indent=1).encode())

    def _tidy(self, newest: str) -> None:
        """Remove what earlier engines of this key and killed builds of it have left, then the longest unused."""
        now = self._entry(newest)
        self._sweep()
        for path in self._files(f"{newest}-*.engine"):
            if path != now.file:
                with suppress(OSError):
                    path.unlink()
        entries = self.entries()
        total = sum(entry.bytes for entry in entries)
        for entry in reversed(entries):
            if total <= self._largest:
                return
            if entry.digest != newest:
                with suppress(EngineError):
                    self.remove(entry.digest)
                total -= entry.bytes

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
