"""Help texts come out as they are written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import typer

from tools.cli import app


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
