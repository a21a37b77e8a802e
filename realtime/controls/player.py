"""What controls ask of a live session."""

from __future__ import annotations

from typing import Protocol

from stylefader.realtime.parameters.alpha_desk import MODULATIONS, Alpha, Block
from stylefader.realtime.parameters.flags import OutputFlags
from stylefader.training.errors import ControlError

SOURCES = ("keys", "midi", "osc", "scene", *MODULATIONS)
"""What moves alpha, each of which a session can mute."""


def check_source(name: str) -> str:
    """The name of a source. Raises ControlError for any other."""
    if name not in SOURCES:
        raise ControlError(f"there is no source {name!r:.80} to mute; there are {', '.join(SOURCES)}")
    return name


class Player(Protocol):
    """`LiveSession`, as far as controls know it."""

    def move(self, block: Block, target: float, at_ns: int | None = None, source: str = "keys") -> None: ...
    def nudge(self, block: Block, step: float, at_ns: int | None = None, source: str = "keys") -> None: ...
    def targets(self) -> Alpha: ...
    def go(self, style: int) -> None: ...
    def step_style(self, by: int) -> None: ...
    def fade_to(self, style: int | None, alpha: Alpha | None, fade_s: float, *, scene: str | None = None) -> None: ...
    def panic(self) -> None: ...

    @property
    def alpha_range(self) -> tuple[float, float]: ...
    @property
    def show(self) -> OutputFlags: ...
    @property
    def muted(self) -> set[str]: ...
    @property
    def style(self) -> int: ...
    @property
    def scene(self) -> str | None: ...
    @property
    def style_names(self) -> list[str]: ...


def is_on(player: Player, switch: str) -> bool:
    """Whether a flag is on; `modulation` is while none of what moves alpha by itself is muted."""
    if switch == "modulation":
        return player.muted.isdisjoint(MODULATIONS)
    return bool(getattr(player.show, switch))


def turn(player: Player, switch: str, on: bool) -> None:
    """Turn a flag, or `modulation`, on or off."""
    if switch != "modulation":
        setattr(player.show, switch, on)
    elif on:
        player.muted.difference_update(MODULATIONS)
    else:
        player.muted.update(MODULATIONS)
