"""Previews of a run: photographs and what the network makes of them, in rows below each other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from stylefader.training.data.photographs import PhotoFolder, Picture, resize_short_side
from stylefader.training.evaluation.held_out import FixedLook, stylize
from stylefader.training.evaluation.strip import encode_picture, stack, strip
from stylefader.training.files import written_whole

PREVIEW_SIDE = 160
ALPHAS = (0.0, 0.5, 1.0)


def preview_photo(photos: PhotoFolder, number: int, side: int = PREVIEW_SIDE) -> Picture:
    """Photograph `number`, from the first again after the last, small, and with sides that networks take.

    Returns uint8 (H, W, 3) RGB. Raises TrainingError where none can be read.
    """
    return network_sized(photos.photo(number % len(photos)), side)


def network_sized(photo: Picture, side: int) -> Picture:
    """A picture, uint8 (H, W, 3) RGB, with a shorter side of `side` pixels, cut to multiples of 4, as networks take."""
    photo = resize_short_side(photo, side)
    return photo[: photo.shape[0] // 4 * 4, : photo.shape[1] // 4 * 4]


def preview_row(
    net: FixedLook, photo: Picture, name: str, *, alphas: Sequence[float] = ALPHAS, first: Picture | None = None
) -> Picture:
    """A picture, then the photograph at each alpha.

    Args:
        net: What makes the pictures.
        photo: As `preview_photo` gives it.
        name: Stands below the first picture.
        alphas: Strengths of all blocks; a network without blocks is looked at once.
        first: The first picture, of the photograph's size, where it is not the photograph.

    Returns:
        The row with its captions, as `strip` gives it.
    """
    shown = alphas if net.n_blocks else alphas[:1]
    pictures = [stylize(net, photo, torch.full((net.n_blocks,), alpha)) for alpha in shown]
    captions = [f"alpha {alpha:g}" for alpha in shown] if net.n_blocks else ["main network"]
    return strip([photo if first is None else first, *pictures], [name, *captions])


def write_rows(file: Path, rows: Sequence[Picture]) -> None:
    """Write the rows below each other as a PNG file, whole or not at all. Raises OSError."""
    with written_whole(file) as written:
        written.write(encode_picture(stack(rows), ".png"))
