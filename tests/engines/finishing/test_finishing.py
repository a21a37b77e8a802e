"""The finishing step on the processor and as tensors, against the formula in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from stylefader.engines.finishing.pictures import Finisher
from stylefader.engines.finishing.settings import Finish, Side, read_finish
from stylefader.engines.finishing.tensors import finish_tensors
from stylefader.training.errors import EngineError

Picture = npt.NDArray[np.uint8]
SHARES = st.one_of(st.sampled_from([0.0, 0.5, 1.0]), st.floats(0, 1, width=32))
SIDES = st.builds(Side, SHARES, SHARES)
LUMA = np.array([0.299, 0.587, 0.114])


@st.composite
def cases(draw: st.DrawFn) -> tuple[Picture, Picture, Picture]:
    """A picture, its original and a mask of one size."""
    height, width = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    shape = (height, width, 3)
    picture, original = (draw(arrays.arrays(np.uint8, shape)) for _ in range(2))
    return picture, original, draw(arrays.arrays(np.uint8, shape[:2]))


def side_of(picture: Picture, original: Picture, side: Side) -> npt.NDArray[np.float64]:
    change = picture.astype(np.float64) - original
    luma = (change @ LUMA)[..., None]
    return np.clip(original + side.mix * ((1 - side.colour) * change + side.colour * luma), 0, 255)


def expected(picture: Picture, original: Picture, finish: Finish) -> npt.NDArray[np.float64]:
    inside = side_of(picture, original, finish.inside)
    if finish.outside is None:
        return inside
    share = finish.mask[..., None] / 255
    return np.asarray(inside * share + side_of(picture, original, finish.outside) * (1 - share))


def finished(picture: Picture, original: Picture, finish: Finish) -> Picture:
    out = np.empty_like(picture)
    Finisher(*picture.shape[:2])(picture, original, finish, out)
    return out


@settings(deadline=None)
@given(cases(), SIDES, st.none() | SIDES)
def test_both_ways_give_what_the_formula_says(
    case: tuple[Picture, Picture, Picture], inside: Side, outside: Side | None
) -> None:
    picture, original, mask = case
    finish = Finish(inside, outside, None if outside is None else mask)
    found, wanted = finished(picture, original, finish), expected(picture, original, finish)
    assert np.abs(found - wanted).max() <= 2.6, "two roundings of luma and one of each step"
    in_place = picture.copy()
    Finisher(*picture.shape[:2])(in_place, original, finish, in_place)
    assert np.array_equal(in_place, found)
    values = {"mix": inside.mix, "colour": inside.colour}
    if outside is not None:
        values |= {"mix_outside": outside.mix, "colour_outside": outside.colour}
    tensors: dict[str, Any] = {name: torch.tensor([value], dtype=torch.float32) for name, value in values.items()}
    if outside is not None:
        tensors["mask"] = torch.from_numpy(mask)
    on_gpu = torch.from_numpy(picture.copy())
    finish_tensors(on_gpu, torch.from_numpy(original), tensors)
    assert np.abs(on_gpu.numpy() - wanted).max() <= 0.51


@given(cases(), SIDES)
def test_at_the_ends_nothing_is_rounded(case: tuple[Picture, Picture, Picture], other: Side) -> None:
    picture, original, mask = case
    assert np.array_equal(finished(picture, original, Finish(Side())), picture)
    assert np.array_equal(finished(picture, original, Finish(Side(0.0, other.colour))), original)
    for value, side in ((255, Side()), (0, other)):
        whole = np.full_like(mask, value)
        found = finished(picture, original, Finish(Side(), other, whole))
        assert np.array_equal(found, finished(picture, original, Finish(side)))


def test_the_original_may_be_written_over() -> None:
    rng = np.random.default_rng(0)
    picture, original = rng.integers(0, 256, (2, 7, 5, 3), np.uint8)
    mask = rng.integers(0, 256, (7, 5), np.uint8)
    for finish in (Finish(Side(0.4)), Finish(Side(0.7, 0.6)), Finish(Side(1, 1), Side(0.2), mask)):
        wanted, out = finished(picture, original, finish), original.copy()
        Finisher(7, 5)(picture, out, finish, out)
        assert np.array_equal(out, wanted)


def test_colour_keeps_the_luma_of_the_style_and_the_chroma_of_the_original() -> None:
    original = np.full((4, 6, 3), (150, 90, 60), np.uint8)
    picture = np.full((4, 6, 3), (70, 120, 140), np.uint8)
    found = finished(picture, original, Finish(Side(1.0, 1.0))).astype(np.float64)
    assert np.abs(found @ LUMA - picture @ LUMA).max() <= 1
    assert np.abs((found - (found @ LUMA)[..., None]) - (original - (original @ LUMA)[..., None])).max() <= 1


def test_numbers_beyond_0_and_1_are_refused_by_name() -> None:
    one = np.ones(1, np.float32)
    assert read_finish({}, masked=False).plain
    assert read_finish({"mix": one, "colour": one * 0}, masked=False).plain
    for name in ("mix", "colour"):
        with pytest.raises(EngineError, match=f"^{name} must be from 0 to 1, not 1.5$"):
            read_finish({name: one * 1.5}, masked=False)
    with pytest.raises(EngineError, match=r"^mix_outside must be from 0 to 1, not -1$"):
        read_finish({"mix_outside": -one, "mask": np.zeros((1, 1), np.uint8)}, masked=True)
