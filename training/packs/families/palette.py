"""The family of palettes: Dynamic-Net with a style vector as an input, and any number of such vectors in the pack.

The module and its parameters' names are those of `training.networks.dynamic_net`; a test holds the two together.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from stylefader.training.errors import PackError
from stylefader.training.networks.predictor_layout import predictor_shapes
from stylefader.training.networks.style_vector import style_size
from stylefader.training.packs.added_inputs import STYLE
from stylefader.training.packs.families.base import Shape
from stylefader.training.packs.families.dynamic_net import DynamicNetFamily, architecture_of, conv_shapes
from stylefader.training.packs.inputs import InputSpec
from stylefader.training.packs.pack_header import PREDICTOR, STYLES

if TYPE_CHECKING:
    from stylefader.training.packs.pack_header import PackHeader

MOST_STYLES = 1000
TUNING_PARTS = ("first", "second", "third")
"""The convolutions of a palette's tuning-block."""
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")


class PaletteFamily(DynamicNetFamily):
    """Kind `palette`: the tensor `styles`, float16 (number of styles, d), has a vector for each style of the header."""

    objectives = ("level",)
    styled = True

    def inputs(self, header: PackHeader) -> tuple[InputSpec, ...]:
        """`frame`, `alpha`, and the style vector; by default the plain network, which is no style."""
        style = InputSpec(
            name=STYLE, kind="vector", shape=(_size(header),), dtype="float32", low=-1.0, high=1.0, default=0.0,
            meaning="what is added to the scales and shifts of the norms: the style",
        )  # fmt: skip
        return (*super().inputs(header), style)

    def check(self, header: PackHeader) -> None:
        """See that its blocks fit, and that it has styles with names of their own. Raises PackError."""
        if not header.blocks:
            raise PackError("header.blocks must not be empty for a palette, whose strength is a fader")
        super().check(header)
        check_styles(header)

    def expected_shapes(self, header: PackHeader) -> dict[str, Shape]:
        """Those of the network, whose norms have no numbers of their own, the style vectors, and the predictor."""
        main = {name: shape for name, shape in self.main_shapes(header).items() if ".norm." not in name}
        blocks: dict[str, Shape] = {}
        for block in header.blocks:
            for part in TUNING_PARTS:
                blocks |= conv_shapes(f"blocks.{block.place}.psi.{part}", block.channels, block.channels, 3)
        return {**main, **blocks, STYLES: (len(header.styles), _size(header)), **_predictor(header)}


def _predictor(header: PackHeader) -> dict[str, Shape]:
    found = header.predictor
    if found is None:
        return {}
    shapes = predictor_shapes(found.channels, found.hidden, _size(header))
    return {f"{PREDICTOR}{name}": shape for name, shape in shapes.items()}


def check_styles(header: PackHeader) -> None:
    """See that a header has styles with names of their own. Raises PackError."""
    if not 1 <= len(header.styles) <= MOST_STYLES:
        raise PackError(f"header.styles must be 1 to {MOST_STYLES} styles, not {len(header.styles)}")
    names = [style.name for style in header.styles]
    for number, name in enumerate(names):
        if _NAME.fullmatch(name) is None:
            raise PackError(
                f"header.styles[{number}].name must be 1 to 64 of a-z, 0-9 and _, a letter first, not {name!r:.60}"
            )
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise PackError(f"header.styles has {twice[0]!r} more than once")


def _size(header: PackHeader) -> int:
    return style_size(architecture_of(header), header.width, header.places)
