"""Gathers frames of a live session, and has int8 forms made of them for packs that come without one.

    stylizer --see(frame), every other second--> frames --enough--> BackgroundForm --> cache folder --> measured again

So a pack of one's own is played in int8 where that is faster, without anybody asking for it. Once a pack and session.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from stylefader.engines.int8.background_form import BackgroundForm
from stylefader.engines.int8.form import has_form
from stylefader.realtime.media.frame import Picture
from stylefader.realtime.pipeline.events import Note, Tell, untold
from stylefader.training.errors import StylefaderError
from stylefader.training.packs.pack_file import PackFile

FRAMES = 40
_EVERY_NS = 2_000_000_000
_LONGEST_SIDE = 256


class FormMaker:
    """`see` comes from the stylizer's thread, all else from the one that owns the session.

    Args:
        folder: Of the cache.
        now_ns: The clock.
        tell: Told what was made.
        make: Starts a form.
    """

    def __init__(
        self,
        folder: Path,
        *,
        now_ns: Callable[[], int],
        tell: Tell = untold,
        make: Callable[..., BackgroundForm] = BackgroundForm,
    ) -> None:
        self._folder, self._now_ns, self._tell, self._make = folder, now_ns, tell, make
        self._lock = threading.Lock()  # over the frames
        self._frames: list[Picture] = []
        self._next_ns = 0
        self._tried: set[Path] = set()
        self._form: BackgroundForm | None = None

    @property
    def stage(self) -> str | None:
        """What is being made, in words; None where nothing is. Any thread."""
        form = self._form
        return f"making int8 of {form.pack.header.name}" if form is not None else None

    def see(self, image_HWC: Picture) -> None:
        """Keep a frame of the source now and then, made smaller; the oldest goes where there are enough."""
        now = self._now_ns()
        if now < self._next_ns:
            return
        self._next_ns = now + _EVERY_NS
        height, width = image_HWC.shape[:2]
        share = min(1.0, _LONGEST_SIDE / max(height, width))
        size = (max(8, round(width * share)), max(8, round(height * share)))
        small = np.asarray(cv2.resize(image_HWC, size, interpolation=cv2.INTER_AREA), np.uint8)
        with self._lock:
            if self._frames and self._frames[0].shape != small.shape:
                self._frames.clear()
            self._frames = [*self._frames, small][-FRAMES:]

    def look(self, pack: PackFile) -> bool:
        """See to the form of the pack that plays; whether it is there now and was not before. Never waits."""
        try:
            return self._take() if self._form is not None else self._begin(pack)
        except (StylefaderError, OSError) as error:
            self._tell(Note(words=f"{pack.header.name} stays without int8: {error}"))
            self.close()
            return False

    def close(self) -> None:
        """End what is under way; harmless twice."""
        form, self._form = self._form, None
        if form is not None:
            form.close()

    def _begin(self, pack: PackFile) -> bool:
        with self._lock:
            frames = list(self._frames)
        if len(frames) < FRAMES or pack.file in self._tried:
            return False
        self._tried.add(pack.file)
        if not has_form(pack, self._folder):
            self._form = self._make(pack, frames, folder=self._folder, of="frames of a live session")
        return False

    def _take(self) -> bool:
        assert self._form is not None
        made = self._form.result()
        if made is None:
            return False
        name = self._form.pack.header.name
        self.close()
        self._tell(Note(words=f"{name} has an int8 form now, made of frames of this session: "
                              f"{made.psnr_db:.1f} dB to f32 at least"))  # fmt: skip
        return True
