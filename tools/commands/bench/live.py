"""`stylefader bench live`: what the pipeline itself costs, with an engine of known duration in its place."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stylefader.tools.console.messages import print_json, say
from stylefader.tools.parsing import parse_size

if TYPE_CHECKING:
    from stylefader.realtime.media.frame import Frame

_SLOW_SINK_S = 0.5


def command(
    seconds: Annotated[float, typer.Option(min=1, max=7200, help="How long each measurement takes.")] = 10.0,
    size: Annotated[Any, typer.Option(parser=parse_size, metavar="WxH", help="Size of the frames.")] = "640x360",
    rate: Annotated[int, typer.Option(min=1, max=240, help="Frames a second of the source.")] = 30,
    json: Annotated[bool, typer.Option("--json/--no-json", help="End in one JSON line.")] = True,
) -> None:
    """Measure what capture, mailbox, stylizer and fan-out add to an engine of 20 and of 100 ms.

    The engine sleeps for that long and copies the picture; source and sink do nothing. `added_ms` is capture to sink
    less the engine: with 20 ms at 30 frames a second every frame is taken, so it is all the pipeline's own. With 100
    ms frames are left out, and latency must stay under two engine times. The same again with a sink that takes half a
    second a frame beside: the other sink's rate must not change.
    """
    rows = [
        _run(engine_ms=ms, slow_sink=slow, seconds=seconds, size=size, rate=rate)
        for ms, slow in ((20, False), (20, True), (100, False))
    ]
    for row in rows:
        beside = ", a sink of 500 ms a frame beside" if row["slow_sink"] else ""
        say(
            f"engine {row['engine_ms']} ms{beside}: {row['fps']:.2f} fps; added p50 {row['added_ms']['p50']:.2f} ms, "
            f"p99 {row['added_ms']['p99']:.2f} ms; capture to sink p99 {row['latency_ms']['p99']:.1f} ms"
        )
    change = abs(rows[1]["fps"] / rows[0]["fps"] - 1)
    say(f"the slow sink changes the other's rate by {change:.2%}")
    if json:
        print_json({"cores": os.cpu_count(), "runs": rows, "slow_sink_changes_rate_by": round(change, 5)})


@dataclass
class _Seen:
    """What a sink saw of a frame: when it was captured, and when it came."""

    captured_ns: int
    at_ns: int


def _run(*, engine_ms: int, slow_sink: bool, seconds: float, size: tuple[int, int], rate: int) -> dict[str, Any]:
    from stylefader.realtime.parameters.alpha_desk import AlphaDesk
    from stylefader.realtime.parameters.parameter import alpha_parameter
    from stylefader.realtime.pipeline.active_style import ActiveStyle
    from stylefader.realtime.pipeline.capture import Capture
    from stylefader.realtime.pipeline.fan_out import FanOut
    from stylefader.realtime.pipeline.outputs import SessionOutputs
    from stylefader.realtime.pipeline.queues import NewestMailbox
    from stylefader.realtime.pipeline.stylizer import StageTimes, Stylizer
    from stylefader.realtime.session.stats import percentiles_ms
    from stylefader.realtime.session.words import words_of
    from stylefader.realtime.sources.decoded import LazyFrame
    from stylefader.training.packs.pack_header import AlphaHeader, PackHeader

    width, height = size
    seen: list[_Seen] = []
    engine_ns: list[int] = []
    sleeper = _sleeping_engine(height, width, engine_ms / 1000)
    alpha = AlphaHeader(meaning={}, low=0, high=1, default=0)
    header = PackHeader(
        name="sleeper", title="Sleeper", objective="fixed", kind="single", width=1, blocks=(), alpha=alpha, style={},
        licence="MIT", training={},
    )  # fmt: skip
    fan_out = FanOut(tell=lambda event: say(words_of(event)))
    fan_out.add("null", _sink(lambda frame: seen.append(_Seen(frame.captured_ns, time.monotonic_ns()))))
    if slow_sink:
        fan_out.add("slow", _sink(lambda frame: time.sleep(_SLOW_SINK_S)))
    mailbox: NewestMailbox[Frame | LazyFrame] = NewestMailbox()
    capture = Capture(lambda: _camera(height, width, rate), mailbox, name="bench", reconnects=False)

    def timed(times: StageTimes) -> None:
        engine_ns.append(times.done_ns - times.started_ns)

    stylizer = Stylizer(
        mailbox, SessionOutputs(fan_out, view=False).put, height=height, width=width, now_ns=time.monotonic_ns,
        timed=timed,
    )  # fmt: skip
    stylizer.play(ActiveStyle(header=header, engine=sleeper, desk=AlphaDesk([alpha_parameter(alpha, 0)])))
    fan_out.open()
    capture.start()
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        stylizer.step(0.1)
    capture.stop()
    stylizer.close()
    fan_out.close()
    # The first frames find everything cold.
    both = list(zip(seen, engine_ns, strict=False))[3:]
    latencies = [frame.at_ns - frame.captured_ns for frame, _ in both]
    added = [frame.at_ns - frame.captured_ns - engine for frame, engine in both]
    span = (both[-1][0].at_ns - both[0][0].at_ns) / 1e9
    return {
        "engine_ms": engine_ms, "slow_sink": slow_sink, "size": f"{width}x{height}", "rate": rate,
        "frames": len(both), "fps": round((len(both) - 1) / span, 3), "left_out": mailbox.replaced,
        "added_ms": percentiles_ms(added).as_json(), "latency_ms": percentiles_ms(latencies).as_json(),
        "latency_max_ms": round(max(latencies) / 1e6, 3),
    }  # fmt: skip


def _sleeping_engine(height: int, width: int, seconds: float) -> Any:
    from stylefader.engines import Engine
    from stylefader.training.packs.families.dynamic_net import style_inputs

    class Sleeper(Engine):
        name, device, precision = "sleeper", "none", "none"

        def _begin(self, slot: int, values: dict[str, Any]) -> None:
            self._picture = values["frame"]
            self._until = time.perf_counter() + seconds

        def _finish(self, slot: int) -> Any:
            time.sleep(max(0.0, self._until - time.perf_counter()))
            return self._picture

    return Sleeper(inputs=style_inputs([]), height=height, width=width)


def _camera(height: int, width: int, rate: int) -> Any:
    import numpy as np

    from stylefader.realtime.media.frame import Frame
    from stylefader.realtime.sources.base import Source

    class Camera(Source):
        live = True

        def __init__(self) -> None:
            self.notes: list[str] = []
            self.width, self.height, self.rate = width, height, Fraction(rate)
            self._closed = threading.Event()

        def open(self) -> None: ...

        def __iter__(self) -> Iterator[Frame]:
            image = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
            first = Frame(image=image, pts=Fraction(0), index=0, captured_ns=0)
            began = time.monotonic()
            number = 0
            while not self._closed.wait(max(0.0, began + number / rate - time.monotonic())):
                yield replace(first, pts=Fraction(number, rate), index=number, captured_ns=time.monotonic_ns())
                number += 1

        def close(self) -> None:
            self._closed.set()

    return Camera()


def _sink(take: Callable[[Frame], object]) -> Any:
    from stylefader.realtime.sinks.base import Sink

    class Taker(Sink):
        def __init__(self) -> None:
            self.notes: list[str] = []

        def open(self) -> None: ...

        def write(self, frame: Frame) -> None:
            take(frame)

        def close(self) -> None: ...

        def abort(self) -> None: ...

    return Taker()
