"""Whether a video file was cut off, seen from its structure alone.

A download that broke, a full disk or a killed copy leaves a file whose outermost boxes claim more bytes than are
there. That is certain, where comparing lengths in seconds is only likely.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

_EBML_SEGMENT = 0x18538067
_BOXES = {b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"moof", b"mfra", b"sidx", b"styp", b"uuid", b"udta"}

_MOST_BOXES = 100_000
"""An hour in fragments of a tenth of a second has 72000; a file may be made of nothing but empty boxes."""


def is_cut_off(path: Path) -> bool:
    """True where an MP4, Matroska, WebM or AVI file is shorter than its boxes say; False where nobody can tell."""
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            head = file.read(12)
            file.seek(0)
            if head[4:8] in _BOXES:
                return _mp4_is_cut(file, size)
            if head[:4] == b"\x1a\x45\xdf\xa3":
                return _matroska_is_cut(file, size)
            if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
                return int.from_bytes(head[4:8], "little") + 8 > size
    except (OSError, struct.error):
        return False
    return False


def _mp4_is_cut(file: BinaryIO, size: int) -> bool:
    at = 0
    found: set[bytes] = set()
    for _ in range(_MOST_BOXES):
        if at + 8 > size:
            return at != size or b"moov" not in found
        file.seek(at)
        length, kind = struct.unpack(">I4s", file.read(8))
        found.add(kind)
        if length == 1:
            length = struct.unpack(">Q", file.read(8))[0]
        elif length == 0:  # to the end of the file, by definition
            length = size - at
        if length < 8 or (kind not in _BOXES and not kind.isalnum()):
            return False  # rubbish behind the last box: not ours to judge
        at += length
    return False


def _matroska_is_cut(file: BinaryIO, size: int) -> bool:
    for _ in range(8):
        kind = _ebml_number(file, keep_marker=True)
        length = _ebml_number(file, keep_marker=False)
        if kind is None or length is None:
            return False
        if kind == _EBML_SEGMENT:
            return file.tell() + length > size
        file.seek(length, 1)
    return False


def _ebml_number(file: BinaryIO, *, keep_marker: bool) -> int | None:
    """One variable-length number; None at the end of the file and for the reserved `unknown`."""
    first = file.read(1)
    if not first or first[0] == 0:
        return None
    extra = 8 - first[0].bit_length()
    rest = file.read(extra)
    value = int.from_bytes(first + rest, "big")
    if keep_marker:
        return value
    value &= (1 << (7 * (extra + 1))) - 1
    return None if value == (1 << (7 * (extra + 1))) - 1 else value
