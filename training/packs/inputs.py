"""What a network takes: the inputs that a style pack declares in its header, read and checked field by field.

An engine's graph has exactly these inputs. Everything that plays a network (desk, automation, MIDI, OSC, panel) uses
only these declarations. Needs neither torch nor NumPy, so that listing styles is quick.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from stylefader.training.errors import PackError
from stylefader.training.reading.json_fields import Fields, free_text, many, name, number, one_of

KINDS = ("image", "mask", "labels", "vector", "state")
CONSTRAINTS = ("none", "simplex", "sphere")
MOST_INPUTS = 16
MOST_COMPONENTS = 2**13
"""Of a vector; also of the names of an input's components."""
LONGEST_SIDE = 16384
MOST_NUMBERS = 2**26
"""Of an input whose shape is fixed."""
TOLERANCE = 1e-3
"""How far the sum of a `simplex`, or the mean square of a `sphere`, may be from 1."""
_DTYPES = {
    "image": ("uint8",), "mask": ("uint8",), "labels": ("uint8", "int32"), "vector": ("float32",),
    "state": ("float32",),
}  # fmt: skip
_SIDES = {"image": (3, 3), "mask": (2, 2), "labels": (2, 2), "vector": (1, 1), "state": (1, 4)}
_RANGES = {"uint8": (0, 255), "int32": (-(2**31), 2**31 - 1)}
_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
_LIVE_NAME = re.compile(r"[a-z]+(?:_[a-z]+)*")
"""Without digits: `alpha0` is the first component of `alpha` wherever it is played."""
_NOT_LIVE = ("time", "ease")
"""Columns of automation files that are no parameter."""
MOST_LIVE = 100
"""Components of what a performer moves."""
_OUTPUT = "picture"
"""The name of the graph's output, which no input may have."""

Default = float | tuple[float, ...] | None


@dataclass(frozen=True, kw_only=True)
class InputSpec:
    """One input of a network.

    Attributes:
        name: By which it is given; lower-case letters, digits and `_`.
        kind: `image` (RGB), `mask` (where, 0 to 255), `labels` (what, a whole number for each pixel), `vector` (numbers
            that say how), or `state` (numbers that are handed back from one frame to the next).
        shape: Sides of the array. `H` and `W` are the height and width that an engine is opened for.
        dtype: `uint8`, `int32` or `float32`.
        low, high: The range that players keep within. It is a hard limit for `labels` alone, whose numbers are places
            in a table; a vector beyond it is computed like any other.
        default: What it is where it is not given: one number for all, or one for each component; None where it must be
            given.
        constraint: `simplex` (none below 0, sum 1), `sphere` (mean square 1) or `none`.
        meaning: What it is for, in words.
        live: Whether a performer moves it.
        labels: Names of a vector's components, or of the labels from low to high; may be empty.
    """

    name: str
    kind: str
    shape: tuple[int | str, ...]
    dtype: str
    low: float
    high: float
    default: Default = None
    constraint: str = "none"
    meaning: str = ""
    live: bool = False
    labels: tuple[str, ...] = ()

    @property
    def sized(self) -> bool:
        """Whether its shape follows the size that an engine is opened for."""
        return "H" in self.shape

    def sides(self, height: int, width: int) -> tuple[int, ...]:
        """The shape of its array in an engine of a height and a width in pixels."""
        known = {"H": height, "W": width}
        return tuple(known[side] if isinstance(side, str) else side for side in self.shape)

    @property
    def words(self) -> str:
        """Kind, type and shape, as error messages and the keys of engines have them."""
        return f"{self.name}: {self.kind} {self.dtype} {'x'.join(map(str, self.shape))}"


def read_inputs(value: Any, where: str) -> tuple[InputSpec, ...]:
    """The inputs that a header declares, in the order in which a graph takes them.

    Raises:
        PackError: It names the field, what was found there and what was expected.
    """
    if isinstance(value, list) and not 1 <= len(value) <= MOST_INPUTS:
        raise PackError(f"{where} must be 1 to {MOST_INPUTS} inputs, not {len(value)}")
    specs = many(_input)(value, where)
    names = [spec.name for spec in specs]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise PackError(f"{where} has {twice[0]!r} more than once")
    return specs


def _input(value: Any, where: str) -> InputSpec:
    fields = Fields(value, where)
    spec = InputSpec(
        name=fields.take("name", _name),
        kind=fields.take("kind", one_of(*KINDS)),
        shape=fields.take("shape", many(_side)),
        dtype=fields.take("dtype", one_of("uint8", "int32", "float32")),
        low=fields.take("low", number),
        high=fields.take("high", number),
        default=fields.take_if_there("default", _default, None),
        constraint=fields.take_if_there("constraint", one_of(*CONSTRAINTS), "none"),
        meaning=fields.take_if_there("meaning", free_text, ""),
        live=fields.take_if_there("live", _flag, False),
        labels=fields.take_if_there("labels", _labels, ()),
    )
    fields.done()
    check_input(spec, where)
    return spec


def check_input(spec: InputSpec, where: str) -> None:
    """Raise PackError with the first thing in which the fields of an input do not fit each other."""
    _check_shape(spec, where)
    if spec.dtype not in _DTYPES[spec.kind]:
        raise PackError(f"{where}.dtype must be {' or '.join(_DTYPES[spec.kind])} for {spec.kind}, not {spec.dtype}")
    if not spec.low <= spec.high:
        raise PackError(f"{where} must have low <= high, not {spec.low:g} and {spec.high:g}")
    if spec.dtype in _RANGES:
        least, most = _RANGES[spec.dtype]
        if not (least <= spec.low and spec.high <= most and spec.low.is_integer() and spec.high.is_integer()):
            raise PackError(f"{where} must have whole low and high from {least} to {most} for {spec.dtype}")
    if spec.constraint != "none" and spec.kind != "vector":
        raise PackError(f"{where}.constraint must be none for {spec.kind}, not {spec.constraint}")
    if spec.live and spec.kind == "vector":
        if _LIVE_NAME.fullmatch(spec.name) is None or spec.name in _NOT_LIVE:
            raise PackError(f"{where}.name must be letters for what a performer moves, not {spec.name!r}")
        if int(spec.shape[0]) > MOST_LIVE:
            raise PackError(f"{where}.shape must be of {MOST_LIVE} components at most for what a performer moves")
    _check_default(spec, where)
    components = {"vector": spec.shape[0], "labels": int(spec.high - spec.low) + 1}.get(spec.kind, 0)
    if spec.labels and len(spec.labels) != components:
        raise PackError(f"{where}.labels must be {components} names or none, not {len(spec.labels)}")


def _check_shape(spec: InputSpec, where: str) -> None:
    least, most = _SIDES[spec.kind]
    shape, symbols = spec.shape, [side for side in spec.shape if isinstance(side, str)]
    if not least <= len(shape) <= most:
        sides = f"{least}" if least == most else f"{least} to {most}"
        raise PackError(f"{where}.shape must have {sides} sides for {spec.kind}, not {len(shape)}")
    if symbols not in ([], ["H", "W"]) or (symbols and (spec.kind == "vector" or shape[:2] != ("H", "W"))):
        raise PackError(f"{where}.shape must be of whole numbers, or begin with H and W for a picture's size")
    if spec.kind == "image" and shape[2] != 3:
        raise PackError(f"{where}.shape must end with 3 for an image, which is RGB, not {shape[2]}")
    if spec.kind == "vector" and isinstance(shape[0], int) and shape[0] > MOST_COMPONENTS:
        raise PackError(f"{where}.shape must be of {MOST_COMPONENTS} components at most, not {shape[0]}")
    if math.prod(side for side in shape if isinstance(side, int)) > MOST_NUMBERS:
        raise PackError(f"{where}.shape must be of {MOST_NUMBERS} numbers at most")


def _check_default(spec: InputSpec, where: str) -> None:
    default = spec.default
    if default is None:
        return
    if isinstance(default, tuple) and (spec.kind != "vector" or len(default) != spec.shape[0]):
        raise PackError(f"{where}.default must be a number, or one for each component of a vector, not {len(default)}")
    values = default if isinstance(default, tuple) else (default,)
    for value in values:
        if not spec.low <= value <= spec.high:
            raise PackError(f"{where}.default must be from {spec.low:g} to {spec.high:g}, not {value:g}")
        if spec.dtype in _RANGES and not value.is_integer():
            raise PackError(f"{where}.default must be a whole number for {spec.dtype}, not {value:g}")
    if spec.kind == "vector":
        count = int(spec.shape[0])
        if problem := constraint_problem(spec.constraint, values * (count if len(values) == 1 else 1)):
            raise PackError(f"{where}.default {problem}")


def constraint_problem(constraint: str, values: Sequence[float]) -> str:
    """How a vector breaks a constraint, in words; empty where it keeps it."""
    if constraint == "simplex":
        if min(values) < -TOLERANCE:
            return f"must have no component below 0 (simplex), not {min(values):g}"
        if not abs(math.fsum(values) - 1) <= TOLERANCE:
            return f"must have the sum 1 (simplex), not {math.fsum(values):g}"
    if constraint == "sphere":
        square = math.fsum(value * value for value in values) / len(values)
        if not abs(square - 1) <= TOLERANCE:
            return f"must have the mean square 1 (sphere), not {square:g}"
    return ""


def check_declared(declared: Iterable[InputSpec], expected: Iterable[InputSpec], where: str) -> None:
    """Raise PackError where declared inputs are not those that a network has; their words are free."""
    found, wanted = tuple(declared), tuple(expected)
    names, wanted_names = [spec.name for spec in found], [spec.name for spec in wanted]
    if names != wanted_names:
        raise PackError(f"{where} must be {', '.join(wanted_names)} for this network, not {', '.join(names) or 'none'}")
    for one, other in zip(found, wanted, strict=True):
        for field in ("kind", "shape", "dtype", "low", "high", "default", "constraint", "live"):
            if getattr(one, field) != getattr(other, field):
                raise PackError(
                    f"{where}.{one.name}.{field} must be {getattr(other, field)} for this network, "
                    f"not {getattr(one, field)}"
                )


def _name(value: Any, where: str) -> str:
    if not isinstance(value, str) or not _NAME.fullmatch(value) or value == _OUTPUT:
        raise PackError(f"{where} must be 1 to 32 of a-z, 0-9 and _, a letter first, and not {_OUTPUT}; "
                        f"not {value!r:.60}")  # fmt: skip
    return value


def _side(value: Any, where: str) -> int | str:
    whole = isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= LONGEST_SIDE
    if not whole and not (isinstance(value, str) and value in ("H", "W")):
        raise PackError(f"{where} must be a whole number from 1 to {LONGEST_SIDE}, H or W, not {value!r:.60}")
    side: int | str = value
    return side


def _default(value: Any, where: str) -> Default:
    if isinstance(value, list):
        if len(value) > MOST_COMPONENTS:
            raise PackError(f"{where} must be of {MOST_COMPONENTS} numbers at most, not {len(value)}")
        return many(number)(value, where)
    return None if value is None else number(value, where)


def _flag(value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise PackError(f"{where} must be true or false, not {value!r:.60}")
    return value


def _labels(value: Any, where: str) -> tuple[str, ...]:
    if isinstance(value, list) and len(value) > MOST_COMPONENTS:
        raise PackError(f"{where} must be of {MOST_COMPONENTS} names at most, not {len(value)}")
    return many(name)(value, where)
