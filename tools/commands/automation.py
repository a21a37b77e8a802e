"""`stylefader automation`: work on recorded automations before they are rendered."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stylefader.tools.console.help import Commands
from stylefader.tools.console.messages import print_json, say
from stylefader.tools.console.progress import reading
from stylefader.tools.outputs import check_output, write_whole
from stylefader.tools.parsing import parse_factor, parse_time_option

if TYPE_CHECKING:
    from stylefader.realtime.automation.csv_file import AutomationFile
    from stylefader.realtime.controls.mapping.mapping import ControlMap
    from stylefader.realtime.parameters.parameter import Parameter

app = Commands("Thin, move, scale and draw automations; MIDI files as CSV.")
Input = Annotated[Path, typer.Argument(metavar="IN.csv", help="An automation file.")]
Output = Annotated[Path, typer.Option("-o", "--output", metavar="OUT.csv", help="What to write.", show_default=False)]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the output if it exists.")]
Json = Annotated[bool, typer.Option("--json", help="Print what was written as JSON.")]


def parse_move(text: str) -> Fraction:
    """A time as everywhere, with a minus before it where it is earlier."""
    earlier = text.startswith("-")
    return parse_time_option(text.removeprefix("-")) * (-1 if earlier else 1)


@app.command()
def thin(
    source: Input,
    output: Output,
    tolerance: Annotated[float, typer.Option(help="The most that any value may differ, at any time.")] = 0.005,
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Leave keyframes out, so that a take of thousands becomes one of a few that can be edited.

    Jumps stay jumps, what holds goes on holding, comments stay where they are. The difference that is said is measured
    over all of the automation, not at its keyframes only.
    """
    from stylefader.realtime.automation.difference import largest_difference
    from stylefader.realtime.automation.thinning import thin as thinned

    if not 0 <= tolerance <= 1:
        raise typer.BadParameter(f"a tolerance is an alpha from 0 to 1, not {tolerance:g}")
    check_output(output, ".csv", overwrite=overwrite)
    file = opened(source)
    fewer = thinned(file, tolerance)
    before, after = file.automation.keyframes, fewer.automation.keyframes
    difference = largest_difference(before, after)
    write_automation_file(fewer, output)
    say(f"wrote {output}: {len(after)} of {len(before)} rows, at most {difference:.4g} from before")
    if json:
        print_json({"output": str(output), "rows_before": len(before), "rows": len(after), "difference": difference})


@app.command()
def shift(
    source: Input,
    output: Output,
    by: Annotated[
        Fraction, typer.Option("--by", parser=parse_move, metavar="T", help="Shift by this time; -T: earlier.")
    ],
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Move an automation in time. What would come before 0 is cut: alpha at 0 is then what it was at that time."""
    from stylefader.realtime.automation.edits import shifted

    check_output(output, ".csv", overwrite=overwrite)
    _written(shifted(opened(source), by), output, json=json)


@app.command()
def scale(
    source: Input,
    output: Output,
    time: Annotated[
        Fraction | None, typer.Option(parser=parse_factor, metavar="FACTOR", help="Multiply all times by this.")
    ] = None,
    alpha: Annotated[float | None, typer.Option(metavar="FACTOR", help="Multiply all alphas by this.")] = None,
    offset: Annotated[float | None, typer.Option(metavar="ALPHA", help="Then add this to all alphas.")] = None,
    parameter: Annotated[
        str, typer.Option(metavar="NAME", help="Scale the columns of this parameter instead of alpha's.")
    ] = "alpha",
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Make an automation longer or shorter, stronger or weaker."""
    from stylefader.realtime.automation.edits import scaled

    if time is None and alpha is None and offset is None:
        raise typer.BadParameter("there is nothing to scale: give --time, --alpha or --offset")
    check_output(output, ".csv", overwrite=overwrite)
    factor, more = (1.0 if alpha is None else alpha), offset or 0.0
    _written(
        scaled(opened(source), time=time or Fraction(1), factor=factor, offset=more, name=parameter), output, json=json
    )


@app.command()
def convert(
    source: Annotated[Path, typer.Argument(metavar="IN.mid", help="A Standard MIDI File.")],
    output: Output,
    map: Annotated[Path, typer.Option("--map", metavar="FILE.toml", help="What its controls move.")],
    style: Annotated[
        str | None, typer.Option(help="The style that it is for. [default: any with alpha from 0 to 1, 0 at first]")
    ] = None,
    tolerance: Annotated[float, typer.Option(help="The most that any value may differ, at any time.")] = 0.002,
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """A MIDI file as a CSV to be edited, with the alphas that a render of the MIDI file would have."""
    from stylefader.realtime.automation.midi_automation import read_midi_automation
    from stylefader.realtime.automation.midi_keyframes import LEAST_TOLERANCE, midi_keyframes
    from stylefader.realtime.controls.mapping.mapping import read_mapping
    from stylefader.realtime.parameters.parameter import parameters_of
    from stylefader.training.packs.open_style import open_style

    if not LEAST_TOLERANCE <= tolerance <= 1:
        raise typer.BadParameter(f"a tolerance is an alpha from {LEAST_TOLERANCE:g} to 1, not {tolerance:g}")
    check_output(output, ".csv", overwrite=overwrite)
    maps = read_mapping(map).maps
    if style is not None:
        pack = open_style(style)
        parameters = parameters_of(pack.header, (), chosen=pack.chosen)
    else:
        parameters = _moved_by(maps)
    with reading(source) as tell:
        played = read_midi_automation(source, maps, parameters, tell=tell)
    for note in played.notes:
        say(f"note: {note}")
    with reading(source, "converting") as tell:
        file = midi_keyframes(played, tolerance, tell=tell)
    _written(file, output, json=json, notes=played.notes)


def _moved_by(maps: Iterable[ControlMap]) -> tuple[Parameter, ...]:
    """Parameters from 0 to 1, 0 at first, as far as some mappings know them."""
    from stylefader.realtime.parameters.parameter import Parameter

    components: dict[str, list[int | str]] = {}
    for target in (entry.moves for entry in maps if entry.moves is not None):
        components.setdefault(target.name, []).append(0 if target.component is None else target.component)
    found = []
    for name, own in components.items():
        labels = tuple(dict.fromkeys(one for one in own if isinstance(one, str)))
        size = len(labels) or 1 + max(one for one in own if isinstance(one, int))
        even = Parameter.even(name, size, low=0, high=1, default=0)
        found.append(replace(even, labels=labels))
    return tuple(found)


@app.command()
def plot(
    source: Input,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="PLOT", help="The drawing, .png or .svg.")],
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Draw alpha over time: a line for each block, jumps dotted, and where a take changed its style."""
    from stylefader.realtime.automation.plot import plot as drawn
    from stylefader.training.evaluation.plots import png, svg

    check_output(output, ".png", ".svg", overwrite=overwrite)
    file = opened(source)
    figure = drawn(file, source.name)
    write_whole(output, svg(figure) if output.suffix.lower() == ".svg" else png(figure))
    rows = len(file.automation.keyframes)
    say(f"wrote {output}: {rows} rows, {len(file.columns)} lines")
    if json:
        print_json({"output": str(output), "rows": rows, "lines": len(file.columns)})


def opened(source: Path) -> AutomationFile:
    """An automation file. Raises AutomationError, also for a MIDI file with what to do."""
    from stylefader.realtime.automation.csv_file import read_automation_file
    from stylefader.realtime.automation.midi_file import is_midi_file
    from stylefader.training.errors import AutomationError

    if is_midi_file(source):
        raise AutomationError(f"{source} is a MIDI file: make a CSV of it first (stylefader automation convert)")
    return read_automation_file(source)


def write_automation_file(file: AutomationFile, output: Path) -> None:
    """Write an automation as a CSV file, whole or not at all."""
    from stylefader.realtime.automation.automation_file import file_text

    write_whole(output, file_text(file).encode())


def _written(file: AutomationFile, output: Path, *, json: bool, notes: list[str] | None = None) -> None:
    """Write it and say so."""
    keyframes = file.automation.keyframes
    write_automation_file(file, output)
    seconds = float(keyframes[-1].time)
    say(f"wrote {output}: {len(keyframes)} rows, to {seconds:.6g} s")
    if json:
        document = {"output": str(output), "rows": len(keyframes), "seconds": seconds}
        print_json(document if notes is None else {**document, "notes": notes})
