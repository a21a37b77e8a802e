"""Help texts come out as they are written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import typer

from stylefader.tools.cli import app, run
from tests.tools.program import PROGRAM, stylefader_process
from tests.tools.terminal import Terminal


def commands(group: Any, *names: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, command in getattr(group, "commands", {}).items():
        yield (*names, name), command
        yield from commands(command, *names, name)


ALL = dict(commands(typer.main.get_command(app)))


@pytest.mark.parametrize("names", ALL, ids=" ".join)
def test_every_help_text_is_whole(names: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    app([*names, "--help"], prog_name="stylefader", standalone_mode=False)
    shown = "".join(capsys.readouterr().out.split())
    command = ALL[names]
    texts = [command.help, *(getattr(parameter, "help", None) for parameter in command.params)]
    for text in filter(None, texts):
        assert "".join(text.split()) in shown


def test_brackets_are_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    app(["render", "--help"], prog_name="stylefader", standalone_mode=False)
    shown = " ".join(capsys.readouterr().out.split())
    assert "Its [[lfo]] and [[sound]], and [[map]] for a MIDI file." in shown and "[default: 25]" in shown


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"stylefader {version('stylefader')}\n"


@pytest.mark.parametrize("words", [[], ["styles"], ["bench"]])
def test_a_group_without_a_command_shows_its_help(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(words) == 2
    out, err = capsys.readouterr()
    assert out.startswith("Usage: ") and "Commands:" in out and err == ""


def test_long_help_is_shown_page_by_page_on_a_terminal(tmp_path: Path) -> None:
    """24 lines of 80 characters: the pager waits with the first page, and `q` leaves it."""
    with Terminal([str(PROGRAM), "live", "--help"], cwd=tmp_path, env=terminal_environment()) as terminal:
        terminal.until("Stylize a camera")
        terminal.until("--source")  # below the first lines, on the same page
        assert "--seconds" not in visible(terminal.said)
        terminal.type(b"G")
        terminal.until("--seconds")
        terminal.type(b"q")
        assert terminal.run.wait(60) == 0


def test_short_help_is_shown_as_it_is(tmp_path: Path) -> None:
    with Terminal([str(PROGRAM), "styles", "--help"], cwd=tmp_path, env=terminal_environment()) as terminal:
        assert terminal.run.wait(60) == 0
        terminal.until("check")


def test_in_a_pipe_all_of_the_help_comes_at_once(tmp_path: Path) -> None:
    done = stylefader_process("live", "--help", cwd=tmp_path)
    assert done.returncode == 0 and "--source" in done.stdout and "--seconds" in done.stdout
    assert all(len(line) < 80 for line in done.stdout.splitlines())


def terminal_environment() -> dict[str, str]:
    import os
    import shutil

    if shutil.which("less") is None:
        pytest.skip("there is no less on this system")
    return {**{k: v for k, v in os.environ.items() if k not in ("LESS", "COLUMNS", "LINES")}, "PAGER": "less",
            "TERM": "xterm"}  # fmt: skip


def visible(said: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", said)
