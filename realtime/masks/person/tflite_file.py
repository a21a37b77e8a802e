"""What OpenVINO does not tell of a TensorFlow Lite file: options of custom operations, and the range of the picture.

The file is a FlatBuffer; the fields are those of TensorFlow Lite's `schema.fbs` and `metadata_schema.fbs`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from stylefader.training.errors import MaskError

_NORMALIZATION = 1  # of the union ProcessUnitOptions


@dataclass(frozen=True, kw_only=True)
class CustomOperation:
    """An operation that is not TensorFlow Lite's own.

    Attributes:
        code: Its name.
        inputs: Names of its tensors.
        options: Bytes that only it understands.
    """

    code: str
    inputs: tuple[str, ...]
    options: bytes


@dataclass(frozen=True, kw_only=True)
class TfliteFacts:
    """What a file says beside its graph.

    Attributes:
        custom: Its custom operations.
        mean: What is taken from the picture, of 0 to 255, for each channel or for all; None where nothing is said.
        deviation: What it is then divided by.
    """

    custom: tuple[CustomOperation, ...]
    mean: tuple[float, ...] | None = None
    deviation: tuple[float, ...] | None = None


def tflite_facts(data: bytes) -> TfliteFacts:
    """Read them. Raises MaskError for bytes that are no such file."""
    try:
        if data[4:8] != b"TFL3":
            raise MaskError("it is no TensorFlow Lite file")
        model = _Table.root(data)
        mean, deviation = _normalization(model)
        return TfliteFacts(custom=tuple(_custom(model)), mean=mean, deviation=deviation)
    except (struct.error, IndexError, UnicodeDecodeError, OverflowError) as error:
        raise MaskError("it is a damaged TensorFlow Lite file") from error


class _Table:
    """A table of a FlatBuffer: its fields by number."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data, self._at = data, at
        self._fields = at - self._number("i", at)
        self._size = self._number("H", self._fields)

    @classmethod
    def root(cls, data: bytes) -> _Table:
        """The table that all begins with."""
        return cls(data, struct.unpack_from("<I", data, 0)[0])

    def integer(self, field: int, form: str, default: int = 0) -> int:
        """A number that stands in the table itself."""
        place = self._place(field)
        return default if place is None else self._number(form, place)

    def table(self, field: int) -> _Table | None:
        """Another table."""
        place = self._place(field)
        return None if place is None else _Table(self._data, self._follow(place))

    def tables(self, field: int) -> list[_Table]:
        """Several tables."""
        begin, count = self._vector(field)
        return [_Table(self._data, self._follow(begin + 4 * one)) for one in range(self._bounded(count, 4))]

    def numbers(self, field: int, form: str) -> tuple[float, ...]:
        """A vector of numbers of four bytes."""
        begin, count = self._vector(field)
        return struct.unpack_from(f"<{self._bounded(count, 4)}{form}", self._data, begin)

    def bytes(self, field: int) -> bytes:
        """A vector of bytes, or the bytes of a string."""
        begin, count = self._vector(field)
        return self._data[begin : begin + self._bounded(count, 1)]

    def text(self, field: int) -> str:
        """A string."""
        return self.bytes(field).decode()

    def _place(self, field: int) -> int | None:
        entry = 4 + 2 * field
        offset = self._number("H", self._fields + entry) if entry < self._size else 0
        return self._at + offset if offset else None

    def _vector(self, field: int) -> tuple[int, int]:
        """Where its first element stands, and how many there are."""
        place = self._place(field)
        if place is None:
            return 0, 0
        begin = self._follow(place)
        return begin + 4, self._number("I", begin)

    def _follow(self, place: int) -> int:
        return place + self._number("I", place)

    def _number(self, form: str, place: int) -> int:
        if place < 0:
            raise IndexError
        return int(struct.unpack_from(f"<{form}", self._data, place)[0])

    def _bounded(self, count: int, each: int) -> int:
        if count * each > len(self._data):
            raise IndexError
        return count


def _custom(model: _Table) -> Iterator[CustomOperation]:
    codes = [code.text(1) for code in model.tables(1)]
    for graph in model.tables(2):
        tensors = graph.tables(0)
        for operation in graph.tables(3):
            code = codes[operation.integer(0, "I")]
            if code:
                names = tuple(tensors[int(index)].text(3) for index in operation.numbers(1, "i") if index >= 0)
                yield CustomOperation(code=code, inputs=names, options=operation.bytes(5))


def _normalization(model: _Table) -> tuple[tuple[float, ...] | None, tuple[float, ...] | None]:
    """Mean and deviation of the first input, from the file's metadata."""
    buffers = model.tables(4)
    for entry in model.tables(6):
        if entry.text(0) != "TFLITE_METADATA":
            continue
        for graph in _Table.root(buffers[entry.integer(1, "I")].bytes(0)).tables(3):
            for tensor in graph.tables(2)[:1]:
                for unit in tensor.tables(4):
                    options = unit.table(1)
                    if unit.integer(0, "B") == _NORMALIZATION and options is not None:
                        return options.numbers(0, "f"), options.numbers(1, "f")
    return None, None
