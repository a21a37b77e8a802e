"""Cameras on Linux, asked by the kernel's own interface: which there are, and their sizes and rates.

The structures and numbers are those of linux/videodev2.h, which the kernel keeps for ever. FFmpeg's list has no
sizes, and counts the metadata nodes that webcams have beside their picture. linuxpy, which asks the same, is under the
GPL, and gives rates rounded to a float.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

_QUERYCAP = 0x80685600
_ENUM_FMT = 0xC0405602
_ENUM_FRAMESIZES = 0xC02C564A
_ENUM_FRAMEINTERVALS = 0xC034564B
_CAPTURE, _CAPTURE_MPLANE, _HAS_DEVICE_CAPS = 0x1, 0x1000, 0x80000000
_DISCRETE = 1
# (size of the structure) of v4l2_capability, v4l2_fmtdesc, v4l2_frmsizeenum, v4l2_frmivalenum
_CAPABILITY, _FORMAT, _SIZE, _INTERVAL = 104, 64, 44, 52
_MOST = 256  # a broken driver may never say that its list ends

Ioctl = Callable[[int, int, bytearray], object]
Mode = tuple[int, int, Fraction | None]
"""Width, height, and frames a second at that size where the driver says them."""


def video_nodes(folder: Path = Path("/sys/class/video4linux")) -> list[tuple[int, str]]:
    """(number, name) of every /dev/videoN, in order."""
    found = []
    for entry in folder.glob("video*"):
        match = re.fullmatch(r"video(\d+)", entry.name)
        if match:
            try:
                name = (entry / "name").read_text(errors="replace").strip()
            except OSError:
                continue
            found.append((int(match[1]), name))
    return sorted(found)


def modes_of(number: int, ioctl: Ioctl | None = None) -> list[Mode] | None:
    """Sizes and rates of /dev/videoN, largest first; None where it gives no picture (a metadata or output node).

    Empty where the device does not say, or may not be asked.
    """
    if ioctl is None:
        import fcntl

        ioctl = fcntl.ioctl
    try:
        device = os.open(f"/dev/video{number}", os.O_RDWR | os.O_NONBLOCK)
    except OSError:
        return []
    try:
        return read_modes(device, ioctl)
    except OSError:
        return []
    finally:
        os.close(device)


def read_modes(device: int, ioctl: Ioctl) -> list[Mode] | None:
    """As `modes_of`, of an open device."""
    answer = bytearray(_CAPABILITY)
    ioctl(device, _QUERYCAP, answer)
    capabilities, of_device = struct.unpack_from("=II", answer, 84)
    can = of_device if capabilities & _HAS_DEVICE_CAPS else capabilities
    if not can & (_CAPTURE | _CAPTURE_MPLANE):
        return None
    buffer_type = 1 if can & _CAPTURE else 9
    best: dict[tuple[int, int], Fraction | None] = {}
    for form in _listed(device, ioctl, _ENUM_FMT, _FORMAT, struct.pack("=I", buffer_type)):
        (pixels,) = struct.unpack_from("=I", form, 44)
        for size in _listed(device, ioctl, _ENUM_FRAMESIZES, _SIZE, struct.pack("=I", pixels)):
            (kind,) = struct.unpack_from("=I", size, 8)
            if kind == _DISCRETE:
                width, height = struct.unpack_from("=II", size, 12)
            else:  # any size in steps: the largest says the most
                _, width, _, _, height, _ = struct.unpack_from("=6I", size, 12)
            rate = _best_rate(device, ioctl, pixels, width, height)
            known = best.get((width, height))
            best[width, height] = rate if known is None or (rate is not None and rate > known) else known
    return sorted(((w, h, rate) for (w, h), rate in best.items()), key=lambda mode: (-mode[0] * mode[1], mode[:2]))


def _best_rate(device: int, ioctl: Ioctl, pixels: int, width: int, height: int) -> Fraction | None:
    best: Fraction | None = None
    for interval in _listed(device, ioctl, _ENUM_FRAMEINTERVALS, _INTERVAL, struct.pack("=3I", pixels, width, height)):
        # Discrete: the interval. In steps: the shortest stands first, in the same place.
        over, under = struct.unpack_from("=II", interval, 20)
        if over and under:
            rate = Fraction(under, over)
            best = rate if best is None else max(best, rate)
    return best


def _listed(device: int, ioctl: Ioctl, request: int, size: int, asked: bytes) -> Iterator[bytearray]:
    """Every entry of one of the kernel's lists: index first, then what is asked, the answer behind it."""
    for index in range(_MOST):
        entry = bytearray(size)
        struct.pack_into("=I", entry, 0, index)
        entry[4 : 4 + len(asked)] = asked
        try:
            ioctl(device, request, entry)
        except OSError:
            return  # EINVAL: the end of the list
        yield entry
