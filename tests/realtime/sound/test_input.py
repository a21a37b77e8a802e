"""A sound input, on a sound system and a clock that the tests move."""

from __future__ import annotations

import builtins
import sys
import threading
from typing import Any

import numpy as np
import pytest

from stylefader.realtime.controls.mapping.mapping import Mapping
from stylefader.realtime.controls.mapping.sound_section import SoundMap
from stylefader.realtime.controls.modulation import Modulators
from stylefader.realtime.sound.devices import find_input, sound_inputs, sound_system
from stylefader.realtime.sound.input import SoundInput
from stylefader.realtime.sound.live_sound import SoundReading
from stylefader.realtime.sound.ring import Ring
from stylefader.training.errors import ControlError
from tests.realtime.fake_clock import FakeClock
from tests.realtime.live import blocks
from tests.realtime.sound.fake_system import FakeSystem
from tests.realtime.sound.waves import silence, tone

DEVICES = (("Speakers", 0, 48000), ("Built-in Microphone", 1, 44100), ("USB Mixer", 8, 48000), ("USB", 2, 48000))
MAP = SoundMap(target="alpha", band=(20, 200), floor=-40, ceiling=-20, attack=0, release=0.1, depth=0.5)


class Room:
    """An input with everything around it."""

    def __init__(self, word: str = "Mixer", *maps: SoundMap) -> None:
        self.clock = FakeClock()
        self.system = FakeSystem(*DEVICES, default=1)
        self.said: list[str] = []
        self.input = SoundInput(word, say=self.said.append, now_ns=self.clock.now_ns, system=self.system)
        self.input.take_over(Mapping(sounds=maps or (MAP,)))
        self.input.open()

    def reading(self) -> SoundReading:
        return self.input.reading(self.clock.now_ns())

    def hear(self, samples: np.ndarray, rate: int = 48000) -> None:
        """Time passes and the samples come, 10 ms after 10 ms."""
        each = rate // 100
        for begin in range(0, len(samples), each):
            self.system.streams[-1].feed(samples[begin : begin + each])
            self.clock.pass_time(0.01)
            self.input.step()

    def wait(self, seconds: float) -> None:
        """Time passes and nothing comes."""
        for _ in range(round(seconds * 100)):
            self.clock.pass_time(0.01)
            self.input.step()

    @property
    def offset(self) -> float:
        return float(self.input.offsets(self.clock.now_ns(), blocks(2))[1])


def test_alpha_follows_the_input() -> None:
    room = Room()
    assert room.offset == 0
    room.hear(silence(0.3))
    assert room.offset == 0
    room.hear(tone(60, -30, 0.3))
    assert room.offset == pytest.approx(0.25, abs=0.01)
    room.hear(tone(60, -6, 0.3))
    assert room.offset == pytest.approx(0.5)
    room.hear(tone(1000, -6, 0.6))
    assert room.offset < 0.01, "the other bands do not count"
    room.hear(silence(2))
    assert room.offset == 0
    assert room.system.streams[0].words["channels"] == 2 and room.system.streams[0].words["samplerate"] == 48000
    assert room.input.state == "running"
    (said,) = room.said
    assert said == "sound input USB Mixer: 48000 Hz, alpha is 40 ms behind it"


def test_what_is_shown_is_the_highest_of_the_last_second_whoever_reads_it() -> None:
    room = Room()
    room.hear(tone(60, -20, 0.2))
    room.hear(tone(1000, -30, 0.2))
    for _ in range(2):  # a second reader sees the same
        reading = room.reading()
        levels = dict(reading.levels_db)
        assert reading.state == "running"
        assert (levels["low"], levels["mid"], levels["all"]) == pytest.approx((-20, -30, -20), abs=0.5)
    room.hear(silence(0.7))
    assert dict(room.reading().levels_db)["low"] == pytest.approx(-20, abs=0.5), "0.9 s ago"
    room.hear(silence(0.5))
    silent = tuple((band, -120.0) for band in ("low", "mid", "high", "all"))
    assert room.reading() == SoundReading(state="running", levels_db=silent, lost=0)


def test_one_that_is_lost_falls_silent_and_comes_back() -> None:
    room = Room("2")
    room.hear(tone(60, -10, 0.3))
    assert room.offset == pytest.approx(0.5)
    stream = room.system.streams[0]
    stream.active = False
    room.system.devices[2] = ("something else", 2, 48000)
    room.wait(0.1)
    assert room.input.state == "lost" and stream.closed
    assert 0.05 < room.offset < 0.35, "as its release has it"
    room.wait(3)
    assert room.offset == 0
    room.system.devices += [DEVICES[2]]  # plugged in again, with another number
    for _ in range(900):
        room.wait(0.01)
        if len(room.system.streams) == 2:
            break
    assert room.system.streams[-1].words["device"] == 4, "by its name"
    room.hear(tone(60, -10, 0.2))
    assert room.offset == pytest.approx(0.5)
    assert room.input.state == "running"
    assert len(room.said) >= 3
    assert sum("is lost (it was unplugged" in said for said in room.said) == 1
    assert sum("is back" in said for said in room.said) == 1


def test_one_that_stalls_is_lost_too() -> None:
    room = Room()
    room.hear(tone(60, -10, 0.3))
    room.wait(0.2)
    assert room.offset == pytest.approx(0.5), "a hiccup is no silence"
    room.wait(1)
    assert room.offset < 0.05 and room.input.state == "running"
    room.wait(1)
    assert room.input.state == "lost"
    room.system.refuses = True
    began = room.system.began
    room.wait(60)
    assert 7 <= room.system.began - began <= 14, "it is tried less and less often"


def test_a_driver_that_hangs_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """As PortAudio does where a JACK server is gone: its own end at the program's exit would wait for ever, too."""
    monkeypatch.setattr("stylefader.realtime.sound.input._END_S", 0.05)
    gone: list[object] = []
    monkeypatch.setattr("stylefader.realtime.sound.input.atexit.unregister", gone.append)
    room = Room()
    room.hear(tone(60, -10, 0.3))
    hangs = threading.Event()
    stream = room.system.streams[0]
    monkeypatch.setattr(stream, "abort", hangs.wait)
    stream.active = False
    room.wait(20)
    assert room.offset == 0 and room.input.state == "lost"
    assert len(room.system.streams) == 1 and room.system.began == 1, "it is not touched again"
    assert "the sound system hangs; it is heard again only in a new session" in room.said[-1]
    assert gone == [room.system._exit_handler]
    room.input.close()
    hangs.set()


def test_an_edited_mapping_goes_on_from_where_it_stands() -> None:
    room = Room()
    room.hear(tone(60, -10, 0.3))
    again = SoundMap(target="alpha1", band=(20, 200), floor=-40, ceiling=-20, attack=0, release=60, depth=-1)
    room.input.take_over(Mapping(sounds=(again,)))
    assert room.offset == pytest.approx(0.5), "until the next samples"
    room.hear(silence(0.05))
    assert room.offset == pytest.approx(-1, abs=0.05)
    assert room.input.offsets(0, blocks(1))[0] == pytest.approx(0, abs=0.01)
    room.input.take_over(Mapping())
    room.hear(silence(0.05))
    assert room.offset == 0


def test_muted() -> None:
    room = Room()
    room.hear(tone(60, -10, 0.3))
    modulators = Modulators(room.input)
    assert modulators.offsets(0, blocks(1))[0] == pytest.approx(0.5)
    modulators.muted = {"sound"}
    assert modulators.offsets(0, blocks(1))[0] == 0


@pytest.mark.parametrize("value", [np.nan, np.inf, -3e38])
def test_what_is_no_number_is_none_of_alphas(value: float) -> None:
    room = Room()
    room.hear(np.full(9600, value))
    assert np.isfinite(room.offset)
    room.hear(silence(3))
    assert room.offset == 0


def test_the_thread_ends_and_tells_of_its_death() -> None:
    room = Room()
    room.input.start()
    room.input.close()
    room.input.close()
    assert all(stream.closed for stream in room.system.streams)
    room = Room()
    room.input.take_over(Mapping(sounds=("spoilt",)))  # type: ignore[arg-type]
    room.input.start()
    waited = threading.Event()
    for _ in range(2000):
        if room.input.error is not None:
            break
        room.system.streams[-1].feed(silence(0.1))
        waited.wait(0.01)
    assert isinstance(room.input.error, AttributeError)
    room.input.close()


@pytest.mark.parametrize(
    ("word", "number"),
    [("default", 1), ("1", 1), ("2", 2), ("micro", 1), ("USB", 3), ("usb", 2), ("USB Mixer", 2)],
)
def test_which_input_a_word_means(word: str, number: int) -> None:
    assert find_input(word, sound_inputs(FakeSystem(*DEVICES, default=1))).number == number


@pytest.mark.parametrize("word", ["0", "7", "line in", ""])
def test_inputs_that_are_not_there(word: str) -> None:
    inputs = sound_inputs(FakeSystem(*DEVICES[:2]))
    if word:
        with pytest.raises(ControlError, match=r"there is 1 Built-in Microphone \(Fake\)"):
            find_input(word, inputs)
    with pytest.raises(ControlError, match="there is none at all"):
        find_input(word or "default", [])


def test_an_input_that_cannot_be_opened() -> None:
    system = FakeSystem(*DEVICES)
    system.refuses = True
    with pytest.raises(ControlError, match=r"sound input 3 USB \(Fake\) cannot be opened: Device unavailable"):
        SoundInput("3", system=system).open()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ImportError("No module named 'sounddevice'"), r"pip install 'stylefader\[sound\]'"),
        (OSError("PortAudio library not found"), "apt install libportaudio2"),
    ],
)
def test_what_is_not_installed(error: Exception, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def fake(name: str, *more: Any, **named: Any) -> Any:
        if name == "sounddevice":
            raise error
        return real(name, *more, **named)

    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.setattr(builtins, "__import__", fake)
    with pytest.raises(ControlError, match=words):
        sound_system()


def test_the_ring_keeps_the_newest_half() -> None:
    ring = Ring(100, 2)
    numbers = np.arange(1000, dtype=np.float32)
    pairs = np.stack([numbers, -numbers], axis=1)
    ring.put(pairs[:30])
    assert np.array_equal(ring.take(), pairs[:30])
    assert len(ring.take()) == 0
    ring.put(pairs[30:70])
    ring.put(pairs[70:75])
    assert np.array_equal(ring.take(), pairs[30:75]) and ring.lost == 0
    for begin in range(75, 275, 25):
        ring.put(pairs[begin : begin + 25])
    assert np.array_equal(ring.take(), pairs[225:275]) and ring.lost == 150
    ring.put(pairs[:350])
    assert np.array_equal(ring.take(), pairs[300:350]), "more than it holds, at once"


def test_what_was_never_measured_is_counted() -> None:
    room = Room()
    ring = room.input._ring
    ring.put(np.zeros((len(ring._samples), 2), np.float32))
    room.input.step()
    assert room.reading().lost == len(ring._samples) - len(ring._samples) // 2
