"""How many pictures a file holds and how long each is shown, from its blocks alone: nothing is decoded.

Pillow tells delays only picture by picture, as it decodes them, and those of APNG and AVIF rounded. A render must know
them before it begins.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

import av

from stylefader.training.errors import SourceError
from stylefader.training.files import open_regular
from stylefader.training.reading.pictures import Kind, PictureFile, picture_kind

MOST_PICTURES = 100_000
"""How many pictures a file may hold, and a page list may have."""
MOST_SECONDS = 24 * 3600

# What browsers show for a delay of nothing.
_NO_DELAY = Fraction(1, 10)
_REDUCED_OR_MASK = 1 | 4  # NewSubfileType of TIFF 6.0


@dataclass(frozen=True, kw_only=True)
class Delays:
    """The pictures of one file, in order.

    seconds: how long each is shown; empty where the format has no delays (TIFF) or the file is no moving picture.
    places: their numbers in the file as Pillow counts. no_delay: how many said 0, which is shown for 0.1 s.
    """

    places: tuple[int, ...]
    seconds: tuple[Fraction, ...] = ()
    no_delay: int = 0

    @property
    def moving(self) -> bool:
        """Whether there is more than one picture."""
        return len(self.places) > 1


_ONE = Delays(places=(0,))


def read_delays(path: Path) -> Delays:
    """The pictures of a file and their delays; one without delay for what is a still, or is no picture.

    Raises SourceError: too many pictures, too long, or a list of pictures that is damaged.
    """
    kind = picture_kind(path)
    if kind == "TIFF":
        return _tiff_pages(path)
    if kind == "AVIF":
        found, first = _avif(path), 0
    elif kind in ("PNG", "GIF", "WEBP"):
        found, first = _from_blocks(path, kind)
    else:
        return _ONE
    if len(found) < 2:
        return _ONE
    if sum(found) > MOST_SECONDS:
        raise SourceError(f"{path} lasts more than {MOST_SECONDS // 3600} hours; is it damaged?")
    return Delays(
        places=tuple(range(first, first + len(found))),
        seconds=tuple(delay or _NO_DELAY for delay in found),
        no_delay=found.count(Fraction(0)),
    )


def _from_blocks(path: Path, kind: Kind) -> tuple[list[Fraction], int]:
    """The delays, and the number of the first picture that is part of the animation."""
    found = _Found(path)
    try:
        with open_regular(path) as file:
            first = _READERS[kind](file, found)
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror or error}") from error
    return found.delays, first


class _Found:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.delays: list[Fraction] = []

    def add(self, seconds: Fraction) -> None:
        check_count(self.path, len(self.delays) + 1)
        self.delays.append(seconds)


def check_count(path: Path, count: int) -> None:
    """Raise SourceError where a file holds more pictures than are read."""
    if count > MOST_PICTURES:
        raise SourceError(f"{path} holds more than the {MOST_PICTURES} pictures that are read from one file; cut it up")


def _png(file: BinaryIO, found: _Found) -> int:
    """APNG: every fcTL chunk is a picture. Where the first comes after the data, the still is not one of them."""
    file.seek(8)
    seen_data, first = False, 0
    while len(head := file.read(8)) == 8 and head[4:] != b"IEND":
        length, kind = int.from_bytes(head[:4]), head[4:]
        if kind == b"fcTL" and length == 26:
            control = file.read(26)
            if len(control) < 26:
                break
            first = first if found.delays else int(seen_data)
            found.add(Fraction(int.from_bytes(control[20:22]), int.from_bytes(control[22:24]) or 100))
            length = 0
        seen_data = seen_data or kind == b"IDAT"
        file.seek(length + 4, 1)
    return first


def _gif(file: BinaryIO, found: _Found) -> int:
    """GIF89a: a picture's delay, in hundredths, stands in the control block before it."""
    head = file.read(13)
    if len(head) == 13 and head[10] & 0x80:
        file.seek(3 << (head[10] & 7) + 1, 1)
    delay = Fraction(0)
    while (mark := file.read(1)) in (b"!", b","):
        if mark == b"!":
            if file.read(1) == b"\xf9":
                block = file.read(6)  # its length, flags, delay, clear colour, 0
                if len(block) == 6 and block[0] == 4:
                    delay = Fraction(int.from_bytes(block[2:4], "little"), 100)
                    file.seek(-1, 1)
                else:
                    file.seek(-len(block), 1)
        else:
            place = file.read(9)
            if len(place) < 9:
                break
            file.seek((3 << (place[8] & 7) + 1 if place[8] & 0x80 else 0) + 1, 1)
            found.add(delay)
            delay = Fraction(0)
        while (size := file.read(1)) not in (b"", b"\0"):
            file.seek(size[0], 1)
    return 0


def _webp(file: BinaryIO, found: _Found) -> int:
    """WebP container: every ANMF chunk is a picture, its milliseconds in three bytes."""
    file.seek(12)
    while len(head := file.read(8)) == 8:
        length = int.from_bytes(head[4:], "little")
        taken = 0
        if head[:4] == b"ANMF":
            taken = 16
            found.add(Fraction(int.from_bytes(file.read(16)[12:15], "little"), 1000))
        file.seek(max(0, length + (length & 1) - taken), 1)
    return 0


_READERS = {"PNG": _png, "GIF": _gif, "WEBP": _webp}


def _avif(path: Path) -> list[Fraction]:
    """The track of an image sequence, whose clock is exact; its stills are streams of their own to FFmpeg."""
    try:
        with av.open(f"file:{path}", "r", format="mp4", metadata_errors="replace") as container:
            tracks = [stream for stream in container.streams.video if stream.frames > 1]
            if not tracks:
                return []
            track, base = tracks[0], tracks[0].time_base or Fraction(1, 1000)
            check_count(path, track.frames)
            shown = sorted(
                (packet.pts, packet.duration or 0)
                for packet in container.demux(track)
                if packet.pts is not None and packet.size
            )
    except (av.FFmpegError, OSError, ValueError) as error:
        raise SourceError(f"{path} cannot be read as a picture: its list of pictures is damaged") from error
    steps = [(after[0] - before[0]) * base for before, after in pairwise(shown)]
    return [*steps, shown[-1][1] * base] if shown else []


def _tiff_pages(path: Path) -> Delays:
    """The pages of a TIFF file that are pictures: no smaller copies of others, no masks."""
    places: list[int] = []
    with PictureFile(path) as file:
        page = 0
        while file.seek(page):
            if not int(getattr(file.image, "tag_v2", {}).get(254, 0) or 0) & _REDUCED_OR_MASK:
                places.append(page)
            page += 1
            check_count(path, page)
    return Delays(places=tuple(places or [0]))
