"""Made-up next frames: what a photograph could look like one frame later, with its motion exactly known.

A style that is not stable on video mostly does not follow motion of less than its own grid: a network that halves its
picture twice gives another texture when the picture moves by one to three pixels, and the same one when it moves by
four. So half of the next frames are moved by whole pixels off that grid: what differs is then the style's doing alone,
and nothing of it is interpolation. The others are as a camera sees them: shift, turn and zoom, small to large, bends of
several sizes, something in front that moves by itself and hides what is behind it, another light, a codec's noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from stylefader.training.data.optical_flow import Floats, Motion, places
from stylefader.training.data.photographs import Picture

GRID = 4
"""Pixels after which the network's own grid repeats: two stages of stride 2."""
MARGIN_PIXELS = 8
"""At the edges the padding moves with no one, so they count for nothing."""
_MOST_WHOLE_PIXELS = 9
_SLOWEST, _FASTEST = 0.25, 2.5
_MOST_SHIFT_PIXELS = 8.0
_MOST_TURN, _MOST_ZOOM = 0.04, 0.04
_BENDS = ((3, 2.0), (6, 1.0), (12, 0.4))
"""Points a side of the bends, and how many pixels each goes at most."""
_FRONT_SHARE = (0.1, 0.4)
_MOST_NOISE = 5.0
_MOST_GAIN, _MOST_TINT, _MOST_GAMMA = 0.06, 0.02, 0.08
_QUALITIES = (50, 95)


@dataclass(frozen=True, eq=False)
class Pair:
    """A picture's next frame, uint8 (H, W, 3) RGB, and how it moved there."""

    after_HWC: Picture
    motion: Motion


def made_up_pair(photo_HWC: Picture, rng: np.random.Generator) -> Pair:
    """The next frame of a photograph: half the time moved by whole pixels alone, else as a camera would see it."""
    height, width = photo_HWC.shape[:2]
    if rng.random() < 0.5:
        motion = whole_pixels(height, width, rng)
        after = cv2.remap(photo_HWC, motion.place_HW2, None, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REFLECT_101)  # type: ignore[call-overload]
        return Pair(_as_picture(_with_noise(after, rng)), motion)
    motion = camera_motion(height, width, rng)
    after = cv2.remap(photo_HWC, motion.place_HW2, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)  # type: ignore[call-overload]
    after = _with_noise(_in_other_light(after, rng) if rng.random() < 0.5 else after, rng)
    picture = _as_picture(after)
    return Pair(_compressed(picture, rng) if rng.random() < 0.5 else picture, motion)


def whole_pixels(height: int, width: int, rng: np.random.Generator) -> Motion:
    """A shift by whole pixels, not by those of the network's grid on both axes."""
    shift = np.zeros(2, np.int64)
    while not (shift % GRID).any():
        shift = rng.integers(-_MOST_WHOLE_PIXELS, _MOST_WHOLE_PIXELS + 1, 2)
    place = places(height, width) + shift.astype(np.float32)
    return Motion(place, far_from_edges(place))


def camera_motion(height: int, width: int, rng: np.random.Generator) -> Motion:
    """Motion of a camera, and half the time of something in front of it; its pace is anything from slow to fast."""
    pace = float(np.exp(rng.uniform(np.log(_SLOWEST), np.log(_FASTEST))))
    place = _camera(height, width, pace, rng)
    seen = np.ones((height, width), np.bool_)
    if rng.random() < 0.5:
        front = _blob(height, width, rng)
        of_front = _camera(height, width, pace, rng)
        covers, hidden = _looked_up(front, of_front), _looked_up(front, place)
        place = np.where(covers[..., None], of_front, place)
        # Where the front was, something comes into view that nobody saw: here what stands elsewhere.
        seen = covers | ~hidden
        place[~seen] = (place[~seen] + (width / 2, height / 2)) % (width, height)
        edges = cv2.morphologyEx(np.asarray(covers, np.uint8), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
        seen &= edges == 0
    return Motion(place, seen & far_from_edges(place))


def _camera(height: int, width: int, pace: float, rng: np.random.Generator) -> Floats:
    angle, zoom = rng.uniform(-1, 1) * pace * _MOST_TURN, 1 + rng.uniform(-1, 1) * pace * _MOST_ZOOM
    matrix = zoom * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    middle = np.array([width - 1, height - 1]) / 2
    place = (places(height, width) - middle) @ matrix.T + middle + rng.uniform(-1, 1, 2) * pace * _MOST_SHIFT_PIXELS
    for points, most in _BENDS:
        bend = rng.uniform(-most, most, (points, points, 2)).astype(np.float32) * pace
        place += cv2.resize(bend, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(place, np.float32)


def _blob(height: int, width: int, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Some part of a picture with smooth edges."""
    hills = cv2.resize(rng.random((5, 5)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(hills > np.quantile(hills, 1 - rng.uniform(*_FRONT_SHARE)))


def _looked_up(mask_HW: npt.NDArray[np.bool_], place_HW2: Floats) -> npt.NDArray[np.bool_]:
    return np.asarray(cv2.remap(mask_HW.astype(np.uint8), place_HW2, None, cv2.INTER_NEAREST) > 0)  # type: ignore[call-overload]


def far_from_edges(place_HW2: Floats) -> npt.NDArray[np.bool_]:
    """Where a pixel neither is near an edge of the picture nor was, bool (H, W)."""
    height, width = place_HW2.shape[:2]
    low, high = MARGIN_PIXELS, np.array([width, height]) - 1 - MARGIN_PIXELS
    both = (place_HW2, places(height, width))
    return np.asarray(np.logical_and.reduce([((at >= low) & (at <= high)).all(-1) for at in both]))


def _in_other_light(image_HWC: npt.NDArray[np.generic], rng: np.random.Generator) -> Floats:
    gain = 1 + rng.uniform(-1, 1) * _MOST_GAIN + rng.uniform(-1, 1, 3) * _MOST_TINT
    gamma = np.exp(rng.uniform(-1, 1) * _MOST_GAMMA)
    levels = 255 * (np.arange(256) / 255)[:, None] ** gamma * gain
    return levels.astype(np.float32)[np.asarray(image_HWC, np.uint8), np.arange(3)]


def _with_noise(image_HWC: npt.NDArray[np.generic], rng: np.random.Generator) -> Floats:
    """With a camera's noise, of a strength drawn for this picture."""
    noise = rng.standard_normal(image_HWC.shape, np.float32) * np.float32(rng.uniform(0, _MOST_NOISE))
    return np.asarray(image_HWC.astype(np.float32) + noise)


def _as_picture(image_HWC: Floats) -> Picture:
    return image_HWC.round().clip(0, 255).astype(np.uint8)


def _compressed(image_HWC: Picture, rng: np.random.Generator) -> Picture:
    quality = int(rng.integers(_QUALITIES[0], _QUALITIES[1] + 1))
    _, coded = cv2.imencode(".jpg", image_HWC[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)
    return np.ascontiguousarray(decoded[..., ::-1])
