"""The process behind `background_build.py`: opens one engine, which leaves it in the cache, and says how it goes.

Its one argument is JSON, and so is every line that it prints: `{"stage": words}`, at the end `{"done": why}` or
`{"error": message, "failure": bool}`. Whatever libraries print goes to standard error. It ends with its session.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from stylefader.engines.subprocesses import end_with_the_session, messages_to_the_session, unwind_at_sigterm

_UNWIND_S = 2.0
"""How long a build may take to clean up after its session has ended."""


_session_is_gone = threading.Event()


def _unwind() -> None:
    """Ask the main thread to end, which a compiler may keep from hearing it, and give it a moment."""
    _session_is_gone.set()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_UNWIND_S)


def main() -> None:
    """Build one engine into the cache, as the JSON in the first argument asks."""
    order = json.loads(sys.argv[1])
    try:
        _main(order)
    finally:
        if _session_is_gone.is_set():
            shutil.rmtree(order["scratch"], ignore_errors=True)


def _main(order: dict[str, Any]) -> None:
    unwind_at_sigterm()
    end_with_the_session(Path(order["scratch"]), first=_unwind)
    if hasattr(os, "nice") and not order["awaited"]:
        os.nice(5)  # the frames of what plays come first; measurements, at 10, come after it
    tell = messages_to_the_session()

    from stylefader.engines.opening import open_engine
    from stylefader.training.errors import StylefaderError
    from stylefader.training.packs.pack_file import PackFile

    try:
        engine, why = open_engine(
            PackFile(Path(order["pack"])),
            order["height"],
            order["width"],
            backend=order["backend"],
            precision=order["precision"],
            goal=order["goal"],
            least_db=order["least_db"],
            cache_dir=Path(order["cache_dir"]),
            report=lambda words: tell(stage=words),
            masked=order["masked"],
        )
    except StylefaderError as error:
        tell(error=str(error), failure=error.failure)
        return
    engine.warm_up()  # some measure and compile only then, and keep that as well
    engine.close()
    tell(done=why, came=engine.outcome.words if engine.outcome else "")


if __name__ == "__main__":
    main()
