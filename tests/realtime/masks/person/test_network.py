"""Segmenters from files: layout, size and range by their own declarations; what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stylefader.realtime.masks.person.network import open_network
from stylefader.realtime.masks.person.tflite_file import tflite_facts
from stylefader.training.errors import MaskError
from tests.realtime.masks.person.small_networks import redness


def said_of(path: Path, colour: tuple[int, int, int] = (204, 51, 0)) -> float:
    """The mask's value of a picture of one colour."""
    network = open_network(path, 36, 64)
    network.picture[:] = colour
    mask = network()
    assert mask.dtype == np.float32
    assert mask.shape == (network.height, network.width)
    assert np.ptp(mask) < 1e-6
    return float(mask[0, 0])


def sigmoid(value: float) -> float:
    return float(1 / (1 + np.exp(-value)))


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_the_layout_is_found_and_the_picture_is_rgb_of_0_to_1(tmp_path: Path, layout: str) -> None:
    path = redness(tmp_path / "net.onnx", layout=layout)
    assert said_of(path) == pytest.approx(sigmoid(0.8), abs=1e-5)


@pytest.mark.parametrize(
    ("words", "red"),
    [
        ({"Image.NominalPixelRange": "NominalRange_0_255"}, 204),
        ({"Image.NominalPixelRange": "Normalized_0_1"}, 0.8),
        ({"Image.NominalPixelRange": "Normalized_1_1"}, 0.6),
        ({"Image.NominalPixelRange": "NominalRange_16_235"}, 16 + 0.8 * 219),
        ({"Image.BitmapPixelFormat": "Bgr8"}, 0.0),
    ],
)
def test_the_range_is_the_one_that_the_file_declares(tmp_path: Path, words: dict[str, str], red: float) -> None:
    path = redness(tmp_path / "net.onnx", words=words, end="Sigmoid")
    assert said_of(path) == pytest.approx(sigmoid(red), abs=1e-5)


def test_bytes_are_given_as_they_are(tmp_path: Path) -> None:
    assert said_of(redness(tmp_path / "net.onnx", kind="UINT8"), (2, 0, 0)) == pytest.approx(sigmoid(2), abs=1e-5)


@pytest.mark.parametrize(
    ("end", "channels", "wanted"),
    [
        ("Sigmoid", 1, sigmoid(0.8)),  # is the mask itself
        ("Clip", 1, 0.8),
        ("", 1, sigmoid(0.8)),  # so far without a limit: logits
        ("Softmax", 2, sigmoid(0.8)),  # background 0 against 0.8
        ("", 2, sigmoid(0.8)),
        ("Sigmoid", 2, 0.5),  # what the background leaves
    ],
)
@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_the_mask_is_brought_to_0_to_1(tmp_path: Path, layout: str, end: str, channels: int, wanted: float) -> None:
    path = redness(tmp_path / "net.onnx", layout=layout, end=end, channels=channels)
    assert said_of(path) == pytest.approx(wanted, abs=1e-5)


def test_a_network_of_any_size_gets_one_of_the_frames_proportions(tmp_path: Path) -> None:
    network = open_network(redness(tmp_path / "net.onnx", size=("h", "w")), 360, 640)
    assert (network.height, network.width) == (256, 448)
    upright = open_network(redness(tmp_path / "net.onnx", size=("h", "w")), 640, 360)
    assert (upright.height, upright.width) == (448, 256)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"second": "picture"}, "takes 2 pictures"),
        ({"second": "mask"}, "gives 2 masks"),
        ({"words": {"Image.NominalPixelRange": "loud"}}, "'loud'; there are NominalRange_0_255"),
    ],
)
def test_what_is_no_segmenter_is_refused_in_one_line(tmp_path: Path, settings: dict[str, str], says: str) -> None:
    path = redness(tmp_path / "net.onnx", **settings)  # type: ignore[arg-type]
    with pytest.raises(MaskError, match=says) as caught:
        open_network(path, 36, 64)
    assert "net.onnx" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["net.onnx", "net.tflite", "net.pt", "gone.onnx", "folder.onnx"])
def test_what_is_no_file_of_a_network_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    if name == "folder.onnx":
        (tmp_path / name).mkdir()
    elif name != "gone.onnx":
        (tmp_path / name).write_bytes(b"this is no network")
    with pytest.raises(MaskError, match=name) as caught:
        open_network(tmp_path / name, 36, 64)
    assert "\n" not in str(caught.value)


@given(data=st.binary(max_size=300), magic=st.booleans())
def test_any_bytes_are_a_tensorflow_lite_file_or_refused(data: bytes, magic: bool) -> None:
    try:
        tflite_facts(data[:4] + b"TFL3" + data[8:] if magic else data)
    except MaskError as error:
        assert "TensorFlow Lite" in str(error)  # noqa: PT017
