"""The lock between processes: one holder at a time, freed by death, nothing left behind."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from stylefader.engines.cache.file_lock import try_lock

HOLDER = """
import sys
from pathlib import Path
from stylefader.engines.cache.file_lock import try_lock
with try_lock(Path(sys.argv[1])) as mine:
    print(mine, flush=True)
    sys.stdin.readline()
"""
COUNTER = """
import sys
from pathlib import Path
from stylefader.engines.cache.file_lock import try_lock
lock, count = Path(sys.argv[1]), Path(sys.argv[2])
done = 0
while done < 200:
    with try_lock(lock) as mine:
        if mine:
            count.write_text(str(int(count.read_text()) + 1))
            done += 1
"""
HOME = Path(__file__).parents[2]


def holder(lock: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(lock)], cwd=HOME, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def test_a_lock_has_one_holder_and_leaves_nothing(tmp_path: Path) -> None:
    lock = tmp_path / "a.lock"
    with try_lock(lock) as mine:
        assert mine is True
        assert stat.S_IMODE(lock.stat().st_mode) == 0o600
        with try_lock(lock) as other, holder(lock) as process:
            assert other is False, "nor has another holder in the same process"
            assert process.communicate("\n")[0] == "False\n"
        assert lock.exists(), "who does not hold it does not remove it"
    assert list(tmp_path.iterdir()) == []
    with try_lock(lock) as mine:
        assert mine is True


def test_an_error_frees_it(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="inside"), try_lock(tmp_path / "a.lock"):
        raise ValueError("inside")
    assert list(tmp_path.iterdir()) == []


def test_a_holder_that_is_killed_holds_nothing(tmp_path: Path) -> None:
    lock = tmp_path / "a.lock"
    with holder(lock) as process:
        assert process.stdout is not None and process.stdout.readline() == "True\n"
        with try_lock(lock) as mine:
            assert mine is False
        process.kill()
        process.wait()
    assert lock.exists()
    with try_lock(lock) as mine:
        assert mine is True
    assert not lock.exists()


def test_processes_in_a_race_never_hold_it_together(tmp_path: Path) -> None:
    """Holders remove the file, which others have open already: those must see that it is the lock no more."""
    lock, count = tmp_path / "a.lock", tmp_path / "count"
    count.write_text("0")
    racing = [subprocess.Popen([sys.executable, "-c", COUNTER, str(lock), str(count)], cwd=HOME) for _ in range(3)]
    assert [process.wait(120) for process in racing] == [0, 0, 0]
    assert count.read_text() == "600"


def test_where_files_cannot_be_locked_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with try_lock(tmp_path / "missing" / "a.lock") as mine:
        assert mine is None
    if hasattr(os, "O_NOFOLLOW"):
        (tmp_path / "link.lock").symlink_to(tmp_path / "elsewhere")
        with try_lock(tmp_path / "link.lock") as mine:
            assert mine is None
        assert not (tmp_path / "elsewhere").exists(), "a link is not followed"

    def none(*_: object, **__: object) -> None:
        raise OSError("no locks")

    monkeypatch.setattr("stylefader.engines.cache.file_lock.FileLock", none)
    with try_lock(tmp_path / "a.lock") as mine:
        assert mine is None
