"""Pictures from outside: what they are, how large they may be, what is transparent, and what damaged ones cause."""

from __future__ import annotations

import os
import struct
import sys
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stylefader.training.data.photographs import read_picture
from stylefader.training.errors import SourceError, TrainingError
from stylefader.training.reading.pictures import MEGAPIXELS, PictureFile, kind_of, picture_kind

RED_HIDDEN = (255, 0, 0, 0)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def bomb(path: Path, side: int) -> Path:
    """A PNG of side x side black pixels, a thousandth of its pixels in bytes."""
    rows = zlib.compressobj(9)
    data = b"".join(rows.compress(bytes(side + 1)) for _ in range(side)) + rows.flush()
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b""))
    return path


def test_bombs_are_refused_by_their_header(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = bomb(tmp_path / "bomb.png", 3000)
    assert path.stat().st_size < 20_000
    monkeypatch.setenv(MEGAPIXELS, "8")
    tracemalloc.start()
    try:
        with pytest.raises(SourceError, match=r"of 9 megapixels, more than the 8 .*STYLEFADER_MEGAPIXELS") as caught:
            PictureFile(path)
        with pytest.raises(TrainingError, match="STYLEFADER_MEGAPIXELS"):
            read_picture(path)
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()
    assert caught.value.exit_code == 2 and "\n" not in str(caught.value)
    monkeypatch.setenv(MEGAPIXELS, "9")
    assert read_picture(path).shape == (3000, 3000, 3)


def test_the_usual_limit(tmp_path: Path) -> None:
    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    (tmp_path / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", bytes(100)))
    with pytest.raises(SourceError, match="of 900 megapixels, more than the 150"):
        PictureFile(tmp_path / "bomb.png")


@pytest.mark.parametrize("value", ["-1", "0", "many", "4001", "9" * 5000, "1.5"])
def test_bad_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv(MEGAPIXELS, value)
    with pytest.raises(SourceError, match="give a whole number from 1 to 4000") as caught:
        PictureFile(tmp_path / "a.png")
    assert len(str(caught.value)) < 120


def test_a_later_picture_that_grows_is_refused(tmp_path: Path) -> None:
    """A GIF of one pixel, whose second picture says that it has 65000 times 65000."""
    frame = b"!\xf9\x04\x00\x01\x00\x00\x00,%s\x00\x02\x02L\x01\x00"
    sizes = [struct.pack("<4H", 0, 0, 1, 1), struct.pack("<4H", 0, 0, 65_000, 65_000)]
    path = tmp_path / "grows.gif"
    pictures = b"".join(frame % size for size in sizes)
    path.write_bytes(b"GIF89a\x01\x00\x01\x00\x80\x00\x00" + bytes(3) + b"\xff\xff\xff" + pictures + b";")
    with PictureFile(path) as file:
        assert file.pixels()[0].shape == (1, 1, 3)
        with pytest.raises(SourceError, match="of 4225 megapixels, more than the 150"):
            file.seek(1)


def test_kinds_by_content(tmp_path: Path) -> None:
    image = Image.new("RGB", (8, 6), (10, 20, 30))
    for form in ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF", "AVIF"):
        path = tmp_path / f"{form}.mov"  # the name says nothing
        image.save(path, form)
        assert picture_kind(path) == form
        with PictureFile(path) as file:
            pixels, alpha = file.pixels()
        assert pixels.shape == (6, 8, 3) and pixels.flags.c_contiguous and alpha is None
        assert np.abs(pixels.astype(int) - (10, 20, 30)).max() <= 4
    assert kind_of(b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic") == "HEIF"
    assert kind_of(b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif") == "AVIF"
    assert kind_of(b"\0\0\0\x18ftypisom\0\0\0\0isommp41") is None
    assert kind_of(b"\xff\xff\xff\xffftyp") is None and kind_of(b"") is None
    assert picture_kind(tmp_path) is None and picture_kind(tmp_path / "none") is None


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "zero.png").symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("no picture")
    for name, words in [
        ("zero.png", "a device or a pipe"), ("pipe.png", "a device or a pipe"), ("empty.png", "is empty"),
        ("text.png", "not a picture"), (".", "Is a directory"), ("none.png", "not found"), ("\0", "cannot read"),
    ]:  # fmt: skip
        with pytest.raises(SourceError, match=words):
            PictureFile(tmp_path / name)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF", "AVIF"])
def test_damaged_files_give_our_error(tmp_path: Path, form: str) -> None:
    """Every cut and many flipped bytes: a picture or SourceError, nothing else, no warning on the terminal."""
    noise = np.random.default_rng(3).integers(0, 256, (16, 16, 3), np.uint8)
    whole, path = tmp_path / "whole", tmp_path / "damaged"
    Image.fromarray(noise).save(whole, form)
    data = whole.read_bytes()
    random = np.random.default_rng(4)
    pieces = [data[:kept] for kept in range(0, len(data), max(1, len(data) // 40))]
    for _ in range(60):
        flipped = bytearray(data)
        for place in random.integers(0, min(len(data), 200), 3):
            flipped[place] = random.integers(0, 256)
        pieces.append(bytes(flipped))
    refused = 0
    for piece in pieces:
        path.write_bytes(piece)
        try:
            with PictureFile(path) as file:
                file.pixels()
        except SourceError:
            refused += 1
    assert refused >= 20


def test_transparency_of_every_form(tmp_path: Path) -> None:
    """Half clear red, half opaque blue; the alpha comes, and training sees no red."""
    rgba = Image.new("RGBA", (4, 2), (0, 0, 255, 255))
    rgba.paste(RED_HIDDEN, (0, 0, 2, 2))
    rgba.save(tmp_path / "a.png")
    rgba.save(tmp_path / "a.tif")
    rgba.save(tmp_path / "a.webp", lossless=True, exact=True)
    palette = Image.new("P", (4, 2), 1)
    palette.putpalette([255, 0, 0, 0, 0, 255])
    palette.paste(0, (0, 0, 2, 2))
    palette.save(tmp_path / "p.png", transparency=0)
    palette.save(tmp_path / "p.gif", transparency=0)
    row = b"\0" + struct.pack(">12H", 65535, 0, 0, 65535, 0, 0, 0, 0, 65535, 0, 0, 65535)
    deep = [
        chunk(b"IHDR", struct.pack(">IIBBBBB", 4, 2, 16, 2, 0, 0, 0)),
        chunk(b"tRNS", struct.pack(">3H", 65535, 0, 0)),
    ]
    data = b"".join([*deep, chunk(b"IDAT", zlib.compress(row * 2)), chunk(b"IEND", b"")])
    (tmp_path / "deep.png").write_bytes(b"\x89PNG\r\n\x1a\n" + data)
    for name in ("a.png", "a.tif", "a.webp", "p.png", "p.gif", "deep.png"):
        with PictureFile(tmp_path / name) as file:
            pixels, alpha = file.pixels()
        assert alpha is not None and alpha.tolist() == 2 * [[0, 0, 255, 255]], name
        assert pixels[:, 2:].tolist() == 2 * [2 * [[0, 0, 255]]], name
        assert read_picture(tmp_path / name).tolist() == 2 * [[[0, 0, 0]] * 2 + [[0, 0, 255]] * 2], name
    grey = b"\0" + struct.pack(">2H", 65535, 0x1234)
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 1, 16, 0, 0, 0, 0)) + chunk(b"tRNS", struct.pack(">H", 65535))
    ends = chunk(b"IDAT", zlib.compress(grey)) + chunk(b"IEND", b"")
    (tmp_path / "grey.png").write_bytes(b"\x89PNG\r\n\x1a\n" + head + ends)
    assert read_picture(tmp_path / "grey.png").tolist() == [[[0, 0, 0], [0x12, 0x12, 0x12]]]


def test_32_bits_a_colour_are_refused(tmp_path: Path) -> None:
    Image.fromarray(np.ones((4, 4), np.float32)).save(tmp_path / "a.tif")
    with PictureFile(tmp_path / "a.tif") as file, pytest.raises(SourceError, match="32 bits a colour"):
        file.pixels()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_of_avif_and_heic(tmp_path: Path, orientation: int) -> None:
    upright = np.zeros((32, 64, 3), np.uint8)
    upright[:16, :32] = (250, 30, 30)  # only the top left is red
    stored = {
        1: upright, 2: upright[:, ::-1], 3: upright[::-1, ::-1], 4: upright[::-1], 5: upright.transpose(1, 0, 2),
        6: np.rot90(upright), 7: np.rot90(upright, 2).transpose(1, 0, 2), 8: np.rot90(upright, -1),
    }[orientation]  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    tags = exif.tobytes()
    image = Image.fromarray(np.ascontiguousarray(stored))
    image.save(tmp_path / "a.avif", quality=90, exif=tags)
    names = ["a.avif"]
    try:
        import pillow_heif
    except ImportError:
        pass
    else:
        pillow_heif.register_heif_opener()
        image.save(tmp_path / "a.heic", quality=90, exif=tags)  # turned by the container, as phones do
        names.append("a.heic")
    for name in names:
        seen = read_picture(tmp_path / name)
        assert seen.shape == upright.shape, name
        assert np.abs(seen.astype(int) - upright).mean() < 6, name


def test_heic_without_its_reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "photo.heic"
    path.write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100))
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(SourceError, match=r"which needs pillow-heif: pip install 'stylefader\[heic\]'$"):
        PictureFile(path)
