"""`stylefader bench frame`: what every step of a live frame costs, in processor time of the whole process."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stylefader.tools.console.messages import print_json, say
from stylefader.tools.parsing import parse_size

if TYPE_CHECKING:
    from stylefader.realtime.media.frame import Frame

_LINES = ("great_wave_lite  alpha 0.50 0.50 0.50", "30.0 fps in  30.0 out", "openvino bf16 640x360", "latency 45/60 ms")


def command(
    source: Annotated[
        list[str] | None,
        typer.Option(metavar="WxH", help="Size of the file that is played. [default: 720p, 1080p and 4K]"),
    ] = None,
    size: Annotated[Any, typer.Option(parser=parse_size, metavar="WxH", help="Size of the session.")] = "640x360",
    window: Annotated[Any, typer.Option(parser=parse_size, metavar="WxH", help="Size of the window.")] = "1920x1080",
    frames: Annotated[int, typer.Option(min=4, max=2000, help="Frames of each measurement.")] = 50,
    json: Annotated[bool, typer.Option("--json/--no-json", help="End in one JSON line.")] = True,
) -> None:
    """Measure each step of a live frame: decoding, conversion, the pipeline, the window's drawing, a recording.

    The file is FFmpeg's moving test picture as H.264 in 4:2:0. Times are processor time of all threads of the process
    for one frame, so other programs disturb them little. The ways of conversion are measured in turns: `convert` is
    what a session does, `packed` is the same pass into packed RGB, `whole` makes RGB of the file's size first and
    scales it after that, and the rows with `render` are those of a render at the file's size.
    """
    rows = []
    for words in source or ("1280x720", "1920x1080", "3840x2160"):
        row = _measure(parse_size(words), size, frames)
        rows.append(row)
        for step, ms in row["ms"].items():
            say(f"{row['source']} {step}: {ms:.2f} ms")
        say(f"{row['source']} convert beside whole: {row['psnr_db']} dB")
    drawing = _drawing(size, window, frames)
    for step, ms in drawing["ms"].items():
        say(f"{drawing['window']} {step}: {ms:.2f} ms")
    if json:
        from stylefader.engines.machine.identity import cpu_name

        print_json({
            "processor": cpu_name(), "size": "{}x{}".format(*size), "frames": frames,
            "sources": rows, "drawing": drawing,
        })  # fmt: skip


def _each_ms(work: Callable[[], object], times: int) -> float:
    """Processor time of one call, in milliseconds, after one call that finds everything cold."""
    work()
    began = time.process_time()
    for _ in range(times):
        work()
    return round((time.process_time() - began) / times * 1e3, 3)


def _measure(source: tuple[int, int], size: tuple[int, int], frames: int) -> dict[str, Any]:
    """The steps of a frame that comes from a file of that size."""
    from stylefader.realtime.sources.decoded import LazyFrame
    from stylefader.realtime.sources.files.video_file import VideoFileSource
    from stylefader.realtime.sources.options import LiveOptions
    from stylefader.realtime.sources.transform import TransformedSource
    from stylefader.tools.commands.bench.conversion import conversions

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        _make_clip(path, source, frames)
        with TransformedSource(VideoFileSource(path), LiveOptions(size=size)) as opened:
            began = time.process_time()
            lazy = [thing for thing in opened.lazy_frames_and_packets() if isinstance(thing, LazyFrame)][-1]
            decode_ms = round((time.process_time() - began) / frames * 1e3, 3)
        frame = lazy.frame()
        pipeline_ms = _pipeline_ms(frame, frames)
        recording_ms = _recording_ms(frame, Path(folder) / "show.mkv", frames)
    converted = conversions(source, size, max(4, frames // 2))
    return {
        "source": "{}x{}".format(*source),
        "ms": {"decode": decode_ms, **converted["ms"], "pipeline": pipeline_ms, "recording": recording_ms},
        "same": converted["same"],
        "psnr_db": converted["psnr_db"],
    }


def _make_clip(path: Path, size: tuple[int, int], frames: int) -> None:
    import av

    picture = f"testsrc2=size={size[0]}x{size[1]}:rate=25,format=yuv420p"
    with av.open(picture, format="lavfi") as source, av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=25, options={"preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for number, frame in zip(range(frames), source.decode(video=0), strict=False):
            frame.pts, frame.time_base = number, Fraction(1, 25)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))


def _pipeline_ms(frame: Frame, frames: int) -> float:
    """Mailbox, stylizer and hand-over, with an engine that copies the picture."""
    import numpy as np

    from stylefader.engines import Engine
    from stylefader.realtime.parameters.alpha_desk import AlphaDesk
    from stylefader.realtime.parameters.parameter import alpha_parameter
    from stylefader.realtime.pipeline.active_style import ActiveStyle
    from stylefader.realtime.pipeline.queues import NewestMailbox
    from stylefader.realtime.pipeline.stylizer import Stylizer
    from stylefader.realtime.sources.decoded import LazyFrame
    from stylefader.training.packs.families.dynamic_net import style_inputs
    from stylefader.training.packs.pack_header import AlphaHeader, PackHeader

    class Copier(Engine):
        name, device, precision = "copier", "none", "none"

        def _begin(self, slot: int, values: dict[str, Any]) -> None:
            self._picture = values["frame"]

        def _finish(self, slot: int) -> Any:
            return self._picture

    alpha = AlphaHeader(meaning={}, low=0, high=1, default=0)
    header = PackHeader(
        name="copier", title="Copier", objective="fixed", kind="single", width=1, blocks=(), alpha=alpha, style={},
        licence="MIT", training={},
    )  # fmt: skip
    height, width, _ = np.shape(frame.image)
    mailbox: NewestMailbox[Frame | LazyFrame] = NewestMailbox()
    stylizer = Stylizer(mailbox, lambda frame: None, height=height, width=width, now_ns=time.monotonic_ns)
    stylizer.play(
        ActiveStyle(
            header=header,
            engine=Copier(inputs=style_inputs([]), height=height, width=width),
            desk=AlphaDesk([alpha_parameter(alpha, 0)]),
        )
    )

    def step() -> None:
        mailbox.put(frame)
        stylizer.step(0.1)

    ms = _each_ms(step, frames)
    stylizer.close()
    return ms


def _recording_ms(frame: Frame, path: Path, frames: int) -> float:
    """A frame into a recording: to YCbCr, H.264, Matroska."""
    from dataclasses import replace

    from stylefader.realtime.sinks.live.recording import RecordingSink

    began = time.process_time()
    with RecordingSink(path, width=frame.width, height=frame.height, rate=Fraction(25)) as sink:
        for number in range(frames):
            sink.write(replace(frame, pts=Fraction(number, 25), index=number, captured_ns=number * 40_000_000))
    return round((time.process_time() - began) / frames * 1e3, 3)


def _drawing(size: tuple[int, int], window: tuple[int, int], frames: int) -> dict[str, Any]:
    """What the window's picture costs, with and without text; nothing is put on a screen."""
    import numpy as np

    from stylefader.realtime.display.window import Window
    from stylefader.realtime.media.frame import Frame

    image = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), np.uint8)
    frame = Frame(image=image, original=image, pts=Fraction(0), index=0, captured_ns=0)
    canvas = Window("bench", *window)

    def ms(lines: Sequence[str] = ()) -> float:
        return _each_ms(lambda: canvas.draw(frame, lines), frames)

    return {"window": "{}x{}".format(*window), "ms": {"picture": ms(), "picture and numbers": ms(_LINES)}}
