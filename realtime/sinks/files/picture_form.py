"""How frames lie in the pictures of a video file: pixel format, size and alpha, as encoder and container allow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from stylefader.realtime.media.frame import Frame
from stylefader.realtime.media.transparency import straight
from stylefader.realtime.sinks.files.containers import Container, Encoder, keeps_alpha
from stylefader.realtime.sinks.files.even_size import even_picture, even_size, even_words, exact_words
from stylefader.training.errors import SinkError


@dataclass(frozen=True, kw_only=True, slots=True)
class PictureForm:
    """pixel_format: as FFmpeg names it. size: (width, height) as written. alpha: whether transparent places are kept.

    notes: what is different from what comes, in words.
    """

    pixel_format: str
    size: tuple[int, int]
    alpha: bool
    notes: tuple[str, ...]

    def image(self, frame: Frame) -> npt.NDArray[np.uint8]:
        """uint8 (H, W, 3) RGB of a frame at the written size, or (H, W, 4) RGBA; C-contiguous."""
        image = frame.image
        if self.alpha:
            opaque = np.full(image.shape[:2], 255, np.uint8)
            alpha = opaque if frame.alpha_HW is None else frame.alpha_HW
            image = np.concatenate([straight(image, alpha), alpha[..., None]], -1)
        return image if self.size == (frame.width, frame.height) else even_picture(image)


def picture_form(
    container: Container, encoder: Encoder, size: tuple[int, int], *, alpha: bool, exact_size: bool
) -> PictureForm:
    """The form for frames of `size` (width, height). Raises SinkError for a size that cannot be written.

    alpha: whether frames come with theirs. exact_size: an odd size is kept in 4:4:4 where 4:2:0 cannot hold it.
    """
    width, height = size
    if width < 1 or height < 1:
        raise SinkError(f"a video of {width}x{height} cannot be written; give at least 1x1")
    notes = []
    kept = alpha and keeps_alpha(container, encoder)
    if kept:
        notes.append(f"transparency is kept, by {encoder.name} in {container.title}")
    elif alpha:
        notes.append(
            f"{encoder.name} in {container.title} cannot hold transparency: it is written over black (--background "
            "changes that); ProRes in .mov, VP9 in .webm and --codec ffv1 in .mkv can hold it"
        )
    usual, odd = encoder.pixel_format, encoder.odd_pixel_format
    if kept:
        assert encoder.alpha_format is not None
        usual = odd = encoder.alpha_format
    if even_size(width, height) != size and odd != usual:
        if not exact_size:
            notes.append(even_words(width, height))
            size = even_size(width, height)
        elif odd is None:
            raise SinkError(
                f"{encoder.name} cannot write the odd size {width}x{height}; "
                "choose another codec, or leave out --exact-size"
            )
        else:
            notes.append(exact_words(width, height))
            usual = odd
    if min(size) < encoder.least:
        raise SinkError(
            f"{encoder.name} cannot write a picture as small as {width}x{height}; "
            f"give at least {encoder.least}x{encoder.least} or choose another codec"
        )
    return PictureForm(pixel_format=usual, size=size, alpha=kept, notes=tuple(notes))
