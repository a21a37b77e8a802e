"""The window is drawn when there is something new to see, and else left alone."""

from __future__ import annotations

from typing import Any

from stylefader.realtime.media.frame import Frame
from stylefader.realtime.pipeline.queues import NewestMailbox
from stylefader.realtime.session.viewer import Text, Viewer
from tests.realtime.fake_clock import FakeClock
from tests.realtime.live import numbered


class FakeWindow:
    def __init__(self) -> None:
        self.mode, self.split, self.full_screen = "stylized", 0.5, False
        self.drawn: list[tuple[int, Any]] = []

    def show(self, frame: Frame, lines: Any, sign: Any, help_rows: Any) -> None:
        self.drawn.append((frame.index, (lines, sign, help_rows)))

    def poll(self) -> list[str]:
        return ["up"]


class Room:
    def __init__(self) -> None:
        self.window, self.clock, self.text = FakeWindow(), FakeClock(), Text(lines=("wave",))
        self.frames: NewestMailbox[Frame] = NewestMailbox()
        self.shown: list[int] = []
        self.viewer = Viewer(
            self.window,  # type: ignore[arg-type]
            self.frames,
            shown=lambda captured_ns, shown_ns: self.shown.append(captured_ns),
            now_ns=self.clock.now_ns,
        )

    def step(self) -> int:
        """How often it is drawn."""
        before = len(self.window.drawn)
        assert self.viewer.step(0, lambda: self.text) == ["up"], "keys are heard all the same"
        self.clock.pass_time(0.02)
        return len(self.window.drawn) - before


def test_nothing_is_drawn_before_there_is_a_frame() -> None:
    assert Room().step() == 0


def test_a_frame_is_drawn_once() -> None:
    room = Room()
    for number in range(3):
        room.frames.put(numbered(number, captured_ns=number))
        assert [room.step() for _ in range(5)] == [1, 0, 0, 0, 0]
    assert [index for index, _ in room.window.drawn] == room.shown == [0, 1, 2]


def test_other_words_and_what_a_key_or_the_mouse_changes_are_drawn() -> None:
    room = Room()
    room.frames.put(numbered(7))
    assert room.step() == 1
    for change in (
        lambda: setattr(room, "text", Text(lines=("wave", "30 fps"))),
        lambda: setattr(room, "text", Text(lines=("wave", "30 fps"), sign="no signal")),
        lambda: setattr(room, "text", Text(help_rows=(("q", "quit"),))),
        lambda: setattr(room.window, "mode", "split"),
        lambda: setattr(room.window, "split", 0.25),
        lambda: setattr(room.window, "full_screen", True),
    ):
        change()
        assert [room.step(), room.step()] == [1, 0]
    assert room.window.drawn[-1] == (7, ((), None, (("q", "quit"),)))


def test_a_picture_that_stands_fills_a_window_that_was_made_larger() -> None:
    room = Room()
    room.frames.put(numbered(0))
    assert 4 <= sum(room.step() for _ in range(50)) <= 5, "now and then within a second"
