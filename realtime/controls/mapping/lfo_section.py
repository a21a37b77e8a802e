"""`[[lfo]]` of a mapping file: an LFO on a parameter. docs/control.md has it key by key."""

from __future__ import annotations

from stylefader.realtime.controls.actions import parameter_target
from stylefader.realtime.controls.mapping.toml_tables import Check, Table, is_bool, is_number, is_whole
from stylefader.realtime.parameters.lfo import SHAPES, LfoMap
from stylefader.realtime.parameters.parameter import STROKE


def lfo(table: Table) -> LfoMap:
    """A `[[lfo]]`. Raises ControlError with line and reason."""
    words = table.check(LFO_KEYS, needed=("target",))
    if (target := parameter_target(words["target"])) is not None and target.name == STROKE:
        raise table.refuse("target", "an LFO does not move stroke, which has steps, each with an engine of its own")
    if ("hertz" in words) == ("beats" in words):
        raise table.refuse(None, "an LFO has either hertz (cycles a second) or beats (the length of a cycle)")
    if "seed" in words and words.get("shape") not in ("random", "drift"):
        raise table.refuse("seed", "seed has no effect here: it is for the shapes random and drift")
    return LfoMap(**words, line=table.line)


LFO_KEYS: dict[str, Check] = {
    "target": (lambda value: parameter_target(value) is not None, "alpha, alpha0, alpha1, ..."),
    "shape": (lambda value: isinstance(value, str) and value in SHAPES, f"one of {', '.join(SHAPES)}"),
    "hertz": (lambda value: is_number(value) and 0 < value <= 100, "cycles a second, above 0, to 100"),
    "beats": (lambda value: is_number(value) and 0.01 <= value <= 10_000, "quarter notes a cycle, 0.01 to 10000"),
    "depth": (is_number, "alpha, positive or negative"),
    "up": (is_bool, "true or false"),
    "phase": (lambda value: is_number(value) and 0 <= value <= 1, "a share of a cycle, from 0 to 1"),
    "seed": (is_whole(0, 2**31 - 1), "a whole number from 0"),
}
