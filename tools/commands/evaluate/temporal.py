"""`stylefader evaluate temporal`: how still a style pack is on video."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stylefader.tools.console.messages import out, print_json, say
from stylefader.tools.console.progress import progress
from stylefader.tools.console.signals import unwind
from stylefader.tools.outputs import check_output, write_whole

if TYPE_CHECKING:
    from stylefader.training.data.optical_flow import Motion
    from stylefader.training.data.photographs import Picture
    from stylefader.training.evaluation.warping import WarpingErrors
    from stylefader.training.packs.pack import StylePack

_COLUMNS = ("of", "alpha", "pairs", "error", "input", "excess")


def command(
    style: Annotated[str, typer.Argument(help="A style's name, PALETTE/STYLE or a pack file.")],
    clip: Annotated[Path | None, typer.Argument(help="A video: its flow is estimated.")] = None,
    photos: Annotated[Path | None, typer.Option(help="Folder of photographs: clips of exact flow are made.")] = None,
    alphas: Annotated[str, typer.Option(help="Strengths, with commas; by default the range's ends and middle.")] = "",
    frames: Annotated[int, typer.Option(help="Frames of each clip.")] = 16,
    clips: Annotated[int, typer.Option(help="Photographs to make clips of.")] = 8,
    side: Annotated[int, typer.Option(help="Side of the clips made of photographs, in pixels.")] = 256,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Write the table to this CSV file.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the output if it exists.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the table as JSON.")] = False,
) -> None:
    """Measure the warping error (Lai et al. 2018) at several alphas, beside the input's own, which is the floor.

    Each frame is compared with the one before it moved along by the flow, where both show the same thing: the mean
    square of what differs, in RGB of 0 to 1. The excess is what the style adds.
    """
    from stylefader.realtime.automation.keyframes import parse_inline
    from stylefader.training.errors import AutomationError, TrainingError
    from stylefader.training.packs.one_style import load_one_style

    if clip is None and photos is None:
        raise TrainingError("nothing to measure on: give a clip, or a folder of photographs with --photos")
    if frames < 2 or clips < 1 or not 32 <= side <= 4096:
        raise TrainingError("a clip has 2 frames or more and sides of 32 to 4096 pixels, of 1 photograph or more")
    if ":" in alphas:
        raise AutomationError(f"--alphas takes strengths without times, as in 0,0.5,1, not {alphas!r}")
    if output is not None:
        check_output(output, overwrite=overwrite, inputs=[] if clip is None else [clip])
    pack = load_one_style(style)
    low, high = pack.header.alpha.low, pack.header.alpha.high
    values = parse_inline(alphas, origin="--alphas").keyframes[0].values if alphas else (low, (low + high) / 2, high)
    unwind()
    rows: list[dict[str, Any]] = []
    if photos is not None:
        found = _of_photos(pack, photos, values, frames=frames, clips=clips, side=side)
        rows += _rows("photographs", found)
    if clip is not None:
        rows += _rows(clip.name, _of_clip(pack, clip, values, frames=frames))
    if output is not None:
        text = io.StringIO()
        table = csv.DictWriter(text, _COLUMNS, lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
        write_whole(output, text.getvalue().encode())
        say(f"wrote {output}")
    if json:
        print_json(rows)
        return
    for row in rows:
        out(f"{row['of']}  alpha {row['alpha']:<5g} error {row['error']:.6f}  input {row['input']:.6f}  "
              f"excess {row['excess']:.6f}  ({row['pairs']} pairs of frames)")  # fmt: skip


def _rows(of: str, errors: WarpingErrors) -> list[dict[str, Any]]:
    return [
        {"of": of, "alpha": alpha, "pairs": errors.pairs, "error": output, "input": errors.input, "excess": excess}
        for alpha, output, excess in zip(errors.alpha, errors.output, errors.excess, strict=True)
    ]


def _of_photos(
    pack: StylePack, folder: Path, alphas: tuple[float, ...], *, frames: int, clips: int, side: int
) -> WarpingErrors:
    from stylefader.training.data.photographs import PhotoFolder
    from stylefader.training.evaluation.warping import moving_photo

    photos = PhotoFolder(folder, split="val")
    count = min(clips, len(photos))
    made = (moving_photo(photos.photo(number), side=side, frames=frames, seed=number) for number in range(count))
    return _measure(pack, made, (side, side), alphas, total=count * (frames - 1))


def _of_clip(pack: StylePack, clip: Path, alphas: tuple[float, ...], *, frames: int) -> WarpingErrors:
    from stylefader.realtime.sources.files.video_file import VideoFileSource
    from stylefader.training.evaluation.warping import clip_with_motion

    with VideoFileSource(clip) as source:
        images = (frame.image for frame in islice(source, frames))
        size = (source.height, source.width)
        return _measure(pack, iter([clip_with_motion(images)]), size, alphas, total=frames - 1)


def _measure(
    pack: StylePack,
    clips: Iterator[Iterator[tuple[Picture, Motion | None]]],
    size: tuple[int, int],
    alphas: tuple[float, ...],
    *,
    total: int,
) -> WarpingErrors:
    import numpy as np

    from stylefader.engines import frame_and_alpha, open_engine
    from stylefader.training.evaluation.warping import measure_warping

    with open_engine(pack, *size)[0] as engine, progress("warping error", total) as advance:

        def stylize(picture: Picture, alpha: float) -> Picture:
            return engine.run(frame_and_alpha(picture, np.full(pack.n_blocks, alpha, np.float32))).copy()

        return measure_warping(clips, stylize, alphas, report=lambda pairs: advance(pairs, ""))
