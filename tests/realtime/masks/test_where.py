"""`--where`: its words, their settings, and what is refused."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stylefader.realtime.masks.base import Mask
from stylefader.realtime.masks.clip import ClipOptions
from stylefader.realtime.masks.where import MaskFiles, mask_choice
from stylefader.realtime.media.frame import Picture
from stylefader.realtime.sources.options import LiveOptions
from stylefader.training.errors import MaskError
from tests.realtime.masks.given import standing

FILES = MaskFiles(clip=ClipOptions(placed=LiveOptions()), person_model=Path("model.onnx"))


def mask_of(text: str, image: Picture, files: MaskFiles = FILES) -> Mask:
    choice = mask_choice(text, files)
    assert choice is not None
    source = choice.open(*image.shape[:2])
    mask = source.mask(image, Fraction(0), standing(choice.parameters))
    source.close()
    assert mask is not None
    return mask


def picture() -> Picture:
    """Left half pure green, right half white."""
    image = np.full((40, 60, 3), 255, np.uint8)
    image[:, :30] = (0, 255, 0)
    return image


@pytest.mark.parametrize("word", ["bright", "dark", "chroma:#0f0", "ellipse", "rectangle"])
def test_not_is_the_rest(word: str) -> None:
    image = picture()
    assert np.array_equal(mask_of(f"not:{word}", image), 255 - mask_of(word, image))
    assert np.array_equal(mask_of(f"not:not:{word}", image), mask_of(word, image))


def test_settings_say_where_parameters_begin() -> None:
    choice = mask_choice("ellipse:x=0.25,softness=0", FILES)
    assert choice is not None
    assert choice.words == "ellipse:x=0.25,softness=0"
    begins = {one.name: one.default[0] for one in choice.parameters}
    assert begins["mask_x"] == 0.25
    assert begins["mask_softness"] == 0
    assert begins["mask_y"] == 0.5


@pytest.mark.parametrize("colour", ["#00ff00", "0,255,0", "lime"])
def test_a_chroma_key_takes_every_way_to_write_a_colour(colour: str) -> None:
    mask = mask_of(f"chroma:{colour},tolerance=0.1,softness=0.05", picture())
    assert (mask[:, :30] == 255).all()
    assert (mask[:, 30:] == 0).all()


def test_a_file_is_the_mask_that_was_given(tmp_path: Path) -> None:
    half = np.zeros((40, 60), np.uint8)
    half[:20] = 255
    cv2.imwrite(str(tmp_path / "half.png"), half)
    files = MaskFiles(mask=str(tmp_path / "half.png"), clip=FILES.clip)
    assert np.array_equal(mask_of("mask", picture(), files), half)
    assert np.array_equal(mask_of("not:mask", picture(), files), 255 - half)


def test_all_is_no_mask() -> None:
    assert mask_choice("all", FILES) is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("nowhere", r"'nowhere' is not known; give person, background"),
        ("", "is not known"),
        ("not:all", "nothing inside"),
        ("chroma", "needs its colour"),
        ("chroma:tolerance=0.1", "needs its colour"),
        ("chroma:#00ff0", "no colour"),
        ("chroma:white", "nearly grey"),
        ("ellipse:radius=2", "has no 'radius'; it has x, y, width, height, softness"),
        ("ellipse:x", "no setting"),
        ("ellipse:x=left", "is a number"),
        ("ellipse:x=nan", "is a number"),
        ("ellipse:x=7", "is -0.5 to 1.5, not 7"),
        ("bright:threshold=-1", "is 0 to 1"),
        ("person:softness=1", "has no 'softness'; it has no settings"),
        ("mask", "--mask FILE"),
    ],
)
def test_what_means_nothing_is_refused_in_one_line(text: str, says: str) -> None:
    with pytest.raises(MaskError, match=says) as caught:
        mask_choice(text, FILES)
    assert "\n" not in str(caught.value)


def test_a_mask_that_is_not_there_is_refused_before_anything_is_opened(tmp_path: Path) -> None:
    files = MaskFiles(mask=str(tmp_path / "gone.mp4"), clip=FILES.clip)
    with pytest.raises(MaskError, match=r"gone\.mp4 does not exist"):
        mask_choice("mask", files)


def test_without_a_segmenter_the_command_that_fetches_one_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stylefader.realtime.masks.person.installed.default_folder", lambda: tmp_path)
    for word in ("person", "background", "not:person"):
        with pytest.raises(MaskError, match=r"stylefader models fetch person.*--person-model"):
            mask_choice(word, MaskFiles(clip=FILES.clip))


@given(text=st.text(max_size=40))
def test_any_text_is_a_mask_or_one_clear_line(text: str) -> None:
    try:
        mask_choice(text, FILES)
    except MaskError as error:
        assert len(str(error)) < 400  # noqa: PT017
