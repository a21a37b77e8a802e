"""Names of what controls move: `alpha` for all components of a parameter, `alpha0`, `alpha1`, ... for one of them.

Components that have names of their own go by these as well, as in `style/starry_night`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

Sizes = Mapping[str, int]
"""How many components each parameter has, by name; `Components` where these have names."""
MOST_COMPONENTS = 100
"""Of those that go by number."""
COLUMNS = ("time", "ease")
"""Columns of automation files that are no parameters; a parameter may not have these names."""
_NAME = r"[a-z]+(?:_[a-z]+)*"
_TARGET = re.compile(rf"({_NAME})(?:(0|[1-9][0-9]?)|/([a-z][a-z0-9_]*))?")
_LONGEST, _LONGEST_LABEL = 42, 64
Component = int | str | None
"""Which component: its number from 0, or its own name; None for all of them."""


class Target(NamedTuple):
    """A parameter, or one component of it."""

    name: str
    component: Component = None

    def __str__(self) -> str:
        if isinstance(self.component, str):
            return f"{self.name}/{self.component}"
        return self.name if self.component is None else f"{self.name}{self.component}"


class Components(int):
    """How many components a parameter has, and what they are called. labels: none where they go by number alone."""

    labels: tuple[str, ...]

    def __new__(cls, count: int, labels: Sequence[str] = ()) -> Components:
        """See the class."""
        made = super().__new__(cls, count)
        made.labels = tuple(labels)
        return made


def labels_in(size: int) -> tuple[str, ...]:
    """The names of components, where a size says them."""
    return size.labels if isinstance(size, Components) else ()


def is_parameter_name(text: str) -> bool:
    """Whether a parameter may have this name: small letters, with single underscores between them."""
    return re.fullmatch(_NAME, text) is not None and len(text) <= 40 and text not in COLUMNS


@lru_cache(maxsize=1024)
def _parse(text: str) -> Target | None:
    found = _TARGET.fullmatch(text)
    if found is None or found[1] in COLUMNS:
        return None
    return Target(found[1], found[3] if found[2] is None else int(found[2]))


def parse_target(text: object) -> Target | None:
    """The target that is written like that; None for anything that no parameter could be called."""
    if not isinstance(text, str):
        return None
    name, slash, label = text.partition("/")
    fits = len(name) <= _LONGEST and (not slash or len(label) <= _LONGEST_LABEL)
    return _parse(text) if fits else None


def why_missing(target: Target, sizes: Sizes, whose: str = "this style has") -> str | None:
    """Why there is no such target among parameters of these sizes, in words; None where there is.

    Args:
        target: What is asked for.
        sizes: The components of each parameter that there is.
        whose: Who has them, with its verb.
    """
    size, component = sizes.get(target.name), target.component
    if size is not None and _is_there(component, size):
        return None
    if size is not None and isinstance(component, str):
        return f"there is no {target}: {_near(target.name, component, size, whose)}"
    if size is None:
        there = ", ".join(sizes) or "nothing that moves"
    elif size == 0:
        there = f"no {target.name}"
    else:
        there = f"{target.name}0" + (f" to {target.name}{size - 1}" if size > 1 else " alone")
    return f"there is no {target}: {whose} {there}"


def _is_there(component: Component, size: int) -> bool:
    if isinstance(component, str):
        return component in labels_in(size)
    return component is None or component < size


def _near(name: str, label: str, size: int, whose: str) -> str:
    """Labels that are near to one that is none of them, else those that there are."""
    labels = labels_in(size)
    near = difflib.get_close_matches(label, labels, n=3, cutoff=0.6)
    if near:
        return f"did you mean {' or '.join(f'{name}/{one}' for one in near)}?"
    return f"{whose} {', '.join(f'{name}/{one}' for one in labels) or f'no {name} that goes by names'}"
