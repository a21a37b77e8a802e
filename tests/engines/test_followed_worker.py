"""Workers that are followed: their messages, their answers, and how those without an answer ended."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from stylefader.engines.followed_worker import FollowedWorker


def worker(how: str, scratch: Path) -> FollowedWorker:
    return FollowedWorker("tests.engines.talking_worker", {"how": how}, scratch)


def test_messages_come_one_by_one_and_the_last_is_the_answer(tmp_path: Path) -> None:
    with worker("answers", tmp_path) as one:
        came = list(one.messages())
        assert one.answer("talks") == came[-1] == {"done": "well", "came": "late"}
    assert came[:-1] == [{"stage": "begun"}], "what libraries print is no message"
    assert one.has_ended


@pytest.mark.parametrize(
    ("how", "ended"), [("fails", "exit code 1: ValueError: no such thing"), ("is cut off", "SIGKILL: a library speaks")]
)
def test_one_without_an_answer_says_how_it_ended(tmp_path: Path, how: str, ended: str) -> None:
    with worker(how, tmp_path) as one:
        assert list(one.messages()) == [{"stage": "begun"}]
        assert one.answer("talks") == {"error": f"the process that talks ended with {ended}", "failure": True}


def test_one_that_is_asked_to_end_cleans_up_however_often_it_is_asked(tmp_path: Path) -> None:
    came: list[dict[str, Any]] = []
    with worker("is asked", tmp_path) as one:
        for message in one.messages():
            came.append(message)
            one.terminate()
        assert one.answer("talks")["error"].startswith("the process that talks ended with exit code 143: ")
    assert [message["stage"] for message in came] == ["begun", "unwinding", "unwound"]
    one.terminate()
    one.set_priority(10)


def test_whoever_stops_listening_ends_it(tmp_path: Path) -> None:
    with worker("is asked", tmp_path) as one:
        next(one.messages())
        one.set_priority(19)
        assert os.getpriority(os.PRIO_PROCESS, one.pid) == 19
    assert one.has_ended
