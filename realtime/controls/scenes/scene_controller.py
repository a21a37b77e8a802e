"""The scenes of a running session: recalled by name or number, saved as it stands, read again after an edit."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from stylefader.realtime.controls.action_kinds import place_in
from stylefader.realtime.controls.mapping.watched_file import Stamp, stamp_of
from stylefader.realtime.controls.player import Player
from stylefader.realtime.controls.scenes.saved_scenes import standing, write_saved
from stylefader.realtime.controls.scenes.scene_file import (
    MOST_SCENES,
    SCENE_NAME,
    Casting,
    Scene,
    cast,
    is_scene_name,
    read_scenes,
)
from stylefader.realtime.parameters.parameter import Parameter, Values
from stylefader.training.errors import ControlError
from stylefader.training.packs.pack_file import PackFile

_MOST_WAITING = 100
_SETTLE_S = 5.0
Cast = tuple[tuple[Scene, int | None], ...]
"""Scenes, and which style of the engine loader each has."""


class Styles(Protocol):
    """The engine loader, as far as scenes know it."""

    packs: list[PackFile]

    def add(self, packs: list[PackFile]) -> None:
        """Put further packs behind those that there are."""


class Performed(Player, Protocol):
    """A player that scenes can be saved of."""

    def standing(self) -> tuple[int, Mapping[str, Values]]:
        """Number of the style that was chosen last, and where its parameters are to go."""


@dataclass
class _Work:
    """What a thread of its own does: write what was saved, and read the file where it changed."""

    thread: threading.Thread
    styles: int
    saved: int = 0
    said: list[str] = field(default_factory=list)
    read: tuple[tuple[Scene, ...], Casting] | None = None
    error: BaseException | None = None


class SceneController:
    """Any thread recalls and saves; `poll` comes from the one that owns the session, some times a second.

    Files are written and read by threads of their own, one at a time, so that neither costs the session any time.
    fade_s: of scenes that do not say. Styles that scenes name and the engine loader lacks are added to it. mask: what
    sources of masks have to be moved; it may be set.
    Raises ControlError for a file that does not fit; later edits that do not fit are reported, and the old scenes stay.
    """

    def __init__(
        self,
        path: Path,
        player: Performed,
        loader: Styles,
        *,
        fade_s: float = 1.0,
        mask: Sequence[Parameter] = (),
        say: Callable[[str], None] = lambda words: None,
    ) -> None:
        self._player, self._loader, self._fade_s, self._say = player, loader, fade_s, say
        self._path, self.mask = path, mask
        self._seen: Stamp | None = stamp_of(path)
        self._there: Cast = ()
        self._work: _Work | None = None
        self._lock = threading.Lock()  # over those that wait to be written
        self._waiting: deque[Scene] = deque()
        scenes = read_scenes(path)
        self._take_over(scenes, cast(scenes, loader.packs, path, mask))

    @property
    def names(self) -> list[str]:
        """All scenes, in the order of the file."""
        return [scene.name for scene, _ in self._there]

    def find(self, which: str | float) -> int:
        """A scene's number from 0, by its name or its number from 1. Raises ControlError with what there is."""
        return place_in(self.names, which, "scene")

    def recall(self, number: int) -> None:
        """Go to a scene, counted from 0, in its own time; a number without a scene is ignored."""
        there = self._there
        if not 0 <= number < len(there):
            return
        scene, style = there[number]
        for flag, value in scene.flags.items():
            setattr(self._player.show, flag, value)
        values = {name: np.atleast_1d(np.asarray(value, np.float32)) for name, value in scene.values.items()}
        fade_s = self._fade_s if scene.fade is None else scene.fade
        self._player.fade_to(style, values, fade_s, scene=scene.name)

    def save(self, name: str | None = None) -> str:
        """Keep how the session stands at this moment as a scene of that name; a new one where none is given.

        A style that is still being built counts, with the strengths that it comes with. The name. The file is written
        after the next `poll`. Raises ControlError for what can be no name, and where there are too many.
        """
        style, targets = self._player.standing()
        with self._lock:
            names = {*self.names, *(scene.name for scene in self._waiting)}
            if name is None:
                name = next(free for number in range(1, len(names) + 2) if (free := f"scene {number}") not in names)
            if not is_scene_name(name):
                raise ControlError(f"{name!r:.80} is not {SCENE_NAME}")
            if name not in names and len(names) >= MOST_SCENES:
                raise ControlError(f"there are {MOST_SCENES} scenes: {name!r:.80} is not saved")
            if len(self._waiting) >= _MOST_WAITING:
                raise ControlError(f"{_MOST_WAITING} scenes wait to be written already: {name!r:.80} is not saved")
            self._waiting.append(standing(name, self._loader.packs[style], targets, self._path))
        return name

    def poll(self) -> bool:
        """Start writing saved scenes, and apply an edited file; whether the scenes have changed. Never waits.

        Raises the error that ended one of its threads.
        """
        changed = False
        if self._work is not None:
            if self._work.thread.is_alive():
                return False
            work, self._work = self._work, None
            for words in work.said:
                self._say(words)
            if work.error is not None:
                raise work.error
            if work.read is not None and work.styles != len(self._loader.packs):
                self._seen = None  # a style came meanwhile, so the numbers are other ones: read again
            elif work.read is not None:
                self._take_over(*work.read)
                self._say(f"{self._path}: {len(self._there)} scenes")
                changed = True
            with self._lock:  # only now, so that `save` has seen them in one place or the other
                for _ in range(work.saved):
                    self._waiting.popleft()
        if self._waiting or stamp_of(self._path) not in (None, self._seen):
            packs = list(self._loader.packs)
            thread = threading.Thread(target=self._do, args=(packs,), name="scenes", daemon=True)
            self._work = _Work(thread, styles=len(packs))
            self._work.thread.start()
        return changed

    def settle(self, most_s: float = _SETTLE_S) -> bool:
        """Wait until what was saved is written and read, that long at most; whether there are other scenes now."""
        changed, end = False, time.monotonic() + most_s
        while True:
            changed = self.poll() or changed
            if self._work is None or time.monotonic() >= end:
                return changed
            self._work.thread.join(max(0.0, end - time.monotonic()))

    def _do(self, packs: list[PackFile]) -> None:
        """The thread's work. packs: those of the engine loader when it began."""
        work = self._work
        assert work is not None
        try:
            with self._lock:
                saved = list(self._waiting)
            if saved:
                work.saved = len(saved)
                work.said += self._write(saved)
            stamp = stamp_of(self._path)
            if stamp not in (None, self._seen):  # None: an editor may be about to put it back
                self._seen = stamp
                try:
                    scenes = read_scenes(self._path)
                    work.read = scenes, cast(scenes, packs, self._path, self.mask)
                except ControlError as error:
                    work.said.append(f"{error}; what was read before stays")
        except BaseException as error:
            work.error = error

    def _write(self, saved: list[Scene]) -> list[str]:
        try:
            write_saved(self._path, saved)
        except ControlError as error:
            return [f"{error}; scene {scene.name!r} is not saved" for scene in saved]
        names = dict.fromkeys(scene.name for scene in saved)
        if len(names) == 1:
            return [f"{self._path}: saved scene {saved[0].name!r}"]
        return [f"{self._path}: saved {len(names)} scenes, the last {saved[-1].name!r}"]

    def _take_over(self, scenes: tuple[Scene, ...], casting: Casting) -> None:
        for note in casting.notes:
            self._say(note)
        self._loader.add(casting.added)
        self._there = tuple(zip(scenes, casting.styles, strict=True))
