"""Bringing decoded pictures upright, by the display matrix that cameras and phones write."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame

from stylefader.realtime.sources.geometry import UPRIGHT, Turn


def orientation(frame: VideoFrame) -> Turn:
    """What brings a decoded picture upright.

    Read from the display matrix of ISO/IEC 14496-12, which maps a point (x, y) to (a x + c y, b x + d y), and which
    MP4 rotation tags, Matroska projection and H.264 SEI messages all arrive as. Angles between the right ones go
    to the nearest.
    """
    try:
        side_data: Any = frame.side_data  # PyAV's stub knows fewer kinds than PyAV
        matrix = np.frombuffer(bytes(side_data["DISPLAYMATRIX"]), dtype=np.int32)
    except KeyError:
        return UPRIGHT
    a, b, c, d = (int(v) for v in matrix[[0, 1, 3, 4]])
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return Turn(False, a < 0, d < 0)
    return Turn(True, c < 0, b < 0)


def turn(image: npt.NDArray[np.uint8], orient: Turn) -> npt.NDArray[np.uint8]:
    """A picture (H, W, 3), or a plane (H, W), brought upright by what `orientation` says.

    C-contiguous; itself where nothing is to do.
    """
    transpose, mirror, flip = orient
    if transpose:
        image = np.asarray(cv2.transpose(image), np.uint8)
    if mirror or flip:
        around = -1 if mirror and flip else 1 if mirror else 0  # as OpenCV counts its axes
        image = np.asarray(cv2.flip(image, around), np.uint8)
    return np.ascontiguousarray(image)
