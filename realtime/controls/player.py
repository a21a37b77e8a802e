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

    def move(self, target: Target, value: float, at_ns: int | None = None, source: str = "keys") -> None:
        """Move a target to a value, at a time of the monotonic clock (now where None)."""

    def nudge(self, target: Target, step: float, at_ns: int | None = None, source: str = "keys") -> None:
        """Move a target by a step from where it stands."""

    def targets(self) -> Mapping[str, Values]:
        """Where each parameter of the style that was chosen last is to go, by name."""

    def go(self, style: int) -> None:
        """Change to a style by its number, counted from 0 and round."""

    def step_style(self, by: int) -> None:
        """Change to the style that is `by` places further on; negative goes back."""

    def fade_to(
        self, style: int | None, values: Mapping[str, Values], fade_s: float, *, scene: str | None = None
    ) -> None:
        """Change to a style (None keeps it) and let its parameters glide to values, in `fade_s` seconds."""

    def panic(self) -> None:
        """Clear all flags, mute what moves by itself, and go to the first style at its defaults."""

    def choose_pad(self, word: str) -> str:
        """Put four styles at the corners of a palette's pad, as in `A,B,C,D`; gives them in words.

        Raises ControlError.
        """

    def choose_where(self, word: str) -> str:
        """Change to the source of masks that a word of `--where` means; gives what is inside now, in words.

        Raises ControlError.
        """

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        """Parameters of the style that was chosen last, by name."""

    @property
    def show(self) -> OutputFlags:
        """Flags of the output, such as black-out and freeze."""

    @property
    def muted(self) -> set[str]:
        """Names of the sources that are muted."""

    @property
    def style(self) -> int:
        """Number of the style that was chosen last, counted from 0."""

    @property
    def scene(self) -> str | None:
        """Name of the scene that was recalled last; None where none was or another style was chosen since."""

    @property
    def style_names(self) -> list[str]:
        """Names of the styles, in order."""
