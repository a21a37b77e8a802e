from __future__ import annotations

import logging
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from stylefader.tools.console.logs import log_to
from stylefader.tools.console.verbose import is_verbose, take_verbose
from stylefader.training.errors import SinkError

LOG = logging.getLogger("stylefader.realtime.a_test")


@pytest.fixture(autouse=True)
def _quiet_again() -> Iterator[None]:
    yield
    take_verbose([])


def fails() -> None:
    try:
        raise ZeroDivisionError("by \x1b[31mnothing")
    except ZeroDivisionError as error:
        LOG.warning("it was caught", exc_info=error)


def test_the_file_has_events_and_tracebacks_and_goes_on_at_its_end(tmp_path: Path) -> None:
    said: list[str] = []
    for _ in range(2):
        with log_to(tmp_path / "a.log", say=said.append):
            LOG.info("a camera is back")
            fails()
    LOG.warning("not heard any more")
    text = (tmp_path / "a.log").read_text()
    assert said == [] and text.count("a camera is back") == text.count("Traceback (most recent call last)") == 2
    assert "WARNING  MainThread stylefader.realtime.a_test: it was caught" in text
    assert "ZeroDivisionError: by \\x1b[31mnothing" in text and "not heard" not in text


@pytest.mark.parametrize("word", ["-v", "--verbose"])
def test_the_terminal_shows_warnings_where_it_is_asked_to(word: str) -> None:
    said: list[str] = []
    with log_to(None, say=said.append):
        fails()
    assert said == []
    assert take_verbose(["live", word, "--loop"]) == ["live", "--loop"] and is_verbose()
    with log_to(None, say=said.append):
        LOG.info("a camera is back")
        fails()
    assert said[0] == "  log: it was caught" and said[-1] == "  ZeroDivisionError: by \\x1b[31mnothing"
    assert not any("camera" in line for line in said)


def test_a_file_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(SinkError, match=r"--log-file cannot be written to .*: No such file"),
        log_to(tmp_path / "none" / "a.log", say=print),
    ):
        pass
    assert not [one for one in logging.getLogger("stylefader").handlers if isinstance(one, logging.FileHandler)]


CRASHES = """
import os, signal, sys
from pathlib import Path
from stylefader.tools.console.logs import log_to
def in_the_show():
    os.kill(os.getpid(), signal.SIGSEGV)
with log_to(Path(sys.argv[1]), say=print):
    in_the_show()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_crash_leaves_its_traceback_in_the_file(tmp_path: Path) -> None:
    run = subprocess.run([sys.executable, "-c", CRASHES, str(tmp_path / "a.log")], capture_output=True, check=False)
    text = (tmp_path / "a.log").read_text()
    assert run.returncode == -signal.SIGSEGV and run.stderr == b""
    assert "Fatal Python error: Segmentation fault" in text and "in in_the_show" in text
