from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stylefader.realtime.controls.midi.message import message_of


@pytest.mark.parametrize(
    "data",
    [[], [0xB0], [0xB0, 1], [0xB0, 1, 200], [0xB0, 1, -1], [0xB0, 1, 2, 3], [1, 2, 3], [0xC0, 1, 2], [0xE0, 1],
     [0xE0, 1, 2, 3], [0xF0], [0xF0, 1, 0xF7], [0xF1], [0xF2, 3], [0xF2, 1, 2, 3], [0xF4], [0xF7], [0xF9], [0xFD],
     [999], [0xB0, 1, "x"]],
)  # fmt: skip
def test_what_is_no_message_of_use(data: list[int]) -> None:
    assert message_of(data) is None


@given(st.lists(st.integers(0, 255), max_size=5))
def test_a_message_is_the_bytes_that_it_was_made_of_or_there_is_none(data: list[int]) -> None:
    message = message_of(data)
    assert message is None or message.bytes() == data


def test_a_message_of_each_kind_is_taken() -> None:
    lengths = {0x80: 3, 0x90: 3, 0xA0: 3, 0xB0: 3, 0xC0: 2, 0xD0: 2, 0xE0: 3}
    for status in range(0x80, 0xF0):
        data = [status, 5, 127][: lengths[status & 0xF0]]
        message = message_of(data)
        assert message is not None and message.bytes() == data and message.channel == status & 15


def test_a_long_system_exclusive_message_is_not_looked_through() -> None:
    class Endless(list[int]):
        def __iter__(self) -> Iterator[int]:
            raise AssertionError("it was looked through")

    assert message_of(Endless([0xF0, *[1] * 100, 0xF7])) is None
