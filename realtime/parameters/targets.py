"""Names of what controls move: `alpha` for all components of a parameter, `alpha0`, `alpha1`, ... for one of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

Sizes = Mapping[str, int]
"""How many components each parameter has, by name."""
MOST_COMPONENTS = 100
COLUMNS = ("time", "ease")
"""Columns of automation files that are no parameters; a parameter may not have these names."""
_NAME = r"[a-z]+(?:_[a-z]+)*"
_TARGET = re.compile(rf"({_NAME})(0|[1-9][0-9]?)?")


class Target(NamedTuple):
    """A parameter, or one component of it. component: which one, from 0; None for all of them."""

    name: str
    component: int | None = None

    def __str__(self) -> str:
        return self.name if self.component is None else f"{self.name}{self.component}"


def is_parameter_name(text: str) -> bool:
    """Whether a parameter may have this name: small letters, with single underscores between them."""
    return re.fullmatch(_NAME, text) is not None and len(text) <= 40 and text not in COLUMNS


@lru_cache(maxsize=1024)
def _parse(text: str) -> Target | None:
    found = _TARGET.fullmatch(text)
    if found is None or found[1] in COLUMNS:
        return None
    return Target(found[1], None if found[2] is None else int(found[2]))


def parse_target(text: object) -> Target | None:
    """The target that is written like that; None for anything that no parameter could be called."""
    return _parse(text) if isinstance(text, str) and len(text) <= 42 else None


def why_missing(target: Target, sizes: Sizes, whose: str = "this style has") -> str | None:
    """Why there is no such target among parameters of these sizes, in words; None where there is.

    Args:
        target: What is asked for.
        sizes: The components of each parameter that there is.
        whose: Who has them, with its verb.
    """
    size = sizes.get(target.name)
    if size is not None and (target.component is None or target.component < size):
        return None
    if size is None:
        there = ", ".join(sizes) or "nothing that moves"
    elif size == 0:
        there = f"no {target.name}"
    else:
        there = f"{target.name}0" + (f" to {target.name}{size - 1}" if size > 1 else " alone")
    return f"there is no {target}: {whose} {there}"
