from __future__ import annotations

import io
import json
import os

import pytest

from stylefader.tools.console import messages, streams
from stylefader.tools.console.printable import json_text, one_line, printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, Grüße, 日本語, 🎛", "plain, Grüße, 日本語, 🎛"),
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("\x9b31m", "\\x9b31m"),  # the same command in one character of C1
        ("a\rb\tc\x08d\x7f", "a\\x0db\\x09c\\x08d\\x7f"),
        ("txt.\u202egpj", "txt.\\u202egpj"),  # turns the direction of writing
        ("a\u2028b\u200bc", "a\\u2028b\\u200bc"),
        ("\U000e0041", "\\U000e0041"),
        (os.fsdecode(b"caf\xe9"), "caf\\udce9"),
    ],
)
def test_what_is_not_printable_is_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown and shown.isprintable()


def test_a_message_is_one_line() -> None:
    assert one_line("Exception:\n  Check failed\r\n  here\x1b[2J\n") == "Exception: Check failed here\\x1b[2J"


@pytest.mark.parametrize("text", ["a\x9b31mb\x7f", "\u202e", "\U000e0041", os.fsdecode(b"\xff.mp4"), "\n\x1b", "é日"])
def test_json_is_printable_and_reads_back(text: str) -> None:
    line = json_text({"name": text})
    assert line.isprintable() and json.loads(line) == {"name": text}
    assert line.encode() and ("é" in text) == ("é" in line)


def test_every_way_to_print_escapes(capsys: pytest.CaptureFixture[str]) -> None:
    evil = "\x1b]0;x\x07[bold]\u202e"
    messages.say(evil)
    messages.out(evil)
    messages.out_text(f"one\n{evil}")
    messages.print_json([evil])
    messages.print_table(["name"], [(evil,), ([evil, "second"],)], width=60)
    messages.print_table(["name"], [(evil,)], words=True, width=60)
    out, err = capsys.readouterr()
    for line in (out + err).splitlines():
        assert line.isprintable()
    assert out.count("[bold]\\u202e") == 5 and err.count("\\x1b]0;x\\x07[bold]\\u202e") == 2


class _Full(io.StringIO):
    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")


def test_words_that_cannot_be_written_are_lost_and_results_raise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", _Full())
    messages.say("lost")
    messages.print_table(["a"], [("b",)], words=True, width=20)
    monkeypatch.setattr("sys.stdout", _Full())
    for attempt in (
        lambda: messages.out("a"),
        lambda: messages.print_json({}),
        lambda: messages.print_table(["a"], [("b",)], width=20),
    ):
        with pytest.raises(streams.OutputError, match="nothing can be written to standard output: No space left") as e:
            attempt()
        assert e.value.exit_code == 1
