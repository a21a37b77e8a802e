"""The process behind `engines.build`: opens one engine, which leaves it in the cache, and says how it goes.

Its one argument is JSON, and so is every line that it prints: `{"stage": words}`, at the end `{"done": why}` or
`{"error": message, "failure": bool}`. Whatever libraries print goes to standard error.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn


def _terminate(number: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)  # unwinds, so that nothing half written stays


def main() -> None:
    signal.signal(signal.SIGTERM, _terminate)
    if hasattr(os, "nice"):
        os.nice(10)  # frames come first
    to_session = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def tell(**document: Any) -> None:
        print(json.dumps(document), file=to_session, flush=True)

    from engines.opening import open_engine
    from training.errors import StylefaderError
    from training.pack import load_pack

    order = json.loads(sys.argv[1])
    try:
        engine, why = open_engine(
            load_pack(Path(order["pack"])),
            order["height"],
            order["width"],
            backend=order["backend"],
            precision=order["precision"],
            goal=order["goal"],
            least_db=order["least_db"],
            cache_dir=Path(order["cache_dir"]),
            report=lambda words: tell(stage=words),
        )
    except StylefaderError as error:
        tell(error=str(error), failure=error.failure)
        return
    engine.warm_up()  # some measure and compile only then, and keep that as well
    engine.close()
    tell(done=why)


if __name__ == "__main__":
    main()
