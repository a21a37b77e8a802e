"""The inputs of one engine at its size: what is given is checked here once, and what is not gets its default.

A call makes no new array for values that are contiguous: defaults are made when the engine is.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from stylefader.training.errors import EngineError
from stylefader.training.packs.added_inputs import FOLLOWS
from stylefader.training.packs.inputs import TOLERANCE, InputSpec
from stylefader.training.packs.pack_header import PackHeader

Array = npt.NDArray[Any]
T = TypeVar("T")
Values = Mapping[str, Any]
"""Arrays by the names of inputs."""


class BoundInput:
    """One declared input in an engine of one size.

    Attributes:
        spec: Its declaration.
        shape: Sides of its array.
        dtype: Type of its array.
        default: What it is where it is not given, read-only; None where it must be given.
    """

    def __init__(self, spec: InputSpec, height: int, width: int) -> None:
        self.spec, self.name = spec, spec.name
        self.shape = spec.sides(height, width)
        self.dtype = np.dtype(spec.dtype)
        self.default: Array | None = None
        if spec.default is not None:
            self.default = np.array(np.broadcast_to(np.array(spec.default, self.dtype), self.shape))
            self.default.flags.writeable = False
        self._numbers = self.dtype.kind == "f"
        self._places = spec.kind == "labels"
        self._constraint = spec.constraint

    def checked(self, value: Any) -> Array:
        """The value as a contiguous array. Raises EngineError for another type or shape, or numbers that do not fit."""
        if not isinstance(value, np.ndarray):
            raise EngineError(f"{self.name} is {type(value).__name__}, expected an array, {self.expected}")
        if value.shape != self.shape or value.dtype != self.dtype:
            raise EngineError(f"{self.name} is {value.dtype} {value.shape}, expected {self.expected}")
        if self._numbers:
            if not np.isfinite(value).all():
                raise EngineError(f"{self.name} has a value that is not finite{_shown(value)}")
            if self._constraint != "none":
                self._check_constraint(value)
        elif self._places:
            low, high = value.min(), value.max()
            if not (self.spec.low <= low and high <= self.spec.high):
                raise EngineError(
                    f"{self.name} has labels from {low} to {high}, expected {self.spec.low:g} to {self.spec.high:g}"
                )
        return value if value.flags.c_contiguous else np.ascontiguousarray(value)

    @property
    def expected(self) -> str:
        """Its type and shape, for error messages."""
        return f"{self.dtype} {self.shape}"

    def _check_constraint(self, value: Array) -> None:
        if self._constraint == "simplex":
            total = float(value.sum(dtype=np.float64))
            if value.min() < -TOLERANCE or not abs(total - 1) <= TOLERANCE:
                raise EngineError(f"{self.name} must have no component below 0 and the sum 1 (simplex){_shown(value)}")
        else:
            square = float(np.square(value, dtype=np.float64).mean())
            if not abs(square - 1) <= TOLERANCE:
                raise EngineError(f"{self.name} must have the mean square 1 (sphere), not {square:g}")


class BoundInputs:
    """All inputs of an engine, in the order in which its graph takes them."""

    def __init__(self, specs: Iterable[InputSpec], height: int, width: int) -> None:
        self.all = {spec.name: BoundInput(spec, height, width) for spec in specs}
        self._names = self.all.keys()

    def checked(self, values: Values, engine: str) -> dict[str, Array]:
        """Every input by name, in order: what is given, checked, and defaults for the rest (see `FOLLOWS`).

        Raises:
            EngineError: It says what came and what was expected: unknown names with near ones, missing inputs without
                a default, another shape or type, numbers that do not fit.
        """
        if not values.keys() <= self._names:
            raise EngineError(self._unknown(values, engine))
        found: dict[str, Array] = {}
        for name, bound in self.all.items():
            if name in values:
                found[name] = bound.checked(values[name])
            elif FOLLOWS.get(name) in found:
                found[name] = found[FOLLOWS[name]]
            elif bound.default is not None:
                found[name] = bound.default
            else:
                raise EngineError(self._missing(bound, engine))
        return found

    def named(self, values: Mapping[str, T], defaults: Mapping[str, T], engine: str) -> dict[str, T]:
        """Every input by name, in order, from values or else defaults; only names are checked. Raises EngineError."""
        if not values.keys() <= self._names:
            raise EngineError(self._unknown(values, engine))
        given = {**{name: values[of] for name, of in FOLLOWS.items() if of in values}, **values}
        found = {name: given[name] if name in given else defaults.get(name) for name in self.all}
        for name, value in found.items():
            if value is None:
                raise EngineError(self._missing(self.all[name], engine))
        return {name: value for name, value in found.items() if value is not None}

    @staticmethod
    def _missing(bound: BoundInput, engine: str) -> str:
        return f"engine {engine} must be given {bound.name}, expected {bound.expected}"

    def _unknown(self, values: Mapping[str, Any], engine: str) -> str:
        unknown = next(str(name) for name in values if name not in self._names)
        near = difflib.get_close_matches(unknown.lower(), self._names, n=2, cutoff=0.6)
        hint = f"did you mean {' or '.join(near)}?" if near else f"it has {', '.join(self._names)}"
        return f"engine {engine} has no input {unknown!r:.60}: {hint}"


def _shown(value: Array) -> str:
    return f": {value.tolist()}" if value.size <= 16 else ""


def frame_size(header: PackHeader, height: int | None, width: int | None) -> tuple[int, int]:
    """Height and width of the pictures of an engine for a pack.

    Args:
        header: Of the pack.
        height: What is asked for, in pixels; None for a pack with a size of its own.
        width: Likewise.

    Raises:
        EngineError: The pack has another size, has none and none is asked for, or the size is below 1x1.
    """
    if header.size is not None:
        if (height, width) not in ((None, None), header.size):
            own = f"{header.size[1]}x{header.size[0]}"
            raise EngineError(f"{header.name} makes pictures of {own} alone, not of {width}x{height}")
        return header.size
    if height is None or width is None:
        raise EngineError(f"{header.name} has no size of its own: an engine needs a height and a width")
    if height < 1 or width < 1:
        raise EngineError(f"an engine's size must be 1x1 or more, not {width}x{height}")
    return height, width


def constrained(spec: InputSpec, vector: Array) -> Array:
    """A vector brought to the constraint of its input: a `simplex` by its sum, a `sphere` by its root mean square.

    Args:
        spec: The input.
        vector: Numbers that need not keep the constraint, (size,).

    Returns:
        float32 (size,). Where all of it is zero, which no factor helps, the default, or without one even components.
    """
    wide = np.asarray(vector, np.float64)
    if spec.constraint == "simplex":
        wide = wide.clip(0)
    size = {"simplex": wide.sum(), "sphere": np.sqrt(np.square(wide).mean())}.get(spec.constraint, 1.0)
    if size > 0:
        return (wide / size).astype(np.float32)
    even = 1 / wide.size if spec.constraint == "simplex" else 1
    return np.array(np.broadcast_to(np.array(even if spec.default is None else spec.default, np.float32), wide.shape))


def components(specs: Sequence[InputSpec], name: str) -> int:
    """How many numbers a vector input has; 0 where there is no such input."""
    return next((int(spec.shape[0]) for spec in specs if spec.name == name and spec.kind == "vector"), 0)


def frame_and_alpha(frame_HWC: Array, alpha: Array) -> dict[str, Array]:
    """The values of a style: the frame, and the strengths where it has tuning-blocks.

    Args:
        frame_HWC: uint8 (H, W, 3) RGB.
        alpha: float32 (n_blocks,); of no numbers for a style without blocks, which has no such input.
    """
    return {"frame": frame_HWC, "alpha": alpha} if len(alpha) else {"frame": frame_HWC}
