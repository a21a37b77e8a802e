"""`stylefader COMMAND`: puts the commands together and turns every error into one line and an exit code.

Exit codes: 0 done (a signal is `live`'s normal end), 2 bad input, 1 failed while running, 130 Ctrl-C, 143 ended by
SIGTERM, 129 by a closed terminal.
`--debug` anywhere on the line shows the traceback as well, `--verbose` says more. Commands import what they need when
they run, so that `--help` is quick.
"""

from __future__ import annotations

import errno
import os
import sys

import typer

from tools import automation, bench, demo, devices, engine, evaluate, live, midi, render, scenes, sound, styles, train
from tools.verbose import take_verbose
from tools.words import say
from training.errors import StylefaderError

app = typer.Typer(
    name="stylefader",
    help="Ride the style of video like a fader.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,  # else [[lfo]] and [default: ...] in help texts are taken for markup and left out
)
app.command("render")(render.command)
app.command("live")(live.command)
app.command("demo")(demo.command)
app.command("train")(train.command)
app.command("devices")(devices.command)
app.add_typer(styles.app, name="styles")
app.add_typer(scenes.app, name="scenes")
app.add_typer(engine.app, name="engine")
app.add_typer(automation.app, name="automation")
app.add_typer(midi.app, name="midi")
app.add_typer(sound.app, name="sound")
app.add_typer(evaluate.app, name="evaluate")
app.add_typer(bench.app, name="bench")


def run(arguments: list[str]) -> int:
    """Run one command line; its exit code. Errors are said in one line, or raised with `--debug`."""
    debug = "--debug" in arguments
    try:
        arguments = take_verbose(arguments)
        code = app([a for a in arguments if a != "--debug"], prog_name="stylefader", standalone_mode=False)
        sys.stdout.flush()
    except (StylefaderError, typer.TyperException, OSError, MemoryError) as error:
        if debug:
            raise
        return _say_error(error)
    return int(code or 0)


def _say_error(error: Exception) -> int:
    if isinstance(error, StylefaderError):
        say(f"error: {' '.join(str(error).splitlines())}")
        return error.exit_code
    if isinstance(error, typer.TyperException):  # the words on the line: unknown, missing, or of the wrong form
        say(f"error: {' '.join(error.format_message().split())} (--help says more)")
        return 2
    if isinstance(error, MemoryError):
        say("error: out of memory: use a smaller --size")
        return 1
    assert isinstance(error, OSError)
    if not isinstance(error, BrokenPipeError):  # whoever read our output has gone and wants no more words
        name = f": {error.filename}" if error.filename else " (standard output)"
        say(f"error: {error.strerror or error}{name}")
    # What is still buffered for a broken standard output must not fail again at exit.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 2 if error.errno == errno.ENAMETOOLONG else 1
