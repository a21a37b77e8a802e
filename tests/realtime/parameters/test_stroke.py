"""The size of the strokes: its steps, and the size of the network that they come to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stylefader.realtime.parameters.parameter import STROKES, parameters_of
from stylefader.realtime.parameters.stroke import nearest_stroke, network_size, next_stroke, stroke_of
from stylefader.training.packs.header_reading import with_inputs
from stylefader.training.packs.inputs import InputSpec
from stylefader.training.packs.pack_header import PackHeader
from tests.conftest import random_pack


@given(st.floats(0.1, 10))
def test_a_value_counts_as_the_nearest_step_by_ratio(value: float) -> None:
    found = nearest_stroke(value)
    assert all(abs(np.log(value / found)) <= abs(np.log(value / step)) + 1e-9 for step in STROKES)


def test_steps_up_and_down_end_at_the_last() -> None:
    assert [next_stroke(1, by) for by in (-1, 1, 2, 9, -9)] == [STROKES[0], 1.5, 2, 3, STROKES[0]]
    assert next_stroke(1.9, 1) == 3, "it counts as 2"


def test_the_network_is_smaller_by_it() -> None:
    assert network_size(357, 639, 1) == (357, 639), "the frame's own, whatever it is"
    assert network_size(1080, 1920, 3) == (360, 640)
    assert network_size(720, 1280, 1.5) == (480, 852)
    assert network_size(360, 640, STROKES[0]) == (540, 960)
    assert network_size(20, 9, 3) == (16, 9), "not below what a network can do with"


@pytest.fixture
def header(tmp_path: Path) -> PackHeader:
    return random_pack(tmp_path / "random.safetensors").header


def test_a_style_has_it_unless_the_name_is_its_own(header: PackHeader) -> None:
    two = {"stroke": np.array([2.2], np.float32)}
    assert stroke_of(header, two) == 2 and stroke_of(header, {}) == 1
    own = InputSpec(
        name="stroke", kind="vector", shape=(1,), dtype="float32", low=0.0, high=9.0, default=4.0, live=True
    )
    other = with_inputs(header)
    other = PackHeader(**{**vars(other), "inputs": (*other.inputs, own)})
    assert stroke_of(other, two) == 1
    (found,) = [one for one in parameters_of(other) if one.name == "stroke"]
    assert found.default == (4.0,), "as it declares it"
    sized = PackHeader(**{**vars(header), "size": (32, 32)})
    assert "stroke" not in [one.name for one in parameters_of(sized)] and stroke_of(sized, two) == 1
