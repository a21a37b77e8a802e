"""A session for the tests of controls: real alpha desk, everything else written down."""

from __future__ import annotations

import numpy as np

from stylefader.realtime.controls.events import ControlEvent, Kind
from stylefader.realtime.controls.scenes.scene_controller import SceneController
from stylefader.realtime.parameters.alpha_desk import Alpha, AlphaDesk, Block
from stylefader.realtime.parameters.flags import OutputFlags
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


class FakePlayer:
    """Three blocks at alpha 0.5 and three styles."""

    def __init__(self) -> None:
        self.desk = AlphaDesk(HEADER.alpha, 3)
        self.asked: list[object] = []
        self.show = OutputFlags()
        self.muted: set[str] = set()
        self.style = 0
        self.scene: str | None = None
        self.style_names = ["first", "second", "third"]
        self.alpha_range = (0.0, 1.0)
        self.moves: list[tuple[Block, float, int | None, str]] = []

    def move(self, block: Block, target: float, at_ns: int | None = None, source: str = "keys") -> None:
        self.moves.append((block, target, at_ns, source))
        if block == "all" or block < self.desk.n_blocks:
            self.desk.move(block, target, at_ns, source)

    def nudge(self, block: Block, step: float, at_ns: int | None = None, source: str = "keys") -> None:
        self.desk.nudge(block, step, at_ns, source)

    def targets(self) -> Alpha:
        return self.desk.targets()

    def standing(self) -> tuple[int, Alpha]:
        return self.style, self.targets()

    def go(self, style: int) -> None:
        self.style = style
        self.asked.append(("go", style))

    def step_style(self, by: int) -> None:
        self.asked.append(("step", by))

    def fade_to(self, style: int | None, alpha: Alpha | None, fade_s: float, *, scene: str | None = None) -> None:
        self.scene = scene
        self.asked.append(("fade", style, None if alpha is None else alpha.tolist(), fade_s))

    def panic(self) -> None:
        self.asked.append("panic")
        self.desk.reset()

    @property
    def alpha(self) -> list[float]:
        return [round(float(value), 4) for value in np.asarray(self.targets())]


def event(kind: Kind, raw: int, number: int = 1, channel: int = 1, port: str = "nanoKONTROL2 MIDI 1") -> ControlEvent:
    return ControlEvent(kind=kind, channel=channel, number=number, raw=raw, at_ns=5, port=port)
