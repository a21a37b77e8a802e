"""Keys from the terminal that a session was started in, for sessions without a window.

They have the same names as those of `Window.poll`.

The terminal is put into a state in which keys come one by one and are not shown (POSIX: non-canonical, no echo, Ctrl-C
and Ctrl-Z as ever), and is restored however the program ends or stops, except by `kill -9`. In the background nothing
is read. Terminal libraries set the state for one block of code and do not handle stopping and continuing.
"""

from __future__ import annotations

import atexit
import codecs
import contextlib
import errno
import os
import re
import signal
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import Any, Protocol

if sys.platform != "win32":
    import select
    import termios
else:
    import msvcrt

_ESC = "\x1b"
_PLAIN = {"\r": "enter", "\n": "enter", "\t": "tab", " ": "space", "\x7f": "backspace", "\b": "backspace"}
_LETTERS = {
    "A": "up", "B": "down", "C": "right", "D": "left", "H": "home", "F": "end",
    "P": "f1", "Q": "f2", "R": "f3", "S": "f4",
}  # fmt: skip
_NUMBERS = {
    1: "home", 2: "insert", 3: "delete", 4: "end", 5: "pageup", 6: "pagedown", 7: "home", 8: "end",
    11: "f1", 12: "f2", 13: "f3", 14: "f4", 15: "f5", 17: "f6", 18: "f7", 19: "f8", 20: "f9", 21: "f10", 23: "f11",
    24: "f12",
}  # fmt: skip
# What a key sends after escape (ECMA-48, xterm, VT220, the Linux console): CSI with parameters, SS3, or CSI [ A to E.
_SEQUENCE = re.compile(
    r"\x1b(?:\[\[(?P<console>[A-E])|\[(?P<numbers>[0-9;:<=>?]*)[ -/]*(?P<end>[@-Z\\-~])|O[0-9]*(?P<ss3>[@-~]))"
)
_PART = re.compile(r"\x1b(?:\[(?:\[|[0-9;:<=>?]{0,32}[ -/]{0,4})?|O[0-9]{0,4})?")
_ALONE_NS = 100_000_000
"""After so long without the rest of a sequence, the key was escape."""
_AT_ONCE = 1024


class TerminalKeys(Protocol):
    """Keys of a terminal. `restore` puts it back as it was; harmless twice, and may come from a signal handler."""

    def poll(self) -> list[str]:
        """The names of the keys pressed since; never waits."""
        ...

    def restore(self) -> None:
        """Put the terminal back as it was."""


class KeyDecoder:
    """Bytes of a terminal into names of keys. Sequences and characters may come in parts."""

    def __init__(self) -> None:
        self._text = ""
        self._since_ns = 0
        self._bytes = codecs.getincrementaldecoder("utf-8")("ignore")

    def feed(self, data: bytes, at_ns: int) -> list[str]:
        """Names of the keys that came, and at what time; no data: let time pass."""
        if data:
            self._text += self._bytes.decode(data)
            self._since_ns = at_ns
        names = []
        while self._text:
            if self._text[0] != _ESC:
                names.append(_character(self._text[0]))
                self._text = self._text[1:]
            elif found := _SEQUENCE.match(self._text):
                names.append(_sequence(found))
                self._text = self._text[found.end() :]
            elif (part := _PART.match(self._text)) is not None and part.end() == len(self._text):
                if at_ns - self._since_ns < _ALONE_NS:
                    break
                names.append("esc" if self._text == _ESC else None)
                self._text = ""
            elif self._text.startswith(_ESC * 2):
                names.append("esc")
                self._text = self._text[1:]
            else:  # with Alt, which means nothing here; or no sequence that there is
                self._text = self._text[part.end() if part is not None and part.end() > 2 else 2 :]
        return [name for name in names if name is not None]


def _character(character: str) -> str | None:
    if character in _PLAIN:
        return _PLAIN[character]
    return character.lower() if character.isprintable() else None


def _sequence(found: re.Match[str]) -> str | None:
    if found["console"]:
        return f"f{ord(found['console']) - ord('A') + 1}"
    if found["ss3"]:
        return _LETTERS.get(found["ss3"])
    first = found["numbers"].split(";")[0]
    if found["end"] == "~":
        return _NUMBERS.get(int(first)) if first.isdigit() and len(first) < 4 else None
    # Letters have no number, or 1 before that of the modifiers; else it is no key but an answer or the mouse.
    return _LETTERS.get(found["end"]) if first in ("", "1") else None


def open_terminal_keys(now_ns: Callable[[], int] = time.monotonic_ns) -> TerminalKeys | None:
    """Keys of the terminal at standard input; None where it is none."""
    try:
        if not sys.stdin.isatty():
            return None
    except (AttributeError, ValueError):  # there is no standard input, or it is closed
        return None
    if sys.platform == "win32":
        return WindowsTerminalKeys()
    return PosixTerminalKeys(sys.stdin.fileno(), now_ns)


if sys.platform != "win32":

    class PosixTerminalKeys:
        """Keys of the terminal `fd`, from the main thread, since it listens to Ctrl-Z and the like."""

        def __init__(self, fd: int, now_ns: Callable[[], int] = time.monotonic_ns) -> None:
            self._fd, self._now_ns = fd, now_ns
            self._decoder = KeyDecoder()
            self._before: list[Any] | None = None  # the terminal's own state, while ours is set
            self._gone = self._again = False
            self._handlers: dict[int, Any] = {}
            atexit.register(self.restore)
            for number, handle in (
                (signal.SIGTSTP, self._stop),
                (signal.SIGCONT, self._go_on),
                (signal.SIGQUIT, self._quit),
            ):
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self._handlers[number] = signal.signal(number, handle)
            self.poll()

        def poll(self) -> list[str]:
            """Names of the keys that were pressed since the last call; never waits."""
            if self._gone:
                return []
            try:
                if not self._in_front():
                    return []
                if self._before is None or self._again:
                    self._set()
                data = os.read(self._fd, _AT_ONCE) if select.select([self._fd], [], [], 0)[0] else None
            except (OSError, termios.error):  # the terminal has gone
                self._gone = True
                return []
            self._gone = data == b""
            return self._decoder.feed(data or b"", self._now_ns())

        def restore(self) -> None:
            """Put the terminal back as it was, and listen to it no more; harmless twice."""
            self._gone = True
            self._put_back()
            for number, handler in self._handlers.items():
                with contextlib.suppress(ValueError):  # not in the main thread
                    signal.signal(number, handler)
            self._handlers.clear()
            atexit.unregister(self.restore)

        def _in_front(self) -> bool:
            """Whether we are not in the background, where reading and setting would stop us."""
            try:
                return os.tcgetpgrp(self._fd) == os.getpgrp()
            except OSError as error:
                if error.errno == errno.ENOTTY:  # a terminal, but not the one that controls us: nobody stops us
                    return True
                raise

        def _set(self) -> None:
            attributes = termios.tcgetattr(self._fd)
            if self._before is None:
                self._before = [list(part) if isinstance(part, list) else part for part in attributes]
            self._again = False
            # No IXON: Ctrl-S would hold up whoever writes to the terminal, and that is the main thread.
            attributes[0] &= ~termios.IXON
            attributes[3] &= ~(termios.ICANON | termios.ECHO)
            attributes[6][termios.VMIN], attributes[6][termios.VTIME] = 1, 0
            termios.tcsetattr(self._fd, termios.TCSANOW, attributes)

        def _put_back(self) -> None:
            before, self._before = self._before, None
            if before is None:
                return
            with contextlib.suppress(OSError, termios.error):
                if self._in_front():  # else the shell has put it in order for itself
                    termios.tcsetattr(self._fd, termios.TCSANOW, before)

        def _stop(self, number: int, _: FrameType | None) -> None:
            """Ctrl-Z: stop as one does, with the terminal in order; `poll` sets it again."""
            self._put_back()
            signal.signal(signal.SIGTSTP, signal.SIG_DFL)
            signal.raise_signal(signal.SIGTSTP)
            signal.signal(signal.SIGTSTP, self._stop)

        def _go_on(self, number: int, _: FrameType | None) -> None:
            self._again = True  # whoever stopped us by SIGSTOP may have set the terminal for himself

        def _quit(self, number: int, _: FrameType | None) -> None:
            r"""Ctrl-\: end at once as one does, with the terminal in order."""
            self.restore()
            signal.signal(signal.SIGQUIT, signal.SIG_DFL)
            signal.raise_signal(signal.SIGQUIT)

else:
    _AFTER_PREFIX = {
        "H": "up", "P": "down", "K": "left", "M": "right", "I": "pageup", "Q": "pagedown", "G": "home", "O": "end",
        "R": "insert", "S": "delete", **{chr(ord(";") + number): f"f{number + 1}" for number in range(10)},
        "\x85": "f11", "\x86": "f12",
    }  # fmt: skip

    class WindowsTerminalKeys:
        """Keys of a console of Windows. Written by its documentation, not yet run on one."""

        def poll(self) -> list[str]:
            """Names of the keys that were pressed since the last call; never waits."""
            names = []
            for _ in range(_AT_ONCE):
                if not msvcrt.kbhit():
                    break
                character = msvcrt.getwch()
                if character in ("\x00", "\xe0"):
                    names.append(_AFTER_PREFIX.get(msvcrt.getwch()))
                else:
                    names.append("esc" if character == _ESC else _character(character))
            return [name for name in names if name is not None]

        def restore(self) -> None:
            """The console was not changed."""
