from __future__ import annotations

import sys
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stylefader.realtime.controls.events import ControlEvent
from stylefader.realtime.controls.midi.message import message_of
from stylefader.realtime.controls.midi.midi_input import MOST_A_SECOND, MidiInput
from tests.realtime.live import Clock

MS = 1_000_000


class Stage:
    """An input whose messages come when the test says so."""

    def __init__(self) -> None:
        self.clock, self.events, self.errors = Clock(), list[ControlEvent](), list[BaseException]()
        self.woken, self.times = 0, list[tuple[object, ...]]()
        self.input = MidiInput(
            "nano", self.receive, clock=self, now_ns=self.clock, wake=self.wake, failed=self.errors.append
        )  # fmt: skip

    def receive(self, event: ControlEvent) -> None:
        self.events.append(event)

    def wake(self) -> None:
        self.woken += 1

    def send(self, *message: int, after_ns: int = 0) -> None:
        self.clock.pass_to(self.clock.ns + after_ns)
        found = message_of(message)
        if found is not None:
            self.input.take(found)

    def later(self, ns: int) -> None:
        self.clock.pass_to(self.clock.ns + ns)
        self.input.flush()

    def values(self, kind: str, number: int) -> list[int]:
        return [event.raw for event in self.events if (event.kind, event.number) == (kind, number)]

    def tick(self, *words: object) -> None:
        self.times.append(("tick", *words))

    def start(self, *words: object) -> None:
        self.times.append(("start", *words))

    def resume(self, *words: object) -> None:
        self.times.append(("resume", *words))

    def stop(self, *words: object) -> None:
        self.times.append(("stop", *words))

    def position(self, *words: object) -> None:
        self.times.append(("position", *words))


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_a_message_is_handed_on_before_the_callback_returns(stage: Stage) -> None:
    stage.clock.pass_to(7)
    stage.send(0xB0, 70, 99)
    (event,) = stage.events
    assert (event.port, event.kind, event.raw, event.at_ns) == ("nano", "cc", 99, 7)
    assert stage.woken == 0 and not stage.input.busy


def test_a_coarse_half_wakes_the_thread_that_waits_for_its_fine_half(stage: Stage) -> None:
    stage.send(0xB0, 1, 64)
    assert stage.woken == 1 and stage.input.busy
    stage.later(9 * MS)
    assert stage.values("cc14", 1) == []
    stage.later(MS)
    assert stage.values("cc14", 1) == [64 << 7 | 64] and not stage.input.busy


def test_what_goes_wrong_reaches_the_owner_and_not_rtmidi(stage: Stage) -> None:
    def broken(event: ControlEvent) -> None:
        raise ZeroDivisionError

    stage.receive = broken  # type: ignore[method-assign]
    stage.input._receive = broken
    stage.send(0xB0, 70, 1)
    assert [type(error) for error in stage.errors] == [ZeroDivisionError]
    stage.input._receive = stage.events.append
    stage.send(0xB0, 70, 2)
    assert stage.values("cc", 70) == [2]  # and its lock is free


def test_a_flood_is_coalesced_and_its_last_value_arrives(stage: Stage) -> None:
    for number in range(1000):  # 20 times as fast as is allowed
        stage.send(0xB0, 70, number % 100, after_ns=25_000)
    stage.send(0xB0, 70, 127)
    direct = len(stage.events)
    assert 64 <= direct <= 64 + 1000 * 25_000 * MOST_A_SECOND // 10**9 + 1
    assert stage.woken > 0 and stage.input.busy
    stage.later(5 * MS)
    assert len(stage.events) == direct + 1 and stage.values("cc", 70)[-1] == 127
    stage.later(5 * MS)
    assert len(stage.events) == direct + 1 and not stage.input.busy
    assert stage.input.coalesced == 1001 - direct - 1


def test_other_controls_of_a_port_that_floods_are_heard(stage: Stage) -> None:
    for number in range(1000):
        stage.send(0xB0, 70, number % 100, after_ns=25_000)
        if number == 500:
            stage.send(0x90, 36, 9)
    stage.later(5 * MS)
    assert stage.values("note", 36) == [9]


def test_a_key_that_is_let_go_within_a_flood_is_let_go(stage: Stage) -> None:
    stage.send(0x90, 36, 9)
    for number in range(1000):
        stage.send(0xB0, number % 128, number % 100, after_ns=25_000)
        if number == 500:
            stage.send(0x80, 36, 0)
    stage.later(5 * MS)
    assert stage.values("note", 36) == [9, 0]


def test_a_late_value_never_overtakes_a_newer_one(stage: Stage) -> None:
    for number in range(70):
        stage.send(0xB0, 70, number)
    assert stage.input.busy
    stage.send(0xB0, 70, 101, after_ns=100 * MS)
    stage.later(5 * MS)
    assert stage.values("cc", 70)[-1] == 101


def test_what_a_cable_can_carry_is_no_flood(stage: Stage) -> None:
    for number in range(3000):
        stage.send(0xB0, 70, number % 128, after_ns=MS)
    assert len(stage.events) == 3000 and stage.input.coalesced == 0


@given(
    st.lists(
        st.tuples(st.sampled_from([70, 71, 90]), st.integers(0, 127), st.sampled_from([0, 10_000, MS, 40 * MS])),
        max_size=300,
    ),
    st.integers(1, 50),
)
def test_whatever_comes_the_last_of_each_control_is_the_newest(
    messages: list[tuple[int, int, int]], every: int
) -> None:
    stage = Stage()
    for place, (number, raw, after_ns) in enumerate(messages):
        stage.send(0xB0, number, raw, after_ns=after_ns)
        if place % every == 0:
            stage.later(0)
    stage.later(0)
    for number in (70, 71, 90):
        sent = [raw for other, raw, _ in messages if other == number]
        assert stage.values("cc", number)[-1:] == sent[-1:]


def test_messages_of_time_go_to_the_clock(stage: Stage) -> None:
    stage.clock.pass_to(3)
    for message in ([0xFA], [0xF8], [0xFC], [0xF2, 3, 1], [0xFB], [0xFE], [0xF1, 5], [0xF2, 3], [0xF0, 1, 0xF7], []):
        stage.send(*message)
    assert stage.times == [
        ("start", 3, "nano"), ("tick", 3, "nano"), ("stop", 3, "nano"), ("position", 131, 3, "nano"),
        ("resume", 3, "nano"),
    ]  # fmt: skip
    assert stage.events == [] and stage.errors == []


def test_closing_waits_for_a_callback_that_runs_and_nothing_is_given_after_it(stage: Stage) -> None:
    runs, may_end, closed = threading.Event(), threading.Event(), threading.Event()

    def slow(event: ControlEvent) -> None:
        runs.set()
        assert may_end.wait(10)
        stage.events.append(event)

    stage.input._receive = slow
    player = threading.Thread(target=stage.send, args=(0xB0, 70, 1))
    player.start()
    assert runs.wait(10)
    closer = threading.Thread(target=lambda: (stage.input.close(), closed.set()))
    closer.start()
    assert not closed.wait(0.05)
    may_end.set()
    closer.join(10)
    player.join(10)
    assert closed.is_set() and stage.values("cc", 70) == [1]
    stage.send(0xB0, 70, 2)
    stage.send(0xF8)
    stage.later(MS)
    assert stage.values("cc", 70) == [1] and stage.times == []


def test_the_two_threads_give_one_at_a_time(stage: Stage) -> None:
    within = threading.Lock()

    def alone(event: ControlEvent) -> None:
        assert within.acquire(blocking=False)
        stage.events.append(event)
        within.release()

    stage.input._receive = alone
    stop = threading.Event()

    def flushes() -> None:
        while not stop.is_set():
            stage.input.flush()

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    thread = threading.Thread(target=flushes)
    thread.start()
    try:
        for number in range(2000):
            stage.send(0xB0, 1, number % 128, after_ns=20_000)
    finally:
        stop.set()
        thread.join(10)
        sys.setswitchinterval(before)
    stage.later(20 * MS)
    assert stage.errors == [] and stage.values("cc", 1)[-1] == 1999 % 128


def test_what_goes_wrong_later_reaches_the_owner_too(stage: Stage) -> None:
    def broken(event: ControlEvent) -> None:
        raise ZeroDivisionError

    stage.send(0xB0, 1, 64)
    stage.input._receive = broken
    stage.later(10 * MS)
    assert [type(error) for error in stage.errors] == [ZeroDivisionError]
