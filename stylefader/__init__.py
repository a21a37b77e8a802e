"""Ride the style of pictures and video like a fader.

    import stylefader

    style = stylefader.open("great_wave", size=(1280, 720))     # a style's name, or a pack file
    picture = style(frame, alpha=0.7)                           # uint8 (H, W, 3) RGB in and out
    picture = style(frame, alpha=[0.2, 1.0, 0.5])               # a strength for each tuning-block

    for frame in stylefader.frames("clip.mp4"):                 # frames with their times
        print(frame.pts, style(frame, alpha=0.5).mean())

    stylefader.render("clip.mp4", "out.mp4", style="great_wave", alpha="0s:0 2s:1")

    with stylefader.live(source=0, style="great_wave_lite") as session:
        session.alpha = 0.8
        for frame in session.frames():                          # stylized, the newest first
            print(frame.image.shape)

`stylefader.styles()` names the styles that are there. All errors are a `StylefaderError`, with one clear line.
"""

from __future__ import annotations

import importlib
import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stylefader._clips import frames, render
    from stylefader._live import Live, live
    from stylefader._style import Style, open, styles
    from stylefader.realtime.media.frame import Frame
    from stylefader.training.errors import StylefaderError

__all__ = ["Frame", "Live", "Style", "StylefaderError", "frames", "live", "open", "render", "styles"]

logging.getLogger(__name__).addHandler(logging.NullHandler())  # what a library logs is shown where a program says so

_MODULES = {
    "_clips": ("frames", "render"),
    "_live": ("Live", "live"),
    "_style": ("Style", "open", "styles"),
    "realtime.media.frame": ("Frame",),
    "training.errors": ("StylefaderError",),
}


def __getattr__(name: str) -> Any:
    """Imports what is asked for when it is asked for, so that the command line starts at once."""
    for module, names in _MODULES.items():
        if name in names:
            found = globals()[name] = getattr(importlib.import_module(f"stylefader.{module}"), name)
            return found
    if name == "__version__":
        from importlib.metadata import version

        return version("stylefader")
    raise AttributeError(f"stylefader has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
