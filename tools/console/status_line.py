"""What a live session writes while it runs: a line that is rewritten on a terminal, with messages above it.

Elsewhere, in a pipe or a file, messages and status are lines one below the other.
"""

from __future__ import annotations

import threading

from stylefader.tools.console.printable import one_line
from stylefader.tools.console.streams import columns_for_words, words_on_terminal, write_words

_CLEAR = "\r\x1b[K"


class StatusLine:
    """From any thread. `rewrites` says whether the line is rewritten in its place."""

    def __init__(self) -> None:
        self.rewrites = words_on_terminal()
        self._lock = threading.Lock()
        self._line = ""

    @property
    def columns(self) -> int:
        """Characters that the line may have: with one more the cursor of some terminals goes on to the next line."""
        return columns_for_words() - 1

    def say(self, words: str) -> None:
        """A message; on a terminal it takes the place of the line, which comes again below."""
        words = one_line(words)
        with self._lock:
            write_words(f"{_CLEAR}{words}\n{self._line}" if self.rewrites else f"{words}\n")

    def show(self, words: str) -> None:
        """The line, in place of the one before; cut to the terminal's width, else that one would stay above it."""
        words = one_line(words)
        if not self.rewrites:
            write_words(f"{words}\n")
            return
        with self._lock:
            self._line = words[: max(1, self.columns)]
            write_words(f"{_CLEAR}{self._line}")

    def end(self) -> None:
        """Leave the line as it is, and go on below it."""
        with self._lock:
            if self._line:
                write_words("\n")
            self._line = ""
