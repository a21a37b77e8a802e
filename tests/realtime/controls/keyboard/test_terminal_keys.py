"""Keys of a terminal: what it sends, and a pseudo-terminal of our own with a program in it."""

from __future__ import annotations

import sys

import pytest

from stylefader.realtime.controls.keyboard.key_table import is_key
from stylefader.realtime.controls.keyboard.terminal_keys import KeyDecoder

LATER = 10**9


def names(data: bytes) -> list[str]:
    """All that comes of these bytes, also after a while, whole or byte by byte."""
    whole = KeyDecoder()
    at_once = whole.feed(data, 0) + whole.feed(b"", LATER)
    parts = KeyDecoder()
    in_parts = [name for byte in data for name in parts.feed(bytes([byte]), 0)] + parts.feed(b"", LATER)
    assert at_once == in_parts
    return at_once


@pytest.mark.parametrize(
    ("data", "keys"),
    [
        (b"aQ1?", ["a", "q", "1", "?"]),
        (b" \t\r\n\x7f\x08", ["space", "tab", "enter", "enter", "backspace", "backspace"]),
        ("öÉ€".encode(), ["ö", "é", "€"]),
        (b"\xff\x80a", ["a"]),
        (b"\x00\x01\x04a", ["a"]),
        (b"\x1b[A\x1b[B\x1b[C\x1b[D", ["up", "down", "right", "left"]),
        (b"\x1bOA\x1bOB\x1bOC\x1bOD", ["up", "down", "right", "left"]),
        (b"\x1b[H\x1b[F\x1b[1~\x1b[4~\x1b[7~\x1b[8~", ["home", "end", "home", "end", "home", "end"]),
        (b"\x1b[2~\x1b[3~\x1b[5~\x1b[6~", ["insert", "delete", "pageup", "pagedown"]),
        (b"\x1bOP\x1bOQ\x1bOR\x1bOS", ["f1", "f2", "f3", "f4"]),
        (b"\x1b[11~\x1b[15~\x1b[17~\x1b[21~\x1b[23~\x1b[24~", ["f1", "f5", "f6", "f10", "f11", "f12"]),
        (b"\x1b[[A\x1b[[E", ["f1", "f5"]),
        (b"\x1b[1;2A\x1b[1;5C\x1b[5;2~\x1bO2P", ["up", "right", "pageup", "f1"]),
        (b"\x1b", ["esc"]),
        (b"\x1b\x1b", ["esc", "esc"]),
        (b"\x1b\x1b[A", ["esc", "up"]),
        (b"\x1bqa", ["a"]),
        (b"\x1b[24;80R\x1b[?1;2c\x1b[99~\x1b[200~q", ["q"]),
        (b"\x1b[<0;3;4Mq", ["q"]),
        (b"\x1b[", []),
        (b"\x1bO", []),
        (b"a\x1b[Ab\x1b", ["a", "up", "b", "esc"]),
    ],
)
def test_what_a_terminal_sends(data: bytes, keys: list[str]) -> None:
    assert names(data) == keys
    assert all(map(is_key, keys))


def test_an_escape_waits_for_what_may_follow() -> None:
    decoder = KeyDecoder()
    assert decoder.feed(b"\x1b", 0) == [] and decoder.feed(b"", 90_000_000) == []
    assert decoder.feed(b"[A", 95_000_000) == ["up"]
    assert decoder.feed(b"\x1b", 200_000_000) == [] and decoder.feed(b"", 300_000_000) == ["esc"]


def test_what_never_ends_is_not_kept() -> None:
    decoder = KeyDecoder()
    decoder.feed(b"\x1b[" + b"1;" * 5000, 0)
    assert len(decoder._text) < 100


posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals like these")


@posix
def test_the_terminal_is_set_and_put_back() -> None:
    import os
    import pty
    import termios

    from stylefader.realtime.controls.keyboard.terminal_keys import PosixTerminalKeys

    ours, theirs = pty.openpty()
    before = termios.tcgetattr(theirs)
    keys = PosixTerminalKeys(theirs, lambda: 0)
    try:
        flags = termios.tcgetattr(theirs)[3]
        assert not flags & (termios.ECHO | termios.ICANON) and flags & termios.ISIG
        assert keys.poll() == []
        os.write(ours, b"\x1b[Aq")
        assert keys.poll() == ["up", "q"]
    finally:
        keys.restore()
    assert termios.tcgetattr(theirs) == before
    os.write(ours, b"q")
    assert keys.poll() == []
    keys.restore()
    os.close(ours)
    os.close(theirs)


@posix
def test_a_terminal_that_goes_away() -> None:
    import os
    import pty

    from stylefader.realtime.controls.keyboard.terminal_keys import PosixTerminalKeys

    ours, theirs = pty.openpty()
    keys = PosixTerminalKeys(theirs)
    os.close(ours)
    assert keys.poll() == keys.poll() == []
    keys.restore()
    os.close(theirs)
