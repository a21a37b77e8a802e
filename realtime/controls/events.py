"""A control event: what decoders give and mappings take, for every kind of control."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Kind = Literal["cc", "cc14", "nrpn", "pitchbend", "aftertouch", "polytouch", "note", "program"]
KINDS: tuple[str, ...] = get_args(Kind)
_TOP: dict[str, int] = {"cc14": 16383, "nrpn": 16383, "pitchbend": 16383}


def top(kind: Kind) -> int:
    """The largest raw value of a kind."""
    return _TOP.get(kind, 127)


@dataclass(frozen=True, kw_only=True)
class ControlEvent:
    """A control's new place. channel: 1 to 16. number: controller, note, NRPN; 0 where the kind has none; a program's.

    raw: 0 to `top(kind)`; a note's is its velocity, 0 when it is let go; a program's is its number again. at_ns: when
    it came, monotonic nanoseconds. port: where from.
    """

    kind: Kind
    channel: int
    number: int
    raw: int
    at_ns: int
    port: str = ""

    @property
    def value(self) -> float:
        """From 0 to 1."""
        return self.raw / top(self.kind)
