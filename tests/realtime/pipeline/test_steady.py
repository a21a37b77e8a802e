from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from stylefader.realtime.parameters.parameter import Values
from stylefader.realtime.pipeline.steady import Steady

Picture = npt.NDArray[np.uint8]
H, W = 120, 160
RATE = 30


def still_life() -> Picture:
    rng = np.random.default_rng(0)
    scene = cv2.resize(rng.integers(60, 196, (8, 10, 3), np.uint8), (W, H), interpolation=cv2.INTER_CUBIC)
    return np.asarray(scene, np.uint8)


def seen_by_a_camera(scene: Picture, number: int, noise: float = 2.0) -> Picture:
    grain = np.random.default_rng((1, number)).normal(0, noise, scene.shape)
    return np.asarray((scene + grain).round().clip(0, 255), np.uint8)


def sharpened(frame: Picture) -> Picture:
    """A style that makes more of small differences, noise among them."""
    wide = frame.astype(np.float32)
    smooth = cv2.GaussianBlur(wide, (0, 0), 3)
    return np.asarray((smooth + 3 * (wide - smooth)).round().clip(0, 255), np.uint8)


def at(strength: float, **others: float) -> dict[str, Values]:
    values = {"alpha": 1.0, "steady": strength, **others}
    return {name: np.full(1, value, np.float32) for name, value in values.items()}


def played(
    frames: Sequence[Picture], strength: float = 1.0, *, times: Sequence[Fraction] | None = None
) -> tuple[list[Picture], list[Picture]]:
    """The style's own pictures, and what comes of them."""
    steady = Steady()
    plain = [sharpened(frame) for frame in frames]
    out = [picture.copy() for picture in plain]
    for number, (frame, picture) in enumerate(zip(frames, out, strict=True)):
        steady(frame, picture, times[number] if times else Fraction(number, RATE), at(strength))
    return plain, out


def shimmer(pictures: Sequence[Picture]) -> float:
    """Root mean square of what changes from one picture to the next."""
    steps = [np.square(a.astype(float) - b).mean() for a, b in pairwise(pictures)]
    return float(np.sqrt(np.mean(steps)))


@pytest.mark.parametrize("noise", [1.0, 2.0, 4.0])
def test_a_still_scene_stands_still(noise: float) -> None:
    plain, out = played([seen_by_a_camera(still_life(), number, noise) for number in range(50)])
    assert shimmer(out[20:]) < 0.2 * shimmer(plain[20:])
    clean = sharpened(still_life()).astype(float)
    assert np.abs(out[-1] - clean).mean() < 0.5 * np.abs(plain[-1] - clean).mean(), (
        "nearer to the picture without noise"
    )


def test_strength_is_a_fader() -> None:
    frames = [seen_by_a_camera(still_life(), number) for number in range(40)]
    moving = [shimmer(played(frames, strength)[1][20:]) for strength in (0, 0.1, 0.5, 1)]
    assert moving == sorted(moving, reverse=True)


def test_at_zero_nothing_is_touched() -> None:
    plain, out = played([seen_by_a_camera(still_life(), number) for number in range(4)], 0)
    assert all(np.array_equal(a, b) for a, b in zip(plain, out, strict=True))


def test_what_moves_is_the_styles_own_picture() -> None:
    """A bright bar goes over the scene: where the scene itself changes, nothing is late or smeared."""
    scenes = []
    for number in range(30):
        scene = still_life()
        scene[:, 20 + 3 * number : 36 + 3 * number] = 250
        scenes.append(scene)
    plain, out = played([seen_by_a_camera(scene, number) for number, scene in enumerate(scenes)])
    for number in range(5, 30):
        moves = np.abs(scenes[number].astype(int) - scenes[number - 1]).max(-1) > 30
        difference = np.abs(plain[number].astype(int) - out[number])[moves]
        assert difference.mean() < 0.5 and np.percentile(difference, 99) <= 2
        still = np.s_[:, :12]
        assert np.abs(out[number][still].astype(int) - out[number - 1][still]).mean() < 1


def test_a_slow_motion_is_followed() -> None:
    """A quarter of a pixel a frame: no single step is above the noise."""
    places = np.stack(np.meshgrid(np.arange(W), np.arange(H)), -1).astype(np.float32)
    scene = cv2.GaussianBlur(np.random.default_rng(3).integers(0, 256, (H, W, 3), np.uint8), (0, 0), 2)
    scene = cv2.normalize(scene, None, 0, 255, cv2.NORM_MINMAX)  # type: ignore[call-overload]
    scenes = [
        np.asarray(cv2.remap(scene, places + np.float32((number / 4, 0)), None, cv2.INTER_LINEAR), np.uint8)  # type: ignore[call-overload]
        for number in range(60)
    ]
    _, out = played([seen_by_a_camera(scene, number) for number, scene in enumerate(scenes)])
    ages = [np.abs(out[-1].astype(float) - sharpened(scenes[59 - age])).mean() for age in range(0, 16, 4)]
    assert ages.index(min(ages)) == 0, "the newest scene is what is shown"


def test_a_cut_shows_at_once() -> None:
    before, after = still_life(), np.ascontiguousarray(255 - still_life()[::-1])
    frames = [seen_by_a_camera(before if number < 20 else after, number) for number in range(22)]
    plain, out = played(frames)
    assert np.abs(plain[20].astype(int) - out[20]).mean() < 1


@pytest.mark.parametrize("name", ["alpha", "tint"])
def test_a_parameter_that_moves_shows_at_once(name: str) -> None:
    steady, frame = Steady(), still_life()
    for number in range(20):
        value = 0.2 if number < 10 else 0.2 + 0.05 * (number - 9)
        picture = np.full((H, W, 3), round(200 * value), np.uint8)
        steady(frame, picture, Fraction(number, RATE), at(1, **{name: value}))
        assert abs(int(picture[5, 5, 0]) - round(200 * value)) <= 1


def test_another_style_a_fade_and_frames_that_went_by_show_at_once() -> None:
    steady, frame, number = Steady(), still_life(), 0

    def shown(level: int, *, style: str = "a", opens: bool = False, wait: int = 1) -> int:
        nonlocal number
        number += wait
        picture = np.full((H, W, 3), level, np.uint8)
        steady(frame, picture, Fraction(number, RATE), at(1), style=style, opens=opens)
        return int(picture[5, 5, 0])

    assert [shown(100) for _ in range(9)] == [100] * 9
    assert shown(110) < 103, "at rest it takes its time"
    assert shown(150, opens=True) == 150
    assert shown(60, style="b") == 60
    assert shown(90, style="b", wait=3 * RATE) == 90, "a gap"
    assert shown(30, style="b", wait=-5) == 30, "the source began again"
    steady.forget()
    assert shown(200, style="b") == 200


def test_another_size_begins_again() -> None:
    steady = Steady()
    for number, side in enumerate((40, 40, 64, 64, 7, 7, 1, 1)):
        frame = np.full((side, side + 1, 3), 90, np.uint8)
        picture = np.full((side, side + 1, 3), 100 + 50 * (number // 2), np.uint8)
        steady(frame, picture, Fraction(number, RATE), at(1))
        assert picture.min() == picture.max() == 100 + 50 * (number // 2)


def test_it_goes_by_time_and_not_by_frames() -> None:
    """A step of the style's picture at rest is as far along after a third of a second, at any rate of frames."""
    shares = []
    for rate in (15, 30, 60):
        steady, frame = Steady(), still_life()
        for number in range(rate + rate // 3):
            picture = np.full((H, W, 3), 50 if number < rate else 150, np.uint8)
            steady(frame, picture, Fraction(number, rate), at(1))
        shares.append(int(picture[5, 5, 0]))
    assert max(shares) - min(shares) <= 2 and 90 < shares[0] < 110


def test_the_same_frames_give_the_same_pictures() -> None:
    frames = [seen_by_a_camera(still_life(), number) for number in range(12)]
    one, other = played(frames)[1], played(frames)[1]
    assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def with_a_mask(masks: Sequence[Picture | None]) -> list[Picture]:
    """A still frame through steadying at full strength; inside of the mask it is white, outside black."""
    steady, frame, out = Steady(), still_life(), []
    for number, mask in enumerate(masks):
        picture = np.zeros((H, W, 3), np.uint8) if mask is None else np.repeat(mask[..., None], 3, axis=2)
        steady(frame, picture, Fraction(number, RATE), at(1.0), mask=mask)
        out.append(picture)
    return out


def test_a_mask_that_moves_leaves_no_trail() -> None:
    left, right = np.zeros((H, W), np.uint8), np.zeros((H, W), np.uint8)
    left[:, : W // 2], right[:, W // 2 :] = 255, 255
    *_, last = with_a_mask([left] * 10 + [right])
    away = np.s_[8:-8, 8 : W // 2 - 8]
    assert np.array_equal(last[away], np.zeros_like(last[away])), "what was inside is outside at once"


def test_a_mask_that_comes_or_goes_shows_at_once() -> None:
    inside = np.full((H, W), 255, np.uint8)
    pictures = with_a_mask([None] * 10 + [inside] + [None])
    assert (pictures[10] == 255).all() and not pictures[11].any()
