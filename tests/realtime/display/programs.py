"""Programs that open a window, each a process of its own, since SDL keeps its display."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

linux = pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="these systems always have a display")
VARIABLES = ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER", "XDG_RUNTIME_DIR")


def program(code: str, *arguments: str, timeout_s: float = 120, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run Python in a process of its own, since SDL keeps its display; of VARIABLES it has only these."""
    env = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    line = [sys.executable, "-c", code, *arguments]
    return subprocess.run(line, env=env | variables, capture_output=True, text=True, timeout=timeout_s)


OPENS = """
import sys

import pytest
from stylefader.realtime.display.window import Window
from stylefader.training.errors import SinkError
try:
    Window("test", 64, 48).open()
except SinkError as error:
    print(error)
"""
