"""`--verbose` or `-v` anywhere on the line: messages have more detail, such as why an engine was taken."""

from __future__ import annotations

from collections.abc import Iterable

from stylefader.tools.console.messages import say

WORDS = ("--verbose", "-v")
_verbose = False


def take_verbose(arguments: list[str]) -> list[str]:
    """The words of a command line without `--verbose`, which holds from now on where it was among them."""
    global _verbose
    _verbose = any(word in arguments for word in WORDS)
    return [word for word in arguments if word not in WORDS]


def is_verbose() -> bool:
    """Whether it was among them."""
    return _verbose


def reasons(words: Iterable[str]) -> list[str]:
    """Each reason as a line of its own, where it was asked for."""
    return [f"  {reason}" for reason in words] if _verbose else []


def say_more(words: Iterable[str]) -> None:
    """Say each reason, where it was asked for."""
    for reason in reasons(words):
        say(reason)
