"""Where the `stylefader` program begins: signals are in order before anything that takes time is imported."""

from __future__ import annotations

import sys
from typing import NoReturn

from tools.signals import end_at_once


def main() -> NoReturn:
    """Run the command on the command line and exit with its code."""
    end_at_once()
    from tools.cli import run

    code = run(sys.argv[1:])
    end_at_once()  # all is in order, and nothing of ours is left that an exception could unwind
    sys.exit(code)


if __name__ == "__main__":
    main()
