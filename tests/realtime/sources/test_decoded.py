"""Pictures that are converted only when they are taken: cut, scaled and coloured in one pass, alike everywhere."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation

from stylefader.realtime.media.colour import ToRgb, can_be_cut, tags_of
from stylefader.realtime.media.frame import Frame
from stylefader.realtime.pipeline.capture import Capture
from stylefader.realtime.pipeline.queues import NewestMailbox
from stylefader.realtime.pipeline.stylizer import Stylizer
from stylefader.realtime.sources.base import Source
from stylefader.realtime.sources.decoded import ArrayPicture, LazyFrame, VideoPicture
from stylefader.realtime.sources.files.paced_file import PacedSource
from stylefader.realtime.sources.files.picture_decoder import PictureDecoder
from stylefader.realtime.sources.files.video_file import VideoFileSource
from stylefader.realtime.sources.geometry import CLOCKWISE, Box, Fit, Placement, Turn, place
from stylefader.realtime.sources.open_file import open_file_source
from stylefader.realtime.sources.open_live import live_source
from stylefader.realtime.sources.options import LiveOptions
from stylefader.realtime.sources.picture_maker import PictureMaker
from tests.realtime.clips import Clip
from tests.realtime.fake_clock import FakeClock
from tests.realtime.sources.files.test_video_colour import to_rgb_by_formula

Image = npt.NDArray[np.uint8]
LEAST = 50.0
"""dB between the picture of one pass and that of the long way."""


def fields(width: int, height: int, boxes: dict[tuple[int, int, int, int], tuple[int, int, int]]) -> Image:
    """A grey picture with coloured boxes (x, y, width, height)."""
    image = np.full((height, width, 3), 90, np.uint8)
    for (x, y, across, down), colour in boxes.items():
        image[y : y + down, x : x + across] = colour
    return image


def film(width: int, height: int, matrix: int, full_range: bool, pixel_format: str = "yuv420p") -> VideoFrame:
    """Left half one colour, right half another, as a decoder gives them."""
    frame = VideoFrame(width, height, pixel_format)
    for plane, (left, right) in zip(frame.planes, ((80, 180), (100, 150), (160, 110)), strict=True):
        row = np.full(plane.line_size, right, np.uint8)
        row[: plane.width // 2] = left
        plane.update(np.tile(row, plane.height).tobytes())
    frame.colorspace, frame.color_range = matrix, 2 if full_range else 1
    return frame


@pytest.mark.parametrize("matrix", [1, 6, 9])
@pytest.mark.parametrize("full_range", [False, True])
@pytest.mark.parametrize("crop", [(0, 0, 128, 72), (32, 8, 64, 36), (0, 0, 128, 30)])
def test_colours_are_right_cut_and_scaled(matrix: int, full_range: bool, crop: tuple[int, ...]) -> None:
    frame = film(128, 72, matrix, full_range)
    image = ToRgb()(frame, tags_of(frame), 32, 18, crop=Box(*crop))
    left, right = (
        to_rgb_by_formula(np.array(values), matrix, full_range, 8) for values in ((80, 100, 160), (180, 150, 110))
    )
    assert image.shape == (18, 32, 3) and image.flags.c_contiguous
    assert np.abs(image[:, :14] - left).max() <= 2 and np.abs(image[:, 18:] - right).max() <= 2
    assert np.abs(frame.to_ndarray()[:72, :64].astype(int) - 80).max() == 0, "the decoded frame is as it was"


def test_a_cut_begins_at_its_pixel() -> None:
    """The edge between the colours is where the cut says, in both ways of cutting."""
    frame = film(128, 72, 1, False, "yuv444p")
    for x in (40, 41, 42):
        image = ToRgb()(frame, tags_of(frame), 48, 20, crop=(x, 3, 48, 20))
        whole = ToRgb()(frame, tags_of(frame), 128, 72)
        np.testing.assert_array_equal(image, whole[3:23, x : x + 48])
    halved = film(128, 72, 1, False)
    assert can_be_cut(halved, 40, 2) and not can_be_cut(halved, 41, 2) and not can_be_cut(halved, 40, 3)
    whole = ToRgb()(halved, tags_of(halved), 128, 72)
    np.testing.assert_array_equal(ToRgb()(halved, tags_of(halved), 48, 20, crop=(41, 3, 48, 20)), whole[3:23, 41:89])


def test_one_converter_takes_changing_cuts_and_sizes() -> None:
    to_rgb = ToRgb()
    for width, height, crop in ((64, 48, (0, 0, 64, 24)), (32, 32, (8, 8, 16, 16)), (64, 48, (0, 0, 64, 24))):
        frame = film(width, height, 1, False)
        np.testing.assert_array_equal(
            to_rgb(frame, tags_of(frame), 16, 12, crop=crop), ToRgb()(frame, tags_of(frame), 16, 12, crop=crop)
        )


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
@pytest.mark.parametrize("fit", ["cover", "contain", "stretch"])
def test_an_array_and_a_film_are_placed_alike(degrees: int, fit: Fit) -> None:
    image = fields(96, 64, {(0, 0, 48, 32): (200, 40, 40), (48, 32, 48, 32): (40, 40, 200)})
    frame = VideoFrame.from_ndarray(image).reformat(format="yuv444p", dst_colorspace=1, dst_color_range=1)
    frame.colorspace, frame.color_range = 1, 1
    placement = place(96, 64, (40, 24), fit=fit, turn=CLOCKWISE[degrees])  # type: ignore[index]
    ours, films = ArrayPicture(image).rgb(placement), VideoPicture(frame, PictureMaker()).rgb(placement)
    assert ours.shape == films.shape == (24, 40, 3)
    apart = np.abs(ours.astype(int) - films).max(axis=2)
    assert np.median(apart) <= 2 and (apart > 40).mean() < 0.02  # but for the edges, which each blurs in its way
    if placement.has_bars:
        x, y, width, height = placement.inside
        outside = np.ones((24, 40), bool)
        outside[y : y + height, x : x + width] = False
        assert not ours[outside].any() and not films[outside].any() and outside.any()


# -- one pass against the long way: exact RGB at the decoded size, then cut, scaled, turned and barred by OpenCV -------


def detailed(width: int, height: int, pixel_format: str, matrix: int = 1) -> VideoFrame:
    """Detail as photographs have it (amplitude falls with frequency) and two flat patches, as a decoder gives it."""
    noise = np.random.default_rng(0).standard_normal((3, height, width))
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)) + 1 / width
    falls = frequency ** -np.array([1.0, 1.3, 1.3])[:, None, None]  # colours are smoother than their brightness
    waves = np.fft.irfft2(np.fft.rfft2(noise) * falls, (height, width))
    luma, blue, red = (waves - waves.mean((1, 2), keepdims=True)) / waves.std((1, 2), keepdims=True) * 16
    image = np.dstack([2.4 * luma + 1.5 * red, 2.4 * luma - 0.2 * blue - 0.5 * red, 2.4 * luma + 1.8 * blue])
    image = np.rint(image + 128).clip(0, 255).astype(np.uint8)
    image[: height // 4, : width // 4], image[-height // 4 :, -width // 4 :] = (200, 40, 30), (20, 90, 210)
    frame = VideoFrame.from_ndarray(image).reformat(
        format=pixel_format, dst_colorspace={1: 1, 6: 5}[matrix], dst_color_range=1
    )
    frame.colorspace, frame.color_range = matrix, 1
    return frame


def the_long_way(frame: VideoFrame, placement: Placement) -> Image:
    """RGB by swscale's own packed format, everything else by OpenCV and NumPy."""
    rgb = frame.reformat(
        format="rgb24",
        src_colorspace={1: 1, 6: 5}[int(frame.colorspace)],
        src_color_range=1,
        dst_color_range=2,
        interpolation=Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT,
    ).to_ndarray()
    x, y, across, down = placement.crop
    part = rgb[y : y + down, x : x + across]
    shrinks = placement.scaled[0] < across or placement.scaled[1] < down
    if placement.scaled != (across, down):
        part = cv2.resize(part, placement.scaled, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
    transpose, mirror, flip = placement.turn
    part = part.swapaxes(0, 1) if transpose else part
    part = part[:, ::-1] if mirror else part
    part = part[::-1] if flip else part
    image = np.zeros((placement.size[1], placement.size[0], 3), np.uint8)
    x, y, across, down = placement.inside
    image[y : y + down, x : x + across] = part
    return image


def psnr(image: Image, other: Image) -> float:
    return float(20 * np.log10(255 / np.sqrt(max(1e-9, np.mean((image.astype(float) - other) ** 2)))))


TURNS = [Turn(*flags) for flags in product((False, True), repeat=3)]


@pytest.mark.parametrize("fit", ["cover", "contain", "stretch"])
@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("size", [(160, 90), (90, 120), (213, 119)])
def test_one_pass_makes_the_picture_of_the_long_way(turn: Turn, fit: Fit, size: tuple[int, int]) -> None:
    frame = detailed(480, 272, "yuv444p")
    placement = place(480, 272, size, fit=fit, turn=turn)
    image = VideoPicture(frame, PictureMaker()).rgb(placement)
    assert image.shape == (size[1], size[0], 3) and image.flags.c_contiguous
    assert psnr(image, the_long_way(frame, placement)) > LEAST


@pytest.mark.parametrize("matrix", [1, 6])
@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv422p", "nv12", "yuv420p10le"])
def test_one_pass_of_halved_colours(pixel_format: str, matrix: int) -> None:
    frame = detailed(960, 540, pixel_format, matrix)
    placement = place(960, 540, (320, 180))
    image, long = VideoPicture(frame, PictureMaker()).rgb(placement), the_long_way(frame, placement)
    assert psnr(image, long) > LEAST
    for patch in (np.s_[4:24, 4:44], np.s_[-24:-4, -44:-4]):
        assert np.abs(image[patch].astype(int) - long[patch]).max() <= 2


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv422p", "yuv444p", "nv12", "yuyv422", "p010le"])
@pytest.mark.parametrize("size", [(66, 50), (101, 63)])
def test_at_its_own_size_a_picture_is_exact(turn: Turn, pixel_format: str, size: tuple[int, int]) -> None:
    frame = detailed(*size, pixel_format)
    picture = VideoPicture(frame, PictureMaker(), turn=turn)
    np.testing.assert_array_equal(picture.rgb(picture.as_it_is()), the_long_way(frame, picture.as_it_is()))


def test_channels_are_put_in_order_after_scaling() -> None:
    image = fields(40, 20, {(0, 0, 40, 20): (10, 20, 30)})
    placement = place(40, 20, (20, 10))
    bgra = np.dstack([image[..., ::-1], np.full((20, 40), 255, np.uint8)])
    for picture in (ArrayPicture(image), ArrayPicture(image[..., ::-1], order="bgr"), ArrayPicture(bgra, order="bgra")):
        assert np.unique(picture.rgb(placement).reshape(-1, 3), axis=0).tolist() == [[10, 20, 30]]


# -- the same in `render` and `live` -----------------------------------------------------------------------------------


@pytest.mark.parametrize("fit", ["cover", "contain", "stretch"])
@pytest.mark.parametrize(
    "clip",
    [
        Clip(size=(48, 48), frames=2),
        Clip(size=(90, 30), frames=2, aspect=Fraction(16, 11)),
        Clip(size=(96, 54), frames=2, rotation=(90, False, False)),
    ],
    ids=["square", "wide pixels", "upright"],
)
def test_a_take_that_is_rendered_again_shows_the_same(clip: Clip, fit: Fit, tmp_path: Path) -> None:
    width, height = clip.size
    clip.image = fields(width, height, {(0, 0, width // 3, height // 3): (250, 10, 10)})
    path, size = clip.make(tmp_path / "clip.mp4"), (64, 36)
    with VideoFileSource(path, size=size, fit=fit) as source:
        rendered = [frame.image for frame in source]
        assert source.sample_aspect_ratio == 1 and (source.width, source.height) == size
    clock = FakeClock()
    choice = live_source(str(path), LiveOptions(size=size, fit=fit))
    with choice.make(now_ns=clock.now_ns, sleep=clock.sleep) as live:
        played = [frame.image for frame in live]
    assert len(rendered) == len(played) == 2
    np.testing.assert_array_equal(rendered, played)


def test_cover_is_what_both_do_unless_told(tmp_path: Path) -> None:
    """A square film in a wide size: full width, a quarter of its height gone above and below."""
    image = fields(64, 64, {(0, 0, 64, 16): (255, 0, 0), (0, 48, 64, 16): (255, 0, 0)})
    path = Clip(size=(64, 64), frames=1, image=image, pixel_format="yuv444p").make(tmp_path / "clip.mkv")
    with open_file_source(path, size=(64, 32)) as source:
        (frame,) = source
    assert np.abs(frame.image[4:28].astype(int) - 90).max() <= 3, "the red is cut off"
    with open_file_source(path, size=(64, 32), fit="contain") as source:
        (frame,) = source
    assert not frame.image[:, :16].any() and not frame.image[:, 48:].any()
    assert frame.image[2, 32, 0] > 220
    with open_file_source(path, size=(64, 32), fit="stretch") as source:
        (frame,) = source
    assert frame.image[2, 2, 0] > 220


# -- nothing is touched that is dropped --------------------------------------------------------------------------------


class Decodings(Source):
    """Gives pictures that count how often they are converted."""

    live = True

    def __init__(self, number: int) -> None:
        self.number, self.converted, self.notes = number, [0] * number, []
        self.width, self.height, self.rate = 8, 4, None

    def open(self) -> None: ...

    def __iter__(self) -> Iterator[Frame]:
        raise AssertionError("nobody asks for converted frames")

    def lazy_frames_and_packets(self) -> Iterator[LazyFrame]:
        for index in range(self.number):
            picture = Counted(self, index)
            yield LazyFrame(
                picture=picture, placement=picture.as_it_is(), pts=Fraction(index), index=index, captured_ns=index
            )

    def close(self) -> None: ...


class Counted(ArrayPicture):
    def __init__(self, source: Decodings, index: int) -> None:
        super().__init__(np.full((4, 8, 3), index, np.uint8))
        self.source, self.index = source, index

    def _scaled(self, crop: Box, width: int, height: int) -> Image:
        self.source.converted[self.index] += 1
        if self.index == self.source.number - 1:
            return super()._scaled(crop, width, height)
        raise ValueError("this one is spoilt")


def test_what_nobody_takes_is_never_converted() -> None:
    source = Decodings(9)
    mailbox: NewestMailbox[Any] = NewestMailbox()
    capture = Capture(lambda: source, mailbox, name="test", reconnects=False, first=source)
    capture.start()
    capture._thread.join(30)
    out: list[Frame] = []
    stylizer = Stylizer(mailbox, out.append, height=4, width=8, now_ns=lambda: 0)
    assert stylizer.step(0.1)
    assert source.converted == [0] * 8 + [1] and mailbox.replaced == 8
    assert [(int(frame.image[0, 0, 0]), frame.index) for frame in out] == [(8, 8)]


def test_a_picture_that_cannot_be_converted_is_left_out_and_told() -> None:
    source, told, out = Decodings(3), [], []
    mailbox: NewestMailbox[Any] = NewestMailbox()
    stylizer = Stylizer(mailbox, out.append, height=4, width=8, now_ns=lambda: 0, spoilt=told.append)
    for thing in source.lazy_frames_and_packets():
        mailbox.put(thing)
        assert stylizer.step(0.1)
    assert [str(error) for error in told] == ["this one is spoilt"] * 2 and stylizer.counts.broken == 2
    assert len(out) == 1 and out[0].index == 2


# -- a file that is late -----------------------------------------------------------------------------------------------


def test_in_a_hurry_pictures_that_no_other_needs_are_not_decoded(tmp_path: Path) -> None:
    path = Clip(frames=40, options={"g": "40", "bf": "2", "b-pyramid": "none"}).make(tmp_path / "clip.mp4")
    with VideoFileSource(path) as source:
        every = {frame.index: frame.pts for frame in source}
    with VideoFileSource(path) as source:
        source.hurry = True
        some = {frame.index: frame.pts for frame in source}
    assert len(every) == 40 and 10 <= len(some) < 25
    assert all(every[index] == pts for index, pts in some.items()), "what comes has its own number and time"
    with VideoFileSource(path) as source:
        mixed = []
        for frame in source:
            source.hurry = 10 <= frame.index < 20
            mixed.append(frame.index)
    assert len(mixed) < 40 and mixed[-10:] == list(range(30, 40)), "and all of them come again when it has caught up"


@pytest.mark.parametrize(("picture_s", "hurries"), [(0.03, False), (0.05, True)])
def test_a_file_too_slow_to_decode_hurries_until_it_is_on_time(
    picture_s: float, hurries: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At 25 a second, with a decoder that takes so long for every picture that it decodes."""
    path = Clip(frames=100, options={"g": "100", "bf": "2", "b-pyramid": "none"}).make(tmp_path / "clip.mp4")
    clock, hurried, late, indices = FakeClock(), [], [], []
    decode = PictureDecoder.decode

    def slow(decoder: PictureDecoder, packet: Any, *, hurry: bool) -> list[VideoFrame]:
        pictures = decode(decoder, packet, hurry=hurry)
        clock.pass_time(picture_s * len(pictures))
        return pictures

    monkeypatch.setattr(PictureDecoder, "decode", slow)
    with PacedSource([path], now_ns=clock.now_ns, sleep=clock.sleep) as source:
        for frame in source:
            if not indices:
                began = clock.ns - int(frame.pts * 10**9)
            indices.append(frame.index)
            late.append((clock.ns - began) / 1e9 - float(frame.pts))
            hurried.append(source.file.hurry)  # type: ignore[union-attr]
    assert indices == sorted(set(indices)) and indices[-1] >= 97
    assert source.dropped == indices[-1] + 1 - len(indices)
    assert any(hurried) == hurries and hurried.count(False) > len(hurried) // 2
    assert max(late) < 0.2 and not source.notes, "it keeps to its time"
    assert len(indices) > (60 if hurries else 99)
