"""A mask from a file: which picture is shown when, at what size, and what happens at its end."""

from __future__ import annotations

import itertools
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from stylefader.realtime.masks.clip import ClipOptions, MaskClip
from stylefader.realtime.sources.options import LiveOptions
from stylefader.training.errors import MaskError
from tests.realtime.clips import Clip
from tests.realtime.masks.given import placed

IMAGE = np.zeros((48, 64, 3), np.uint8)
OPTIONS = ClipOptions(placed=placed(64, 48))


def numbered(folder: Path, levels: list[int], size: tuple[int, int] = (64, 48)) -> str:
    """Grey pictures, one a level."""
    for at, level in enumerate(levels):
        cv2.imwrite(str(folder / f"{at:03}.png"), np.full((size[1], size[0]), level, np.uint8))
    return str(folder / "%03d.png")


def levels_at(clip: MaskClip, *seconds: float | Fraction) -> list[int]:
    """The mask's grey at these times."""
    found = []
    for time in seconds:
        mask = clip.mask(IMAGE, Fraction(time), {})
        assert mask.shape == (48, 64)
        assert mask.dtype == np.uint8
        assert np.ptp(mask) == 0
        found.append(int(mask[0, 0]))
    return found


def test_numbered_pictures_follow_the_times_of_the_frames(tmp_path: Path) -> None:
    clip = MaskClip(numbered(tmp_path, [0, 50, 100, 150]), replace(OPTIONS, rate=Fraction(10)))
    tenth = Fraction(1, 10)
    assert levels_at(clip, 0, tenth / 2, tenth, 2 * tenth - Fraction(1, 1000), 3 * tenth) == [0, 0, 50, 100, 150]
    assert levels_at(clip, 0, 2 * tenth) == [0, 100], "it can go back"
    assert clip.notes == []
    clip.close()
    clip.close()


def test_a_video_with_times_of_its_own_is_shown_at_these(tmp_path: Path) -> None:
    """Frames at 0, 0.1 and 0.5 s."""
    ticks = [0, 10, 50]
    path = Clip(frames=3, ticks=ticks, time_base=Fraction(1, 100), rate=Fraction(25)).make(tmp_path / "mask.mp4")
    clip = MaskClip(str(path), OPTIONS)
    first, second, third = levels_at(clip, 0, Fraction(1, 10), Fraction(1, 2))
    assert len({first, second, third}) == 3
    again = MaskClip(str(path), OPTIONS)
    assert levels_at(again, Fraction(9, 100), Fraction(2, 5), Fraction(49, 100)) == [first, second, second]


def test_the_last_picture_holds_and_that_is_said_once(tmp_path: Path) -> None:
    clip = MaskClip(numbered(tmp_path, [10, 200]), OPTIONS)
    assert levels_at(clip, 0, Fraction(1, 25)) == [10, 200]
    assert clip.notes == []
    assert levels_at(clip, Fraction(2, 25), 5, 6) == [200, 200, 200]
    assert len(clip.notes) == 1
    assert "its last picture holds" in clip.notes[0]


def test_a_single_picture_holds_without_a_word(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "mask.png"), np.full((48, 64), 77, np.uint8))
    clip = MaskClip(str(tmp_path / "mask.png"), OPTIONS)
    assert levels_at(clip, 0, 100) == [77, 77]
    assert clip.notes == []


def test_it_can_begin_again_at_its_end(tmp_path: Path) -> None:
    clip = MaskClip(numbered(tmp_path, [10, 20, 30]), replace(OPTIONS, loop=True))
    assert levels_at(clip, *(Fraction(at, 25) for at in range(7))) == [10, 20, 30, 10, 20, 30, 10]
    assert clip.notes == []


def test_live_it_begins_with_the_first_frame_and_again_where_time_does(tmp_path: Path) -> None:
    clip = MaskClip(numbered(tmp_path, [10, 20, 30]), replace(OPTIONS, from_first=True))
    assert levels_at(clip, 1000, 1000 + Fraction(1, 25), 1000 + Fraction(2, 25)) == [10, 20, 30]
    assert levels_at(clip, 3, 3 + Fraction(1, 25)) == [10, 20]


@pytest.mark.parametrize(("fit", "left"), [("cover", 255), ("contain", 0), ("stretch", 255)])
def test_another_size_is_fitted_as_frames_are(tmp_path: Path, fit: str, left: int) -> None:
    """A tall white picture for a wide frame."""
    cv2.imwrite(str(tmp_path / "tall.png"), np.full((96, 32), 255, np.uint8))
    options = ClipOptions(placed=LiveOptions(size=(64, 48), fit=fit))  # type: ignore[arg-type]
    mask = MaskClip(str(tmp_path / "tall.png"), options).mask(IMAGE, Fraction(0), {})
    assert mask.shape == (48, 64)
    assert mask[24, 2] == left
    assert mask[24, 32] == 255


def test_what_mirrors_the_frames_mirrors_the_mask(tmp_path: Path) -> None:
    half = np.zeros((48, 64), np.uint8)
    half[:, :32] = 255
    cv2.imwrite(str(tmp_path / "half.png"), half)
    options = ClipOptions(placed=LiveOptions(size=(64, 48), mirror=True))
    mask = MaskClip(str(tmp_path / "half.png"), options).mask(IMAGE, Fraction(0), {})
    assert np.array_equal(mask, half[:, ::-1])


@pytest.mark.parametrize("data", [b"", b"no picture at all", None])
def test_what_cannot_be_read_is_one_line(tmp_path: Path, data: bytes | None) -> None:
    path = tmp_path / "mask.mp4"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(MaskError, match=r"mask .*mask\.mp4") as caught:
        MaskClip(str(path), OPTIONS)
    assert "\n" not in str(caught.value)


def test_a_live_clip_that_is_far_behind_catches_up_over_some_frames(tmp_path: Path) -> None:
    clock = itertools.count(0, 0.004)
    options = replace(OPTIONS, rate=Fraction(10), from_first=True)
    clip = MaskClip(numbered(tmp_path, list(range(0, 200, 10))), options, clock=lambda: next(clock))
    assert levels_at(clip, 100) == [0], "its time begins with the first frame"
    assert levels_at(clip, *[Fraction(1019, 10)] * 12) == sorted([*range(20, 190, 20), *[190] * 3])
    rendered = MaskClip(numbered(tmp_path, list(range(0, 200, 10))), replace(options, from_first=False))
    assert levels_at(rendered, 0, Fraction(19, 10)) == [0, 190], "a render waits"
