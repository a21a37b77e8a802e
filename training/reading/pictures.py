"""Picture files read with care: what they are is seen from their first bytes, and their size before they are decoded.

Every place that opens a picture of outside does so here: sources of frames, style pictures and photographs of training.
Pillow reads all formats; HEIC needs the extra `heic`. A picture beyond the limit of `most_megapixels` is refused, since
a few kilobytes can decode to gigabytes.
"""

from __future__ import annotations

import math
import os
import re
import warnings
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from stylefader.training.closing import Closing
from stylefader.training.errors import SourceError
from stylefader.training.files import open_regular

Kind = Literal["PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF", "AVIF", "HEIF"]
"""What a file holds, by its first bytes. JPEG with pictures behind the first (MPO) is JPEG; APNG is PNG."""

MEGAPIXELS = "STYLEFADER_MEGAPIXELS"
"""The environment variable that sets the largest picture to be read, in millions of pixels."""
_USUAL_MEGAPIXELS = 150
_LARGEST_MEGAPIXELS = 4000

FORMATS = "PNG, JPEG, WebP, TIFF, BMP, GIF, AVIF or HEIC"
_SIGNATURES: tuple[tuple[bytes, Kind], ...] = (
    (b"\x89PNG\r\n\x1a\n", "PNG"), (b"\xff\xd8\xff", "JPEG"), (b"GIF8", "GIF"), (b"BM", "BMP"),
    (b"II*\0", "TIFF"), (b"MM\0*", "TIFF"), (b"II+\0", "TIFF"), (b"MM\0+", "TIFF"),
)  # fmt: skip
# Brands of ISO/IEC 23008-12 and of AV1 in it. The general ones say only that the file holds pictures.
_HEVC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"heif"}
_AVIF_BRANDS = {b"avif", b"avis"}
_PICTURE_BRANDS = {b"mif1", b"mif2", b"msf1", b"miaf"}
_HEAD = 256
# In the words of Pillow's refusal.
_PIXELS = re.compile(r"\((\d+) pixels\)")


def kind_of(head: bytes) -> Kind | None:
    """What a file holds that begins with these bytes, 256 of them or all; None for what is no picture."""
    for signature, kind in _SIGNATURES:
        if head.startswith(signature):
            return kind
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[4:8] != b"ftyp":
        return None
    end = min(int.from_bytes(head[:4]), len(head))
    major, others = head[8:12], {head[at : at + 4] for at in range(16, end - 3, 4)}
    if major in _AVIF_BRANDS or (major in _PICTURE_BRANDS and others & _AVIF_BRANDS):
        return "AVIF"
    return "HEIF" if major in _HEVC_BRANDS | _PICTURE_BRANDS else None


def picture_kind(path: Path) -> Kind | None:
    """What the file holds, None where it is no picture or cannot be read."""
    try:
        with open_regular(path) as file:
            return kind_of(file.read(_HEAD))
    except (OSError, ValueError):
        return None


def most_megapixels() -> int:
    """Millions of pixels that a picture may have. Raises SourceError where the environment says nonsense."""
    text = os.environ.get(MEGAPIXELS)
    if not text:
        return _USUAL_MEGAPIXELS
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and 0 < int(text) <= _LARGEST_MEGAPIXELS):
        raise SourceError(f"{MEGAPIXELS} is {text[:20]!r}; give a whole number from 1 to {_LARGEST_MEGAPIXELS}")
    return int(text)


class PictureFile(Closing):
    """An open picture file: its header is read and its size allowed, no pixel is decoded. Used by `with`.

    Args:
        path: The file.

    Attributes:
        kind: Of the file.
        image: Pillow's, at the picture that `seek` went to, the first one after opening.

    Raises:
        SourceError: The file cannot be read, is no picture, or is larger than is allowed.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._most = most_megapixels()
        try:
            self._file = open_regular(path)
        except FileNotFoundError as error:
            raise SourceError(f"picture not found: {path}; check the name and the folder") from error
        except (OSError, ValueError) as error:
            words = getattr(error, "strerror", None) or error
            raise SourceError(f"cannot read the picture {path}: {words}; check the name and its permissions") from error
        try:
            head = self._file.read(_HEAD)
            kind = kind_of(head)
            if kind is None:
                what = f"not a picture that can be read: give {FORMATS}" if head else "empty (0 bytes): make it again"
                raise SourceError(f"{path} is {what}")
            self.kind: Kind = kind
            self._check_length(head)
            self._guard()
            self._file.seek(0)
            self.image = self._opened()
            self._check_size()
        except BaseException:
            self._file.close()
            raise

    def _check_length(self, head: bytes) -> None:
        if self.kind == "WEBP" and int.from_bytes(head[4:8], "little") + 8 > os.fstat(self._file.fileno()).st_size:
            raise self._cut_off()

    def _cut_off(self) -> SourceError:
        return SourceError(f"{self.path} is not complete: it breaks off in the middle; get the whole file")

    def _guard(self) -> None:
        """Pillow has a limit of its own, which also holds where a later picture grows while it is looked for."""
        Image.MAX_IMAGE_PIXELS = self._most * 1_000_000
        # Its other warnings are about metadata, and would reach the terminal in the middle of a line.
        warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
        warnings.filterwarnings("error", category=Image.DecompressionBombWarning)

    def _opened(self) -> Image.Image:
        if self.kind == "HEIF":
            _learn_heif(self.path)
        try:
            return Image.open(self._file, formats=[self.kind])
        except Exception as error:
            raise self._refusal(error) from error

    def _check_size(self) -> None:
        width, height = self.image.size
        if width * height > self._most * 1_000_000:
            raise self._too_large(f"{width}x{height} ({-(-width * height // 1_000_000)} megapixels)")

    def _too_large(self, size: str) -> SourceError:
        return SourceError(
            f"{self.path} is {size}, more than the {self._most} megapixels that are read; "
            f"make it smaller, or set {MEGAPIXELS} to a larger number"
        )

    def _refusal(self, error: Exception) -> SourceError:
        """What a decoder says of damaged data can be anything; only that it breaks off is worth telling apart."""
        if isinstance(error, SourceError):
            return error
        if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
            found = _PIXELS.search(str(error))
            return self._too_large(f"of {-(-int(found[1]) // 1_000_000)} megapixels" if found else "too large")
        if "truncated" in str(error).lower():
            return self._cut_off()
        if isinstance(error, MemoryError):
            return SourceError(f"{self.path} does not fit into the memory; make the picture smaller")
        return SourceError(
            f"{self.path} cannot be read as a picture: it is damaged or not complete, or of a kind that Pillow lacks"
        )

    @property
    def has_alpha(self) -> bool:
        """Whether the picture at which it stands has alpha, which may say that all of it shows."""
        return bool(self.image.has_transparency_data)

    def seek(self, number: int) -> bool:
        """Go to a picture of the file, later than the one before, counted from 0; False where there is none."""
        try:
            self.image.seek(number)
        except EOFError:
            return False
        except Exception as error:
            raise self._refusal(error) from error
        self._check_size()
        return True

    def decode_smaller(self, side: int) -> None:
        """Have a JPEG decoded at a half, a quarter or an eighth of its size, with at least `side` pixels a side.

        That takes a fraction of the time. Other kinds of pictures have no such form, and stay as they are.
        """
        width, height = self.image.size
        scale = side / min(width, height)
        if self.kind == "JPEG" and scale < 1:
            self.image.draft(None, (math.ceil(width * scale), math.ceil(height * scale)))

    def pixels(self) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8] | None]:
        """Decode the picture that it stands at.

        Returns:
            uint8 (H, W, 3) RGB, upright by its EXIF tag, straight colours whatever alpha says, and uint8 (H, W) alpha,
            0 where nothing shows; None where all of it shows. Both C-contiguous. 16 bits become 8.

        Raises:
            SourceError: It is damaged, cut off or of a form that has no 8-bit RGB.
        """
        if self.image.mode in ("I", "F"):
            raise SourceError(f"{self.path} has 32 bits a colour, whose range nobody knows; save it with 8 or 16")
        try:
            return _rgb_and_alpha(self.image)
        except Exception as error:
            raise self._refusal(error) from error

    def close(self) -> None:
        """Release the file; harmless twice."""
        self.image.close()
        self._file.close()


def _learn_heif(path: Path) -> None:
    try:
        import pillow_heif
    except ImportError as error:
        raise SourceError(
            f"{path} is a HEIC picture, which needs pillow-heif: pip install 'stylefader[heic]'"
        ) from error
    pillow_heif.register_heif_opener()


def _rgb_and_alpha(image: Image.Image) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8] | None]:
    deep = any(";16" in str(tile[3]) for tile in getattr(image, "tile", ()))
    image.load()
    clear = image.info.get("transparency")
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I;16"):
        grey = np.asarray(image)
        alpha = None if clear is None else np.where(grey == clear, 0, 255).astype(np.uint8)
        return np.repeat((grey >> 8).astype(np.uint8)[..., None], 3, axis=2), alpha
    if not image.has_transparency_data:
        return np.array(image.convert("RGB"), dtype=np.uint8), None
    if deep and isinstance(clear, tuple):  # the one clear colour is given in 16 bits, the pixels have become 8
        image.info["transparency"] = tuple(level >> 8 for level in clear)
    rgba = np.asarray(image.convert("RGBA"))
    alpha = np.ascontiguousarray(rgba[..., 3])
    return np.ascontiguousarray(rgba[..., :3]), None if alpha.min() == 255 else alpha
