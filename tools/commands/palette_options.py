"""Options of a palette that `live` and `render` share: how its styles are mixed."""

from __future__ import annotations

from typing import Annotated

import typer

Weights = Annotated[
    str | None, typer.Option(metavar="A=W,B=W", help="Of a palette: mix styles by weights, such as udnie=0.5,wave=0.5.")
]
Free = Annotated[bool, typer.Option("--free", help="Weights count as they stand, and not by their sum.")]
Pad = Annotated[
    str | None, typer.Option(metavar="A,B,C,D", help="Of a palette: styles at the corners of pad_x and pad_y.")
]
