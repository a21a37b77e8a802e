from __future__ import annotations

import logging
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
