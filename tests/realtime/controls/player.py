"""A session for the tests of controls: real alpha desk, everything else written down."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from stylefader.realtime.controls.events import ControlEvent, Kind
from stylefader.realtime.controls.scenes.scene_controller import SceneController
from stylefader.realtime.parameters.alpha_desk import AlphaDesk
from stylefader.realtime.parameters.flags import OutputFlags
from stylefader.realtime.parameters.parameter import Parameter, Values, alpha_parameter
from stylefader.realtime.parameters.targets import Target
from stylefader.training.errors import ControlError
from tests.realtime.live import HEADER


class FakeScenes:
    """Scenes by name that write down which was recalled or saved."""

    def __init__(self, *names: str) -> None:
        self.names, self.recalled, self.saved = list(names), list[int](), list[str | None]()

    find = SceneController.find

    def recall(self, number: int) -> None:
        self.recalled.append(number)

    def save(self, name: str | None = None) -> None:
        if name == "":
            raise ControlError("'' is not a scene's name")
        self.saved.append(name)


ALL = Target("alpha")


def block(number: int) -> Target:
    return Target("alpha", number)


class FakePlayer:
    """Three blocks at alpha 0.5, other parameters as given, and three styles."""

    def __init__(self, *others: Parameter) -> None:
        self.desk = AlphaDesk([alpha_parameter(HEADER.alpha, 3), *others])
        self.asked: list[object] = []
        self.show = OutputFlags()
        self.muted: set[str] = set()
        self.style = 0
        self.scene: str | None = None
        self.style_names = ["first", "second", "third"]
        self.moves: list[tuple[Target, float, int | None, str]] = []

    def move(self, target: Target, value: float, at_ns: int | None = None, source: str = "keys") -> None:
        self.moves.append((target, value, at_ns, source))
        if self.desk.has(target):
            self.desk.move(target, value, at_ns, source)

    def nudge(self, target: Target, step: float, at_ns: int | None = None, source: str = "keys") -> None:
        if self.desk.has(target):
            self.desk.nudge(target, step, at_ns, source)

    def targets(self) -> Mapping[str, Values]:
        return self.desk.targets()

    def standing(self) -> tuple[int, Mapping[str, Values]]:
        return self.style, self.targets()

    def go(self, style: int) -> None:
        self.style = style
        self.asked.append(("go", style))

    def step_style(self, by: int) -> None:
        self.asked.append(("step", by))

    def fade_to(
        self, style: int | None, values: Mapping[str, Values], fade_s: float, *, scene: str | None = None
    ) -> None:
        self.scene = scene
        self.asked.append(("fade", style, {name: value.tolist() for name, value in values.items()}, fade_s))

    def choose_where(self, word: str) -> str:
        if word == "nowhere":
            raise ControlError("'nowhere' is not known")
        self.asked.append(("where", word))
        return f"inside: {word}"

    def choose_pad(self, word: str) -> str:
        if word.count(",") != 3:
            raise ControlError(f"{word!r} is no pad")
        self.asked.append(("pad", word))
        return f"pad: {word}"

    def panic(self) -> None:
        self.asked.append("panic")
        self.desk.reset()

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        return self.desk.parameters

    @property
    def alpha(self) -> list[float]:
        return self.values("alpha")

    def values(self, name: str) -> list[float]:
        return [round(float(value), 4) for value in np.asarray(self.targets()[name])]


def event(kind: Kind, raw: int, number: int = 1, channel: int = 1, port: str = "nanoKONTROL2 MIDI 1") -> ControlEvent:
    return ControlEvent(kind=kind, channel=channel, number=number, raw=raw, at_ns=5, port=port)
