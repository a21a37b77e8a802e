"""Pictures as a sink: one still, or a numbered sequence, written whole or not at all."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from stylefader.realtime.media.frame import Frame
from stylefader.realtime.media.transparency import straight
from stylefader.realtime.sinks.base import Sink
from stylefader.realtime.sinks.files.atomic_output import (
    begin_file,
    check_folder,
    check_name,
    check_target,
    is_same_file,
    not_created,
    remove,
    write_failed,
)
from stylefader.realtime.sources.files.pictures import WRITTEN_SUFFIXES, is_sequence, numbered_name, numbers_there
from stylefader.training.errors import SinkError
from stylefader.training.files import temporary_beside
from stylefader.training.leftovers import clear_leftovers

_SETTINGS = {
    ".jpg": [cv2.IMWRITE_JPEG_QUALITY, 95],
    ".jpeg": [cv2.IMWRITE_JPEG_QUALITY, 95],
    ".webp": [cv2.IMWRITE_WEBP_QUALITY, 95],
}
_WITH_ALPHA = (".png", ".webp", ".tif", ".tiff")


def holds_alpha(path: Path) -> bool:
    """Whether the format of this ending keeps transparency."""
    return path.suffix.lower() in _WITH_ALPHA


def write_picture(path: Path, image: npt.NDArray[np.uint8], alpha_HW: npt.NDArray[np.uint8] | None = None) -> None:
    """Write a picture as the format of the ending; JPEG and WebP at quality 95.

    Args:
        path: The file.
        image: uint8 (H, W, 3) RGB.
        alpha_HW: uint8 (H, W), the picture then lying over black; only for formats that hold it.

    Raises:
        SinkError: It cannot be encoded or written.
    """
    suffix = path.suffix.lower()
    try:
        path.write_bytes(_encoded(suffix, image, alpha_HW))
    except (cv2.error, ValueError) as error:
        raise _too_big(path, image) from error
    except OSError as error:
        raise write_failed(path, error) from error


def _encoded(suffix: str, image: npt.NDArray[np.uint8], alpha_HW: npt.NDArray[np.uint8] | None) -> bytes:
    if alpha_HW is not None:
        image = straight(image, alpha_HW)
    if alpha_HW is not None and suffix in (".tif", ".tiff"):
        # OpenCV does not say in the file that the fourth channel is alpha.
        data = io.BytesIO()
        Image.fromarray(np.dstack([image, alpha_HW])).save(data, "TIFF", compression="tiff_lzw")
        return data.getvalue()
    image_BGR = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    done, encoded = cv2.imencode(
        suffix, image_BGR if alpha_HW is None else np.dstack([image_BGR, alpha_HW]), _SETTINGS.get(suffix, [])
    )
    if not done:
        raise ValueError("not encoded")
    return encoded.tobytes()


class _AlphaNote:
    """Says once what becomes of transparency, when the first picture with some of it comes."""

    def __init__(self, path: Path, notes: list[str]) -> None:
        self._path, self._notes, self._said = path, notes, False

    def kept(self, frame: Frame) -> npt.NDArray[np.uint8] | None:
        """The alpha to write, None where there is none or the format cannot hold it."""
        if frame.alpha_HW is None:
            return None
        kept = holds_alpha(self._path)
        if not self._said:
            self._said = True
            self._notes.append(
                f"transparency is kept, in {self._path.suffix}"
                if kept
                else f"{self._path.suffix} cannot hold transparency: the picture is written over black (--background "
                f"changes that); {', '.join(_WITH_ALPHA)} can hold it"
            )
        return frame.alpha_HW if kept else None


def _too_big(path: Path, image: npt.NDArray[np.uint8]) -> SinkError:
    size = f"{image.shape[1]}x{image.shape[0]}"
    return SinkError(f"a picture of {size} cannot be written as {path.suffix}; try .png", failure=True)


class StillSink(Sink):
    """Writes exactly one frame as a picture file.

    path: the picture; its ending chooses the format. overwrite: replace an existing file. inputs: files being read,
    which must not be the target. notes: what could not be done as asked.
    """

    def __init__(self, path: str | Path, *, overwrite: bool = False, inputs: Iterable[Path] = ()) -> None:
        self.path = Path(path)
        self.notes: list[str] = []
        self._alpha = _AlphaNote(self.path, self.notes)
        self._overwrite = overwrite
        self._inputs = tuple(inputs)
        self._partial: Path | None = None

    def open(self) -> None:
        """Check the target and begin the file under its temporary name. Raises SinkError."""
        _check_suffix(self.path)
        self._target = check_target(self.path, overwrite=self._overwrite, inputs=self._inputs)
        self._partial = begin_file(self._target, self.notes)
        self._written = False

    def write(self, frame: Frame) -> None:
        """Take the one frame. Raises SinkError."""
        if self._partial is None:
            raise SinkError(f"{self.path} is not open for writing", failure=True)
        if self._written:
            raise SinkError(
                f"{self.path} is one picture, but a second frame came; give a pattern like "
                f"{self.path.stem}_%04d{self.path.suffix}"
            )
        hidden = self._partial
        try:
            write_picture(hidden, frame.image, self._alpha.kept(frame))
        except SinkError as error:
            self.abort()
            raise SinkError(str(error).replace(str(hidden), str(self.path)), failure=True) from error
        self._written = True

    def close(self) -> None:
        """Give the picture its name. Raises SinkError where no frame came."""
        if self._partial is None:
            return
        if not self._written:
            self.abort()
            raise SinkError(f"no frame came, so {self.path} was not written", failure=True)
        try:
            if os.path.lexists(self.path) and not self._overwrite:
                raise SinkError(f"{self.path} was made by somebody else meanwhile; it was left alone", failure=True)
            self._partial.replace(self._target)
        except OSError as error:
            raise write_failed(self.path, error) from error
        finally:
            self.abort()

    def abort(self) -> None:
        """Drop what was written. Never raises."""
        partial, self._partial = self._partial, None
        if partial is not None:
            remove(partial)


class PictureSequenceSink(Sink):
    """Writes each frame as one numbered picture.

    pattern: one `%d` or `%04d` in the file name. first: the first number. overwrite: replace pictures that are
    there. inputs: files being read. The pictures are made in a hidden folder beside the target and moved at
    `close`, so that an abort leaves older ones as they were. notes: what could not be done as asked.
    """

    def __init__(
        self, pattern: str | Path, *, first: int = 1, overwrite: bool = False, inputs: Iterable[Path] = ()
    ) -> None:
        self.path = Path(pattern)
        self.notes: list[str] = []
        self._alpha = _AlphaNote(self.path, self.notes)
        self._first = first
        self._overwrite = overwrite
        self._inputs = tuple(inputs)
        self._folder: Path | None = None

    def open(self) -> None:
        """Check the target and make the hidden folder. Raises SinkError."""
        _check_suffix(self.path)
        if not is_sequence(self.path):
            raise SinkError(f"{self.path} is no pattern for numbered pictures; write it like out_%04d.png")
        check_folder(self.path.parent)
        check_name(self.path.with_name(numbered_name(self.path, self._first)))
        there = numbers_there(self.path)
        if there and not self._overwrite:
            raise SinkError(
                f"{len(there)} pictures of {self.path} exist already, from {numbered_name(self.path, there[0])}; "
                "choose another name or allow overwriting with --overwrite"
            )
        for source in self._inputs:
            for number in there:
                target = self.path.with_name(numbered_name(self.path, number))
                if is_same_file(source, target):
                    raise SinkError(f"{target} is being read; write to another name")
        self.notes.extend(clear_leftovers(self.path.parent))
        folder = temporary_beside(self.path)
        try:
            folder.mkdir()
        except OSError as error:
            raise not_created(self.path, error) from error
        self._folder = folder
        self._count = 0

    def write(self, frame: Frame) -> None:
        """Write the next picture. Raises SinkError(failure=True)."""
        if self._folder is None:
            raise SinkError(f"{self.path} is not open for writing", failure=True)
        name = numbered_name(self.path, self._first + self._count)
        try:
            write_picture(self._folder / name, frame.image, self._alpha.kept(frame))
        except SinkError as error:
            hidden = str(self._folder)
            self.abort()
            raise SinkError(str(error).replace(hidden, str(self.path.parent)), failure=True) from error
        self._count += 1

    def close(self) -> None:
        """Move all pictures to their names. Raises SinkError where no frame came."""
        if self._folder is None:
            return
        if not self._count:
            self.abort()
            raise SinkError(f"no frame came, so {self.path} was not written", failure=True)
        numbers = range(self._first, self._first + self._count)
        older = set(numbers_there(self.path)) - set(numbers)
        try:
            for number in numbers:
                name = numbered_name(self.path, number)
                target = self.path.with_name(name)
                if os.path.lexists(target) and not self._overwrite:
                    raise SinkError(f"{target} was made by somebody else meanwhile; it was left alone", failure=True)
            for number in numbers:
                name = numbered_name(self.path, number)
                (self._folder / name).replace(self.path.with_name(name))
        except OSError as error:
            raise write_failed(self.path, error) from error
        finally:
            self.abort()
        if older:
            self.notes.append(f"{len(older)} older pictures of {self.path} stay beside the new ones")

    def abort(self) -> None:
        """Drop what was written; older pictures stay as they were. Never raises."""
        folder, self._folder = self._folder, None
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


def _check_suffix(path: Path) -> None:
    if path.suffix.lower() not in WRITTEN_SUFFIXES:
        raise SinkError(
            f"{path} has the ending {path.suffix!r}, which is no picture; use one of {', '.join(WRITTEN_SUFFIXES)}"
        )
