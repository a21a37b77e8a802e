"""Plots in one look by Matplotlib's own objects: nothing is shown, and no state is shared between plots.

Importing this module raises StylefaderError where Matplotlib is not installed. So the modules of the plots take from
here what they need of Matplotlib.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping

from stylefader.training.errors import StylefaderError

INSTALL = "pip install 'stylefader[plot]'"

try:
    import matplotlib as mpl
    from matplotlib.axes import Axes
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
except ImportError as error:
    raise StylefaderError(f"plots need Matplotlib: {INSTALL}") from error

_DOTS_AN_INCH = 200
TEXT, _AXIS, _GRID = "#333333", "#777777", "#e8e8e8"
# Okabe and Ito: apart for every eye.
BLUE, ORANGE, GREEN, PINK, SKY, YELLOW = "#0072b2", "#d55e00", "#007a5a", "#cc79a7", "#56b4e9", "#e69f00"
GREY = "#777777"
COLOURS = (SKY, ORANGE, GREEN, PINK, BLUE, YELLOW)


def new_figure(width: float, height: float) -> Figure:
    """An empty white page.

    Args:
        width: In inches.
        height: In inches.

    Returns:
        The figure, with a canvas of its own that draws into memory.
    """
    figure = Figure(figsize=(width, height), dpi=_DOTS_AN_INCH, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def tidy(axes: Axes, title: str, *, size: float = 12, above: float = 6) -> None:
    """Give axes the common look: a light grid behind, two thin lines, grey numbers, and a title at the left.

    Args:
        axes: Changed in place.
        title: May be empty.
        size: Of the title, in points.
        above: Points between the axes and the title.
    """
    axes.set_title(plain(title), loc="left", fontsize=size, color=TEXT, pad=above)
    axes.set_axisbelow(True)
    axes.grid(color=_GRID, linewidth=0.8)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(_AXIS)
    axes.tick_params(color=_AXIS, labelcolor=TEXT, labelsize=8)
    for label in (axes.xaxis.label, axes.yaxis.label):
        label.set_color(TEXT)
        label.set_fontsize(9)


def colour_key(figure: Figure, colours: Mapping[str, str]) -> None:
    """Say beside the axes which colour is what: names to colours."""
    lines = [Line2D([], [], color=colour, linewidth=2.5) for colour in colours.values()]
    figure.legend(lines, list(map(plain, colours)), loc="outside right upper", frameon=False, fontsize=8)


def plain(text: str) -> str:
    """Text from outside, such as a file's name, as Matplotlib and XML can hold it: what is not printable becomes `?`.

    Also switches off what Matplotlib makes of dollar signs.
    """
    return "".join(character if character.isprintable() else "?" for character in text).replace("$", r"\$")


def png(figure: Figure) -> bytes:
    """The figure as a PNG file."""
    return _saved(figure, "png")


def svg(figure: Figure) -> bytes:
    """The figure as an SVG file with its text as text; the same figure gives the same bytes."""
    return _saved(figure, "svg")


def _saved(figure: Figure, kind: str) -> bytes:
    file = io.BytesIO()
    with warnings.catch_warnings(), mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "stylefader"}):
        warnings.filterwarnings("ignore", "Glyph")  # the font has no sign for a letter of a name: it draws a box
        figure.savefig(file, format=kind, metadata={"Date": None} if kind == "svg" else None)
    return file.getvalue()
