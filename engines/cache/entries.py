"""One engine in the cache: two files, `KEY.json` and `KEY-SUM.engine`, read with every check and written whole."""

from __future__ import annotations

import hashlib
import json
import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stylefader.engines.cache.folder import TooLargeError, read_file
from stylefader.engines.cache.key import EngineKey, digest_of
from stylefader.training.files import written_whole

DIGEST = re.compile(r"[0-9a-f]{64}")
_LARGEST_JSON = 1 << 20
_LARGEST_ENGINE = 4 << 30


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


class CorruptError(Exception):
    """An entry that is there and cannot be used; the message says why."""


def json_file(folder: Path, digest: str) -> Path:
    """Where an entry's description stands."""
    return folder / f"{digest}.json"


def entry(folder: Path, digest: str) -> Entry:
    """An entry as its description has it, also where that is corrupt; the engine itself is not read."""
    document: dict[str, Any] = {"key": {}, "facts": {}, "sha256": "", "bytes": 0}
    problem = ""
    used = 0
    try:
        document = _document(folder, digest) or document
        used = json_file(folder, digest).lstat().st_mtime_ns
    except FileNotFoundError:
        pass  # cleared meanwhile
    except CorruptError as error:
        problem = str(error)
    return Entry(
        digest=digest, key=document["key"], facts=document["facts"], bytes=document["bytes"], used_ns=used,
        file=folder / f"{digest}-{document['sha256']}.engine", problem=problem,
    )  # fmt: skip


def read(folder: Path, digest: str, *, touch: bool = True) -> bytes | None:
    """The checked bytes of an engine, None where there is none. Raises CorruptError."""
    for again in (True, False):
        document = _document(folder, digest)
        if document is None:
            return None
        try:
            payload = read_file(folder / f"{digest}-{document['sha256']}.engine", largest=document["bytes"])
        except FileNotFoundError as error:
            if again:
                continue  # another process has replaced the entry between the two files
            raise CorruptError("its engine file is gone") from error
        except TooLargeError as error:
            raise CorruptError("its checksum does not fit") from error
        except OSError as error:
            raise CorruptError(f"its engine file cannot be read: {error.strerror or error}") from error
        if len(payload) != document["bytes"] or hashlib.sha256(payload).hexdigest() != document["sha256"]:
            raise CorruptError("its checksum does not fit")
        if touch:
            with suppress(OSError):
                os.utime(json_file(folder, digest))
        return payload
    raise AssertionError("unreachable")


def keep(folder: Path, key: EngineKey, payload: bytes, facts: dict[str, Any]) -> None:
    """Write an entry; the description comes last. Raises OSError."""
    digest, sha256 = key.digest, hashlib.sha256(payload).hexdigest()
    document = {"key": key.fields(), "sha256": sha256, "bytes": len(payload), "facts": facts}
    with written_whole(folder / f"{digest}-{sha256}.engine") as file:
        file.write(payload)
    with written_whole(json_file(folder, digest)) as file:
        file.write(json.dumps(document, indent=1).encode())


def _document(folder: Path, digest: str) -> dict[str, Any] | None:
    """The checked JSON of an entry, None where there is none. Raises CorruptError."""
    try:
        document = json.loads(read_file(json_file(folder, digest), largest=_LARGEST_JSON))
        key, sha256, size = document["key"], document["sha256"], document["bytes"]
        fits = isinstance(document["facts"], dict) and isinstance(size, int) and DIGEST.fullmatch(sha256)
        if not fits or not 0 <= size <= _LARGEST_ENGINE or digest_of(key) != digest:
            raise CorruptError("its description does not fit its name")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise CorruptError(f"its description cannot be read: {type(error).__name__}") from error
    return dict(document)
