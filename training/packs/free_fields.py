"""What a pack says of its painting and its training: free in form, yet checked when it is read.

`styles show`, `evaluate` and `quantize` work with these fields. Those that they know are of one type wherever they
stand, and may be missing; what they do not know is any plain value. Everything is printable, finite and bounded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from stylefader.training.errors import PackError
from stylefader.training.reading.json_fields import Fields, by_name, free_text, keys, many, number, whole

_MOST_VALUES = 5000
_OF_A_PAINTING = ("title", "artist", "year", "source", "licence", "sha256")
_ANY_WHOLE = whole(0, 2**63 - 1)


def painting(value: Any, where: str) -> dict[str, Any]:
    """A pack's `style`: texts (title, artist, year, ...), or those of several paintings by the alpha they belong to."""
    return {
        key: (by_name(free_text) if isinstance(said, dict) and key not in _OF_A_PAINTING else free_text)(
            said, f"{where}.{key}"
        )
        for key, said in keys(value, where).items()
    }


def training(value: Any, where: str) -> dict[str, Any]:
    """A pack's `training`: what each of its parts was trained with, by the part's name."""
    _count(value, where)
    return by_name(_run)(value, where)


def _count(value: Any, where: str) -> None:
    """Raise PackError where there are more values than anybody says of a training."""
    waiting, count = [value], 0
    while waiting:
        inner = waiting.pop()
        count += 1
        if isinstance(inner, dict | list):
            waiting += inner.values() if isinstance(inner, dict) else inner
        if count + len(waiting) > _MOST_VALUES:
            raise PackError(f"{where} has more than {_MOST_VALUES} values")


def _run(value: Any, where: str) -> dict[str, Any]:
    """What one part was trained with."""
    return {key: _KNOWN.get(key, _plain)(said, f"{where}.{key}") for key, said in keys(value, where).items()}


def _plain(value: Any, where: str) -> Any:
    """Any value; `plain_values` has checked its depth, and that its numbers are finite."""
    if isinstance(value, str):
        return free_text(value, where)
    if isinstance(value, dict):
        return by_name(_plain)(value, where)
    return [_plain(inner, where) for inner in value] if isinstance(value, list) else value


def _texts(value: Any, where: str) -> list[str]:
    return list(many(free_text)(value, where))


def _above_zero(value: Any, where: str) -> float:
    if number(value, where) <= 0:
        raise PackError(f"{where} must be above 0, not {value!r:.60}")
    return float(value)


def _start(value: Any, where: str) -> dict[str, Any]:
    """The pack that a part began with."""
    fields = keys(value, where)
    Fields(value, where).take_if_there("iterations", _ANY_WHOLE, 0)
    return by_name(_plain)(fields, where)


_KNOWN: Mapping[str, Callable[[Any, str], Any]] = {
    **dict.fromkeys(
        ("iterations", "batch", "crop", "seed", "patience", "photographs", "clips", "processes"), _ANY_WHOLE
    ),
    "style_size": whole(1, 8192),
    "pyramid": whole(1, 8),
    **dict.fromkeys(("style_weight", "smoothness", "learning_rate", "temporal_weight"), number),
    **dict.fromkeys(
        ("temporal", "precision", "photographs_from", "loss_network", "loss_network_sha256", "device", "taken_from"),
        free_text,
    ),
    "style": by_name(free_text),
    "layer_means": by_name(_above_zero),
    **dict.fromkeys(("content_layers", "style_layers"), _texts),
    "started_from": _start,
}
