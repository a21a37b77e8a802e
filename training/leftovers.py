"""Files of a program that was killed while it wrote: which they are, whether their writer still lives, their end.

A partial file's name says who writes it: the process, the moment when that started, and the machine, so that neither
another process that got the number anew, nor a machine that shares the folder, is taken for the writer.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import secrets
import shutil
import sys
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

PARTIAL_FILES = ".stylefader-*.partial*"
"""What matches the names that `partial_name` gives."""

_NAME = re.compile(
    r"\.stylefader-([0-9]{1,10})-([0-9]{1,20})-([0-9a-f]{8})-[0-9a-f]{8}\.partial(\.[^/]{1,15})?", re.ASCII
)


def partial_name(ending: str = "") -> str:
    """A hidden name of its own for a file or folder that this process is about to write."""
    pid = os.getpid()
    return f".stylefader-{pid}-{_started(pid) or 0}-{_here()}-{secrets.token_hex(4)}.partial{ending}"


def is_leftover(path: Path) -> bool:
    """Whether the name is one of `partial_name` by a process of this machine that has ended."""
    match = _NAME.fullmatch(path.name)
    if match is None or match[3] != _here():
        return False
    pid, started = int(match[1]), int(match[2])
    return not _lives(pid) or (started != 0 and _started(pid) not in (None, started))


def clear_leftovers(folder: Path) -> list[str]:
    """Remove what killed runs left in a folder, and say so in words; nothing where there is none. Never raises.

    Only what belongs to the same user goes, and of links only the link.
    """
    gone = []
    with suppress(OSError):
        for path in sorted(folder.glob(PARTIAL_FILES)):
            with suppress(OSError):
                if not is_leftover(path) or _owner(path) != _user():
                    continue
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)
                else:
                    path.unlink()
                gone.append(str(path))
    return [f"removed {path}, which a run that was killed had left behind" for path in gone]


def _owner(path: Path) -> int:
    return path.lstat().st_uid


def _user() -> int:
    return os.getuid() if hasattr(os, "getuid") else 0  # Windows: every file says 0


def _started(pid: int) -> int | None:
    """When a process started, in ticks of the system; None where the system does not say."""
    try:
        # The name of the program, in brackets, may hold anything; the 22nd field counts from there.
        return int(Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return None


def _lives(pid: int) -> bool:
    """Whether there is a process of this number; True where nobody can know."""
    if sys.platform == "win32":
        return _lives_on_windows(pid)
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True


def _lives_on_windows(pid: int) -> bool:
    import ctypes

    kernel = getattr(ctypes, "windll").kernel32  # noqa: B009, the name is there on Windows alone
    handle = kernel.OpenProcess(0x1000, False, pid)  # PROCESS_QUERY_LIMITED_INFORMATION
    if not handle:
        return bool(kernel.GetLastError() == 5)  # there, but not ours to ask
    kernel.CloseHandle(handle)
    return True


@lru_cache(maxsize=1)
def _here() -> str:
    """Eight digits that identify this machine and, in a container, its process numbers."""
    try:
        numbering = os.readlink("/proc/self/ns/pid")
    except OSError:
        numbering = ""
    return hashlib.sha256(f"{platform.node()} {numbering}".encode(errors="replace")).hexdigest()[:8]
