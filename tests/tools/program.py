"""Running the `stylefader` program as a user does, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROGRAM = Path(sys.executable).with_name("stylefader")


def stylefader(*arguments: object, cwd: Path, timeout: float = 600) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; its outputs and exit code."""
    return subprocess.run(
        [str(PROGRAM), *map(str, arguments)], cwd=cwd, capture_output=True, text=True, timeout=timeout, check=False
    )
