from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stylefader.realtime.controls.osc.pattern import matching
from stylefader.training.errors import ControlError

ADDRESSES = ["/a", "/ab", "/abc", "/b", "/a/0", "/a/1", "/a/12", "/b/-", "/b/x"]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("/?", "/a /b"),
        ("/a?", "/ab"),
        ("/a??", "/abc"),
        ("/*", "/a /ab /abc /b"),
        ("/a*", "/a /ab /abc"),
        ("/*b*", "/ab /abc /b"),
        ("/a**c", "/abc"),
        ("/*/*", "/a/0 /a/1 /a/12 /b/- /b/x"),
        ("/a/[0-2]", "/a/0 /a/1"),
        ("/a/[2-0]", "/a/0 /a/1"),
        ("/a/[!0-2]", ""),
        ("/b/[x-]", "/b/- /b/x"),
        ("/b/[!x]", "/b/-"),
        ("/b/[x!]", "/b/x"),
        ("/a/1[12]", "/a/12"),
        ("/{a,b}", "/a /b"),
        ("/{a,abc}", "/a /abc"),
        ("/{a,ab}c", "/abc"),
        ("/{ab,}", "/ab"),
        ("/a{,bc}", "/a /abc"),
        ("/[ab]/{0,x,12}", "/a/0 /a/12 /b/x"),
        ("/a", "/a"),
        ("//a", ""),
        ("*", ""),
        ("/a/", ""),
    ],
)
def test_patterns_of_the_specification(pattern: str, found: str) -> None:
    assert matching(pattern, ADDRESSES) == found.split()


@given(st.text(st.sampled_from("/ab01?*[]{},!-\u00fc"), max_size=60))
def test_any_text_matches_or_is_refused(pattern: str) -> None:
    with suppress(ControlError):
        assert set(matching(pattern, ADDRESSES)) <= set(ADDRESSES)


def test_no_pattern_takes_long() -> None:
    assert matching("/" + "*a" * 120, ["/" + "a" * 119]) == []
    assert matching("/" + "*a" * 120, ["/" + "a" * 120]) != []
