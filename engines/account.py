"""The account of an engine that was opened: which one, why, and where it came from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class EngineAccount:
    """Which engine was opened, why that one, and where it came from. The texts have no comma at either end.

    why: such as `as asked` or `the fastest here`. came: such as `from the cache`, empty where nothing is kept.
    not_kept: why it could not be kept in the cache. reasons: the same in detail.
    """

    engine: str
    precision: str
    why: str
    came: str = ""
    not_kept: str = ""
    reasons: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """All but the reasons in one short line."""
        line = ", ".join(filter(None, [f"{self.engine} {self.precision}", self.why, self.came]))
        return f"{line}; not kept: {self.not_kept}" if self.not_kept else line
