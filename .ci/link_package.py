"""Links the rooms below `.package/stylefader`, as they are installed, for mypy and editors.

These follow no import hooks, by which an editable installation finds the rooms. Run by `make`; harmless when all is
there. Links of the system's own kind: symbolic ones, on Windows junctions.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / ".package" / "stylefader"


def link(target: Path) -> None:
    place = PACKAGE / target.name
    if place.exists():
        return
    if place.is_symlink():
        place.unlink()
    if sys.platform != "win32":
        place.symlink_to(os.path.relpath(target, PACKAGE))
    elif target.is_dir():
        import _winapi

        _winapi.CreateJunction(str(target), str(place))
    else:
        os.link(target, place)


def main() -> None:
    PACKAGE.mkdir(parents=True, exist_ok=True)
    for room in ("engines", "realtime", "tools", "training"):
        link(ROOT / room)
    for file in (ROOT / "stylefader").iterdir():
        if file.is_file():
            link(file)


if __name__ == "__main__":
    main()
