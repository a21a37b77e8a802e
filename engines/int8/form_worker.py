"""The process behind `background_form.py`: makes one int8 form over the frames that a session has left.

Its one argument is JSON. It leaves the form in the file `answer`, or prints one line that says why there is none. It
ends with its session.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from stylefader.engines.subprocesses import end_with_the_session

_HELD_OUT = 4
"""Every so many frames one is kept to measure on."""


def main() -> None:
    """Make the form that the JSON in the first argument asks for."""
    order: dict[str, Any] = json.loads(sys.argv[1])
    end_with_the_session(Path(order["scratch"]))
    if hasattr(os, "nice"):
        os.nice(10)  # frames come first, as with measurements
    import numpy as np

    from stylefader.engines.int8.quantize import quantize
    from stylefader.training.errors import StylefaderError, one_line
    from stylefader.training.packs.pack_file import PackFile

    frames = list(np.load(order["frames"], allow_pickle=False))
    held_out = frames[::_HELD_OUT]
    others = [frame for number, frame in enumerate(frames) if number % _HELD_OUT] or frames
    try:
        quantize(PackFile(Path(order["pack"])), others, held_out, of=order["of"]).save(Path(order["answer"]))
    except (StylefaderError, OSError) as error:
        print(one_line(error), file=sys.stderr)
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)  # what libraries do at exit may hang


if __name__ == "__main__":
    main()
