"""Pictures as a source: one still, or a numbered sequence that plays at a given rate.

Every picture arrives as 8-bit RGB, upright: EXIF rotation is applied, 16 bits are reduced, grey becomes RGB. What is
transparent is put over a background, and its alpha travels beside it. Of files that hold several pictures the first is
taken here; `moving_picture.py` plays them.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from stylefader.realtime.media.colour import SRGB
from stylefader.realtime.media.frame import Frame
from stylefader.realtime.media.resizing import Image
from stylefader.realtime.media.transparency import BLACK, Colour, composite, note_for
from stylefader.realtime.sources.base import Source
from stylefader.realtime.sources.decoded import ArrayPicture
from stylefader.realtime.sources.files.picture_delays import read_delays
from stylefader.realtime.sources.geometry import DEFAULT_FIT, Fit, place
from stylefader.realtime.sources.open_container import check_there
from stylefader.realtime.sources.picture_maker import Made
from stylefader.training.errors import SourceError
from stylefader.training.reading.pictures import PictureFile

WRITTEN_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp")
"""The endings of pictures that can be written."""
SUFFIXES = (*WRITTEN_SUFFIXES, ".gif", ".apng", ".avif", ".avifs", ".heic", ".heif", ".hif")
"""The endings of pictures that can be read."""
_NUMBER = re.compile(r"%(?:0(\d{1,2}))?d", re.ASCII)


def is_picture(path: str | Path) -> bool:
    """Whether the name is that of a single picture (by its ending; the file need not exist)."""
    return Path(path).suffix.lower() in SUFFIXES and not is_sequence(path)


def is_sequence(path: str | Path) -> bool:
    """Whether the name is a pattern for numbered pictures, such as `shots/frame_%04d.png`.

    A file that exists under exactly this name is no pattern.
    """
    path = Path(path)
    return path.suffix.lower() in SUFFIXES and len(_NUMBER.findall(path.name)) == 1 and not os.path.isfile(path)


def numbered_name(pattern: Path, number: int) -> str:
    """The file name (without folder) of one picture of a sequence."""
    return _NUMBER.sub(lambda m: str(number).zfill(int(m[1] or 0)), pattern.name)


def numbers_there(pattern: Path) -> list[int]:
    """The numbers for which the pattern's folder holds a file, in order."""
    place = _NUMBER.search(pattern.name)
    if place is None:
        return []
    shape = re.compile(re.escape(pattern.name[: place.start()]) + r"(\d+)" + re.escape(pattern.name[place.end() :]))
    found = []
    for entry in pattern.parent.iterdir():
        match = shape.fullmatch(entry.name)
        # Only the name that the pattern itself would give: frame_7.png is not of frame_%04d.png.
        if match and numbered_name(pattern, int(match[1])) == entry.name:
            found.append(int(match[1]))
    return sorted(found)


class Laid(NamedTuple):
    """A picture over its background.

    image: uint8 (H, W, 3) RGB, upright, C-contiguous. alpha: uint8 (H, W), C-contiguous; None where nothing is
    transparent any more. transparent: whether places of the picture in the file are.
    """

    image: Image
    alpha: Image | None
    transparent: bool


def read_picture(path: Path, background: Colour | None = None) -> Laid:
    """The (first) picture of a file, as `over_background` has it. Raises SourceError with what is wrong with it."""
    check_there(path)
    with PictureFile(path) as file:
        return over_background(file, background)


def over_background(file: PictureFile, background: Colour | None) -> Laid:
    """The picture at which an open file stands.

    Args:
        file: It is decoded now.
        background: What is put behind transparent places, for good; None is black, and the alpha is kept.

    Raises:
        SourceError: It is damaged or not complete.
    """
    image, alpha = file.pixels()
    if alpha is None:
        return Laid(image, None, False)
    return Laid(composite(image, alpha, background or BLACK), alpha if background is None else None, True)


def check_same_size(what: str, image: Image, first: tuple[int, ...]) -> None:
    """Raise SourceError for a picture, named by `what`, of another size than the first of its sequence."""
    if image.shape != first:
        raise SourceError(
            f"{what} is {image.shape[1]}x{image.shape[0]}, but the pictures before it are {first[1]}x{first[0]}; "
            "bring all to one size",
            failure=True,
        )


def between_bars(image: Image, size: tuple[int, int] | None, fit: Fit) -> tuple[int, int, int, int] | None:
    """Where `scaled` puts a picture between bars, as `Frame.inside` has it; None where it makes none."""
    if size is None:
        return None
    placement = place(image.shape[1], image.shape[0], size, fit=fit)
    return placement.inside if placement.has_bars else None


def scaled(image: Image, alpha: Image | None, size: tuple[int, int] | None, fit: Fit) -> Made:
    """A picture (H, W, 3) and its alpha plane (H, W) at exactly `size` (width, height), by fit."""
    picture = ArrayPicture(image, alpha=alpha)
    return picture.made(picture.as_it_is() if size is None else place(*picture.sides, size, fit=fit))


class StillSource(Source):
    """One picture, as one frame at time 0; of a file with several the first, with a note.

    path: the picture. size, fit: (width, height) that it is brought to, and how. background: what is put behind
    transparent places, for good; without it that is black, and alpha comes beside the image. Beside what every Source
    has: colour, notes and sample_aspect_ratio as a VideoFileSource has them.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        size: tuple[int, int] | None = None,
        fit: Fit = DEFAULT_FIT,
        background: Colour | None = None,
    ) -> None:
        self.path = Path(path)
        self.rate: Fraction | None = None
        self.live = False
        self.frame_count = 1
        self.colour = SRGB
        self.sample_aspect_ratio = Fraction(1)
        self.notes: list[str] = []
        self._size, self._fit = size, fit
        self._background = background
        self._frame: Frame | None = None

    def open(self) -> None:
        """Read the picture. Raises SourceError."""
        check_picture_size(self._size)
        self.notes = []
        laid = read_picture(self.path, self._background)
        inside = between_bars(laid.image, self._size, self._fit)
        image, alpha = scaled(laid.image, laid.alpha, self._size, self._fit)
        self._frame = Frame(
            image=image,
            inside=inside,
            alpha_HW=alpha,
            pts=Fraction(0),
            index=0,
            captured_ns=time.monotonic_ns(),
        )
        self.has_alpha = alpha is not None
        self.height, self.width = image.shape[:2]
        if laid.transparent and self._background is not None:
            self.notes.append(note_for(self.path.name, self._background))
        pictures = len(read_delays(self.path).places)
        if pictures > 1:
            self.notes.append(
                f"{self.path.name} holds {pictures} pictures; only the first is taken (a video as the output has all)"
            )

    def __iter__(self) -> Iterator[Frame]:
        if self._frame is None:
            raise SourceError(f"{self.path} is not open", failure=True)
        yield self._frame

    def close(self) -> None:
        """Let go of the picture; harmless twice."""
        self._frame = None


class PictureSequenceSource(Source):
    """Numbered pictures as frames at a constant rate; the first one there is at time 0.

    pattern: one `%d` or `%04d` in the file name. rate: frames a second. size, fit: (width, height) that every
    picture is brought to, and how. start, stop: only frames with start <= t < stop, in seconds. background: as of a
    StillSource; has_alpha: whether the first picture has alpha, be it opaque all over. After `open`, beside what every
    Source has: time_base,
    duration (seconds of the whole sequence), origin (start of the range), first_number (of the range), colour,
    sample_aspect_ratio, notes.
    """

    def __init__(
        self,
        pattern: str | Path,
        *,
        rate: Fraction = Fraction(25),
        size: tuple[int, int] | None = None,
        fit: Fit = DEFAULT_FIT,
        start: Fraction | None = None,
        stop: Fraction | None = None,
        background: Colour | None = None,
    ) -> None:
        self.path = Path(pattern)
        self.rate: Fraction | None = rate
        self.live = False
        self.start, self.stop = start, stop
        self.colour = SRGB
        self.sample_aspect_ratio = Fraction(1)
        self.notes: list[str] = []
        self._rate = rate
        self._size, self._fit = size, fit
        self._background = background
        self._numbers: list[int] | None = None

    def open(self) -> None:
        """Find the pictures and read the first. Raises SourceError: none there, one missing, empty range."""
        check_picture_size(self._size)
        check_rate(self._rate)
        begin, end = self.start or Fraction(0), self.stop
        check_range(begin, end)
        numbers = self._find()
        self.time_base = 1 / self._rate
        self.duration = len(numbers) * self.time_base
        self.origin = begin
        if begin >= self.duration:
            raise SourceError(
                f"start {float(begin):g} s lies beyond the end of {self.path}, which lasts "
                f"{float(self.duration):.3f} s ({len(numbers)} pictures at {self._rate}/s); give an earlier start"
            )
        low = -(-begin // self.time_base)
        high = len(numbers) if end is None else min(len(numbers), -(-end // self.time_base))
        if low >= high:
            raise SourceError(f"{self.path} has no picture in the range; the range must hold at least one")
        self._offset = low
        with PictureFile(self.path.with_name(numbered_name(self.path, numbers[low]))) as file:
            first = over_background(file, None).image
            transparent = file.has_alpha
        self.has_alpha = transparent and self._background is None
        self.notes = (
            [note_for(self.path.name, self._background)] if transparent and self._background is not None else []
        )
        self._read_shape = first.shape
        self.width, self.height = self._size or (first.shape[1], first.shape[0])
        self.frame_count = high - low
        self.first_number = numbers[low]
        self._numbers = numbers[low:high]

    def files(self) -> list[Path]:
        """The pictures of the range, in order; empty before `open`."""
        return [self.path.with_name(numbered_name(self.path, number)) for number in self._numbers or []]

    def _find(self) -> list[int]:
        if not is_sequence(self.path):
            raise SourceError(f"{self.path} is no pattern for numbered pictures; write it like shots/frame_%04d.png")
        if not os.path.isdir(self.path.parent):
            raise SourceError(f"the folder {self.path.parent} does not exist; check its name")
        numbers = numbers_there(self.path)
        if not numbers:
            raise SourceError(
                f"no picture fits {self.path} (such as {numbered_name(self.path, 1)}); check the name and its digits"
            )
        if len(numbers) != numbers[-1] - numbers[0] + 1:
            gap = next(n + 1 for n, after in pairwise(numbers) if after != n + 1)
            after = next(n for n in numbers if n > gap)
            missing = numbered_name(self.path, gap)
            until = "" if after == gap + 1 else f" to {numbered_name(self.path, after - 1)}"
            raise SourceError(f"{missing}{until} is missing in {self.path.parent}; add it or renumber the pictures")
        return numbers

    def __iter__(self) -> Iterator[Frame]:
        """Frames in the order of their numbers. Raises SourceError(failure=True) where the size changes."""
        if self._numbers is None:
            raise SourceError(f"{self.path} is not open", failure=True)
        for index, number in enumerate(self._numbers):
            pts = (self._offset + index) * self.time_base
            if self.skip_before is not None and pts < self.skip_before:
                continue
            path = self.path.with_name(numbered_name(self.path, number))
            try:
                laid = read_picture(path, self._background)
            except SourceError as error:
                raise SourceError(str(error), failure=True) from error
            check_same_size(str(path), laid.image, self._read_shape)
            inside = between_bars(laid.image, self._size, self._fit)
            image, alpha = scaled(laid.image, laid.alpha, self._size, self._fit)
            yield Frame(
                image=image,
                inside=inside,
                alpha_HW=alpha,
                pts=pts,
                index=index,
                captured_ns=time.monotonic_ns(),
                duration=self.time_base,
            )

    def close(self) -> None:
        """Take no more pictures; harmless twice."""
        self._numbers = None


def check_picture_size(size: tuple[int, int] | None) -> None:
    """Raise SourceError for a (width, height) that is no picture."""
    if size is not None and min(size) < 1:
        raise SourceError(f"size {size[0]}x{size[1]} is not a picture; give at least 1x1")


def check_rate(rate: Fraction) -> None:
    """Raise SourceError for frames a second that are none."""
    if rate <= 0:
        raise SourceError(f"the rate {rate} is not a rate; give frames a second above 0")


def check_range(begin: Fraction, end: Fraction | None) -> None:
    """Raise SourceError for a range in seconds that can hold no picture."""
    if begin < 0:
        raise SourceError(f"start {float(begin):g} s lies before the first picture; give 0 or more")
    if end is not None and end <= begin:
        raise SourceError(
            f"the range from {float(begin):g} s to {float(end):g} s is empty; the end must come after the start"
        )
