"""What controls ask of a live session."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from stylefader.realtime.parameters.alpha_desk import MODULATIONS
from stylefader.realtime.parameters.flags import OutputFlags
from stylefader.realtime.parameters.parameter import Parameter, Values
from stylefader.realtime.parameters.targets import Target
from stylefader.training.errors import ControlError

SOURCES = ("keys", "midi", "osc", "scene", *MODULATIONS)
"""What moves parameters, each of which a session can mute."""


def check_source(name: str) -> str:
    """The name of a source. Raises ControlError for any other."""
    if name not in SOURCES:
        raise ControlError(f"there is no source {name!r:.80} to mute; there are {', '.join(SOURCES)}")
    return name


class Player(Protocol):
    """`LiveSession`, as far as controls know it. parameters: what the style that was chosen last declares."""

    def move(self, target: Target, value: float, at_ns: int | None = None, source: str = "keys") -> None: ...
    def nudge(self, target: Target, step: float, at_ns: int | None = None, source: str = "keys") -> None: ...
    def targets(self) -> Mapping[str, Values]: ...
    def go(self, style: int) -> None: ...
    def step_style(self, by: int) -> None: ...
    def fade_to(
        self, style: int | None, values: Mapping[str, Values], fade_s: float, *, scene: str | None = None
    ) -> None: ...
    def panic(self) -> None: ...

    @property
    def parameters(self) -> Mapping[str, Parameter]: ...
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
