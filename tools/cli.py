"""`stylefader COMMAND`: puts the commands together and turns every error into one line and an exit code.

Exit codes: 0 done (a signal is `live`'s normal end), 2 bad input, 1 failed while running, also where a result could not
be printed; 130 Ctrl-C, 143 ended by SIGTERM, 129 by a closed terminal.
`--debug` anywhere on the line shows the traceback as well, `--verbose` (`-v`) says more. Commands import what they
need when they run, so that `--help` is quick.
"""

from __future__ import annotations

import errno
from typing import Annotated

import typer

from stylefader.tools.commands import (
    adapt,
    automation,
    demo,
    devices,
    engine,
    midi,
    models,
    render,
    scenes,
    sound,
    styles,
    train,
)
from stylefader.tools.commands.bench import group as bench
from stylefader.tools.commands.evaluate import group as evaluate
from stylefader.tools.commands.live import command as live
from stylefader.tools.console.help import Commands
from stylefader.tools.console.messages import out, say
from stylefader.tools.console.streams import OutputError
from stylefader.tools.console.verbose import take_verbose
from stylefader.tools.parsing import shorter
from stylefader.training.errors import StylefaderError

app = Commands("Ride the style of video like a fader.")
app.command("render")(render.command)
app.command("live")(live.command)
app.command("demo")(demo.command)
app.command("train")(train.command)
app.command("adapt")(adapt.command)
app.command("devices")(devices.command)
app.add_typer(styles.app, name="styles")
app.add_typer(scenes.app, name="scenes")
app.add_typer(engine.app, name="engine")
app.add_typer(automation.app, name="automation")
app.add_typer(midi.app, name="midi")
app.add_typer(sound.app, name="sound")
app.add_typer(models.app, name="models")
app.add_typer(evaluate.app, name="evaluate")
app.add_typer(bench.app, name="bench")


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        out(f"stylefader {version('stylefader')}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_show_version, help="Show the version and exit.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show where an error came from; at any place.")] = False,
    verbose: Annotated[
        bool, typer.Option("-v", "--verbose", help="Say more, as why an engine was taken; at any place.")
    ] = False,
) -> None:
    """Ride the style of video like a fader."""


def run(arguments: list[str]) -> int:
    """Run one command line and return its exit code. Errors are printed in one line, or raised with `--debug`."""
    debug = "--debug" in arguments
    try:
        arguments = take_verbose(arguments)
        code = app([a for a in arguments if a != "--debug"], prog_name="stylefader", standalone_mode=False)
    except (StylefaderError, typer.TyperException, OSError, MemoryError) as error:
        if debug:
            raise
        return _say_error(error)
    return int(code or 0)


def _say_error(error: Exception) -> int:
    if isinstance(error, OutputError):
        if not error.gone:
            say(f"error: {error}")
        return error.exit_code
    if isinstance(error, StylefaderError):
        say(f"error: {shorter(str(error), 2000)}")
        return error.exit_code
    if isinstance(error, typer.TyperException):  # the words on the line: unknown, missing, or of the wrong form
        say(f"error: {shorter(' '.join(error.format_message().split()))} (--help says more)")
        return 2
    if isinstance(error, MemoryError):
        say("error: out of memory: use a smaller --size")
        return 1
    assert isinstance(error, OSError)
    name = f": {shorter(str(error.filename))}" if error.filename else ""
    say(f"error: {error.strerror or error}{name}")
    return 2 if error.errno == errno.ENAMETOOLONG else 1
