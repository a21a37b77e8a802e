"""Content photographs for training: an endless, exactly repeatable row of random crops.

Crop number i is a pure function of the folder, the seed and i. So a resumed run sees exactly the crops that it would
have seen without the stop.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Literal, get_args

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from stylefader.training.errors import SourceError, TrainingError
from stylefader.training.files import PICTURE_SUFFIXES
from stylefader.training.reading.pictures import PictureFile

Picture = npt.NDArray[np.uint8]
_MOST_UNREADABLE = 0.05
_MOST_WORKERS = 8
_NARROWEST = 64
"""Longer side to shorter side: scaling a thread of one pixel up to the size of a crop would fill the memory."""
Split = Literal["train", "val"]


def read_picture(path: Path) -> Picture:
    """Read any picture as uint8 (H, W, 3) RGB, upright by its EXIF tag, transparent places black.

    Raises TrainingError, also where it is larger than is allowed.
    """
    try:
        with PictureFile(path) as file:
            image_HWC, alpha_HW = file.pixels()
    except SourceError as error:
        raise TrainingError(str(error)) from error
    height, width = image_HWC.shape[:2]
    if max(height, width) > _NARROWEST * min(height, width):
        raise TrainingError(f"{path} is {width}x{height}: one side is more than {_NARROWEST} times the other")
    if alpha_HW is None:
        return image_HWC
    # The colours of hidden places are meaningless and must not be learnt.
    return np.asarray(cv2.multiply(image_HWC, cv2.merge([alpha_HW] * 3), scale=1 / 255), np.uint8)


def to_rgb01(image_HWC: Picture) -> Tensor:
    """uint8 (H, W, 3) -> float32 (1, 3, H, W) in 0..1."""
    return torch.from_numpy(image_HWC).permute(2, 0, 1).unsqueeze(0).float() / 255


def resize_short_side(image_HWC: Picture, short_side: int) -> Picture:
    """Resize so that the shorter side is `short_side` pixels, proportions kept."""
    h, w, _ = image_HWC.shape
    scale = short_side / min(h, w)
    size_wh = (max(short_side, round(w * scale)), max(short_side, round(h * scale)))
    if size_wh == (w, h):
        return image_HWC
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image_HWC, size_wh, interpolation=how), np.uint8)


def coco_split(folder: Path, split: Split) -> Path:
    """The pictures of one split where `folder` is laid out as COCO is (`train2017/`, perhaps in `images/`), else it."""
    for root in (folder / "images", folder):
        found = {name: sorted(root.glob(f"{name}20[0-9][0-9]")) for name in get_args(Split)}
        if found[split]:
            return found[split][-1]
    return folder


class PhotoFolder:
    """All pictures below a folder, in a fixed order. Unreadable ones are skipped and counted.

    split: which pictures to take of a folder that is laid out as COCO is.
    unreadable: those that could not be read so far; more than 5% of all is an error.
    enlarged: those read so far that were smaller than the crop.
    """

    def __init__(self, folder: Path, *, split: Split = "train") -> None:
        if not folder.is_dir():
            raise TrainingError(f"no folder of photographs at {folder}")
        self.folder = coco_split(folder, split)
        self.files = sorted(
            path
            for path in self.folder.rglob("*")
            if path.suffix.lower() in PICTURE_SUFFIXES and not path.name.startswith(".")
        )
        if not self.files:
            raise TrainingError(f"no pictures in {self.folder} (looked for {', '.join(sorted(PICTURE_SUFFIXES))})")
        self.unreadable: set[Path] = set()
        self.enlarged: set[Path] = set()
        self._order = lru_cache(maxsize=2)(self._new_order)

    def __len__(self) -> int:
        return len(self.files)

    def names_hash(self) -> str:
        """SHA-256 of the pictures' names, in order: equal where the same crops come from the same seed."""
        names = "\n".join(path.relative_to(self.folder).as_posix() for path in self.files)
        return hashlib.sha256(names.encode("utf-8", "surrogateescape")).hexdigest()

    def _read(self, path: Path) -> Picture | None:
        try:
            return read_picture(path)
        except TrainingError:
            self.unreadable.add(path)
            if len(self.unreadable) > max(1, _MOST_UNREADABLE * len(self)):
                raise TrainingError(
                    f"{len(self.unreadable)} of {len(self)} pictures cannot be read, {path} among them: "
                    "mend or remove them"
                ) from None
            return None

    def _new_order(self, seed: int, epoch: int) -> npt.NDArray[np.int64]:
        return np.random.default_rng((seed, epoch)).permutation(len(self))

    def crop(self, index: int, *, seed: int, size: int) -> Picture:
        """Random crop number `index` of the row with this seed: uint8 (size, size, 3) RGB."""
        for attempt in range(len(self)):
            epoch, place = divmod(index + attempt, len(self))
            path = self.files[self._order(seed, epoch)[place]]
            photo = self._read(path)
            if photo is not None:
                if min(photo.shape[:2]) < size:
                    self.enlarged.add(path)
                return random_crop(photo, np.random.default_rng((seed, epoch, place)), size)
        raise TrainingError("no picture in the folder can be read")

    def photo(self, number: int) -> Picture:
        """Picture `number` of the folder, or the next one that can be read: uint8 (H, W, 3) RGB."""
        for attempt in range(len(self)):
            photo = self._read(self.files[(number + attempt) % len(self)])
            if photo is not None:
                return photo
        raise TrainingError("no picture in the folder can be read")

    def centre_crops(self, count: int, size: int) -> Picture:
        """The middle square of the first `count` pictures, scaled to size: uint8 (count, size, size, 3) RGB."""
        crops = []
        for path in self.files[:count]:
            photo = self._read(path)
            if photo is not None:
                photo = resize_short_side(photo, size)
                top, left = (photo.shape[0] - size) // 2, (photo.shape[1] - size) // 2
                crops.append(photo[top : top + size, left : left + size])
        if not crops:
            raise TrainingError("no picture in the folder can be read")
        return np.stack(crops)


def random_crop(photo_HWC: Picture, rng: np.random.Generator, size: int) -> Picture:
    """A square at random in place, scale (down to the whole shorter side) and direction: uint8 (size, size, 3) RGB.

    A photograph with a shorter side below `size` pixels is made larger.
    """
    short_side = min(photo_HWC.shape[:2])
    photo_HWC = resize_short_side(photo_HWC, int(rng.integers(size, max(size, short_side) + 1)))
    top = int(rng.integers(photo_HWC.shape[0] - size + 1))
    left = int(rng.integers(photo_HWC.shape[1] - size + 1))
    crop = photo_HWC[top : top + size, left : left + size]
    return np.ascontiguousarray(crop[:, ::-1] if rng.integers(2) else crop)
