"""OSC address patterns, as the OSC 1.0 specification has them: one message for every address that it matches.

Within a part of an address, between two slashes: `?` is any character, `*` any number of any, `[a-f]` one of those,
`[!a-f]` one that is none of those, `{one,two}` one of those words. Time goes with the pattern's length, whatever is in
it, since the addresses are ours and short.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from stylefader.training.errors import ControlError

_SPECIAL = frozenset("?*[]{}")
_LONGEST = 256
_Step = Callable[[str, set[int]], set[int]]
"""From the places in a text that were come to, to those after it."""


def is_pattern(address: str) -> bool:
    """Whether an address can stand for others."""
    return not _SPECIAL.isdisjoint(address)


def matching(pattern: str, addresses: Iterable[str]) -> list[str]:
    """Those of the addresses that a pattern matches, in their order. Raises ControlError for what is no pattern."""
    if len(pattern) > _LONGEST:
        raise ControlError(f"{pattern!r:.80}: a pattern has {_LONGEST} characters at most, not {len(pattern)}")
    parts = [_steps(part, pattern) for part in pattern.split("/")]
    return [address for address in addresses if _fits(parts, address.split("/"))]


def _fits(parts: list[list[_Step]], texts: list[str]) -> bool:
    return len(parts) == len(texts) and all(_is(part, text) for part, text in zip(parts, texts, strict=True))


def _is(steps: list[_Step], text: str) -> bool:
    places = {0}
    for step in steps:
        places = step(text, places)
    return len(text) in places


def _steps(part: str, pattern: str) -> list[_Step]:
    steps: list[_Step] = []
    at = 0
    while at < len(part):
        character, at = part[at], at + 1
        if character == "*":
            steps.append(_any)
        elif character == "?":
            steps.append(_one_of(None, other=True))
        elif character in "[{":
            end = part.find("]" if character == "[" else "}", at)
            if end < 0:
                raise ControlError(f"{pattern!r:.80} is no OSC address pattern: its {character} has no end")
            inside, at = part[at:end], end + 1
            steps.append(_of_list(inside) if character == "[" else _words(inside.split(",")))
        elif character in "]}":
            raise ControlError(f"{pattern!r:.80} is no OSC address pattern: its {character} has no beginning")
        else:
            steps.append(_words([character]))
    return steps


def _any(text: str, places: set[int]) -> set[int]:
    return set(range(min(places), len(text) + 1)) if places else set()


def _words(words: list[str]) -> _Step:
    return lambda text, places: {at + len(word) for word in words for at in places if text.startswith(word, at)}


def _one_of(characters: frozenset[str] | None, *, other: bool) -> _Step:
    """One character: of these, or, with `other`, none of these."""
    return lambda text, places: {
        at + 1 for at in places if at < len(text) and ((text[at] in (characters or ())) != other)
    }


def _of_list(inside: str) -> _Step:
    """What stands in brackets: characters, and from one to another with a minus between them."""
    other = inside.startswith("!")
    inside = inside[1:] if other else inside
    characters: set[str] = set()
    at = 0
    while at < len(inside):
        if inside[at + 1 : at + 2] == "-" and at + 2 < len(inside):
            low, high = sorted((ord(inside[at]), ord(inside[at + 2])))
            characters.update(map(chr, range(low, min(high, 0x7F) + 1)))
            at += 3
        else:
            characters.add(inside[at])
            at += 1
    return _one_of(frozenset(characters), other=other)
