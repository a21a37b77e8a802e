"""Limits messages about errors of others, which may come a thousand times a second, each with other words."""

from __future__ import annotations

import threading
from collections.abc import Callable

MOST = 5
AGAIN_NS = 300_000_000_000


class LogLimiter:
    """Says the same words once, and of each kind `MOST` different ones; all of it anew after five minutes.

    Kinds are ours, never a sender's words, so nobody can use up another kind's share. Any thread.
    """

    def __init__(self, say: Callable[[str], None], *, now_ns: Callable[[], int]) -> None:
        self._say, self._now_ns = say, now_ns
        self._lock = threading.Lock()  # over what was said
        self._said: dict[str, tuple[int, set[str]]] = {}

    def __call__(self, kind: str, words: str) -> None:
        """Pass the message on, unless it was passed on already."""
        with self._lock:
            now = self._now_ns()
            began, said = self._said.get(kind, (now, set()))
            if now - began >= AGAIN_NS:
                began, said = now, set()
            if words in said or len(said) > MOST:
                return
            said.add(words)
            self._said[kind] = began, said
            if len(said) > MOST:
                words = f"{words}; more of this kind is not shown for {AGAIN_NS // 60_000_000_000} minutes"
        self._say(words)
