"""The process behind `background_adapting.py`: adapts a palette to a painting, and prints vectors as they get better.

Its one argument is JSON, and so is every line that it prints: `{"step": n}` after each step, at times with a `vector`,
whose float32 numbers are in base64, at the end `{"done": n}` or `{"error": message, "failure": bool}`. It has a
low priority, computes in one thread, and sleeps in proportion. It ends with its session.
"""

from __future__ import annotations

import base64
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from stylefader.engines.subprocesses import end_with_the_session, messages_to_the_session, unwind_at_sigterm

_KEEP_S = 10.0
"""The pack that is kept is as old as this at most."""


def main() -> None:
    """Adapt, as the JSON in the first argument asks."""
    order = json.loads(sys.argv[1])
    unwind_at_sigterm()
    end_with_the_session(Path(order["scratch"]))
    if hasattr(os, "nice"):
        os.nice(order["nice"])
    tell = messages_to_the_session()
    from stylefader.training.errors import StylefaderError

    try:
        tell(done=_adapt(order, tell))
    except StylefaderError as error:
        tell(error=str(error), failure=error.failure)


def _adapt(order: dict[str, Any], tell: Any) -> int:
    import torch

    from stylefader.training.adapting.crops import Crops, Pictures
    from stylefader.training.adapting.run import AdaptRun
    from stylefader.training.adapting.share import Share
    from stylefader.training.compute import CPU, choose_compute
    from stylefader.training.data.photographs import PhotoFolder, read_picture
    from stylefader.training.packs.pack import load_pack, save_pack
    from stylefader.training.settings import AdaptSettings

    torch.set_num_threads(1)
    share = Share(order["share"])
    photos = Path(order["photos"])
    crops: Crops = PhotoFolder(photos) if photos.is_dir() else Pictures([read_picture(photos)])
    run = AdaptRun(
        load_pack(Path(order["palette"])),
        Path(order["painting"]),
        crops,
        loss_network=Path(order["loss_network"]),
        settings=AdaptSettings(**order["settings"]),
        compute=choose_compute("auto", CPU),
        start=None if order["start"] is None else torch.tensor(order["start"]),
    )
    every, keep = order["every"], None if order["keep"] is None else Path(order["keep"])
    kept_s = time.monotonic()
    share.pause()
    while True:
        if run.adapter.iteration % every == 0 or run.finished:
            vector = base64.b64encode(run.adapter.vector.numpy().astype("<f4").tobytes()).decode()
            tell(step=run.adapter.iteration, vector=vector)
        else:
            tell(step=run.adapter.iteration)
        if keep is not None and (run.finished or time.monotonic() - kept_s >= _KEEP_S):
            save_pack(run.pack(keep, name=order["style"]))
            kept_s = time.monotonic()
        if run.finished:
            return run.adapter.iteration
        run.step()
        share.pause()


if __name__ == "__main__":
    main()
