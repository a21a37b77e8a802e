"""`stylefader bench midi`: from a MIDI byte to the alpha of the next engine call, while the whole pipeline runs."""

from __future__ import annotations

import json as json_module
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stylefader.tools.commands.bench.midi_system import midi_system
from stylefader.tools.console.messages import print_json, say
from stylefader.tools.parsing import parse_size

if TYPE_CHECKING:
    from stylefader.realtime.controls.midi.backend import Input
    from stylefader.realtime.pipeline.events import Event
    from stylefader.realtime.session.live_session import LiveSession

_PORTS = 4
_VALUES = 4096  # of the 14 bits of a pitch bend: the rest says which port
_NAME = "bench-knobs"
_WARM_UP_S = 2.0
_END_S = 0.5
_WAIT_S = 180  # a busy machine builds engines late: they are built behind everything else
_SENDER = f"""
import json, sys, time, rtmidi
api, rate, seconds = int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])
ports = [rtmidi.MidiOut(api, f"{_NAME}-{{number}}") for number in range({_PORTS})]
for port in ports:
    port.open_virtual_port("out")
print("there", flush=True)
sys.stdin.readline()
sent = [[] for _ in ports]
began = time.monotonic_ns()
for number in range(round(rate * seconds)):
    due = began + round(number * 1e9 / rate)
    while (left := due - time.monotonic_ns()) > 0:
        time.sleep(left / 1e9)
    for place, port in enumerate(ports):
        raw = place * {_VALUES} + number % {_VALUES}
        sent[place].append(time.monotonic_ns())
        port.send_message([0xE0, raw & 0x7F, raw >> 7])
print(json.dumps(sent), flush=True)
sys.stdin.readline()
"""


def command(
    style: Annotated[str, typer.Option(help="A style or a pack file.")] = "great_wave_lite",
    size: Annotated[Any, typer.Option(parser=parse_size, metavar="WxH", help="Size of the picture.")] = "320x180",
    rate: Annotated[list[float] | None, typer.Option(min=1, help="Messages a second on each port. [250, 1000]")] = None,
    seconds: Annotated[float, typer.Option(min=0.5, max=600, help="How long each measurement takes.")] = 10.0,
    engine: Annotated[str, typer.Option(help="auto, or an engine's name.")] = "auto",
    window: Annotated[bool, typer.Option("--window", help="Draw the window too; needs a display.")] = False,
    switch_ms: Annotated[
        float | None, typer.Option(min=0.01, max=100, help="Python's switch interval. [default: that of live]")
    ] = None,
    json: Annotated[bool, typer.Option("--json/--no-json", help="End in one JSON line.")] = True,
) -> None:
    """Measure how late MIDI is, on four ports that another program plays, while a test card is stylized.

    Where there is no MIDI system, a JACK server without sound is started. `inside_ms`: from rtmidi having the message
    to the desk having its alpha, which the next engine call gets. `python_ms`: of that, from our first line on.
    `sent_ms`: from the other program's call on, with the MIDI system's own buffers. `lost`: messages that never came;
    `last`: whether the last one of every port did.
    """
    from stylefader.realtime.controls.midi.midi_input import SWITCH_S

    with ExitStack() as stack:
        stack.enter_context(midi_system())
        stack.callback(sys.setswitchinterval, sys.getswitchinterval())
        sys.setswitchinterval(SWITCH_S if switch_ms is None else switch_ms / 1000)
        rows = [
            _run(style=style, size=size, rate=each, seconds=seconds, engine=engine, drawn=window)
            for each in rate or [250.0, 1000.0]
        ]
        interval = round(sys.getswitchinterval() * 1000, 3)
    for row in rows:
        inside, sent = row["inside_ms"], row["sent_ms"]
        say(
            f"{_PORTS} ports, {row['rate']:g} messages a second each: inside p50 {inside['p50']:.3f} ms, "
            f"p99 {inside['p99']:.3f} ms, most {inside['max']:.3f} ms; from the sender p50 {sent['p50']:.2f} ms, "
            f"p99 {sent['p99']:.2f} ms; {row['lost']} of {row['messages']} lost, last ones "
            f"{'all there' if row['last'] else 'MISSING'}"
        )
    if json:
        print_json({"cores": os.cpu_count(), "switch_ms": interval, "window": window, "runs": rows})


@dataclass
class _Marks:
    """When each message was seen where, by port and number: monotonic nanoseconds."""

    came: dict[tuple[int, int], int] = field(default_factory=dict)  # rtmidi had it
    heard: dict[tuple[int, int], int] = field(default_factory=dict)  # our callback began
    moved: dict[tuple[int, int], int] = field(default_factory=dict)  # the desk had it
    last: dict[str, list[int]] = field(default_factory=dict)

    def key(self, where: str, raw: int) -> tuple[int, int]:
        """Which message a value is: numbers begin again at `_VALUES`."""
        port, low = divmod(raw, _VALUES)
        before = self.last.setdefault(where, [0] * _PORTS)
        number = before[port] + (low - before[port] + _VALUES // 2) % _VALUES - _VALUES // 2
        before[port] = max(before[port], number)
        return port, number


def _run(*, style: str, size: tuple[int, int], rate: float, seconds: float, engine: str, drawn: bool) -> dict[str, Any]:
    from stylefader.realtime.controls.controls import ControlOptions, Controls
    from stylefader.realtime.controls.midi.backend import Input
    from stylefader.training.errors import EngineError

    marks = _Marks()
    with ExitStack() as stack:
        sender = stack.enter_context(_sender(rate, seconds))
        session, show = _session(stack, style, size, engine, drawn=drawn)
        mapping = Path(stack.enter_context(TemporaryDirectory())) / "bench.toml"
        mapping.write_text(f'[[map]]\nport = "{_NAME}"\nkind = "pitchbend"\ntarget = "alpha"\npickup = false\n')
        stack.callback(setattr, Input, "came", Input.came)
        Input.came = _marking(Input.came, marks)  # type: ignore[method-assign]
        player: Any = _MarkingPlayer(session, marks)
        controls = stack.enter_context(closing(Controls(player, ControlOptions(mapping=mapping), sizes={"alpha": 99})))
        session.start()
        controls.start()
        assert controls.midi is not None and sender.stdin is not None and sender.stdout is not None
        began = time.monotonic()
        warm: float | None = None
        playing = False
        while not playing or sender.poll() is None:
            session.tick()
            controls.tick()
            show()
            now = time.monotonic()
            if now - began > _WAIT_S:
                what = (
                    "no engine plays" if warm is None else f"{len(controls.midi.playing)} of {_PORTS} ports are there"
                )
                raise EngineError(f"{what}, so there is nothing to measure", failure=True)
            if warm is None and session.stylizer.playing is not None and not session.loader.busy:
                warm = now
                frames = session.stylizer.counts.stylized
            if warm is not None and not playing and now - warm > _WARM_UP_S and len(controls.midi.playing) == _PORTS:
                playing = True
                began = now
                frames = session.stylizer.counts.stylized
                sender.stdin.write("\n")
                sender.stdin.flush()
            if playing and now - began > seconds + _END_S:
                break
        engine = str(session.snapshot().engine)
        fps = (session.stylizer.counts.stylized - frames) / (time.monotonic() - began)
        sent = json_module.loads(sender.stdout.readline())
    keys = [(port, number) for port in range(_PORTS) for number in range(len(sent[port]))]
    moved = [key for key in keys if key in marks.moved]
    ends = [(port, len(sent[port]) - 1) for port in range(_PORTS)]
    # rtmidi's times begin anywhere: the message that waited least waited not at all.
    return {
        "rate": rate, "ports": _PORTS, "size": f"{size[0]}x{size[1]}", "fps": round(fps, 2),
        "engine": engine, "messages": len(keys), "lost": len(keys) - len(marks.heard),
        "skipped": len(marks.heard) - len(moved), "last": all(key in marks.moved for key in ends),
        "inside_ms": _spread([marks.moved[key] - marks.came[key] for key in moved]),
        "python_ms": _spread([marks.moved[key] - marks.heard[key] for key in moved]),
        "sent_ms": _spread([marks.moved[key] - sent[key[0]][key[1]] for key in moved]),
    }  # fmt: skip


def _session(
    stack: ExitStack, style: str, size: tuple[int, int], engine: str, *, drawn: bool
) -> tuple[LiveSession, Any]:
    """The pipeline of `stylefader live`, from the test card to a sink that takes everything; and what draws."""
    from stylefader.realtime.display.window import Window
    from stylefader.realtime.pipeline.capture import Capture
    from stylefader.realtime.pipeline.fan_out import FanOut
    from stylefader.realtime.pipeline.outputs import SessionOutputs
    from stylefader.realtime.session.engine_loader import EngineLoader
    from stylefader.realtime.session.live_session import LiveSession, SessionOptions
    from stylefader.realtime.session.viewer import Text, Viewer
    from stylefader.realtime.session.words import words_of
    from stylefader.realtime.sinks.open_live import LiveSinkOptions, live_sink
    from stylefader.realtime.sources.open_live import live_source
    from stylefader.realtime.sources.options import LiveOptions
    from stylefader.training.packs.library import find_pack
    from stylefader.training.packs.pack_file import PackFile

    width, height = size
    choice = live_source("testcard", LiveOptions(size=size))

    def tell(event: Event) -> None:
        say(words_of(event))

    fan_out = FanOut(tell=tell)
    sink = live_sink("null", LiveSinkOptions(overwrite=False))
    fan_out.add(sink.name, sink.make(width, height, None), bound=sink.bound, drains=sink.drains)
    outputs = SessionOutputs(fan_out, view=drawn)
    session = LiveSession(
        lambda mailbox: Capture(choice.make, mailbox, name=choice.name, reconnects=False),
        outputs, EngineLoader([PackFile(find_pack(style))], backend=engine, tell=tell),
        SessionOptions(height=height, width=width), tell=tell,
    )  # fmt: skip
    stack.callback(fan_out.close)
    stack.callback(session.close)
    fan_out.open()
    if not drawn:
        return session, lambda: time.sleep(0.02)
    window = Window("stylefader bench midi", max(width, 640), max(height, 360))
    window.open()
    stack.callback(window.close)
    assert outputs.view is not None
    viewer = Viewer(window, outputs.view)

    def show() -> None:
        viewer.step(0.02, Text)

    return session, show


class _MarkingPlayer:
    """A session that notes when its desk had an alpha."""

    def __init__(self, session: LiveSession, marks: _Marks) -> None:
        self._session, self._marks = session, marks

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def move(self, target: Any, value: float, at_ns: int | None = None, source: str = "keys") -> None:
        self._session.move(target, value, at_ns, source)
        now = time.monotonic_ns()
        low, high = self._session.parameters[target.name].bounds()
        raw = round((value - low) / (high - low) * (_PORTS * _VALUES - 1))
        self._marks.moved[self._marks.key("moved", raw)] = now


def _marking(real: Callable[..., None], marks: _Marks) -> Callable[..., None]:
    """`Input.came`, noting when rtmidi had each message and when our callback began.

    rtmidi says how long after the one before a message came, before it asks for Python's lock; their sum is its own
    clock. The smallest difference to ours, as it is where rtmidi is, in its process or here, is where the two meet.
    """
    clocks_ns: dict[Input, float] = {}
    apart_ns: dict[Input, float] = {}

    def came(port: Input, event: tuple[list[int], float], at_ns: int | None) -> None:
        now = time.monotonic_ns()
        message, passed_s = event
        clock_ns = clocks_ns[port] = clocks_ns.get(port, 0.0) + passed_s * 1e9
        apart = (now if at_ns is None else at_ns) - clock_ns
        apart_ns[port] = min(apart_ns.get(port, apart), apart)
        if message[0] == 0xE0:
            key = marks.key("heard", message[2] << 7 | message[1])
            marks.heard[key] = now
            marks.came[key] = round(clock_ns + apart_ns[port])
        real(port, event, at_ns)

    return came


@contextmanager
def _sender(rate: float, seconds: float) -> Iterator[subprocess.Popen[str]]:
    """A program of its own that waits for a line and then plays."""
    from stylefader.realtime.controls.midi.system import open_system

    inputs, outputs, api = open_system()
    inputs.delete()
    outputs.delete()
    line = [sys.executable, "-P", "-c", _SENDER, str(api), str(rate), str(seconds)]
    with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as run:
        try:
            assert run.stdout is not None
            run.stdout.readline()
            yield run
        finally:
            run.kill()


def _spread(times_ns: list[int]) -> dict[str, float]:
    """Percentiles in milliseconds."""
    import numpy as np

    if not times_ns:
        return dict.fromkeys(("p50", "p95", "p99", "max"), 0.0)
    values = np.percentile(np.asarray(times_ns) / 1e6, (50, 95, 99, 100))
    return dict(zip(("p50", "p95", "p99", "max"), (round(float(value), 4) for value in values), strict=True))
