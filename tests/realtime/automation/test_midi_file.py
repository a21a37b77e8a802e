"""Standard MIDI Files, written by mido and byte by byte, and bytes that are none."""

from __future__ import annotations

import struct
import sys
import tracemalloc
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import Any

import mido
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stylefader.realtime.automation import midi_file
from stylefader.realtime.automation.midi_file import MidiFile, is_midi_file, parse_midi_file, read_midi_file
from stylefader.training.errors import AutomationError


def chunk(name: bytes, data: bytes) -> bytes:
    return name + struct.pack(">I", len(data)) + data


def smf(*tracks: bytes, kind: int = 0, division: int = 500, count: int | None = None) -> bytes:
    """A file of these tracks' events; an end of track is put after each."""
    header = chunk(b"MThd", struct.pack(">HHH", kind, len(tracks) if count is None else count, division))
    return header + b"".join(chunk(b"MTrk", track + b"\0\xff\x2f\0") for track in tracks)


def parse(data: bytes) -> MidiFile:
    return parse_midi_file(data, origin="x.mid")


def by_mido(*tracks: list[mido.Message | mido.MetaMessage], kind: int = 1, ticks: int = 480) -> bytes:
    file = mido.MidiFile(type=kind, ticks_per_beat=ticks)
    file.tracks.extend(mido.MidiTrack(track) for track in tracks)
    out = BytesIO()
    file.save(file=out)
    return out.getvalue()


def at(at_ns: int, track: int, data: bytes) -> tuple[int, int, list[int]]:
    return at_ns, track, list(data)


def told(found: MidiFile) -> list[tuple[int, int, list[int]]]:
    """Its messages, as bytes."""
    return [(message.at_ns, message.track, message.message.bytes()) for message in found.messages]


def cc(value: int, ticks: int = 0) -> mido.Message:
    return mido.Message("control_change", control=1, value=value, time=ticks)


def tempo(microseconds: int, ticks: int = 0) -> mido.MetaMessage:
    return mido.MetaMessage("set_tempo", tempo=microseconds, time=ticks)


@pytest.mark.parametrize("kind", [0, 1])
def test_the_same_times_as_mido_has(kind: int) -> None:
    """Tempo changes in one track, messages in others: mido adds its times up as floats, so to the microsecond."""
    tempos = [tempo(500_001), *(tempo(300_000 + 777 * n, 37) for n in range(300))]
    messages = [cc(n % 128, 41 * n % 97) for n in range(500)]
    if kind == 1:
        data = by_mido(tempos, [mido.MetaMessage("track_name", name="knobs"), *messages], messages[:40])
    else:
        data = by_mido([message for pair in zip(tempos, messages, strict=False) for message in pair], kind=0)
    found = parse(data)
    at, expected = 0.0, []
    for message in mido.MidiFile(file=BytesIO(data)):
        at += message.time
        if not message.is_meta:
            expected.append((at, message.bytes()))
    assert [message.message.bytes() for message in found.messages] == [data for _, data in expected]
    assert [message.at_ns / 1e9 for message in found.messages] == pytest.approx([at for at, _ in expected], abs=1e-6)
    assert found.tracks == (("", "knobs", "") if kind else ("",))


def test_nothing_adds_up_over_a_night() -> None:
    """A million ticks at tempos that no float has: the exact time, to the nanosecond."""
    tempos = [333_333 + 2 * (n % 5) for n in range(3000)]
    events = [event for each in tempos for event in (tempo(each), cc(1, 331))]
    found = parse(by_mido(events, ticks=960))
    exact = sum((Fraction(331 * each, 960 * 10**6) for each in tempos), Fraction(0))
    assert found.messages[-1].at_ns == round(exact * 10**9)
    assert len(found.messages) == 3000


def test_running_status_and_what_stands_between() -> None:
    found = parse(
        smf(b"\x00\xb0\x01\x05" b"\x81\x00\x01\x06" b"\x00\xff\x06\x01M" b"\x01\x01\x07" b"\x00\xf0\x02\x01\xf7"
            b"\x00\xd3\x09" b"\x01\x0a")
    )  # fmt: skip
    assert told(found) == [
        at(0, 0, b"\xb0\x01\x05"), at(128_000_000, 0, b"\xb0\x01\x06"),
        at(129_000_000, 0, b"\xb0\x01\x07"), at(129_000_000, 0, b"\xd3\x09"),
        at(130_000_000, 0, b"\xd3\x0a"),
    ]  # fmt: skip


def test_smpte_times_are_honoured_whatever_the_tempo() -> None:
    events = b"\x00\xff\x51\x03\x01\x00\x00" + b"\x64\xb0\x01\x05"
    for frames, exact in ((24, Fraction(24)), (25, Fraction(25)), (29, Fraction(30000, 1001)), (30, Fraction(30))):
        (message,) = parse(smf(events, division=(256 - frames) << 8 | 40)).messages
        assert message.at_ns == round(100 / (exact * 40) * 10**9)


def test_odd_files_that_are_good_all_the_same() -> None:
    """An odd key signature, chunks of other kinds, bytes after the end, a name in Latin-1, a missing end of track."""
    track = b"\0\xff\x59\x02\x63\x07\0\xff\x03\x03\xe9t\xe9\0\xff\x03\x01x\0\xc0\x03"
    data = smf(track)
    cut = data[:18] + struct.pack(">I", len(track)) + data[22 : 22 + len(track)]
    for made in (data, data[:14] + chunk(b"XFIH", b"12345") + data[14:], data + b"\0\x01\x02", cut):
        found = parse(made)
        assert found.tracks == ("été",) and told(found) == [at(0, 0, b"\xc0\x03")]


def number(value: int) -> bytes:
    """As a file has it: 7 bits a byte, the last one below 0x80."""
    parts = [value & 0x7F]
    while value := value >> 7:
        parts.append(value & 0x7F | 0x80)
    return bytes(reversed(parts))


MESSAGES = st.tuples(st.sampled_from([0x80, 0x93, 0xA1, 0xB0, 0xEF]), st.integers(0, 126), st.integers(0, 126)) | (
    st.tuples(st.sampled_from([0xC0, 0xD9]), st.integers(0, 126))
)
OTHERS = st.tuples(
    st.just(0xFF), st.integers(0, 127).filter(lambda kind: kind not in (0x2F, 0x51)), st.binary(max_size=200)
) | st.tuples(st.sampled_from([0xF0, 0xF7]), st.binary(max_size=200))


@given(st.lists(st.tuples(st.integers(0, 300_000), MESSAGES | OTHERS), max_size=40), st.booleans())
def test_messages_keep_their_times_whatever_stands_between(
    events: list[tuple[int, tuple[Any, ...]]], running: bool
) -> None:
    """Texts, system exclusive messages and meta events of kinds that mido does not know, some of them damaged."""
    track, tick, before, written = b"", 0, None, []
    for delta, event in events:
        tick += delta
        *head, last = event
        if isinstance(last, bytes):
            track += number(delta) + bytes(head) + number(len(last)) + last
            before = None
        else:
            track += number(delta) + bytes(event[running and event[0] == before :])
            written.append((tick * 10**6, 0, list(event)))
            before = event[0]
    assert told(parse(smf(track))) == written


def test_a_value_beyond_127_is_taken_as_127() -> None:
    assert told(parse(smf(b"\0\xb0\x01\xc8"))) == [at(0, 0, b"\xb0\x01\x7f")]


def test_what_stands_after_the_end_of_a_track_is_left_alone() -> None:
    assert told(parse(smf(b"\0\xc0\x03\0\xff\x2f\0\0\xc0\x04\xff"))) == [at(0, 0, b"\xc0\x03")]


@pytest.mark.parametrize("before", [b"", b"\0\xff\x01", b"\0\xf0", b"\0\xff\x03"])
def test_a_number_without_end_is_refused_before_it_is_read(before: bytes) -> None:
    """mido would add its bytes up one by one, into a number that grows with each."""
    calls = 0

    def counted(frame: object, event: str, argument: object) -> None:
        nonlocal calls
        calls += 1

    data = smf(before + b"\xff" * 10**6)
    sys.setprofile(counted)
    try:
        with pytest.raises(AutomationError, match="a number of more than four bytes"):
            parse(data)
    finally:
        sys.setprofile(None)
    assert calls < 5000


def test_what_is_left_out_costs_no_memory_and_no_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(midi_file, "_MOST_MESSAGES", 3)
    texts = b"\x01\xff\x01\0\x01\xf0\x01\xf7" * 50_000
    tracemalloc.start()
    try:
        found = parse(smf(texts + b"\0\xff\x03\x01a\0\xff\x51\x03\x01\0\0\0\xc0\x03"))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found.tracks == ("a",) and told(found) == [at(100_000 * 10**6, 0, b"\xc0\x03")]
    assert peak < 5 * 2**20
    with pytest.raises(AutomationError, match="track 1: more than 3 messages"):
        parse(smf(b"\0\xff\x51\x03\x01\0\0" * 4))


BAD = {
    "empty": (b"", "does not begin with MThd"),
    "something else": (b"RIFF" + bytes(60), "is not a Standard MIDI File"),
    "half a header": (smf(b"")[:12], "ends within its header"),
    "type 2": (smf(b"", b"", kind=2), "type 2, patterns without one time: export it as type 0 or 1"),
    "type 9": (smf(b"", kind=9), "type 9"),
    "no ticks": (smf(b"", division=0), "a quarter note of no ticks"),
    "smpte": (smf(b"", division=0x9F28), "a time division of 0x9f28"),
    "cut": (smf(b"\0\xb0\x01\x05", b"\0\xb0\x01\x05", kind=1)[:-9], "ends within track 2 of 2"),
    "too few tracks": (smf(b"", kind=1, count=3), "ends within track 2 of 3"),
    "no status": (smf(b"\0\x01\x05"), r"track 1, byte 2: running status without last_status"),
    "cut message": (smf(b"\0\xb0\x01\xc0\x05"), "it ends within an event"),
    "endless number": (smf(b"\xff\xff\xff\xff\xff\x01"), "more than four bytes"),
    "huge meta": (smf(b"\0\xff\x01\xff\xff\xff\x7f"), "it ends within an event"),
    "zero tempo": (smf(b"\0\xff\x51\x03\0\0\0"), "a tempo of 00 00 00"),
    "short tempo": (smf(b"\0\xff\x51\x01\x07"), "a tempo of 07"),
    "system": (smf(b"\0\xf8"), "a message 0xf8, which no file has"),
    "absurd times": (smf(b"\xff\xff\xff\x7f\xb0\x01\x05" * 20, division=1), "lasts more than 1000 hours"),
}


@pytest.mark.parametrize("case", BAD)
def test_bytes_that_are_no_midi_file(case: str) -> None:
    data, reason = BAD[case]
    with pytest.raises(AutomationError, match=reason) as caught:
        parse(data)
    assert caught.value.exit_code == 2 and str(caught.value).startswith("x.mid")


def test_files_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AutomationError, match=r"no MIDI file at .*none\.mid"):
        read_midi_file(tmp_path / "none.mid")
    with pytest.raises(AutomationError, match="cannot read the MIDI file"):
        read_midi_file(tmp_path)
    with (tmp_path / "large.mid").open("wb") as file:
        file.truncate(100 * 2**20)
    with pytest.raises(AutomationError, match="larger than the 16 MiB"):
        read_midi_file(tmp_path / "large.mid")
    monkeypatch.setattr(midi_file, "_MOST_MESSAGES", 10)
    assert len(parse(smf(b"\0\xd0\x01" + b"\0\x01" * 4, b"\0\xd0\x01" + b"\0\x01" * 4, kind=1)).messages) == 10
    with pytest.raises(AutomationError, match="track 2: more than 10 messages"):
        parse(smf(b"\0\xd0\x01" + b"\0\x01" * 4, b"\0\xd0\x01" + b"\0\x01" * 5, kind=1))


def test_what_is_meant_as_one(tmp_path: Path) -> None:
    (tmp_path / "take").write_bytes(smf(b""))
    (tmp_path / "take.csv").write_text("time,alpha\n")
    assert is_midi_file(tmp_path / "take") and is_midi_file(tmp_path / "none.MID")
    assert not is_midi_file(tmp_path / "take.csv") and not is_midi_file(tmp_path / "none.csv")


GOOD = by_mido([tempo(400_000), cc(3, 10), tempo(123_456, 7)], [cc(n, 5) for n in range(20)])


@settings(max_examples=300)
@given(
    st.binary(max_size=200)
    | st.lists(st.binary(max_size=60), min_size=1, max_size=4).map(lambda tracks: smf(*tracks, kind=1))
    | st.tuples(st.integers(0, len(GOOD) - 1), st.binary(max_size=3)).map(
        lambda edit: GOOD[: edit[0]] + edit[1] + GOOD[edit[0] + len(edit[1]) :]
    )
    | st.integers(0, len(GOOD)).map(lambda length: GOOD[:length])
)
def test_any_bytes_give_messages_in_time_order_or_a_clear_error(data: bytes) -> None:
    try:
        found = parse(data)
    except AutomationError:
        return
    times = [message.at_ns for message in found.messages]
    assert times == sorted(times) and all(at_ns >= 0 for at_ns in times)
    for message in found.messages:
        data = message.message.bytes()
        assert 0x80 <= data[0] < 0xF0 and max(data[1:]) < 0x80
        assert 0 <= message.track < len(found.tracks)
