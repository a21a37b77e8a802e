"""`stylefader midi`: which ports there are, what comes in, and learning a mapping by moving a control."""

from __future__ import annotations

import queue
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stylefader.tools.console.help import Commands
from stylefader.tools.console.messages import out, print_json, say
from stylefader.tools.console.signals import unwind

if TYPE_CHECKING:
    from collections.abc import Generator

    from stylefader.realtime.controls.events import ControlEvent
    from stylefader.realtime.parameters.tempo import BeatClock

app = Commands("MIDI ports, what comes in, and learning a mapping.")
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Port = Annotated[list[str] | None, typer.Option("--midi", metavar="NAME", help="A part of a port's name. [all]")]
_AFTER_S = 0.5
_BPM = 0.5  # so much another tempo is worth a line


@app.command()
def ports(json: Json = False) -> None:
    """List the MIDI ports."""
    from stylefader.realtime.controls.midi.system import port_names

    inputs, outputs = port_names()
    if json:
        print_json({"inputs": inputs, "outputs": outputs})
        return
    for heading, names in (("inputs", inputs), ("outputs", outputs)):
        out(heading)
        for name in names or ["none"]:
            out(f"  {name}")


@app.command()
def monitor(
    midi: Port = None,
    seconds: Annotated[float | None, typer.Option(min=0.1, help="End after this time. [default: Ctrl-C]")] = None,
    json: Json = False,
) -> None:
    """Show what comes in, as a mapping would see it, and what a MIDI clock does."""
    from stylefader.realtime.parameters.tempo import BeatClock

    clock = BeatClock()
    events = []
    told: tuple[str | None, bool, float] = (None, True, clock.bpm)
    if json:
        unwind()  # what was heard until Ctrl-C is printed
    try:
        with closing(_heard(midi, seconds, clock)) as heard:
            for event in heard:
                if json and event is not None:
                    events.append(_as_json(event))
                elif event is not None:
                    out(f"{event.port}  {_words(event)}  {event.raw}")
                state = (clock.source, clock.running, clock.bpm)
                if not json and (state[:2] != told[:2] or abs(state[2] - told[2]) >= _BPM):
                    told = state
                    out(_clock_words(*state))
    except KeyboardInterrupt:
        if not json:
            raise
    if json:
        print_json(events)


@app.command()
def learn(
    target: Annotated[str, typer.Argument(help="alpha, alpha0, alpha1, ..., style, scene, bypass, panic, ...")],
    map: Annotated[Path, typer.Option("--map", metavar="FILE.toml", help="The mapping file.")],
    to: Annotated[str | None, typer.Option(help="A style's number, or a scene's number or name. [by place]")] = None,
    style: Annotated[
        list[str] | None, typer.Option(help="A style whose parameters TARGET may name; may be given again.")
    ] = None,
    midi: Port = None,
    seconds: Annotated[float, typer.Option(min=0.5, max=600, help="How long to listen.")] = 5.0,
    json: Json = False,
) -> None:
    """Move a control: the one that moves most is written into the mapping file for TARGET. Its comments stay."""
    from stylefader.realtime.controls.mapping.learn import check_file, check_target, moved_most, write_learned
    from stylefader.realtime.controls.midi.port_names import port_part
    from stylefader.realtime.controls.midi.system import port_names
    from stylefader.realtime.parameters.parameter import EVERYWHERE, OF_PALETTES, most_of, parameters_of
    from stylefader.training.errors import ControlError
    from stylefader.training.packs.open_style import open_style

    which = int(to) if to is not None and to.isascii() and to.isdigit() and len(to) < 10 else to
    declared = most_of(parameters_of(open_style(name).header, ()) for name in style or ())
    check_target(target, which, names=declared or (*EVERYWHERE, *OF_PALETTES))
    check_file(map)
    what = target if which is None else f"{target} {which}"
    say(f"move the control for {what} ({seconds:g} s; an endless encoder one way and back)")
    heard = [event for event in _heard(midi, seconds) if event is not None]
    event = moved_most(heard)
    if event is None:
        raise ControlError("nothing was moved: see stylefader midi monitor", failure=True)
    port = port_part(event.port, port_names()[0])
    coding = write_learned(map, target, event, port=port, to=which, heard=heard, say=say)
    say(f"{map}: {what} is {_words(event)} of {port}{'' if coding is None else f', an endless encoder ({coding})'}")
    if json:
        chosen_to = {} if which is None else {"to": which}
        print_json(
            {**_as_json(event), "target": target, **chosen_to, "port": port, "relative": coding, "file": str(map)}
        )


def _heard(
    midi: list[str] | None, seconds: float | None, clock: BeatClock | None = None
) -> Generator[ControlEvent | None]:
    """Events as they come, and None now and then while none do."""
    from stylefader.realtime.controls.midi.ports import MidiPorts

    events: queue.Queue[ControlEvent] = queue.Queue(maxsize=100_000)

    def take(event: ControlEvent) -> None:
        if not events.full():
            events.put(event)

    ports = MidiPorts(take, inputs=midi or (), clock=clock, say=say)
    ports.start()
    try:
        end = None if seconds is None else time.monotonic() + seconds
        while end is None or time.monotonic() < end:
            if ports.error is not None:
                raise ports.error
            left = _AFTER_S if end is None else min(_AFTER_S, max(0.001, end - time.monotonic()))
            try:
                yield events.get(timeout=left)
            except queue.Empty:
                yield None
    finally:
        ports.close()


def _clock_words(source: str | None, running: bool, bpm: float) -> str:
    return f"{source or 'no port'}  clock {f'{bpm:.1f} bpm' if running else 'stopped'}"


def _words(event: ControlEvent) -> str:
    number = "" if event.kind in ("pitchbend", "aftertouch") else f" {event.number}"
    return f"{event.kind}{number} channel {event.channel}"


def _as_json(event: ControlEvent) -> dict[str, Any]:
    return {"port": event.port, "kind": event.kind, "number": event.number, "channel": event.channel, "raw": event.raw}
