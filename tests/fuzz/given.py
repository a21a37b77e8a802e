"""What the fuzz tests share: how many examples, hostile values, and damaged copies of good files.

In `make test` every run is the same short one. `make fuzz` takes another profile of Hypothesis (tests/conftest.py) and
tries new examples each time; what fails is kept in .hypothesis and tried first the next time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from stylefader.training.errors import StylefaderError

LONG = settings.get_current_profile_name() == "fuzz"
_LONGEST_MESSAGE = 1500


def fuzz(short: int = 40, share: float = 1.0) -> settings:
    """How many examples a test tries.

    Args:
        short: in `make test`.
        share: of those of `make fuzz`, for tests that are slow.
    """
    return settings(max_examples=max(short, int(settings().max_examples * share)) if LONG else short)


def survives(work: Callable[[], Any], *others: type[Exception]) -> Any:
    """What `work` gives, or the error of ours (or one of `others`) that it raised, whose words fit a few lines.

    Every other exception is a fault, and goes through.
    """
    try:
        return work()
    except (StylefaderError, *others) as error:
        words = error.format_message() if hasattr(error, "format_message") else str(error)
        assert 0 < len(words) < _LONGEST_MESSAGE
        return error


ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=60)
"""With halves of surrogate pairs, controls, and characters that turn the direction of writing."""
FILE_TEXT = st.text(st.characters(codec="utf-8"), max_size=60)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT
    | st.sampled_from([10**400, -(2**63) - 1, 2**64, float("inf"), float("nan"), "\ud800", "\x1b]0;x\x07", "a" * 5000]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4),
    max_leaves=12,
)  # fmt: skip

TOML_VALUE = st.one_of(
    st.sampled_from([
        "9" * 5000, "-" + "9" * 5000, "0x" + "f" * 5000, "0b" + "1" * 9000, "9223372036854775808", "1e400", "-inf",
        "nan", "[" * 2000, "[" * 200 + "]" * 200, "{a=" * 500 + "1" + "}" * 500, "{" + "a." * 500 + "a=1}",
        "1979-05-27", "07:32:00", "1979-05-27T07:32:00Z", '"\\u0000"', '"\\ud800"', '"\\U0010ffff"', '"""', "'", "",
        "true", "false", "[]", "{}", "[[]]", "['a']", "[0, 1]", "[1, 0]", "[nan, inf]", "1_0", "0x_", "+1",
        "1e-400", '"\\u001b[2J"',
        "'" + "a" * 5000 + "'", "'alpha'", "'alpha0'", "'alpha99'", "'cc'", "'note'", "'scene'", "'twos'", "'linear'",
    ]),
    st.integers().map(str), st.floats().map(str), FILE_TEXT, FILE_TEXT.map(lambda text: repr(text)),
)  # fmt: skip
"""Words behind the `=` of a TOML file, right and wrong."""


@st.composite
def damaged(draw: st.DrawFn, good: bytes, *, most: int = 6) -> bytes:
    """A good file with some bytes changed, left out, put in, repeated or cut off; mostly near its beginning."""
    data = bytearray(good)
    for _ in range(draw(st.integers(1, most))):
        last = max(len(data) - 1, 0)
        at = draw(st.integers(0, last) | st.integers(0, min(last, 200)))
        kind = draw(st.sampled_from(["set", "set", "set", "length", "insert", "delete", "repeat", "cut"]))
        if kind == "set":
            data[at : at + 1] = draw(
                st.sampled_from([b"\0", b"\xff", b"\x7f", b"\x80"]) | st.binary(min_size=1, max_size=4)
            )
        elif kind == "length":
            data[at : at + 4] = draw(st.sampled_from([b"\xff" * 4, b"\0" * 4, b"\x7f\xff\xff\xff", b"\0\0\0\1"]))
        elif kind == "insert":
            data[at:at] = draw(st.binary(min_size=1, max_size=40))
        elif kind == "delete":
            del data[at : at + draw(st.integers(1, 40))]
        elif kind == "repeat":
            data[at:at] = data[at : at + draw(st.integers(1, 200))] * draw(st.integers(1, 20))
        else:
            del data[at:]
    return bytes(data)
