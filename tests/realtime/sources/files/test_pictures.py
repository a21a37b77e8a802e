"""Stills and numbered sequences, in and out, and the choice between them and videos."""

from __future__ import annotations

import os
import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from stylefader.realtime.media.colour import SRGB
from stylefader.realtime.media.frame import Frame
from stylefader.realtime.sinks.files.pictures import PictureSequenceSink, StillSink
from stylefader.realtime.sinks.open_file import open_file_sink
from stylefader.realtime.sources.files.pictures import (
    PictureSequenceSource,
    StillSource,
    is_picture,
    is_sequence,
    read_picture,
)
from stylefader.realtime.sources.open_file import open_file_source
from stylefader.training.errors import SinkError, SourceError
from tests.realtime.clips import Clip, read

F = Fraction
LOSSLESS = ["png", "bmp", "tif"]


def picture(shift: int = 0, size: tuple[int, int] = (40, 30)) -> npt.NDArray[np.uint8]:
    """Smooth, and different in every channel, so that swapped channels and turned pictures show."""
    y, x = np.mgrid[0 : size[1], 0 : size[0]]
    return np.stack([x * 4 + shift, y * 5, 255 - x * 3], axis=2).astype(np.uint8)


def save(path: Path, image_RGB: npt.NDArray[Any]) -> Path:
    assert cv2.imwrite(str(path), cv2.cvtColor(image_RGB, cv2.COLOR_RGB2BGR))
    return path


def frame(image: npt.NDArray[np.uint8], index: int = 0) -> Frame:
    return Frame(image=image, pts=F(index, 25), index=index, captured_ns=0)


def sequence(folder: Path, numbers: range, suffix: str = "png") -> Path:
    for number in numbers:
        save(folder / f"f_{number:04d}.{suffix}", picture(number))
    return folder / f"f_%04d.{suffix}"


# -- stills --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [*LOSSLESS, "jpg", "webp"])
def test_still_there_and_back(tmp_path: Path, suffix: str) -> None:
    with StillSink(tmp_path / f"a.{suffix}") as sink:
        sink.write(frame(picture()))
    with StillSource(tmp_path / f"a.{suffix}") as source:
        (found,) = list(source)
    assert (source.width, source.height, source.frame_count, source.colour) == (40, 30, 1, SRGB)
    difference = np.abs(found.image.astype(int) - picture())
    assert difference.max() == 0 if suffix in LOSSLESS else difference.mean() < 3
    assert os.listdir(tmp_path) == [f"a.{suffix}"]


def test_kinds_of_pictures(tmp_path: Path) -> None:
    deep = save(tmp_path / "deep.png", picture().astype(np.uint16) * 257)
    grey = tmp_path / "grey.png"
    cv2.imwrite(str(grey), picture()[..., 0])
    deep_grey = tmp_path / "deep_grey.tif"
    cv2.imwrite(str(deep_grey), picture()[..., 0].astype(np.uint16) * 257)
    greys = picture()[..., :1].repeat(3, 2)
    for path, wanted in [(deep, picture()), (grey, greys), (deep_grey, greys)]:
        with StillSource(path) as source:
            assert np.abs(next(iter(source)).image.astype(int) - wanted).max() <= 1
    with StillSource(deep, size=(20, 30)) as source:
        assert next(iter(source)).image.shape == (30, 20, 3)
        assert source.sample_aspect_ratio == 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation(tmp_path: Path, orientation: int) -> None:
    upright = picture()
    stored = {
        1: upright, 2: upright[:, ::-1], 3: upright[::-1, ::-1], 4: upright[::-1], 5: upright.transpose(1, 0, 2),
        6: np.rot90(upright), 7: np.rot90(upright, 2).transpose(1, 0, 2), 8: np.rot90(upright, -1),
    }[orientation]  # fmt: skip
    path = save(tmp_path / "turned.jpg", np.ascontiguousarray(stored))
    data = path.read_bytes()
    tiff = b"MM\0*\0\0\0\x08" + struct.pack(">HHHIHHI", 1, 0x0112, 3, 1, orientation, 0, 0)
    exif = b"Exif\0\0" + tiff
    path.write_bytes(data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[2:])
    with StillSource(path) as source:
        found = next(iter(source)).image
    assert found.shape == upright.shape
    assert np.abs(found.astype(int) - upright).mean() < 4


def test_bad_pictures(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    for suffix in ("png", "jpg", "webp"):
        whole = save(tmp_path / f"whole.{suffix}", noise).read_bytes()
        (tmp_path / f"half.{suffix}").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("no picture")
    for name, words in [
        ("half.png", "not complete"), ("half.jpg", "not complete"), ("half.webp", "not complete"),
        ("empty.png", "is empty"), ("text.png", "not a picture"), ("none.png", "does not exist"), (".", "is a folder"),
    ]:  # fmt: skip
        with pytest.raises(SourceError, match=words) as caught:
            StillSource(tmp_path / name).open()
        assert caught.value.exit_code == 2


def test_a_picture_may_have_bytes_behind_its_end(tmp_path: Path) -> None:
    """Phones put a short film there, in which the marks of another picture may stand."""
    rest = b"ftypmp42 \xff\xda \xff\xd8 more" + bytes(100_000)
    for suffix in ("png", "jpg", "webp"):
        path = save(tmp_path / f"a.{suffix}", picture())
        whole = path.read_bytes()
        path.write_bytes(whole + rest)
        assert read_picture(path)[0].shape == (30, 40, 3)
    progressive = cv2.imencode(".jpg", picture(), [cv2.IMWRITE_JPEG_PROGRESSIVE, 1, cv2.IMWRITE_JPEG_RST_INTERVAL, 1])
    data = progressive[1].tobytes()
    path = tmp_path / "a.jpg"
    path.write_bytes(data + rest)
    read_picture(path)
    for kept in range(100, len(data) - 1, 7):
        path.write_bytes(data[:kept])
        with pytest.raises(SourceError, match="not complete"):
            read_picture(path)


@pytest.mark.parametrize("name", [82 * "\u6f22" + ".png", 251 * "n" + ".png"])
def test_long_names(tmp_path: Path, name: str) -> None:
    with StillSink(tmp_path / name) as still:
        still.write(frame(picture()))
    assert read_picture(tmp_path / name)[0].shape == (30, 40, 3)
    pattern = tmp_path / (name[: -len("00.png")] + "%d.png")
    with PictureSequenceSink(pattern) as sink:
        sink.write(frame(picture()))
    with PictureSequenceSource(pattern) as source:
        assert source.frame_count == 1
    too_long = tmp_path / ("n" + 80 * name)
    for path in (too_long, too_long / "a.png", too_long / "a_%d.png", tmp_path / ("n" * 251 + "%d.png")):
        with pytest.raises(SourceError):
            open_file_source(path).open()
        with open_file_source(tmp_path / name) as one, pytest.raises(SinkError):
            open_file_sink(path, source=one).open()
    with pytest.raises(SinkError, match="File name too long"):
        PictureSequenceSink(tmp_path / ("n" * 251 + "%d.png")).open()
    assert len(os.listdir(tmp_path)) == 2


def test_still_sink_writes_through_links(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    link, target = tmp_path / "link.png", tmp_path / "there" / "real.png"
    link.symlink_to(target)
    with pytest.raises(SinkError, match="exists already"):
        StillSink(link).open()
    for _ in range(2):
        with StillSink(link, overwrite=True) as sink:
            sink.write(frame(picture()))
        assert link.is_symlink()
        np.testing.assert_array_equal(read_picture(target)[0], picture())
        assert os.listdir(tmp_path / "there") == ["real.png"]


def test_still_sink_refuses_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"old")
    for name, words in [("a.png", "exists already"), ("a.xyz", "is no picture"), ("no/a.png", "does not exist")]:
        with pytest.raises(SinkError, match=words):
            StillSink(tmp_path / name).open()
    sink = StillSink(tmp_path / "a.png", overwrite=True)
    sink.open()
    sink.write(frame(picture()))
    with pytest.raises(SinkError, match="a second frame"):
        sink.write(frame(picture()))
    sink.abort()
    with pytest.raises(SinkError, match="no frame came"), StillSink(tmp_path / "b.png"):
        pass
    assert os.listdir(tmp_path) == ["a.png"]
    assert (tmp_path / "a.png").read_bytes() == b"old"
    with pytest.raises(SinkError, match="being read"):
        StillSink(tmp_path / "a.png", overwrite=True, inputs=[tmp_path / "a.png"]).open()


# -- transparency --------------------------------------------------------------------------------------------------


def clear_left(path: Path) -> Path:
    """Left half clear over a hidden red, then one column half clear, the rest opaque."""
    rgba = np.zeros((4, 8, 4), np.uint8)
    rgba[..., :3] = (0, 100, 200)
    rgba[:, :4] = (255, 0, 0, 0)
    rgba[:, 4, 3] = 128
    rgba[:, 5:, 3] = 255
    Image.fromarray(rgba).save(path)
    return path


@pytest.mark.parametrize("suffix", ["png", "webp", "tif"])
def test_alpha_is_kept_where_the_picture_can_hold_it(tmp_path: Path, suffix: str) -> None:
    with open_file_source(clear_left(tmp_path / "in.png")) as source:
        (found,) = list(source)
        assert source.has_alpha
        with open_file_sink(tmp_path / f"out.{suffix}", source=source) as sink:
            sink.write(found)
    assert found.alpha_HW is not None and found.alpha_HW[0].tolist() == [0, 0, 0, 0, 128, 255, 255, 255]
    assert found.image[0, 0].tolist() == [0, 0, 0] and found.image[0, 4].tolist() == [0, 50, 100]
    assert sink.notes == [f"transparency is kept, in .{suffix}"]
    with Image.open(tmp_path / f"out.{suffix}") as written:
        assert written.mode == "RGBA"
        pixels = np.asarray(written).astype(int)
    assert pixels[0, :, 3].tolist() == [0, 0, 0, 0, 128, 255, 255, 255]
    if suffix != "webp":  # which is lossy, and free in what nobody sees
        assert pixels[0, 0].tolist() == [0, 0, 0, 0]
        assert np.abs(pixels[0, 4:, :3] - (0, 100, 200)).max() <= 1  # no dark fringe
        assert written.format != "TIFF" or written.tag_v2[338] == (2,)  # unassociated alpha


@pytest.mark.parametrize("suffix", ["jpg", "bmp"])
def test_alpha_is_put_over_black_where_the_picture_cannot_hold_it(tmp_path: Path, suffix: str) -> None:
    with (
        open_file_source(clear_left(tmp_path / "in.png")) as source,
        open_file_sink(tmp_path / f"out.{suffix}", source=source) as sink,
    ):
        for found in source:
            sink.write(found)
    assert len(sink.notes) == 1 and f".{suffix} cannot hold transparency" in sink.notes[0]
    assert "--background" in sink.notes[0]
    assert read_picture(tmp_path / f"out.{suffix}")[0][0, 0].max() < 12


def test_background_is_for_good(tmp_path: Path) -> None:
    with open_file_source(clear_left(tmp_path / "in.png"), background=(255, 255, 255), size=(16, 8)) as source:
        (found,) = list(source)
        assert not source.has_alpha and found.alpha_HW is None
        assert source.notes == ["transparent places of in.png are put over white"]
        with open_file_sink(tmp_path / "out.png", source=source) as sink:
            sink.write(found)
    assert sink.notes == [] and found.image[0, 0].tolist() == [255, 255, 255]
    with Image.open(tmp_path / "out.png") as written:
        assert written.mode == "RGB"


def test_alpha_of_numbered_pictures(tmp_path: Path) -> None:
    for number in (1, 2):
        clear_left(tmp_path / f"f_{number}.png")
    save(tmp_path / "f_3.png", picture(0, (8, 4)))
    with open_file_source(tmp_path / "f_%d.png", size=(16, 8)) as source:
        assert source.has_alpha
        with open_file_sink(tmp_path / "out_%d.webp", source=source) as sink:
            for found in source:
                sink.write(found)
    assert sink.notes == ["transparency is kept, in .webp"]
    for number, mode in [(1, "RGBA"), (2, "RGBA"), (3, "RGB")]:
        with Image.open(tmp_path / f"out_{number}.webp") as written:
            assert written.mode == mode


def test_numbered_pictures_that_begin_opaque_keep_their_alpha(tmp_path: Path) -> None:
    Image.new("RGBA", (8, 4), (0, 100, 200, 255)).save(tmp_path / "f_1.png")
    clear_left(tmp_path / "f_2.png")
    with open_file_source(tmp_path / "f_%d.png") as source:
        assert source.has_alpha and source.notes == []
        alphas = [frame.alpha_HW for frame in source]
    assert alphas[0] is None and alphas[1] is not None and alphas[1][0].tolist() == [0, 0, 0, 0, 128, 255, 255, 255]


# -- sequences -----------------------------------------------------------------------------------------------------


def test_sequence_there_and_back(tmp_path: Path) -> None:
    with PictureSequenceSink(tmp_path / "f_%03d.png", first=7) as sink:
        for i in range(5):
            sink.write(frame(picture(i), i))
        assert not list(tmp_path.glob("f_*"))
    assert sorted(os.listdir(tmp_path)) == [f"f_{n:03d}.png" for n in range(7, 12)]
    with PictureSequenceSource(tmp_path / "f_%03d.png", rate=F(24000, 1001)) as source:
        found = list(source)
    assert (source.frame_count, source.rate, source.first_number) == (5, F(24000, 1001), 7)
    assert [f.pts for f in found] == [i * F(1001, 24000) for i in range(5)]
    for i, one in enumerate(found):
        np.testing.assert_array_equal(one.image, picture(i))


def test_sequence_range_and_size(tmp_path: Path) -> None:
    pattern = sequence(tmp_path, range(100, 120))
    with PictureSequenceSource(pattern, rate=F(10), start=F(1, 2), stop=F(3, 4), size=(20, 15)) as source:
        found = list(source)
    assert [f.pts for f in found] == [F(5, 10), F(6, 10), F(7, 10)]
    assert source.first_number == 105
    assert source.frame_count == 3
    assert found[0].image.shape == (15, 20, 3)


@pytest.mark.parametrize(
    ("settings", "words"),
    [({"start": F(9)}, "beyond the end"), ({"start": F(1), "stop": F(1)}, "empty"), ({"rate": F(0)}, "not a rate"),
     ({"start": F(-1)}, "before"), ({"start": F(1, 100), "stop": F(2, 100)}, "no picture in the range")],
)  # fmt: skip
def test_bad_sequence_ranges(tmp_path: Path, settings: dict[str, Any], words: str) -> None:
    with pytest.raises(SourceError, match=words):
        PictureSequenceSource(sequence(tmp_path, range(5)), **settings).open()


def test_gaps_and_sizes_in_a_sequence(tmp_path: Path) -> None:
    pattern = sequence(tmp_path, range(1, 9))
    save(tmp_path / "f_0005.png", picture(0, (20, 30)))
    with PictureSequenceSource(pattern) as source, pytest.raises(SourceError, match=r"f_0005\.png is 20x30") as caught:
        list(source)
    assert caught.value.exit_code == 1
    (tmp_path / "f_0003.png").unlink()
    (tmp_path / "f_0004.png").unlink()
    with pytest.raises(SourceError, match=r"f_0003\.png to f_0004\.png is missing") as caught:
        PictureSequenceSource(pattern).open()
    assert caught.value.exit_code == 2
    with pytest.raises(SourceError, match="no picture fits"):
        PictureSequenceSource(tmp_path / "g_%d.png").open()


def test_sequence_sink_keeps_older_pictures_until_the_end(tmp_path: Path) -> None:
    pattern = sequence(tmp_path, range(1, 4))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(SinkError, match="3 pictures"):
        PictureSequenceSink(pattern).open()
    sink = PictureSequenceSink(pattern, overwrite=True)
    sink.open()
    sink.write(frame(picture(99)))
    sink.abort()
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    with PictureSequenceSink(pattern, overwrite=True) as sink:
        sink.write(frame(picture(50)))
    assert sink.notes == [f"2 older pictures of {pattern} stay beside the new ones"]
    with StillSource(tmp_path / "f_0001.png") as source:
        np.testing.assert_array_equal(next(iter(source)).image, picture(50))


# -- the choice ----------------------------------------------------------------------------------------------------


def test_names(tmp_path: Path) -> None:
    assert is_picture("a.JPG")
    assert is_sequence("shots/frame_%04d.png")
    assert not is_picture("frame_%04d.png")
    assert not is_sequence("shots_%d/frame.png")
    assert not is_sequence("clip_%d.mp4")
    odd = tmp_path / "100%d.png"
    odd.touch()
    assert is_picture(odd)


def test_pairs_that_make_no_sense(tmp_path: Path) -> None:
    still = save(tmp_path / "a.png", picture())
    video = Clip(frames=3).make(tmp_path / "a.mp4")
    with open_file_source(video) as source, pytest.raises(SinkError, match=r"give a pattern like out_%04d\.png"):
        open_file_sink(tmp_path / "out.png", source=source)
    for name in ("out.mp4", "out_%d.png"):
        with open_file_source(still) as source, pytest.raises(SinkError, match="is a single picture"):
            open_file_sink(tmp_path / name, source=source)
    with pytest.raises(SourceError, match="no time"):
        open_file_source(still, start=F(1))
    with pytest.raises(SourceError, match="numbered pictures only"):
        open_file_source(video, rate=F(10))


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("in.mp4", "out.mkv"),
        ("in.mp4", "out_%d.png"),
        ("f_%04d.png", "out.mp4"),
        ("f_%04d.png", "out_%04d.jpg"),
        ("a.png", "b.jpg"),
    ],
)
def test_every_pair_that_makes_sense(tmp_path: Path, start: str, end: str) -> None:
    Clip(frames=6, audio=["eng"]).make(tmp_path / "in.mp4")
    sequence(tmp_path, range(3, 9))
    save(tmp_path / "a.png", picture())
    with open_file_source(tmp_path / start) as source:
        with open_file_sink(tmp_path / end, source=source, overwrite=True) as sink:
            for item in source.frames_and_packets():
                if isinstance(item, Frame):
                    sink.write(item)
                else:
                    sink.write_packet(item)
        if "%" in end and start == "in.mp4":
            assert any("neither sound" in note for note in sink.notes)
    if end.endswith("mp4"):
        again, content = read(tmp_path / end)
        assert content.times == [F(i, 25) for i in range(6)]
        assert (again.width, again.height, again.rate) == (40, 30, 25)
        assert again.colour.transfer == 13
        assert np.abs(content.images[0].astype(int) - picture(3)).mean() < 4
    if "%" in end:
        first = 3 if start.startswith("f_") else 1
        assert all((tmp_path / (end % n)).exists() for n in range(first, first + 6))
