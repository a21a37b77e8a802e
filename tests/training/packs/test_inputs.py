"""What a header may declare as an input, and what not."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stylefader.training.errors import PackError
from stylefader.training.packs.families.dynamic_net import style_inputs
from stylefader.training.packs.inputs import InputSpec, read_inputs

VECTOR: dict[str, Any] = {
    "name": "weights", "kind": "vector", "shape": [3], "dtype": "float32", "low": 0, "high": 1, "default": [1, 0, 0],
    "constraint": "simplex", "meaning": "how much of each", "live": True, "labels": ["a", "b", "c"],
}  # fmt: skip
IMAGE: dict[str, Any] = {
    "name": "frame", "kind": "image", "shape": ["H", "W", 3], "dtype": "uint8", "low": 0, "high": 255
}  # fmt: skip
LABELS: dict[str, Any] = {
    "name": "map", "kind": "labels", "shape": ["H", "W"], "dtype": "int32", "low": 1, "high": 3,
    "labels": ["x", "y", "z"],
}  # fmt: skip
STATE: dict[str, Any] = {
    "name": "last", "kind": "state", "shape": ["H", "W", 8], "dtype": "float32", "low": -1, "high": 1, "default": 0
}  # fmt: skip


def test_what_is_declared_is_read_and_written_again() -> None:
    specs = read_inputs([IMAGE, VECTOR, LABELS, STATE], "inputs")
    assert specs[1] == InputSpec(
        name="weights", kind="vector", shape=(3,), dtype="float32", low=0.0, high=1.0, default=(1.0, 0.0, 0.0),
        constraint="simplex", meaning="how much of each", live=True, labels=("a", "b", "c"),
    )  # fmt: skip
    assert specs[0].default is None and not specs[0].live
    assert read_inputs(json.loads(json.dumps([asdict(spec) for spec in specs])), "inputs") == specs
    assert [spec.sides(4, 6) for spec in specs] == [(4, 6, 3), (3,), (4, 6), (4, 6, 8)]
    assert [spec.sized for spec in specs] == [True, False, True, True]


def test_what_no_performer_moves_may_have_more() -> None:
    (spec,) = read_inputs(
        [{**VECTOR, "name": "latent2", "shape": [512], "default": None, "labels": [], "live": False}], "i"
    )
    assert spec.shape == (512,)


def test_a_style_declares_frame_and_alpha() -> None:
    (frame,) = style_inputs([])
    assert (frame.name, frame.shape, frame.dtype) == ("frame", ("H", "W", 3), "uint8")
    alpha = style_inputs(["large", "small"], low=-1, high=2, default=0.5)[1]
    assert (alpha.shape, alpha.low, alpha.high, alpha.default, alpha.labels) == ((2,), -1, 2, 0.5, ("large", "small"))
    assert alpha.live


BAD: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    (VECTOR, {"name": "Weights"}, "inputs[0].name must be 1 to 32 of a-z"),
    (VECTOR, {"name": "picture"}, "not picture"),
    (VECTOR, {"name": "mix2"}, "letters for what a performer moves, not 'mix2'"),
    (VECTOR, {"name": "time"}, "letters for what a performer moves"),
    (VECTOR, {"shape": [101], "default": None, "labels": []}, "100 components at most for what a performer moves"),
    (VECTOR, {"name": "a" * 33}, "inputs[0].name must be 1 to 32"),
    (VECTOR, {"name": "a\n"}, "inputs[0].name must be 1 to 32"),
    (VECTOR, {"kind": "scalar"}, "inputs[0].kind must be one of image, mask, labels, vector, state"),
    (VECTOR, {"shape": []}, "shape must have 1 sides for vector, not 0"),
    (VECTOR, {"shape": [3, 3]}, "shape must have 1 sides for vector, not 2"),
    (VECTOR, {"shape": [0]}, "shape[0] must be a whole number from 1 to 16384, H or W, not 0"),
    (VECTOR, {"shape": [True]}, "shape[0] must be a whole number"),
    (VECTOR, {"shape": [["H"]]}, "shape[0] must be a whole number"),
    (VECTOR, {"shape": [10000], "default": None, "labels": []}, "8192 components at most, not 10000"),
    (VECTOR, {"shape": ["H"]}, "must be of whole numbers, or begin with H and W"),
    (VECTOR, {"dtype": "uint8"}, "dtype must be float32 for vector, not uint8"),
    (VECTOR, {"dtype": "complex64"}, "dtype must be one of uint8, int32, float32"),
    (VECTOR, {"low": 2}, "must have low <= high, not 2 and 1"),
    (VECTOR, {"low": float("nan")}, "low must be a finite number"),
    (VECTOR, {"default": [1, 0]}, "one for each component of a vector, not 2"),
    (VECTOR, {"default": [2, -1, 0]}, "default must be from 0 to 1, not 2"),
    (VECTOR, {"default": 0.5}, "default must have the sum 1 (simplex), not 1.5"),
    (VECTOR, {"default": [0] * 10000}, "default must be of 8192 numbers at most"),
    (VECTOR, {"constraint": "sphere"}, "default must have the mean square 1 (sphere), not 0.333333"),
    (VECTOR, {"constraint": "cube"}, "constraint must be one of none, simplex, sphere"),
    (VECTOR, {"labels": ["a"]}, "labels must be 3 names or none, not 1"),
    (VECTOR, {"labels": ["a"] * 10000}, "labels must be of 8192 names at most"),
    (VECTOR, {"live": 1}, "live must be true or false, not 1"),
    (VECTOR, {"meaning": "a\x1b[2J"}, "meaning must be a printable text"),
    (VECTOR, {"colour": 1}, "unknown fields: 'colour'"),
    (IMAGE, {"shape": ["H", "W", 4]}, "shape must end with 3 for an image, which is RGB, not 4"),
    (IMAGE, {"shape": ["W", "H", 3]}, "begin with H and W"),
    (IMAGE, {"shape": ["H", 8, 3]}, "begin with H and W"),
    (IMAGE, {"dtype": "float32"}, "dtype must be uint8 for image"),
    (IMAGE, {"high": 256}, "whole low and high from 0 to 255 for uint8"),
    (IMAGE, {"constraint": "simplex"}, "constraint must be none for image"),
    (IMAGE, {"default": [1, 2, 3]}, "one for each component of a vector, not 3"),
    (LABELS, {"default": 1.5}, "default must be a whole number for int32, not 1.5"),
    (LABELS, {"high": 2}, "labels must be 2 names or none, not 3"),
    (LABELS, {"low": 0.5}, "whole low and high"),
    (STATE, {"shape": [8, "H", "W"]}, "begin with H and W"),
    (STATE, {"shape": [16384, 16384, 16]}, "67108864 numbers at most"),
    (STATE, {"shape": [1] * 5}, "shape must have 1 to 4 sides for state, not 5"),
]


@pytest.mark.parametrize(("base", "change", "said"), BAD, ids=[said for _, _, said in BAD])
def test_what_does_not_fit_is_refused_in_one_line(base: dict[str, Any], change: dict[str, Any], said: str) -> None:
    with pytest.raises(PackError) as caught:
        read_inputs([{**base, **change}], "inputs")
    assert said in str(caught.value) and str(caught.value).startswith("inputs[0]")
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 300


@pytest.mark.parametrize("field", ["name", "kind", "shape", "dtype", "low", "high"])
def test_what_must_be_said_is_missed(field: str) -> None:
    with pytest.raises(PackError, match=f"has no '{field}'"):
        read_inputs([{key: value for key, value in VECTOR.items() if key != field}], "inputs")


@pytest.mark.parametrize(
    ("value", "said"),
    [([], "1 to 16 inputs, not 0"), ([IMAGE] * 17, "1 to 16 inputs, not 17"), ([IMAGE, IMAGE], "'frame' more than"),
     ({}, "must be a list"), ([1], "must be an object")],
)  # fmt: skip
def test_lists_that_are_none_are_refused(value: Any, said: str) -> None:
    with pytest.raises(PackError, match=said):
        read_inputs(value, "inputs")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=8), inner, max_size=5), max_leaves=8,
)  # fmt: skip


@given(st.sampled_from([VECTOR, IMAGE, LABELS, STATE]), st.sampled_from(sorted(VECTOR)), JSON)
def test_whatever_stands_in_a_field_it_is_read_or_refused(base: dict[str, Any], field: str, value: Any) -> None:
    with suppress(PackError):
        specs = read_inputs([{**base, field: value}], "inputs")
        assert read_inputs(json.loads(json.dumps([asdict(spec) for spec in specs])), "inputs") == specs
