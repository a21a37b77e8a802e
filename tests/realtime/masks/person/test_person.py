"""The person as a mask: with a made-up segmenter, and with the real one where it has been fetched."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from stylefader.realtime.masks.person.installed import COMMAND, installed
from stylefader.realtime.masks.person.network import open_network
from stylefader.realtime.masks.person.source import PersonMask
from tests.realtime.masks.person.small_networks import redness


def test_a_frame_gives_a_mask_of_its_size(tmp_path: Path) -> None:
    """Its own network says that what is red is a person."""
    model = redness(tmp_path / "net.onnx", words={"Image.NominalPixelRange": "NominalRange_0_255"}, end="Clip")
    image = np.full((90, 160, 3), (0, 90, 90), np.uint8)
    image[30:, 60:100] = (255, 90, 90)
    source = PersonMask(model, 90, 160)
    for at in range(3):
        mask = source.mask(image, Fraction(at, 25), {})
    assert mask.shape == (90, 160)
    assert mask.dtype == np.uint8
    assert (mask[40:, 66:94] > 250).all()
    assert (mask[:24] < 5).all()
    source.close()
    source.close()


def test_the_real_segmenter_finds_a_drawn_person_and_not_an_empty_room() -> None:
    model = installed()
    if model is None:
        pytest.skip(f"the segmenter is not here: {COMMAND}")
    room = np.full((360, 640, 3), (150, 160, 165), np.uint8)
    someone = room.copy()
    cv2.ellipse(someone, (320, 360), (150, 150), 0, 0, 360, (60, 70, 120), -1)
    cv2.rectangle(someone, (295, 170), (345, 240), (205, 160, 135), -1)
    cv2.ellipse(someone, (320, 140), (58, 76), 0, 0, 360, (215, 170, 145), -1)
    cv2.ellipse(someone, (320, 95), (64, 50), 0, 180, 360, (60, 40, 30), -1)
    for x in (300, 340):
        cv2.circle(someone, (x, 135), 6, (40, 30, 30), -1)
    cv2.ellipse(someone, (320, 180), (20, 7), 0, 0, 180, (150, 60, 60), -1)
    network = open_network(model, 360, 640)
    shares = []
    for image in (room, someone):
        network.picture[:] = cv2.resize(image, network.picture.shape[1::-1], interpolation=cv2.INTER_AREA)
        shares.append(network().mean())
    assert shares[0] < 0.02
    assert shares[1] > 0.1
