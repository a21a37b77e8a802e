"""The scenes of a running session: recalled by name or number, saved as it stands, read again after an edit."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np

from realtime.controls.player import Player
from realtime.controls.scenes import SCENE_NAME, Scene, cast, is_scene_name, read_scenes, standing, write_saved
from realtime.controls.watched import WatchedFile
from realtime.desk import Alpha
from training.errors import ControlError
from training.pack_file import PackFile

NO_SCENES = "there are no scenes: give --scenes FILE.toml"
_MOST_WAITING = 100
Cast = tuple[tuple[Scene, int | None], ...]
"""Scenes, and which style of the rack each has."""


class Styles(Protocol):
    """The rack, as far as scenes know it."""

    packs: list[PackFile]

    def add(self, packs: list[PackFile]) -> None: ...


class Performed(Player, Protocol):
    """A player that scenes can be saved of."""

    def standing(self) -> tuple[int, Alpha]: ...


class Scenes:
    """Any thread recalls and saves; `poll` comes from the one that owns the session, some times a second.

    fade_s: of scenes that do not say. Styles that scenes name and the rack has not are added to it. Raises ControlError
    for a file that does not fit; a later edit that does not fit is said, and the scenes before stay.
    """

    def __init__(
        self,
        path: Path,
        player: Performed,
        rack: Styles,
        *,
        fade_s: float = 1.0,
        say: Callable[[str], None] = lambda words: None,
    ) -> None:
        self._player, self._rack, self._fade_s, self._say = player, rack, fade_s, say
        self._file: WatchedFile[Cast] = WatchedFile(path, self._read, lambda cast: f"{len(cast)} scenes", say=say)
        self._lock = threading.Lock()  # over those that wait to be written
        self._waiting: deque[Scene] = deque()

    @property
    def names(self) -> list[str]:
        """All scenes, in the order of the file."""
        return [scene.name for scene, _ in self._file.content]

    def find(self, which: str | float) -> int:
        """A scene's number from 0, by its name or its number from 1. Raises ControlError with what there is."""
        names = self.names
        if isinstance(which, str):
            if which in names:
                return names.index(which)
            raise ControlError(f"there is no scene {which!r:.80}; there are {', '.join(names) or 'none'}")
        if not (float(which).is_integer() and 1 <= which <= len(names)):
            raise ControlError(f"there is no scene {which:g}; there are {len(names)}")
        return int(which) - 1

    def recall(self, number: int) -> None:
        """Go to a scene, from 0, in its own time; a number that no scene has is left alone."""
        there = self._file.content
        if not 0 <= number < len(there):
            return
        scene, style = there[number]
        for flag, value in scene.flags.items():
            setattr(self._player.show, flag, value)
        alpha = None if scene.alpha is None else np.atleast_1d(np.asarray(scene.alpha, np.float32))
        fade_s = self._fade_s if scene.fade is None else scene.fade
        self._player.fade_to(style, alpha, fade_s, scene=scene.name)

    def save(self, name: str | None = None) -> str:
        """Keep how the session stands at this moment as a scene of that name; a new one where none is given.

        A style that is still being built counts, with the strengths that it comes with. The name. The file is written
        by the next `poll`. Raises ControlError for what can be no name, and where too many wait to be written.
        """
        style, targets = self._player.standing()
        with self._lock:
            names = {*self.names, *(scene.name for scene in self._waiting)}
            if name is None:
                name = next(free for number in range(1, len(names) + 2) if (free := f"scene {number}") not in names)
            if not is_scene_name(name):
                raise ControlError(f"{name!r:.80} is not {SCENE_NAME}")
            if len(self._waiting) >= _MOST_WAITING:
                raise ControlError(f"{_MOST_WAITING} scenes wait to be written already: {name!r:.80} is not saved")
            self._waiting.append(standing(name, self._rack.packs[style], targets, self._file.path))
        return name

    def poll(self) -> bool:
        """Write what was saved, and take an edited file over; whether there are other scenes now."""
        while (scene := self._next_to_write()) is not None:
            try:
                write_saved(self._file.path, scene)
            except ControlError as error:
                self._say(f"{error}; scene {scene.name!r} is not saved")
            else:
                self._say(f"{self._file.path}: saved scene {scene.name!r}")
        return self._file.poll()

    def _next_to_write(self) -> Scene | None:
        with self._lock:
            return self._waiting.popleft() if self._waiting else None

    def _read(self, path: Path) -> Cast:
        scenes = read_scenes(path)
        casting = cast(scenes, self._rack.packs, path)
        for note in casting.notes:
            self._say(note)
        self._rack.add(casting.added)
        return tuple(zip(scenes, casting.styles, strict=True))
