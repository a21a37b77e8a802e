"""`stylefader COMMAND`: puts the commands together and turns every error into one line and an exit code.

Exit codes: 0 done, 2 bad input, 1 failed while running, 130 Ctrl-C, 143 ended by SIGTERM. `--debug` anywhere
on the line shows the traceback as well. Commands import what they need when they run, so that `--help` is quick.
"""

from __future__ import annotations

import signal
import sys
from types import FrameType
from typing import NoReturn

import typer

from tools import bench, demo, engine, render, styles, train
from tools.words import say
from training.errors import StylefaderError

app = typer.Typer(
    name="stylefader",
    help="Ride the style of video like a fader.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command("render")(render.command)
app.command("demo")(demo.command)
app.add_typer(styles.app, name="styles")
app.add_typer(engine.app, name="engine")
app.add_typer(train.app, name="train")
app.add_typer(bench.app, name="bench")


def _terminate(number: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)


def main() -> NoReturn:
    """The `stylefader` program."""
    debug = "--debug" in sys.argv
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]
    # An exception unwinds the `with` blocks, so that files half written are removed on SIGTERM as on Ctrl-C.
    signal.signal(signal.SIGTERM, _terminate)
    try:
        app(arguments, prog_name="stylefader")
    except StylefaderError as error:
        if debug:
            raise
        say(f"error: {' '.join(str(error).split())}")  # one line, whatever a library below had to say
        sys.exit(error.exit_code)
    except MemoryError:
        if debug:
            raise
        say("error: out of memory: use a smaller --size")
        sys.exit(1)
    sys.exit(0)


if __name__ == "__main__":
    main()
