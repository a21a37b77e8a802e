"""The sound of a file source in a recording: byte for byte, in step with the picture, over rounds and pauses."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import pytest

from stylefader.realtime.media.frame import Frame
from stylefader.realtime.pipeline.fan_out import FanOut
from stylefader.realtime.sinks.live.recording import RecordingSink
from stylefader.realtime.sources.base import Packet
from stylefader.realtime.sources.files.video_file import VideoFileSource
from tests.realtime.clips import HEIGHT, WIDTH, Clip

F = Fraction
BEGAN_NS = 7_000_000_000


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Two seconds of picture and sound."""
    return Clip(frames=50, rate=F(25), audio=["eng"], audio_seconds=2.0).make(tmp_path / "clip.mkv")


def played(path: Path, *, rounds: int = 1, pause_s: float = 0, first: int = 0) -> Iterator[Frame | Packet]:
    """What a live source gives of a file: frames stamped when they came, and packets, with times that go on growing.

    pause_s: how much later than at its end a round begins. first: frames left out at the beginning.
    """
    for number in range(rounds):
        offset = 2 * number
        with VideoFileSource(path) as source:
            for thing in source.frames_and_packets():
                if isinstance(thing, Packet):
                    if thing.pts is None:
                        continue
                    thing.pts += round(offset / thing.time_base)
                    yield thing
                elif number or thing.index >= first:
                    came = BEGAN_NS + round((thing.pts + offset + number * F(pause_s)) * 1_000_000_000)
                    # A few milliseconds of hurry and delay, as a machine has them.
                    yield replace(thing, pts=thing.pts + offset, captured_ns=came + thing.index % 7 * 1_000_000)


def record(clip: Path, target: Path, things: Iterator[Frame | Packet]) -> RecordingSink:
    with VideoFileSource(clip) as source:
        sound = next(track for track in source.tracks if track.type == "audio")
        with RecordingSink(target, width=WIDTH, height=HEIGHT, rate=F(25), sound=sound) as sink:
            for thing in things:
                sink.write(thing) if isinstance(thing, Frame) else sink.write_packet(thing)
    return sink


def sound_of(path: Path) -> list[tuple[float, bytes]]:
    with av.open(str(path)) as container:
        return [(float(p.pts * p.time_base), bytes(p)) for p in container.demux(audio=0) if p.size]


@pytest.mark.parametrize("ending", [".mkv", ".mp4"])
def test_sound_is_kept_byte_for_byte_at_its_time(tmp_path: Path, clip: Path, ending: str) -> None:
    target = tmp_path / f"show{ending}"
    assert record(clip, target, played(clip)).notes == []
    before, after = sound_of(clip), sound_of(target)
    kept = [(at, data) for at, data in before if at >= 0]
    assert [data for _, data in after] == [data for _, data in kept]
    assert [at for at, _ in after] == pytest.approx([at for at, _ in kept], abs=0.002)
    with av.open(str(target)) as container:
        assert sum(frame.samples for frame in container.decode(audio=0)) > 1.9 * 48000


def test_sound_starts_with_the_first_picture_that_is_recorded(tmp_path: Path, clip: Path) -> None:
    target = tmp_path / "show.mkv"
    record(clip, target, played(clip, first=20))  # 0.8 s
    before, after = sound_of(clip), sound_of(target)
    kept = [(at - 0.8, data) for at, data in before if at >= 0.8 + 0.006]
    assert [data for _, data in after][-len(kept) :] == [data for _, data in kept]
    assert [at for at, _ in after][-len(kept) :] == pytest.approx([at for at, _ in kept], abs=0.008)
    assert len(after) - len(kept) <= 1


@pytest.mark.parametrize("pause_s", [0, 1.5])
def test_rounds_follow_one_another_in_step(tmp_path: Path, clip: Path, pause_s: float) -> None:
    target = tmp_path / "show.mkv"
    record(clip, target, played(clip, rounds=3, pause_s=pause_s))
    after = sound_of(target)
    first = next(data for at, data in sound_of(clip) if at > 0.2)
    at = [time_s for time_s, data in after if data == first]
    expected = [at[0] + number * (2 + pause_s) for number in range(3)]
    assert at == pytest.approx(expected, abs=0.05)
    assert all(b > a for (a, _), (b, _) in itertools.pairwise(after))


def test_sound_that_the_container_cannot_hold_is_left_out_with_a_word(tmp_path: Path) -> None:
    clip = Clip(frames=10, audio=["eng"], audio_codec="pcm_s16le").make(tmp_path / "clip.mkv")
    sink = record(clip, tmp_path / "show.mp4", played(clip))
    assert sink.notes == ["MP4 cannot hold the pcm_s16le sound of the source; it is left out"]


def test_a_picture_without_sound_for_long_reaches_the_disk(tmp_path: Path, clip: Path) -> None:
    target = tmp_path / "show.mkv"
    with VideoFileSource(clip) as source:
        sink = RecordingSink(target, width=WIDTH, height=HEIGHT, rate=F(25), sound=source.tracks[0])
        sink.open()
        (frame, *_) = (thing for thing in played(clip) if isinstance(thing, Frame))
        for index in range(250):
            sink.write(replace(frame, pts=F(index, 25), captured_ns=index * 40_000_000))
        with av.open(str(target)) as container:
            assert sum(1 for p in container.demux(video=0) if p.size) > 150
        sink.close()


def test_the_fan_out_brings_packets_to_those_that_take_them(tmp_path: Path, clip: Path) -> None:
    target = tmp_path / "show.mkv"
    with VideoFileSource(clip) as source:
        sound = next(track for track in source.tracks if track.type == "audio")
        fan_out = FanOut(tell=print)
        sinks = [RecordingSink(path, width=WIDTH, height=HEIGHT, rate=F(25), sound=sound) for path in (
            target, tmp_path / "two.mkv")]  # fmt: skip
        for sink in sinks:
            fan_out.add(str(sink.path), sink, bound=60, drains=True, packets=True)
        fan_out.open()
        for thing in played(clip):
            if isinstance(thing, Frame):
                fan_out.put(thing)
            else:
                fan_out.put_packet(thing)
            time.sleep(0)
        assert fan_out.close(20) == []
    for sink in sinks:
        assert [d for _, d in sound_of(sink.path)][:80] == [d for at, d in sound_of(clip) if at >= 0][:80]
    assert [stats.written + stats.dropped for stats in fan_out.stats()] == [50, 50]
