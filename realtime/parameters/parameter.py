"""Live parameters: what a style declares that a performer moves, by name, with its components and their ranges."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from stylefader.realtime.parameters.targets import (
    MOST_COMPONENTS,
    Component,
    Components,
    Target,
    is_parameter_name,
    labels_in,
)
from stylefader.training.packs.added_inputs import (
    COLOUR,
    MIX,
    STYLE,
    finishing_inputs,
    outside,
    side_inputs,
    stylizes,
)
from stylefader.training.packs.inputs import InputSpec
from stylefader.training.packs.pack_header import AlphaHeader, PackHeader

Values = npt.NDArray[np.float32]
"""The components of one parameter: float32 (size,)."""
ALPHA = "alpha"
"""The parameter that every style has had so far: one component for each tuning-block."""
STEADY = "steady"
"""The parameter of the output that every session has, whatever its style: how still the picture stands at rest."""
STROKE = "stroke"
"""The parameter of every style that a frame goes into: the size of its strokes (`stroke.py`)."""
STROKES = (2 / 3, 1.0, 1.5, 2.0, 3.0)
"""The sizes that there are."""
STYLE_FREE, PAD_X, PAD_Y = "style_free", "pad_x", "pad_y"
"""Of a palette, beside the weights of its styles: how far these count as they stand (1) or by their sum (0), and the
place on the pad."""
OF_PALETTES = (STYLE, STYLE_FREE, PAD_X, PAD_Y)
EVERYWHERE = tuple(name for one in (ALPHA, MIX, COLOUR) for name in (one, outside(one)))
"""The parameters of a style that declares nothing else, with those outside of a mask."""


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One parameter.

    Attributes:
        name: Small letters, with single underscores between them.
        low: The lowest value of each component.
        high: The highest value of each component.
        default: Where each component begins, and what panic returns to.
        labels: What the components are called, one each; none where they go by number alone.
    """

    name: str
    low: tuple[float, ...]
    high: tuple[float, ...]
    default: tuple[float, ...]
    labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        assert is_parameter_name(self.name), self.name
        assert len(self.low) == len(self.high) == len(self.default), self.name
        assert len(self.labels) == self.size if self.labels else self.size <= MOST_COMPONENTS, self.name
        assert all(a <= b <= c for a, b, c in zip(self.low, self.default, self.high, strict=True)), self.name

    @classmethod
    def even(cls, name: str, size: int, *, low: float, high: float, default: float) -> Parameter:
        """A parameter whose `size` components have the same range and default."""
        return cls(name=name, low=(low,) * size, high=(high,) * size, default=(default,) * size)

    @property
    def size(self) -> int:
        """How many components it has."""
        return len(self.default)

    @property
    def components(self) -> Components:
        """How many components it has, and what they are called."""
        return Components(self.size, self.labels)

    def place(self, component: Component) -> int | slice | None:
        """Where a component stands among its values, all of them where None is given; None for one that is not there.

        A name that it does not have, and a number beyond its size, are none.
        """
        if component is None:
            return slice(0, self.size)
        if isinstance(component, str):
            return self.labels.index(component) if component in self.labels else None
        return component if component < self.size else None

    def bounds(self, component: Component = None) -> tuple[float, float]:
        """Lowest and highest value of a component, or of any where None is given; (0, 0) where there is none."""
        place = self.place(component)
        if isinstance(place, int):
            return self.low[place], self.high[place]
        return min(self.low, default=0.0), max(self.high, default=0.0)


def alpha_parameter(header: AlphaHeader, n_blocks: int) -> Parameter:
    """Alpha with a component for each tuning-block."""
    return Parameter.even(ALPHA, n_blocks, low=header.low, high=header.high, default=header.default)


def parameters_of(
    header: PackHeader, mask: Sequence[Parameter] | None = None, *, chosen: str = ""
) -> tuple[Parameter, ...]:
    """What a performer moves in a style: the live vectors among its declared inputs, mix, colour, steady and stroke.

    alpha is always the first; a style without tuning-blocks has it with no components. A style that declares an input
    called `steady` or `stroke` keeps it for itself. There is no `stroke` where no frame goes in, or where the network
    has a size of its own. Of a palette the weights of its styles are moved, and what goes with them.

    Args:
        header: Of the style's pack.
        mask: What a source of masks has to be moved; what is outside of the mask then has parameters of its own as
            well. None without a mask.
        chosen: The style of a palette that plays at first; empty for the first one.
    """
    own = header.inputs
    added = (*finishing_inputs(own), *(side_inputs(own) if mask is not None else ()))
    found = {spec.name: _parameter(spec) for spec in (*own, *added) if spec.live and spec.kind == "vector"}
    alpha = found.pop(ALPHA, None) or alpha_parameter(header.alpha, 0)
    steady = () if STEADY in found else (Parameter.even(STEADY, 1, low=0, high=1, default=0),)
    stroke = (Parameter.even(STROKE, 1, low=STROKES[0], high=STROKES[-1], default=1),) if has_strokes(header) else ()
    palette = _of_palette(header, chosen, sides={spec.name for spec in added}) if header.styles else ()
    of_the_mask = (one for one in mask or () if one.name not in found)
    return (alpha, *found.values(), *steady, *stroke, *palette, *of_the_mask)


def has_strokes(header: PackHeader) -> bool:
    """Whether the size of a style's strokes can be moved: a frame goes in, and no input of its own has that name."""
    own = any(spec.name == STROKE for spec in header.inputs)
    return stylizes(header.inputs) and header.size is None and not own


def _of_palette(header: PackHeader, chosen: str, *, sides: Collection[str]) -> tuple[Parameter, ...]:
    """The weights of the styles, and what goes with them. sides: what an engine with a mask takes besides."""
    labels = tuple(one.name for one in header.styles)
    size, first = len(labels), labels.index(chosen) if chosen else 0
    weights = Parameter(
        name=STYLE, low=(0.0,) * size, high=(1.0,) * size, labels=labels,
        default=tuple(float(place == first) for place in range(size)),
    )  # fmt: skip
    others = [Parameter.even(name, 1, low=0, high=1, default=0) for name in (STYLE_FREE, PAD_X, PAD_Y)]
    # Outside of a mask all weights are 0 by default, which is: as inside.
    beyond = [replace(weights, name=outside(STYLE), default=(0.0,) * size)] if outside(STYLE) in sides else []
    return (weights, *others, *beyond)


def _parameter(spec: InputSpec) -> Parameter:
    size = int(spec.shape[0])
    middle = spec.default if spec.default is not None else min(max(0.0, spec.low), spec.high)
    default = middle if isinstance(middle, tuple) else (middle,) * size
    return Parameter(name=spec.name, low=(spec.low,) * size, high=(spec.high,) * size, default=default)


def within(values: Mapping[str, Values], parameters: Iterable[Parameter]) -> dict[str, Values]:
    """Values of parameters, by name, each component brought into its range."""
    return {
        one.name: values[one.name].clip(np.array(one.low, np.float32), np.array(one.high, np.float32))
        for one in parameters
    }


def single(values: Mapping[str, Values], parameters: Mapping[str, Parameter]) -> dict[str, Values]:
    """The same with components that have names of their own one by one, as `style/NAME`, float32 (1,) each."""
    found = dict(values)
    for name, parameter in parameters.items():
        if parameter.labels and name in found:
            whole = found.pop(name)
            found |= {f"{name}/{label}": whole[place : place + 1] for place, label in enumerate(parameter.labels)}
    return found


def sizes_of(parameters: Iterable[Parameter]) -> dict[str, int]:
    """The components of each parameter."""
    return {parameter.name: parameter.components for parameter in parameters}


def most_of(styles: Iterable[Sequence[Parameter]]) -> dict[str, int]:
    """Every parameter that any of these styles declares, with the most components that it has in one of them.

    Of those that have names, the names of all styles.
    """
    most: dict[str, int] = {}
    for parameters in styles:
        for parameter in parameters:
            before = most.get(parameter.name, 0)
            labels = dict.fromkeys((*labels_in(before), *parameter.labels))
            most[parameter.name] = Components(max(before, parameter.size), tuple(labels))
    return most


class Layout:
    """Where the components of some parameters stand in one vector, one parameter after the other."""

    def __init__(self, parameters: Sequence[Parameter]) -> None:
        self.parameters: Mapping[str, Parameter] = {parameter.name: parameter for parameter in parameters}
        assert len(self.parameters) == len(parameters), "a name is declared once"
        self.parts: dict[str, slice] = {}
        self._places: dict[Target, int | slice] = {}
        self.size = 0
        for parameter in parameters:
            begin, self.size = self.size, self.size + parameter.size
            self.parts[parameter.name] = self._places[Target(parameter.name)] = slice(begin, self.size)
            for component in range(parameter.size):
                self._places[Target(parameter.name, component)] = begin + component
            for component, label in enumerate(parameter.labels):
                self._places[Target(parameter.name, label)] = begin + component

    @property
    def sizes(self) -> dict[str, int]:
        """The components of each parameter."""
        return sizes_of(self.parameters.values())

    def place(self, target: Target) -> int | slice | None:
        """Where a target stands; None where there is no such parameter or component."""
        return self._places.get(target)

    def split(self, vector: npt.NDArray[np.float64]) -> dict[str, Values]:
        """A vector as one array for each parameter: float32 (size,), views of one new array."""
        whole = vector.astype(np.float32)
        return {name: whole[part] for name, part in self.parts.items()}


def carried_over(values: Values, size: int) -> Values:
    """Values for another number of components: one each as far as they go, their mean for the others."""
    mean = float(values.mean()) if len(values) else 0.0
    wider = np.full(size, mean, np.float32)
    wider[: len(values)] = values[:size]
    return wider


def carried_to(values: Mapping[str, Values], parameters: Iterable[Parameter]) -> dict[str, Values]:
    """What of some values another style's parameters begin at; those that it alone declares are left out."""
    return {
        parameter.name: carried_over(values[parameter.name], parameter.size)
        for parameter in parameters
        if parameter.name in values
    }
