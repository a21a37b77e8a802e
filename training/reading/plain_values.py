"""Documents of strangers, TOML or JSON, as values that are safe to work with: shown, compared and walked.

Python's parsers accept values that cause errors later: integers too long to print, halves of surrogate pairs that
cannot be encoded, and nesting too deep for recursion.
"""

from __future__ import annotations

import json
import math
from typing import Any

DEEPEST = 24
"""How deep values may be nested."""
_WHOLE = range(-(2**63), 2**63)
"""The whole numbers that TOML has. Python refuses to print those of thousands of digits."""


def why_unsafe(document: Any, *, finite: bool = False) -> str | None:
    """Why a parsed document is not safe to work with, in words; None where it is. It is walked without recursion.

    finite: whether infinities and NaN are refused as well.
    """
    waiting: list[tuple[str, Any, int]] = [("", document, 0)]
    while waiting:
        name, value, depth = waiting.pop()
        if depth > DEEPEST:
            return f"values are nested deeper than {DEEPEST}"
        if isinstance(value, dict):
            for key, inner in value.items():
                if not is_encodable(key):
                    return f"the key {key!r:.60} has half a surrogate pair, which is no character"
                waiting.append((f"{name:.60}.{key}" if name else key, inner, depth + 1))
        elif isinstance(value, list):
            waiting += ((f"{name:.60}[{place}]", inner, depth + 1) for place, inner in enumerate(value, 1))
        elif isinstance(value, str):
            if not is_encodable(value):
                return f"{name:.60} has half a surrogate pair, which is no character"
        elif isinstance(value, int) and value not in _WHOLE:
            return f"{name:.60} is a whole number of more than 64 bits"
        elif finite and isinstance(value, float) and not math.isfinite(value):
            return f"{name:.60} must be a finite number, not {value}"
    return None


def is_encodable(text: str) -> bool:
    """Whether a text can be written as UTF-8: one with half a surrogate pair cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def parse_json(text: str | bytes) -> Any:
    """Parse JSON by RFC 8259, with finite numbers only. Raises ValueError with the reason, for any contents."""

    def refuse(constant: str) -> float:
        raise ValueError(f"{constant} is no number of JSON")

    def whole(digits: str) -> int:
        if len(digits) > 20:
            raise ValueError(f"{digits:.12}... is a whole number of more than 64 bits")
        return int(digits)

    try:
        value = json.loads(text, parse_constant=refuse, parse_int=whole)
    except RecursionError as error:
        raise ValueError(f"values are nested deeper than {DEEPEST}") from error
    if (why := why_unsafe(value, finite=True)) is not None:
        raise ValueError(why)
    return value
