"""A MIDI file played into a render is what the same messages are when they are played live."""

from __future__ import annotations

import random
import sys
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mido import Message

from stylefader.realtime.automation.midi_automation import MidiAutomation, midi_automation
from stylefader.realtime.automation.midi_file import MidiFile, MidiMessage, parse_midi_file
from stylefader.realtime.automation.midi_keyframes import midi_keyframes
from stylefader.realtime.controls.mapping.mapping import parse_mapping
from stylefader.realtime.controls.midi.decoder import Decoder
from stylefader.realtime.controls.router import Router
from stylefader.realtime.parameters.alpha_desk import AlphaDesk
from stylefader.realtime.parameters.parameter import Parameter, Values, alpha_parameter
from stylefader.training.errors import AutomationError
from tests.realtime.automation.test_midi_file import smf
from tests.realtime.controls.player import ALL, FakePlayer, block
from tests.realtime.live import HEADER
from tests.realtime.strengths import alpha_at

MAPPING = """
[[map]]
kind = "cc"
number = 20
target = "alpha0"
curve = "slow"
invert = true
[[map]]
kind = "cc14"
number = 1
target = "alpha1"
range = [0.2, 0.8]
[[map]]
kind = "nrpn"
number = 259
target = "alpha2"
[[map]]
kind = "cc"
number = 30
target = "alpha"
relative = "twos"
[[map]]
kind = "pitchbend"
channel = 2
target = "alpha1"
[[map]]
kind = "note"
number = 36
target = "alpha0"
[[map]]
kind = "note"
number = 37
target = "panic"
"""
N = 3


def blocks(number: int = N) -> list[Parameter]:
    return [alpha_parameter(HEADER.alpha, number)]


def made(
    messages: Sequence[tuple[int, bytes]], mapping: str = MAPPING, tracks: tuple[str, ...] = ("",), **words: int
) -> MidiAutomation:
    """An automation from (milliseconds, bytes)."""
    file = MidiFile(
        tracks=tracks, messages=tuple(MidiMessage(ms * 10**6, 0, Message.from_bytes(data)) for ms, data in messages)
    )
    return midi_automation(
        file, parse_mapping(mapping, origin="c.toml").maps, blocks(words.get("n_blocks", N)), origin="take.mid"
    )


def performance(seed: int, count: int = 400) -> list[tuple[int, bytes]]:
    """Messages of every kind, with coarse halves alone and in pairs, from 1 ms on."""
    rng = random.Random(seed)
    messages, ms = [], 1
    for _ in range(count):
        value = rng.randrange(128)
        part = rng.choice([
            [bytes((0xB0, 20, value))], [bytes((0xB0, 1, value)), bytes((0xB0, 33, rng.randrange(128)))],
            [bytes((0xB0, 1, value))], [bytes((0xB0, 99, 2)), bytes((0xB0, 98, 3)), bytes((0xB0, 6, value))],
            [bytes((0xB0, 30, rng.choice([1, 127])))], [bytes((0xE1, value, rng.randrange(128)))],
            [bytes((0x90, 36, value))], [bytes((0x90, 37, value % 2))],
        ])  # fmt: skip
        messages += [(ms, data) for data in part]
        ms += rng.choice([0, 1, 3, 20, 20, 300])
    return messages


def played_live(messages: Sequence[tuple[int, bytes]], frames: Sequence[Fraction]) -> list[Values]:
    """Through decoder and router into a desk that is asked at each frame, as a session does."""
    player, decoder = FakePlayer(), Decoder()
    maps = [replace(entry, pickup=False) for entry in parse_mapping(MAPPING, origin="c.toml").maps]
    router = Router(player, maps)
    asked = [(round(at * 10**9), None) for at in frames]
    # What waits for a fine half is looked after a thousand times a second.
    polls = [(ms * 10**6, b"") for ms in range(messages[-1][0] + 100)]
    alphas = []
    for at_ns, what in sorted([*polls, *((ms * 10**6, data) for ms, data in messages), *asked], key=lambda e: e[0]):
        if what is None:
            alphas.append(player.desk.values(at_ns)["alpha"])
            continue
        for event in decoder.feed(Message.from_bytes(what), at_ns) if what else decoder.due(at_ns):
            if event.kind == "note" and event.number == 37 and event.raw:
                player.desk.values(at_ns)["alpha"]
            router.handle(event)
    return alphas


@pytest.mark.parametrize("seed", range(4))
def test_what_is_rendered_is_what_is_played(seed: int) -> None:
    messages = performance(seed)
    rate = Fraction(30000, 1001)
    frames = [n / rate for n in range(int(messages[-1][0] / 1000 * rate) + 60)]
    live = np.array(played_live(messages, frames))
    automation = made(messages)
    automation.check({"alpha": N})
    again = np.array([alpha_at(automation, at, N) for at in frames])
    assert np.ptp(live, axis=0).min() > 0.3, "all of them moved"
    np.testing.assert_allclose(again, live, rtol=0, atol=1e-6)


def test_the_same_whatever_was_asked_before() -> None:
    """Bit by bit, so that a part of a clip is what it is in the whole."""
    messages = performance(7, 2000)
    automation = made(messages)
    times = [Fraction(n, 30) for n in range(0, 30 * messages[-1][0] // 1000, 3)]
    forward = [alpha_at(automation, at, N) for at in times]
    shuffled = list(range(len(times)))
    random.Random(1).shuffle(shuffled)
    for place in shuffled[:300]:
        np.testing.assert_array_equal(alpha_at(automation, times[place], N), forward[place])
    np.testing.assert_array_equal(alpha_at(made(messages), times[-1], N), forward[-1])


def test_before_the_first_message_alpha_is_the_packs_default() -> None:
    automation = made([(2000, bytes((0xB0, 20, 0)))])
    assert alpha_at(automation, Fraction(0), N).tolist() == [HEADER.alpha.default] * 3
    assert alpha_at(automation, Fraction(2), N).tolist() == [HEADER.alpha.default] * 3
    assert 0.5 < alpha_at(automation, Fraction(41, 20), N)[0] < 1, "smoothed, as MIDI is"
    np.testing.assert_allclose(alpha_at(automation, Fraction(4), N), [1, 0.5, 0.5], atol=1e-6)


def test_what_stands_at_the_beginning_is_where_alpha_begins() -> None:
    automation = made([(0, bytes((0xB0, 20, 127))), (0, bytes((0xB0, 1, 127))), (0, bytes((0xB0, 33, 127)))])
    assert alpha_at(automation, Fraction(0), N).tolist() == pytest.approx([0, 0.8, 0.5])


@pytest.mark.parametrize(
    ("tracks", "port", "moves", "note"),
    [
        (("", "nanoKONTROL2"), "nano", True, None),
        (("nanoKONTROL2", "Drums"), "nano", False, None),
        (("", "Audio 1"), "nano", True, "no track of take.mid has 'nano' in its name: the mappings take every track"),
        (("", ""), "", True, None),
    ],
)  # fmt: skip
def test_a_tracks_name_is_its_port(tracks: tuple[str, ...], port: str, moves: bool, note: str | None) -> None:
    file = MidiFile(tracks=tracks, messages=(MidiMessage(10**9, 1, Message.from_bytes((0xB0, 1, 127))),))
    maps = parse_mapping(
        f'[[map]]\nkind="cc"\nnumber=1\ntarget="alpha"\n{f"port={port!r}" if port else ""}', origin="c"
    ).maps
    if moves:
        assert midi_automation(file, maps, blocks(), origin="take.mid").notes == ([note] if note else [])
    else:
        with pytest.raises(AutomationError, match="moves a parameter"):
            midi_automation(file, maps, blocks(), origin="take.mid")


def test_what_a_render_cannot_do_is_said_once() -> None:
    mapping = MAPPING + '[[map]]\nkind="program"\ntarget="style"\n[[map]]\nkind="note"\nnumber=40\ntarget="bypass"\n'
    automation = made([(9, bytes((0xC0, n))) for n in range(3)] + [(9, b"\x90\x28\x7f"), (9, b"\xb0\x14\x00")], mapping)
    (note,) = automation.notes
    assert "take.mid asks for bypass, style as well" in note
    assert made([(9, b"\xb0\x14\x00")], mapping).notes == [], "mapped, but not in this file"


@pytest.mark.parametrize(
    ("messages", "mapping", "n_blocks", "reason"),
    [
        ([(1, b"\xb0\x07\x00")] * 3 + [(1, b"\xe0\0\0")], MAPPING, 3, r"it has cc 7 \(3 times\), .*; map one of them"),
        ([], MAPPING, 3, "it has no controls, notes or programs at all"),
        ([(1, b"\xc0\x07")], '[[map]]\nkind="program"\ntarget="style"\n', 3, "no mapping for a parameter"),
        ([(1, b"\xb0\x14\0")], '[[map]]\nkind="cc"\nnumber=20\ntarget="alpha2"', 1, "no alpha2: .* alpha0 alone"),
        ([(1, b"\x90\x25\x7f")], MAPPING, 3, "it has note 37"),
    ],
)  # fmt: skip
def test_a_file_that_moves_no_alpha_is_refused(
    messages: list[tuple[int, bytes]], mapping: str, n_blocks: int, reason: str
) -> None:
    with pytest.raises(AutomationError, match=rf"nothing in take\.mid moves a parameter: .*{reason}"):
        made(messages, mapping, n_blocks=n_blocks)


def test_blocks_that_the_style_does_not_have_are_left_alone() -> None:
    automation = made([(1, b"\xb0\x14\x00"), (2, b"\xe1\x7f\x7f")], n_blocks=1)
    assert alpha_at(automation, Fraction(3), 1).tolist() == pytest.approx([1])
    assert automation.bounds() == (0.5, 1)
    with pytest.raises(AutomationError, match="was read for 1 of alpha, not 3 of alpha"):
        automation.check({"alpha": 3})


CONTROLS = st.sampled_from([1, 6, 20, 30, 33, 38, 96, 97, 98, 99, 101])
EVENTS = st.tuples(st.integers(0, 127), st.just(0xB0), CONTROLS, st.integers(0, 127)) | st.tuples(
    st.integers(0, 127), st.sampled_from([0x90, 0xB0, 0xE1]), st.integers(0, 127), st.integers(0, 127)
)


@settings(max_examples=150)
@given(st.lists(EVENTS, max_size=40), st.lists(st.fractions(0, 5), max_size=5))
def test_any_messages_give_finite_alphas_or_a_clear_error(
    events: list[tuple[int, int, int, int]], times: list[Fraction]
) -> None:
    track = b"".join(map(bytes, events))
    try:
        file = parse_midi_file(smf(track), origin="x.mid")
        automation = midi_automation(file, parse_mapping(MAPPING, origin="c").maps, blocks(), origin="x.mid")
    except AutomationError:
        return
    for at in times:
        alpha = alpha_at(automation, at, N)
        assert np.isfinite(alpha).all() and (alpha >= 0).all() and (alpha <= 1).all()


@pytest.mark.parametrize("tolerance", [0.02, 0.001])
def test_as_keyframes_it_is_nowhere_further_than_the_tolerance(tolerance: float) -> None:
    messages = [(1, b"\xb0\x14\x00"), (5000, b"\x90\x24\x7f"), *((ms + 7000, data) for ms, data in performance(3, 60))]
    automation = made(messages)
    file = midi_keyframes(automation, tolerance)
    assert file.columns == ("alpha0", "alpha1", "alpha2")
    assert len(file.automation.keyframes) < 20 * 60
    times = [Fraction(n, 500) for n in range((messages[-1][0] + 3000) // 2)]
    apart = [np.abs(alpha_at(file.automation, at, N) - alpha_at(automation, at, N)).max() for at in times]
    assert max(apart) <= tolerance
    together = midi_keyframes(made([(0, b"\xb0\x07\x7f")], '[[map]]\nkind="cc"\nnumber=7\ntarget="alpha"'), tolerance)
    assert together.columns == ("alpha",) and [k.values for k in together.automation.keyframes] == [(1,)]


def test_a_desk_and_its_copy_go_their_own_ways() -> None:
    desk = AlphaDesk(blocks(2))
    desk.move(block(0), 1, 0, "midi")
    other = desk.copy()
    other.move(ALL, 0, 10**8, "midi")
    alone = AlphaDesk(blocks(2))
    alone.move(block(0), 1, 0, "midi")
    np.testing.assert_array_equal(desk.values(3 * 10**8)["alpha"], alone.values(3 * 10**8)["alpha"])
    assert other.values(3 * 10**8)["alpha"][0] < 0.5


@pytest.mark.parametrize("spread", [1, 40])
def test_time_goes_with_the_number_of_messages(spread: int) -> None:
    """Counted in calls, which no busy machine changes."""

    def calls(count: int) -> int:
        track = b"".join(bytes((spread, 0xB0, 20, 37 * number % 128)) for number in range(count))
        told: list[float] = []
        number = 0

        def counted(frame: object, event: str, argument: object) -> None:
            nonlocal number
            number += event == "call"

        sys.setprofile(counted)
        try:
            file = parse_midi_file(smf(track), origin="take.mid")
            maps = parse_mapping(MAPPING, origin="c.toml").maps
            automation = midi_automation(file, maps, blocks(), origin="take.mid", tell=told.append)
            midi_keyframes(automation, 0.01, tell=told.append)
            alpha_at(automation, Fraction(10**6), N)
        finally:
            sys.setprofile(None)
        assert told[0] == 0 and all(0 <= share <= 1 for share in told) and len(automation.moves) == count
        return number

    few, many = calls(400), calls(1600)
    assert many < 4.2 * few and many / 1600 < 1000


def test_a_large_file_tells_how_far_it_is() -> None:
    told: list[float] = []
    messages = tuple(
        MidiMessage(number * 10**6, 0, Message.from_bytes((0xB0, 20, number % 128))) for number in range(20_000)
    )
    file = MidiFile(tracks=("",), messages=messages)
    maps = parse_mapping(MAPPING, origin="c.toml").maps
    made = midi_automation(file, maps, blocks(), origin="take.mid", tell=told.append)
    assert len(made.moves) == 20_000 and len(told) == 5 and told == sorted(told) and told[-1] > 0.8
