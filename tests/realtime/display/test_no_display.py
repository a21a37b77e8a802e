"""A window where there is no display, and one that is not open."""

from __future__ import annotations

from fractions import Fraction

import pytest

from stylefader.realtime.display.window import Window
from stylefader.realtime.media.frame import Frame
from stylefader.training.errors import SinkError
from tests.realtime.display.programs import OPENS, linux, program


@linux
@pytest.mark.parametrize(
    ("variables", "part"),
    [
        ({}, "neither DISPLAY nor WAYLAND_DISPLAY is set"),
        ({"DISPLAY": ":4077"}, "the display :4077 does not answer"),
        ({"DISPLAY": "nonsense"}, "the display nonsense does not answer"),
        ({"WAYLAND_DISPLAY": "w9", "XDG_RUNTIME_DIR": "/nowhere"}, "SDL opens no display (wayland not available)"),
        ({"DISPLAY": ":4077", "SDL_VIDEODRIVER": "nonsense"}, "SDL opens no display (nonsense not available)"),
    ],
)
def test_without_a_display_it_says_so(variables: dict[str, str], part: str) -> None:
    done = program(OPENS, **variables)
    assert done.stderr == ""
    (line,) = done.stdout.splitlines()
    assert line.startswith("no window can be shown: ") and part in line and line.endswith("--no-window")


def test_a_closed_window_refuses_frames_and_has_no_keys(picture) -> None:
    window = Window("test", 64, 48)
    frame = Frame(image=picture(48, 64), pts=Fraction(0), index=0, captured_ns=0)
    with pytest.raises(SinkError, match="not open"):
        window.show(frame)
    assert window.poll() == []
    window.close()
