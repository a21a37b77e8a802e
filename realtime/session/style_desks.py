"""The desks of a session's styles: what each style begins with, and which of them share one.

The styles of a palette share an engine, and so they share a desk: which of them plays is a matter of weights.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set

import numpy as np

from stylefader.realtime.parameters.alpha_desk import AlphaDesk, Modulation
from stylefader.realtime.parameters.parameter import (
    PAD_X,
    PAD_Y,
    Layout,
    Parameter,
    Values,
    carried_to,
    most_of,
    parameters_of,
)
from stylefader.realtime.parameters.style_pad import Corners, check_corners, pad_of
from stylefader.realtime.parameters.targets import Target
from stylefader.realtime.pipeline.style_request import whole_vectors
from stylefader.training.packs.added_inputs import STYLE, outside
from stylefader.training.packs.pack_file import PackFile

WEIGHTS = (STYLE, outside(STYLE))
"""Parameters that mean the styles of one palette, and nothing to another."""


class StyleDesks:
    """Makes desks; arguments as of `Performance`. mask: what a source of masks has to be moved; it may be set."""

    def __init__(
        self,
        packs: Sequence[PackFile],
        *,
        muted: Set[str],
        slew: float | None,
        fade_in: float,
        modulation: Modulation | None,
        first: int,
        corners: Corners | None,
    ) -> None:
        self._packs, self._first = packs, first
        self._muted, self._slew, self._fade_in, self._modulation = muted, slew, fade_in, modulation
        self.corners = corners
        self.mask: Sequence[Parameter] | None = None

    def alike(self, style: int, other: int) -> bool:
        """Whether two styles play on the same engine."""
        return self._packs[style].network_pack is self._packs[other].network_pack

    def parameters(self, style: int) -> tuple[Parameter, ...]:
        """What a style has to be moved; where the session begins with a style of its palette, that is the default."""
        chosen = self._packs[self._first].chosen if self.alike(style, self._first) else ""
        return parameters_of(self._packs[style].header, self.mask, chosen=chosen)

    def desk(self, style: int, start: Mapping[str, Values]) -> AlphaDesk:
        """A desk for a style. start: values at first, by parameter; defaults for others."""
        parameters = self.parameters(style)
        desk = AlphaDesk(
            parameters, start=carried_to(start, parameters), slew=self._slew, muted=self._muted,
            modulation=self._modulation, fade_in=self._fade_in,
        )  # fmt: skip
        desk.pad = pad_of(desk.layout, self.corners)
        return desk

    def alone(self, style: int) -> dict[str, Values]:
        """The weights of one style alone; nothing for a style that is no palette's."""
        chosen = self._packs[style].chosen
        if not chosen:
            return {}
        return whole_vectors({str(Target(STYLE, chosen)): np.ones(1, np.float32)}, self.parameters(style))

    def whole(self, values: Mapping[str, Values], style: int, stands: Mapping[str, Values]) -> dict[str, Values]:
        """Values for a style with all weights, where some are given or a place on the pad.

        Args:
            values: By parameter, or by the name of a component.
            style: Whose they are.
            stands: Where the controls stand.
        """
        parameters = self.parameters(style)
        found = whole_vectors(values, parameters)
        pad = pad_of(Layout(parameters), self.corners)
        if pad is not None and STYLE not in found and found.keys() & {PAD_X, PAD_Y}:
            x, y = (float(found.get(name, stands.get(name, np.zeros(1)))[0]) for name in (PAD_X, PAD_Y))
            found[STYLE] = pad.weights(min(max(x, 0.0), 1.0), min(max(y, 0.0), 1.0)).astype(np.float32)
        return found

    def carried(self, targets: Mapping[str, Values], style: int, before: int) -> dict[str, Values]:
        """What of the values of the style before, another one begins with."""
        if self.alike(style, before):
            return dict(targets)
        return {name: values for name, values in targets.items() if name not in (*WEIGHTS, PAD_X, PAD_Y)}

    def use_corners(self, corners: Corners) -> None:
        """Other styles at the corners of pads. Raises ControlError for such that no palette of the session has."""
        check_corners(corners, most_of(parameters_of(pack.header) for pack in self._packs).get(STYLE, 0))
        self.corners = corners


def follow_pad(desk: AlphaDesk, target: Target, at_ns: int | None, source: str) -> None:
    """Move the weights of a desk where a move was one on its pad."""
    if desk.pad is None or target.name not in (PAD_X, PAD_Y):
        return
    stands = desk.targets()
    for place, weight in enumerate(desk.pad.weights(float(stands[PAD_X][0]), float(stands[PAD_Y][0]))):
        desk.move(Target(STYLE, desk.parameters[STYLE].labels[place]), float(weight), at_ns, source)
