"""The columns of an automation file: which parameter, and which component of it, each of them is."""

from __future__ import annotations

from collections.abc import Sequence

from stylefader.realtime.parameters.targets import parse_target
from stylefader.training.errors import AutomationError


def column_places(columns: Sequence[str]) -> dict[str, list[int]]:
    """Where the columns of each parameter stand, in the order of its components.

    Components that go by their own names stand in any order, each parameter's beside each other or not.

    Raises:
        AutomationError: For a column that is no parameter's, or whose components are not all of 0, 1, ... in order.
    """
    places: dict[str, list[int]] = {}
    alone: set[str] = set()
    named: set[str] = set()
    for place, column in enumerate(columns):
        target = parse_target(column)
        if target is None:
            raise AutomationError(f"{column!r:.40} is no parameter")
        own = places.setdefault(target.name, [])
        by_name = isinstance(target.component, str)
        if own and by_name != (target.name in named):
            raise AutomationError(f"{column!r:.40} does not go with the columns before it")
        if by_name:
            named.add(target.name)
            own.append(place)
            continue
        if target.name in alone or (target.component is not None and target.component != len(own)):
            raise AutomationError(f"{column!r:.40} does not go with the columns before it")
        if target.component is None:
            if own:
                raise AutomationError(f"{column!r:.40} does not go with the columns before it")
            alone.add(target.name)
        own.append(place)
    return places
