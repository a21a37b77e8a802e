"""`--verbose` anywhere on the line: what is short otherwise is said at length, as why an engine was taken."""

from __future__ import annotations

from collections.abc import Iterable

from stylefader.tools.console.messages import say

_verbose = False


def take_verbose(arguments: list[str]) -> list[str]:
    """The words of a command line without `--verbose`, which holds from now on where it was among them."""
    global _verbose
    _verbose = "--verbose" in arguments
    return [word for word in arguments if word != "--verbose"]


def say_more(reasons: Iterable[str]) -> None:
    """Each reason on a line of its own, where it was asked for."""
    if _verbose:
        for reason in reasons:
            say(f"  {reason}")
