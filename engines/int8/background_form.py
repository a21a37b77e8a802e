"""An int8 form made behind a live session, over frames of its own, by a process of low priority.

What is kept is a few kilobytes of ranges in the cache folder; the frames are removed with the process.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stylefader.engines.base import Picture
from stylefader.engines.cache.folder import folder_problem
from stylefader.engines.int8.form import Quantized, made_here_file, parse_form
from stylefader.engines.subprocesses import end_worker, last_words, start_worker
from stylefader.training.errors import EngineError, PackError

if TYPE_CHECKING:
    from stylefader.training.packs.pack_file import PackFile

_TIMEOUT_S = 900.0
_LARGEST = 1 << 18


class BackgroundForm:
    """One form being made: it starts when made. Asked from one thread; `close` twice is harmless.

    Args:
        pack: Whose form.
        frames: uint8 (H, W, 3), all of one size; every fourth is measured on, the ranges are of the others.
        folder: Of the cache.
        of: What the frames are, in words.

    Raises:
        EngineError: The cache folder cannot be written.
        PackError: The pack is spoilt.
    """

    def __init__(self, pack: PackFile, frames: Sequence[Picture], *, folder: Path, of: str) -> None:
        if problem := folder_problem(folder):
            raise EngineError(problem)
        self.pack = pack
        self._file = made_here_file(pack, folder)
        self._scratch = tempfile.TemporaryDirectory(prefix="stylefader-", ignore_cleanup_errors=True)
        self._until = time.monotonic() + _TIMEOUT_S
        scratch = Path(self._scratch.name)
        self._answer = scratch / "form.json"
        self._words = (scratch / "words.txt").open("w+", errors="replace")
        pack.copy_to(scratch / "pack.safetensors")
        np.save(scratch / "frames.npy", np.stack(frames))
        order = {
            "pack": str(scratch / "pack.safetensors"), "frames": str(scratch / "frames.npy"), "scratch": str(scratch),
            "answer": str(self._answer), "of": of,
        }  # fmt: skip
        self._worker = start_worker(
            "stylefader.engines.int8.form_worker", json.dumps(order), stdout=subprocess.DEVNULL, stderr=self._words
        )

    def result(self) -> Quantized | None:
        """The form, once it is made and kept; None until then. Never waits.

        Raises:
            EngineError: It cannot be made.
        """
        if self._worker.poll() is None:
            if time.monotonic() > self._until:
                raise EngineError(f"no form within {_TIMEOUT_S:.0f} s", failure=True)
            return None
        try:
            text = self._answer.read_bytes()[:_LARGEST].decode()
            form = parse_form(text)
            form.save(self._file)
        except (OSError, PackError, ValueError) as error:
            why = last_words(self._words) or str(error)
            raise EngineError(f"no int8 form could be made: {why}", failure=True) from error
        return form

    def close(self) -> None:
        """End the process and remove the frames."""
        end_worker(self._worker, with_children=True)
        self._words.close()
        self._scratch.cleanup()
