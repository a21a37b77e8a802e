"""How stable a style is on video: the warping error of Lai et al. (ECCV 2018).

A frame is compared with the one before it, moved along by the flow, wherever both show the same thing: the mean
square of what differs, in RGB of 0 to 1, over visible pixels and channels, averaged over a clip. The input has such
an error of its own (noise, interpolation, flow that is not quite right), which is the floor: what a style adds to it
is the excess.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from stylefader.training.data.optical_flow import Motion, estimated_motion
from stylefader.training.data.photographs import Picture, resize_short_side
from stylefader.training.errors import TrainingError

_ROOM = 1.25
_MOST_TURN, _MOST_ZOOM, _MOST_SHIFT = 0.05, 0.04, 0.06
_PERIODS = (20, 48)
_NOISE = 2.0


def warping_error(before_HWC: Picture, after_HWC: Picture, motion: Motion) -> float:
    """Mean square difference of a frame and the one before it carried along, RGB in 0..1; 0 where nothing is seen."""
    if not motion.seen_HW.any():
        return 0.0
    difference = (motion.carry(before_HWC) - after_HWC)[motion.seen_HW] / 255
    return float(np.square(difference).mean())


def moving_photo(photo_HWC: Picture, *, side: int, frames: int, seed: int) -> Iterator[tuple[Picture, Motion | None]]:
    """A square clip of a photograph under a moving camera, with noise; the flow is exact.

    Shift, turn and zoom swing slowly, each at a pace of its own, a few pixels a frame. The camera never sees the
    photograph's edges. Yields each frame, uint8 (side, side, 3) RGB, and its motion, None for the first.
    """
    rng = np.random.default_rng(seed)
    photo_HWC = resize_short_side(photo_HWC, round(side * _ROOM))
    paces, phases = rng.uniform(*_PERIODS, 4), rng.uniform(0, 2 * np.pi, 4)
    middle = np.array(photo_HWC.shape[1::-1]) / 2 - 0.5
    y, x = np.mgrid[:side, :side].astype(np.float64)
    pixels_3N = np.stack([x.ravel(), y.ravel(), np.ones(side * side)])
    before: npt.NDArray[np.float64] | None = None
    for number in range(frames):
        swing = np.sin(2 * np.pi * number / paces + phases)
        angle, zoom = swing[0] * _MOST_TURN, 1 + swing[1] * _MOST_ZOOM
        turn = zoom * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        at = middle + swing[2:] * _MOST_SHIFT * side - turn @ np.full(2, (side - 1) / 2)
        now = np.vstack([np.column_stack([turn, at]), [0, 0, 1]])  # pixels of the frame -> of the photograph
        seen = cv2.warpAffine(
            photo_HWC.astype(np.float32), now[:2], (side, side), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        )
        frame = np.asarray(seen + rng.normal(0, _NOISE, seen.shape)).round().clip(0, 255).astype(np.uint8)
        motion = None
        if before is not None:
            place = (np.linalg.inv(before) @ now @ pixels_3N)[:2].T.reshape(side, side, 2)
            inside = ((place >= 0) & (place <= side - 1)).all(-1)
            motion = Motion(place.astype(np.float32), inside)
        before = now
        yield frame, motion


def clip_with_motion(frames: Iterable[Picture]) -> Iterator[tuple[Picture, Motion | None]]:
    """A real clip's frames, each with its estimated motion, None for the first."""
    before: Picture | None = None
    for frame in frames:
        yield frame, None if before is None else estimated_motion(before, frame)
        before = frame


@dataclass(frozen=True, kw_only=True)
class WarpingErrors:
    """Warping errors of the input and of its stylized forms, by alpha; means over `pairs` of frames."""

    pairs: int
    input: float
    alpha: tuple[float, ...]
    output: tuple[float, ...]

    @property
    def excess(self) -> tuple[float, ...]:
        """What the style adds at each alpha."""
        return tuple(output - self.input for output in self.output)


def measure_warping(
    clips: Iterable[Iterable[tuple[Picture, Motion | None]]],
    stylize: Callable[[Picture, float], Picture],
    alphas: Sequence[float],
    *,
    report: Callable[[int], None] = lambda pairs: None,
) -> WarpingErrors:
    """Warping errors over all pairs of frames of all clips, every block at each of the alphas.

    stylize: uint8 (H, W, 3) RGB and alpha -> a picture of its own of the same size. `report` gets the pairs done.
    Raises TrainingError where there is no pair of frames.
    """
    sums, pairs = np.zeros(1 + len(alphas)), 0
    for clip in clips:
        before: list[Picture] = []
        for frame, motion in clip:
            now = [frame, *(stylize(frame, alpha) for alpha in alphas)]
            if motion is not None:
                sums += [warping_error(old, new, motion) for old, new in zip(before, now, strict=True)]
                pairs += 1
                report(pairs)
            before = now
    if not pairs:
        raise TrainingError("a warping error takes two frames or more")
    mean = [float(value) for value in sums / pairs]
    return WarpingErrors(pairs=pairs, input=mean[0], alpha=tuple(alphas), output=tuple(mean[1:]))
