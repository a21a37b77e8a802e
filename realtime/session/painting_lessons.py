"""Paintings that a session learns while it plays: one after another, each by a process of its own.

    painting's first vector plays --ask--> PaintingLessons --AdaptOrder--> BackgroundAdapting
                                                 |                                |
               engines <--learn(name, vector)----+<-----------newest vector-------+

What they cost is bounded: see `background_adapting.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from stylefader.realtime.pipeline.events import Tell
from stylefader.realtime.session.background_adapting import AdaptOrder, BackgroundAdapting, SetVector, State
from stylefader.realtime.session.events import LessonDone, LessonFailed, LessonStarted, LessonStarved
from stylefader.training.adapting.loss_network_file import find_loss_network, training_run
from stylefader.training.closing import Closing
from stylefader.training.errors import SourceError, StylefaderError, TrainingError
from stylefader.training.files import PICTURE_SUFFIXES
from stylefader.training.hashing import file_hash
from stylefader.training.packs.pack_file import PackFile
from stylefader.training.packs.style_names import free_style_name
from stylefader.training.reading.pictures import picture_kind

_STARVED_NS = 60_000_000_000
"""After so long without a step the machine has no time left for it."""
_MOST = 8


@dataclass(frozen=True, kw_only=True)
class LessonConfig:
    """How a session learns paintings that it is given.

    Attributes:
        share: Of one processor, above 0 and at most 1.
        photos: A folder of photographs, or one picture, to learn on.
        loss_network: Its file; None looks for it where `stylefader adapt` does.
        keep: A folder that gets `STYLE.safetensors` for every painting, the palette with that style, with a number in
            its name where there is such a file; None keeps none.
    """

    share: float
    photos: Path
    loss_network: Path | None = None
    keep: Path | None = None

    def check(self, palette: PackFile) -> None:
        """Raise StylefaderError for what cannot be."""
        if not 0 < self.share <= 1:
            raise TrainingError(f"the share of adapting is above 0 and at most 1, not {self.share}")
        if not self._has_photos():
            raise SourceError(f"no photographs at {self.photos}: adapting learns on a folder of them, or on a picture")
        if self.keep is not None and not self.keep.is_dir():
            raise SourceError(f"the folder {self.keep} is not there")
        network, wanted = find_loss_network(self.loss_network, palette.header), training_run(palette.header, "blocks")
        if file_hash(network) != wanted["loss_network_sha256"]:
            raise TrainingError(f"{palette.header.name} was trained with another loss network than {network}")

    def file_for(self, style: str) -> Path | None:
        """The file that gets what is learnt of a style."""
        if self.keep is None:
            return None
        taken = {file.stem for file in self.keep.glob("*.safetensors")}
        return self.keep / f"{free_style_name(style, taken)}.safetensors"

    def _has_photos(self) -> bool:
        if self.photos.is_dir():
            return any(file.suffix.lower() in PICTURE_SUFFIXES for file in self.photos.rglob("*"))
        return self.photos.is_file() and picture_kind(self.photos) is not None


@dataclass(frozen=True, kw_only=True)
class LessonState:
    """What is being learnt at this moment. step: so many are done; waiting: paintings behind it."""

    style: str
    step: int
    steps: int
    share: float
    waiting: int


class Learns(Protocol):
    """A `BackgroundAdapting`, as far as lessons know it."""

    state: State
    step: int
    problem: str

    def stop(self) -> None:
        """Have it end, without waiting for that."""


@dataclass(frozen=True, kw_only=True, eq=False)
class _Lesson:
    palette: PackFile
    order: AdaptOrder
    newest: list[npt.NDArray[np.float32]] = field(default_factory=list)


class PaintingLessons(Closing):
    """The thread that owns the session calls all of it; `state` may come from any.

    Args:
        config: How paintings are learnt.
        learn: Takes a palette, the name of one of its styles, and that style's new vector, float32 (d,); a ValueError
            of its ends that painting's learning.
        tell: Told what begins and ends.
        begin: Starts to learn.
    """

    def __init__(
        self,
        config: LessonConfig,
        learn: Callable[[PackFile, str, npt.NDArray[np.float32]], None],
        *,
        tell: Tell,
        begin: Callable[[AdaptOrder, SetVector], Learns] = BackgroundAdapting,
    ) -> None:
        self._config, self._learn, self._tell, self._begin = config, learn, tell, begin
        self._waiting: list[_Lesson] = []
        self._now: tuple[_Lesson, Learns] | None = None
        self._step, self._since_ns = 0, 0
        self._taught: npt.NDArray[np.float32] | None = None

    @property
    def state(self) -> LessonState | None:
        """What is being learnt; None where nothing is."""
        now = self._now
        if now is None:
            return None
        lesson, learning = now
        return LessonState(
            style=lesson.order.style, step=learning.step, steps=lesson.order.settings.steps,
            share=self._config.share, waiting=len(self._waiting),
        )  # fmt: skip

    def ask(self, palette: PackFile, style: str, painting: Path, **more: Any) -> None:
        """Have the vector of a style get better, once those asked for before are done.

        Args:
            palette: That plays the style; the vector that it has of it is where learning begins.
            style: Its name in the palette.
            painting: What it is the style of.
            more: Further fields of the `AdaptOrder`.
        """
        config = self._config
        try:
            if len(self._waiting) >= _MOST:
                raise SourceError(f"{_MOST} paintings wait to be learnt already")
            order = AdaptOrder(
                style=style, palette=palette.file, painting=painting, photos=config.photos, share=config.share,
                loss_network=find_loss_network(config.loss_network, palette.header), keep=config.file_for(style),
                start=palette.style_vectors()[style], **more,
            )  # fmt: skip
        except StylefaderError as error:
            self._tell(LessonFailed(style=style, why=str(error)))
            return
        self._waiting.append(_Lesson(palette=palette, order=order))

    def tick(self, now_ns: int) -> None:
        """Hand on what was learnt since the last call, and go on to the next painting. Never waits."""
        if self._now is None:
            self._next(now_ns)
            return
        lesson, learning = self._now
        state = learning.state  # before the vector, so that the last one is not missed
        newest = lesson.newest
        if newest and newest[-1] is not self._taught:
            self._taught = newest[-1]
            del newest[:-1]
            try:
                self._learn(lesson.palette, lesson.order.style, self._taught)
            except ValueError as error:  # the show goes on
                self._now = None
                learning.stop()
                self._tell(LessonFailed(style=lesson.order.style, why=str(error)))
                return
        self._watch(lesson, learning, now_ns)
        if state != "learning":
            self._now = None
            self._say_how(lesson, learning, state)

    def close(self) -> None:
        """Have what is under way end, and forget what waits; harmless twice. Nothing is waited for."""
        self._waiting.clear()
        now, self._now = self._now, None
        if now is not None:
            now[1].stop()

    def _next(self, now_ns: int) -> None:
        if self._waiting:
            lesson = self._waiting.pop(0)
            self._step, self._since_ns = 0, now_ns
            self._now = lesson, self._begin(lesson.order, lambda name, vector: lesson.newest.append(vector))
            self._tell(LessonStarted(style=lesson.order.style, share=self._config.share))

    def _watch(self, lesson: _Lesson, learning: Learns, now_ns: int) -> None:
        """Say once in a while where the machine has no time left."""
        if learning.step != self._step:
            self._step, self._since_ns = learning.step, now_ns
        elif now_ns - self._since_ns >= _STARVED_NS:
            self._since_ns = now_ns + 9 * _STARVED_NS
            self._tell(LessonStarved(style=lesson.order.style, step=learning.step, seconds=_STARVED_NS // 10**9))

    def _say_how(self, lesson: _Lesson, learning: Learns, state: State) -> None:
        style = lesson.order.style
        if state == "done":
            self._tell(LessonDone(style=style, steps=learning.step, kept=lesson.order.keep))
        elif state == "failed":
            self._tell(LessonFailed(style=style, why=learning.problem))
