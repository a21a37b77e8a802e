"""Animated GIF, APNG, WebP and AVIF and TIFF with pages: every picture at its exact time, or the first one, said."""

from __future__ import annotations

import struct
import zlib
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from stylefader.realtime.media.frame import Frame
from stylefader.realtime.sinks.files.encoder_priority import ordinary_priority
from stylefader.realtime.sinks.open_file import open_file_sink
from stylefader.realtime.sources.files import picture_delays
from stylefader.realtime.sources.files.moving_picture import MovingPictureSource
from stylefader.realtime.sources.files.paced_file import PacedSource
from stylefader.realtime.sources.files.picture_delays import read_delays
from stylefader.realtime.sources.files.pictures import StillSource
from stylefader.realtime.sources.open_container import open_container
from stylefader.realtime.sources.open_file import open_file_source
from stylefader.training.errors import SourceError
from tests.realtime.clips import read
from tests.training.reading.test_picture_files import chunk

F = Fraction
LEVELS = [20, 70, 120, 170, 220]
DELAYS = [40, 100, 200, 40, 70]  # milliseconds


def drawn(level: int, size: tuple[int, int] = (32, 24)) -> Image.Image:
    """One colour, and a white corner that tells up from down."""
    image = Image.new("RGB", size, (level, 128, 255 - level))
    image.paste((255, 255, 255), (0, 0, size[0] // 4, size[1] // 4))
    return image


def moving(path: Path, delays: list[int] | int = DELAYS, images: list[Image.Image] | None = None) -> Path:
    first, *rest = images or [drawn(level) for level in LEVELS]
    lossless: dict[str, Any] = {"lossless": True} if path.suffix == ".webp" else {}
    first.save(path, save_all=True, append_images=rest, duration=delays, loop=0, quality=95, **lossless)
    return path


def levels(frames: list[Frame]) -> list[int]:
    return [int(frame.image[-1, -1, 0]) for frame in frames]


@pytest.mark.parametrize("suffix", ["gif", "png", "webp", "avif"])
def test_all_pictures_at_their_times(tmp_path: Path, suffix: str) -> None:
    path = moving(tmp_path / f"a.{suffix}")
    with open_file_source(path) as source:
        assert isinstance(source, MovingPictureSource)
        frames = list(source)
        assert source.frame_count == 5 and source.rate is None
        assert source.duration == F(450, 1000)
    assert [frame.pts for frame in frames] == [F(0), F(40, 1000), F(140, 1000), F(340, 1000), F(380, 1000)]
    assert [frame.duration for frame in frames] == [F(ms, 1000) for ms in DELAYS]
    assert [frame.index for frame in frames] == [0, 1, 2, 3, 4]
    assert np.abs(np.array(levels(frames)) - LEVELS).max() <= 4
    assert all(frame.image[0, 0].min() > 240 and frame.alpha_HW is None for frame in frames)
    with open_file_source(path, start=F(1, 10), stop=F(38, 100), size=(16, 12)) as part:
        frames = list(part)
    assert [frame.pts for frame in frames] == [F(140, 1000), F(340, 1000)]
    assert np.abs(np.array(levels(frames)) - [120, 170]).max() <= 4
    assert part.origin == F(1, 10) and frames[0].image.shape == (12, 16, 3)


@pytest.mark.parametrize("suffix", ["gif", "png", "webp", "avif"])
def test_into_a_video(tmp_path: Path, suffix: str) -> None:
    path = moving(tmp_path / f"a.{suffix}")
    for name in ("out.mp4", "out.mkv"):
        with open_file_source(path) as source, open_file_sink(tmp_path / name, source=source) as sink:
            for frame in source:
                sink.write(frame)
        with av.open(str(tmp_path / name)) as video:
            length = video.duration
            times = sorted(packet.pts * packet.time_base for packet in video.demux(video=0) if packet.size)
        assert times == [F(0), F(40, 1000), F(140, 1000), F(340, 1000), F(380, 1000)]
    assert length == 450_000  # microseconds: the last picture keeps its 70 ms
    _, content = read(tmp_path / "out.mp4")
    assert np.abs(np.array([int(image[-1, -1, 0]) for image in content.images]) - LEVELS).max() <= 8


@pytest.mark.parametrize("suffix", ["gif", "png", "webp", "avif", "tif"])
def test_into_a_picture(tmp_path: Path, suffix: str) -> None:
    path = moving(tmp_path / f"a.{suffix}")
    with open_file_source(path, one_picture=True) as source:
        assert isinstance(source, StillSource)
        (frame,) = list(source)
        assert source.notes == [f"a.{suffix} holds 5 pictures; only the first is taken (a video as the output has all)"]
    assert abs(int(frame.image[-1, -1, 0]) - 20) <= 4


@pytest.mark.parametrize("suffix", ["gif", "png", "webp", "avif", "tif"])
def test_one_picture_is_a_still(tmp_path: Path, suffix: str) -> None:
    drawn(20).save(tmp_path / f"a.{suffix}")
    with open_file_source(tmp_path / f"a.{suffix}") as source:
        assert isinstance(source, StillSource) and source.notes == []


def test_equal_delays_are_a_rate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_file_source(moving(tmp_path / "a.webp", 40)) as source:
        assert (source.rate, source.time_base) == (25, F(1, 25))
    monkeypatch.setenv("SVT_LOG", "1")
    with av.open(str(tmp_path / "b.avif"), "w", format="avif") as output:
        stream = output.add_stream("libsvtav1", rate=F(30000, 1001), width=64, height=64, options={"preset": "12"})
        with ordinary_priority():
            stream.codec_context.open()
        for number in range(6):
            frame = av.VideoFrame.from_image(drawn(LEVELS[number % 5], (64, 64))).reformat(format="yuv420p")
            frame.pts = number
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    with open_file_source(tmp_path / "b.avif") as source:  # Pillow would say 33 ms
        times = [frame.pts for frame in source]
    assert times == [number * F(1001, 30000) for number in range(6)] and source.rate == F(30000, 1001)


def test_apng_fractions_and_a_still_before_it(tmp_path: Path) -> None:
    """Delays of thirtieths, and a default picture that is not part of the animation."""
    size = struct.pack(">II", 4, 3)

    def rows(level: int) -> bytes:
        return zlib.compress((b"\0" + bytes([level, 0, 0]) * 4) * 3)

    parts = [chunk(b"IHDR", size + b"\x08\x02\0\0\0"), chunk(b"acTL", struct.pack(">II", 2, 0))]
    parts += [chunk(b"IDAT", rows(255))]
    for number, (level, delay) in enumerate([(50, (1, 30)), (90, (1001, 60000))]):
        control = struct.pack(">I", 2 * number) + size + struct.pack(">IIHHBB", 0, 0, *delay, 0, 0)
        parts += [chunk(b"fcTL", control), chunk(b"fdAT", struct.pack(">I", 2 * number + 1) + rows(level))]
    path = tmp_path / "a.apng"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join([*parts, chunk(b"IEND", b"")]))
    with open_file_source(path) as source:
        frames = list(source)
        assert source.duration == F(1, 30) + F(1001, 60000)
    assert [frame.pts for frame in frames] == [0, F(1, 30)] and levels(frames) == [50, 90]
    with open_file_source(path, one_picture=True) as still:
        assert levels(list(still)) == [255]


def test_no_delay_is_a_tenth_and_said(tmp_path: Path) -> None:
    with open_file_source(moving(tmp_path / "a.gif", [0, 0, 50, 0, 10])) as source:
        assert [frame.duration for frame in source] == [F(1, 10), F(1, 10), F(1, 20), F(1, 10), F(1, 100)]
        assert source.notes == ["3 pictures of a.gif have no delay; each is shown 0.1 s"]


def test_pages_of_a_tiff_file(tmp_path: Path) -> None:
    path = moving(tmp_path / "a.tif")
    with open_file_source(path, rate=F(10)) as source:
        frames = list(source)
    assert [frame.pts for frame in frames] == [F(n, 10) for n in range(5)] and levels(frames) == LEVELS
    with open_file_source(path) as source:
        assert source.rate == 25 and "no times" in source.notes[0]
    small = drawn(200, (16, 12))
    small.encoderinfo = {"tiffinfo": {254: 1}}  # a smaller copy of the page before it
    drawn(20).save(tmp_path / "b.tif", save_all=True, append_images=[small])
    assert isinstance(open_file_source(tmp_path / "b.tif"), StillSource)
    moving(tmp_path / "c.tif", images=[drawn(20), drawn(70, (16, 12))])
    with open_file_source(tmp_path / "c.tif") as source, pytest.raises(SourceError, match="is 16x12") as caught:
        list(source)
    assert caught.value.exit_code == 1


@pytest.mark.parametrize("suffix", ["gif", "png", "webp"])
def test_transparency_of_moving_pictures(tmp_path: Path, suffix: str) -> None:
    """The left half is clear, with a hidden red; the picture in front changes."""
    images = []
    for level in (50, 100):
        image = Image.new("RGBA", (8, 4), (0, level, 255, 255))
        image.paste((255, 0, 0, 0), (0, 0, 4, 4))
        images.append(image)
    path = moving(tmp_path / f"a.{suffix}", 100, images)
    with open_file_source(path) as source:
        frames = list(source)
        assert source.has_alpha
    for frame, level in zip(frames, (50, 100), strict=True):
        assert frame.alpha_HW is not None and frame.alpha_HW[0].tolist() == 4 * [0] + 4 * [255]
        assert frame.image[0, 0].tolist() == [0, 0, 0] and abs(int(frame.image[0, 7, 1]) - level) <= 1
    with open_file_source(path, background=(9, 8, 7)) as source:
        assert not source.has_alpha
        assert source.notes == [f"transparent places of {path.name} are put over #090807"]
        for frame in source:
            assert frame.alpha_HW is None and frame.image[0, 0].tolist() == [9, 8, 7]


def test_a_moving_picture_plays_live(tmp_path: Path) -> None:
    path = moving(tmp_path / "a.gif")
    ns = [0]

    def sleep(seconds: float) -> None:
        ns[0] += round(seconds * 1e9)

    with PacedSource([path], now_ns=lambda: ns[0], sleep=sleep) as source:
        frames = list(source)
    assert [frame.pts for frame in frames] == [F(0), F(40, 1000), F(140, 1000), F(340, 1000), F(380, 1000)]
    assert [frame.captured_ns for frame in frames] == [round(frame.pts * 10**9) for frame in frames]


# -- limits ------------------------------------------------------------------------------------------------------------


def test_too_many_and_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for suffix in ("gif", "png", "webp", "avif", "tif"):
        path = moving(tmp_path / f"a.{suffix}")
        with monkeypatch.context() as patch:
            patch.setattr(picture_delays, "MOST_PICTURES", 4)
            with pytest.raises(SourceError, match="more than the 4 pictures"):
                read_delays(path)
        if suffix != "tif":
            with monkeypatch.context() as patch:
                patch.setattr(picture_delays, "MOST_SECONDS", F(4, 10))
                with pytest.raises(SourceError, match="lasts more than"):
                    read_delays(path)


@pytest.mark.parametrize("suffix", ["gif", "png", "webp", "avif", "tif"])
def test_damaged_animations_give_our_error(tmp_path: Path, suffix: str) -> None:
    data = moving(tmp_path / f"whole.{suffix}").read_bytes()
    random = np.random.default_rng(1)
    pieces = [data[:kept] for kept in range(0, len(data), max(1, len(data) // 40))]
    for _ in range(40):
        flipped = bytearray(data)
        for place in random.integers(0, len(data), 4):
            flipped[place] = random.integers(0, 256)
        pieces.append(bytes(flipped))
    path = tmp_path / f"damaged.{suffix}"
    whole = 0
    for piece in pieces:
        path.write_bytes(piece)
        try:
            with open_file_source(path) as source:
                whole += len(list(source)) == 5
        except SourceError:
            continue
    assert whole < len(pieces) - 5


def test_broken_off_in_the_middle(tmp_path: Path) -> None:
    """The list of an APNG promises pictures whose data is gone."""
    path = moving(tmp_path / "a.png")
    data = path.read_bytes()
    at = data.rindex(b"fdAT")
    path.write_bytes(data[: at + 8])
    with open_file_source(path) as source, pytest.raises(SourceError) as caught:
        list(source)
    assert caught.value.exit_code == 1


def test_heic_is_never_a_video(tmp_path: Path) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    pillow_heif.register_heif_opener()
    pixels = np.zeros((300, 400, 3), np.uint8)
    pixels[260:, 360:] = (250, 30, 30)  # in the last tile
    grid = pillow_heif.options.GRID_TILE_SIZE
    try:
        pillow_heif.options.GRID_TILE_SIZE = 256
        for name in ("a.heic", "a.mov"):
            Image.fromarray(pixels).save(tmp_path / name, "HEIF", quality=90)
    finally:
        pillow_heif.options.GRID_TILE_SIZE = grid
    for name in ("a.heic", "a.mov"):
        with open_file_source(tmp_path / name) as source:
            assert isinstance(source, StillSource)
            (frame,) = list(source)
        assert frame.image.shape == (300, 400, 3) and frame.image[-1, -1].tolist()[0] > 230
        with pytest.raises(SourceError, match="is a HEIC picture, not a video"):
            open_container(tmp_path / name)
