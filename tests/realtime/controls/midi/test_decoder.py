from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stylefader.realtime.controls.events import KINDS, ControlEvent, top
from stylefader.realtime.controls.midi.decoder import WAIT_NS, Decoder
from stylefader.realtime.controls.midi.message import message_of

MS = 1_000_000


def fed(decoder: Decoder, message: Sequence[int], at_ns: int) -> list[ControlEvent]:
    """What comes of bytes: nothing where they are no message."""
    found = message_of(message)
    return [] if found is None else decoder.feed(found, at_ns)


def told(*messages: list[int], every_ns: int = MS, kind: str | None = None) -> list[tuple[str, int, int, int]]:
    """Events of messages one after the other, and of what is due at the end."""
    decoder = Decoder("nano")
    events = [event for at, message in enumerate(messages) for event in fed(decoder, message, at * every_ns)]
    events += decoder.due(len(messages) * every_ns + WAIT_NS)
    assert all(event.port == "nano" for event in events) and not decoder.waits
    return [(e.kind, e.channel, e.number, e.raw) for e in events if kind is None or e.kind == kind]


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ([0xB0, 70, 127], ("cc", 1, 70, 127)),
        ([0xBF, 64, 3], ("cc", 16, 64, 3)),
        ([0xE2, 0, 64], ("pitchbend", 3, 0, 8192)),
        ([0xE0, 127, 127], ("pitchbend", 1, 0, 16383)),
        ([0xD1, 90], ("aftertouch", 2, 0, 90)),
        ([0xA0, 60, 5], ("polytouch", 1, 60, 5)),
        ([0x90, 36, 100], ("note", 1, 36, 100)),
        ([0x90, 36, 0], ("note", 1, 36, 0)),
        ([0x80, 36, 64], ("note", 1, 36, 0)),
        ([0xC9, 4], ("program", 10, 4, 4)),
    ],
)
def test_single_messages(message: list[int], expected: tuple[str, int, int, int]) -> None:
    assert told(message) == [expected]


@pytest.mark.parametrize(
    "message",
    [
        [],
        [0xB0],
        [0xB0, 1],
        [0xB0, 1, 200],
        [0xB0, 1, 2, 3],
        [1, 2, 3],
        [0xF0, 1, 0xF7],
        [0xF8],
        [0xC0, 1, 2],
        [0xE0],
        [0xE0, 1],
        [0xE0, 1, 2, 3],
        [0xF1],
        [0xF2],
        [0xF2, 3],
        [0xF2, 1, 2, 3],
        [0xF4],
        [0xF9],
        [0xF0],
        [0xF6, 1],
    ],
)
def test_what_is_no_control_gives_nothing(message: list[int]) -> None:
    assert told(message) == []


def test_both_halves_of_14_bits_move_at_once() -> None:
    up = told([0xB0, 1, 64], [0xB0, 33, 127], [0xB0, 1, 65], [0xB0, 33, 0], kind="cc14")
    assert up == [("cc14", 1, 1, 64 << 7 | 127), ("cc14", 1, 1, 65 << 7)]
    down = told([0xB0, 1, 65], [0xB0, 33, 0], [0xB0, 1, 64], [0xB0, 33, 127], kind="cc14")
    assert down == up[::-1], "no spike between the two"
    assert told([0xB0, 1, 64], [0xB0, 33, 5], [0xB0, 33, 6], kind="cc14")[-1] == ("cc14", 1, 1, 64 << 7 | 6)


def test_a_14_bit_sweep_never_turns_back() -> None:
    messages = [part for raw in range(0, 16384, 37) for part in ([0xB0, 7, raw >> 7], [0xB0, 39, raw & 127])]
    values = [raw for *_, raw in told(*messages, kind="cc14")]
    assert values == list(range(0, 16384, 37))


def test_a_coarse_half_alone_arrives() -> None:
    assert told([0xB0, 1, 127], kind="cc14") == [("cc14", 1, 1, 16383)], "of a 7-bit controller"
    assert told([0xB0, 33, 3], [0xB0, 1, 9], kind="cc14")[-1] == ("cc14", 1, 1, 9 << 7)
    burst = told(*([0xB0, 1, raw] for raw in range(128)), kind="cc14")
    assert [raw for *_, raw in burst] == [raw << 7 | raw for raw in range(128)]
    decoder = Decoder()
    fed(decoder, [0xB0, 1, 127], 0)
    assert decoder.waits and decoder.due(WAIT_NS - 1) == [] and len(decoder.due(WAIT_NS)) == 1
    assert decoder.due(5 * WAIT_NS) == []


def test_nrpn() -> None:
    choose = [[0xB3, 99, 2], [0xB3, 98, 1]]
    assert told(*choose, [0xB3, 6, 100], [0xB3, 38, 1], kind="nrpn") == [("nrpn", 4, 257, 100 << 7 | 1)]
    assert told(*choose, [0xB3, 6, 127], kind="nrpn") == [("nrpn", 4, 257, 16383)], "data in 7 bits"
    assert told(*choose, [0xB3, 6, 127], [0xB3, 98, 2], [0xB3, 6, 0], kind="nrpn") == [
        ("nrpn", 4, 257, 16383), ("nrpn", 4, 258, 0)
    ]  # fmt: skip
    assert told(*choose, [0xB3, 96, 0], [0xB3, 96, 0], [0xB3, 97, 0], kind="nrpn") == [
        ("nrpn", 4, 257, 1), ("nrpn", 4, 257, 2), ("nrpn", 4, 257, 1)
    ]  # fmt: skip
    assert told(*choose, [0xB3, 101, 0], [0xB3, 6, 9], kind="nrpn") == [], "a registered one was chosen"
    assert told([0xB0, 99, 127], [0xB0, 98, 127], [0xB0, 6, 9], kind="nrpn") == []
    assert told([0xB0, 6, 9], kind="nrpn") == []


@given(st.lists(st.lists(st.integers(0, 255), max_size=4), max_size=40))
def test_any_bytes_give_events_or_nothing(messages: list[list[int]]) -> None:
    decoder = Decoder()
    for at, message in enumerate(messages):
        for event in [*fed(decoder, message, at * 3 * MS), *decoder.due(at * 3 * MS)]:
            check(event)


@given(st.lists(st.tuples(st.integers(0xB0, 0xB2), st.sampled_from([1, 33, 6, 38, 96, 97, 98, 99, 100, 101]),
                          st.integers(0, 127)), max_size=60))  # fmt: skip
def test_any_halves_in_any_order(messages: list[tuple[int, int, int]]) -> None:
    decoder = Decoder()
    for at, message in enumerate(messages):
        for event in fed(decoder, message, at * 3 * MS):
            check(event)
    for event in decoder.due(10**12):
        check(event)
    assert not decoder.waits, "the last value always arrives"


def check(event: ControlEvent) -> None:
    assert event.kind in KINDS and 1 <= event.channel <= 16 and 0 <= event.number <= 16383
    assert 0 <= event.raw <= top(event.kind) and math.isfinite(event.value) and 0 <= event.value <= 1
