"""What tests of MIDI ports hear, and what they play."""

from __future__ import annotations

import threading
from collections.abc import Callable

from mido import Message

from stylefader.realtime.controls.events import ControlEvent


def cc(control: int, value: int) -> Message:
    return Message("control_change", control=control, value=value)


class Heard:
    """Events as they come, and words."""

    def __init__(self) -> None:
        self.events: list[ControlEvent] = []
        self.said: list[str] = []

    def until(self, true: Callable[[], bool], step: Callable[[], object] = lambda: None) -> None:
        for _ in range(1000):
            if true():
                return
            step()
            threading.Event().wait(0.02)
        raise AssertionError(f"it never came: {self.said} {self.events[-3:]}")

    def raws(self, kind: str) -> list[int]:
        return [event.raw for event in self.events if event.kind == kind]
