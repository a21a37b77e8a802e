"""Real clips for training: pairs of frames a few steps apart, with the motion between them estimated.

Pair number i is a pure function of the folder, the seed and i, as the crops of photographs are.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from stylefader.training.data.motion import Pair, far_from_edges
from stylefader.training.data.optical_flow import Motion, estimated_motion
from stylefader.training.data.photographs import Picture, read_picture, resize_short_side
from stylefader.training.errors import TrainingError
from stylefader.training.files import PICTURE_SUFFIXES

_MOST_STEPS = 3


class ClipFolder:
    """Clips in a folder, each a folder of its own with its frames as pictures in the order of their names.

    Raises TrainingError where there is no clip of two frames or more.
    """

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise TrainingError(f"no folder of clips at {folder}")
        self.folder = folder
        found = [_frames(path) for path in sorted(folder.iterdir()) if path.is_dir() and not path.name.startswith(".")]
        self.clips = [frames for frames in found if len(frames) >= 2]
        if not self.clips:
            raise TrainingError(f"no clips in {folder}: each is a folder of its own, of two pictures or more")

    def __len__(self) -> int:
        return len(self.clips)

    def names_hash(self) -> str:
        """SHA-256 of the frames' names, in order: equal where the same pairs come from the same seed."""
        names = "\n".join(path.relative_to(self.folder).as_posix() for frames in self.clips for path in frames)
        return hashlib.sha256(names.encode("utf-8", "surrogateescape")).hexdigest()

    def pair(self, number: int, *, seed: int, size: int) -> tuple[Picture, Pair]:
        """A frame's crop, uint8 (size, size, 3) RGB, and the same crop some steps later or earlier.

        Raises TrainingError where a frame cannot be read or the two are of different sizes.
        """
        rng = np.random.default_rng((seed, number, len(self.clips)))
        frames = self.clips[int(rng.integers(len(self.clips)))]
        steps = int(rng.integers(1, min(_MOST_STEPS, len(frames) - 1) + 1))
        first = int(rng.integers(len(frames) - steps))
        two = [frames[first], frames[first + steps]]
        before, after = (read_picture(path) for path in (two if rng.integers(2) else two[::-1]))
        if before.shape != after.shape:
            raise TrainingError(f"{two[0]} and {two[1].name} are of different sizes")
        short_side = int(rng.integers(size, max(size, min(before.shape[:2])) + 1))
        before, after = (resize_short_side(frame, short_side) for frame in (before, after))
        top, left = (int(rng.integers(side - size + 1)) for side in before.shape[:2])
        window = np.s_[top : top + size, left : left + size]
        before, after = before[window], after[window]
        if rng.integers(2):
            before, after = before[:, ::-1], after[:, ::-1]
        before, after = np.ascontiguousarray(before), np.ascontiguousarray(after)
        motion = estimated_motion(before, after)
        return before, Pair(after, Motion(motion.place_HW2, motion.seen_HW & far_from_edges(motion.place_HW2)))


def _frames(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in PICTURE_SUFFIXES and path.is_file() and not path.name.startswith(".")
    )
