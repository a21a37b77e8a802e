"""Who gets changes by OSC, and what each has got. A subscriber that is silent for long is removed."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from stylefader.training.errors import ControlError

MOST = 16
EXPIRES_S = 600
"""How long after the last packet from its machine a subscriber is told."""
Value = float | str


class Subscribers:
    """By the addresses of their sockets. Any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # over both below
        self._told: dict[Any, dict[str, Value]] = {}
        self._heard_ns: dict[Any, int] = {}

    def __len__(self) -> int:
        return len(self._told)

    def add(self, who: Any, at_ns: int) -> None:
        """Tell it everything, also who asks again, and then what changes. Raises ControlError where there are many."""
        with self._lock:
            if who not in self._told and len(self._told) >= MOST:
                raise ControlError(f"there are {MOST} subscribers, no more can be had")
            self._told[who], self._heard_ns[who] = {}, at_ns

    def remove(self, who: Any) -> None:
        """Remove a subscriber; harmless if there is none."""
        with self._lock:
            self._told.pop(who, None)
            self._heard_ns.pop(who, None)

    def heard(self, host: str, at_ns: int) -> None:
        """A packet came from that machine."""
        if self._told:
            with self._lock:
                self._heard_ns |= {who: at_ns for who in self._told if who[0] == host}

    def expired(self, now_ns: int) -> list[Any]:
        """Those that were not heard of for too long, who are told no more."""
        with self._lock:
            gone = [who for who, heard_ns in self._heard_ns.items() if now_ns - heard_ns > EXPIRES_S * 10**9]
        for who in gone:
            self.remove(who)
        return gone

    def news(self, state: Mapping[str, Value]) -> list[tuple[Any, str, Value]]:
        """What each has to be told so that it knows this state; it counts as told."""
        news: list[tuple[Any, str, Value]] = []
        with self._lock:
            for who, told in self._told.items():
                news += [(who, *item) for item in state.items() if told.get(item[0]) != item[1]]
                told.update(state)
        return news
