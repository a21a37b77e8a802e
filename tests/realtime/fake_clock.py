"""A clock that tests move: sleeping takes no time, and says how long it would have been."""

from __future__ import annotations


class FakeClock:
    def __init__(self) -> None:
        self.ns = 1_000_000_000_000
        self.slept = 0.0

    def now_ns(self) -> int:
        return self.ns

    def sleep(self, seconds: float) -> None:
        self.slept += seconds
        self.ns += round(seconds * 1_000_000_000)

    def pass_time(self, seconds: float) -> None:
        """Something else takes so long."""
        self.ns += round(seconds * 1_000_000_000)
