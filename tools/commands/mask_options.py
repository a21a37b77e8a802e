"""Options that `live` and `render` share: which part of the picture is stylized, and how alpha begins.

Strengths are one number each in `live`, where they begin, and keyframes or a number in `render`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Where = Annotated[
    str | None,
    typer.Option(
        metavar="WORD", help="Stylize only there: person, background, bright, chroma:#00ff00, ellipse, not:..."
    ),
]
MaskFile = Annotated[
    str | None,
    typer.Option(metavar="FILE", help="A mask beside the input, white is inside: video, picture, numbered pictures."),
]
PersonModel = Annotated[
    Path | None, typer.Option(metavar="FILE", help="For --where person: an .onnx or .tflite segmenter.")
]
AlphaOutside = Annotated[float | None, typer.Option(help="As --alpha, outside of the mask.")]
MixOutside = Annotated[float | None, typer.Option(help="As --mix, outside of the mask. [default: 0]")]
ColourOutside = Annotated[float | None, typer.Option(help="As --colour, outside of the mask. [default: 0]")]
AlphaOutsideOverTime = Annotated[str | None, typer.Option(help="As --alpha, outside of the mask.")]
MixOutsideOverTime = Annotated[str | None, typer.Option(help="As --mix, outside of the mask. [default: 0]")]
ColourOutsideOverTime = Annotated[str | None, typer.Option(help="As --colour, outside of the mask. [default: 0]")]
FadeIn = Annotated[
    float | None, typer.Option(metavar="SHARE", help="Let this part of alpha's way bring mix first, such as 0.3.")
]
