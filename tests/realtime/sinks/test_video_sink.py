"""VideoFileSink: what comes out equals what went in, in times, sizes, colours and every other track."""

from __future__ import annotations

import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.packet import Packet

from stylefader.realtime.media.colour import ColourTags
from stylefader.realtime.media.frame import Frame
from stylefader.realtime.sinks.files.video_file import VideoFileSink
from stylefader.realtime.sources.files.video_file import VideoFileSource
from stylefader.training.errors import SinkError
from tests.realtime.clips import HEIGHT, WIDTH, Clip, Content, read

F = Fraction
NTSC = F(30000, 1001)
VFR_90K = [0, 3000, 4500, 12000, 12600, 30000, 33003, 60000]
VFR_MS = [0, 33, 50, 120, 333, 334, 700, 1000]


def copy(source_path: Path, target: Path, *, settings: dict[str, Any] | None = None, **options: Any) -> VideoFileSink:
    """The source's frames, untouched, through the sink; the closed sink comes back for its notes."""
    settings = settings or {}
    with VideoFileSource(source_path, **settings) as source:
        sink = VideoFileSink(
            target,
            width=source.width,
            height=source.height,
            rate=source.rate,
            time_base=source.time_base,
            copy_from=source,
            origin=source.origin if settings.get("start") else F(0),
            sample_aspect_ratio=source.sample_aspect_ratio,
            colour=source.colour,
            **options,
        )
        with sink:
            for item in source.frames_and_packets():
                if isinstance(item, Packet):
                    sink.write_packet(item)
                else:
                    sink.write(item)
    return sink


def left_behind(folder: Path) -> list[str]:
    return [name for name in os.listdir(folder) if "partial" in name]


def frame_at(pts: Fraction, index: int = 0, size: tuple[int, int] = (WIDTH, HEIGHT), value: int = 90) -> Frame:
    image = np.full((size[1], size[0], 3), value, np.uint8)
    return Frame(image=image, pts=pts, index=index, captured_ns=0)


def near(content: Content, other: Content) -> bool:
    return all(
        np.abs(a.astype(int) - b.astype(int)).mean() < 6 for a, b in zip(content.images, other.images, strict=True)
    )


# -- times ---------------------------------------------------------------------------------------------------------

CLIPS = {
    "ntsc": Clip(rate=NTSC),
    "ntsc in 90 kHz": Clip(rate=NTSC, time_base=F(1, 90000)),
    "film in 90 kHz": Clip(rate=F(24000, 1001), time_base=F(1, 90000)),
    "pal in ms": Clip(rate=F(25), time_base=F(1, 1000)),
    "fast": Clip(rate=F(60), time_base=F(1, 15360)),
    "vfr in 90 kHz": Clip(rate=F(30), time_base=F(1, 90000), ticks=VFR_90K),
    "vfr in ms": Clip(rate=F(30), time_base=F(1, 1000), ticks=VFR_MS),
    "late start": Clip(rate=F(25), time_base=F(1, 90000), ticks=[123456 + 3600 * i for i in range(12)]),
}


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv"])
@pytest.mark.parametrize("name", list(CLIPS))
def test_times_and_rate_are_those_of_the_source(tmp_path: Path, name: str, suffix: str) -> None:
    path = CLIPS[name].make(tmp_path / "in.mp4")
    sink = copy(path, tmp_path / f"out.{suffix}")
    before, wanted = read(path)
    after, found = read(tmp_path / f"out.{suffix}")
    in_milliseconds = suffix == "mkv" and any((t * 1000).denominator != 1 for t in wanted.times)
    if in_milliseconds:
        assert max(abs(a - b) for a, b in zip(found.times, wanted.times, strict=True)) <= F(1, 2000)
        assert any("milliseconds" in note for note in sink.notes)
    else:
        assert found.times == wanted.times
        assert name == "vfr in ms" or not any("milliseconds" in note for note in sink.notes)
    if name != "late start" or suffix != "mkv":  # Matroska guesses a rate again from few frames
        assert after.rate == before.rate
    if suffix != "mkv":
        assert found.last_duration == wanted.last_duration
        assert after.duration == before.duration
    assert near(found, wanted)


def test_times_from_matroska_stay(tmp_path: Path) -> None:
    path = Clip(rate=NTSC, audio=["eng"]).make(tmp_path / "in.mkv")
    _, wanted = read(path)
    for suffix in ("mp4", "mkv"):
        copy(path, tmp_path / f"out.{suffix}")
        source, found = read(tmp_path / f"out.{suffix}")
        assert found.times == wanted.times
        assert source.rate == NTSC
        assert found.packets == wanted.packets


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_a_cut_starts_at_zero(tmp_path: Path, suffix: str) -> None:
    path = Clip(audio=["eng"], frames=40, chapters=True, rate=NTSC).make(tmp_path / f"in.{suffix}")
    settings = {"start": F(1, 3), "stop": F(1)}
    copy(path, tmp_path / f"out.{suffix}", settings=settings)
    source, wanted = read(path, **settings)
    after, found = read(tmp_path / f"out.{suffix}")
    limit = F(0) if suffix == "mp4" else F(1, 2000)
    assert len(found.times) == len(wanted.times)
    assert all(abs(a - (b - source.origin)) <= limit for a, b in zip(found.times, wanted.times, strict=True))
    assert [data for data, _ in found.packets[1]] == [data for data, _ in wanted.packets[1]]
    titles = [chapter["metadata"]["title"] for chapter in after.chapters]
    assert titles == ["one", "two"]
    assert after.chapters[0]["start"] == 0
    assert abs(after.chapters[-1]["end"] * after.chapters[-1]["time_base"] - F(2, 3)) < F(1, 100)


# -- sizes, colours, codecs ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(63, 48), (64, 47), (33, 21)])
@pytest.mark.parametrize(
    ("suffix", "codec"), [("mp4", "h264"), ("mkv", "h264"), ("mp4", "hevc"), ("webm", "vp9"), ("mkv", "ffv1")]
)
def test_odd_sizes_stay_when_asked(tmp_path: Path, size: tuple[int, int], suffix: str, codec: str) -> None:
    if codec == "hevc":
        size = (size[0] + 64, size[1] + 64)
    path = tmp_path / f"out.{suffix}"
    sink = VideoFileSink(
        path, width=size[0], height=size[1], rate=F(25), time_base=F(1, 25), codec=codec, exact_size=True
    )
    with sink:
        for i in range(3):
            sink.write(frame_at(F(i, 25), i, size))
    source, content = read(path)
    assert (source.width, source.height) == sink.size == size
    assert np.abs(content.images[0].astype(int) - 90).max() <= 3
    assert any("4:4:4" in note for note in sink.notes) == (codec in ("h264", "hevc"))


def test_pixel_format_of_even_sizes_is_the_common_one(tmp_path: Path) -> None:
    copy(Clip(pixel_format="yuv444p10le").make(tmp_path / "in.mkv"), tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert container.streams.video[0].codec_context.pix_fmt == "yuv420p"


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
@pytest.mark.parametrize("tags", [(1, 1, 1, 1), (6, 6, 6, 1), (5, 5, 6, 2), None])
def test_colour_tags_and_colours_come_back(tmp_path: Path, tags: tuple[int, int, int, int] | None, suffix: str) -> None:
    image = np.empty((HEIGHT, WIDTH, 3), np.uint8)
    image[:] = (200, 60, 30)
    clip = Clip(tags=tags, image=image, frames=4, options={"crf": "4"}, pixel_format="yuv444p")
    path = clip.make(tmp_path / f"in.{suffix}")
    copy(path, tmp_path / f"out.{suffix}", crf=4)
    _, wanted = read(path)
    source, found = read(tmp_path / f"out.{suffix}")
    matrix, primaries, transfer = tags[:3] if tags else (6, 2, 2)
    assert source.colour == ColourTags(matrix=matrix, primaries=primaries, transfer=transfer, full_range=False)
    assert np.abs(wanted.images[1].astype(int) - image).max() <= 3
    assert np.abs(found.images[1].astype(int) - image).max() <= 4


@pytest.mark.parametrize(("height", "code"), [(480, 6), (720, 1)])
def test_untagged_frames_get_the_matrix_of_their_height(tmp_path: Path, height: int, code: int) -> None:
    path = tmp_path / "out.mp4"
    with VideoFileSink(path, width=64, height=height, rate=F(25), time_base=F(1, 25)) as sink:
        sink.write(frame_at(F(0), 0, (64, height)))
    source, _ = read(path)
    assert source.colour == ColourTags(matrix=code, primaries=code, transfer=code)


@pytest.mark.parametrize(
    ("suffix", "codec", "name"),
    [("mp4", None, "h264"), ("mkv", None, "h264"), ("webm", None, "vp9"), ("mp4", "hevc", "hevc"),
     ("mp4", "av1", "av1"), ("mkv", "libx265", "hevc"), ("mp4", "mpeg4", "mpeg4"), ("mkv", "ffv1", "ffv1")],
)  # fmt: skip
def test_codecs(tmp_path: Path, capfd: pytest.CaptureFixture[str], suffix: str, codec: str | None, name: str) -> None:
    path = Clip(frames=6, rate=NTSC, size=(96, 64)).make(tmp_path / "in.mp4")
    capfd.readouterr()
    copy(path, tmp_path / f"out.{suffix}", codec=codec)
    assert capfd.readouterr().err == "", "no encoder speaks to the terminal"
    with av.open(str(tmp_path / f"out.{suffix}")) as container:
        assert container.streams.video[0].codec_context.codec.canonical_name == name
    _, wanted = read(path)
    _, found = read(tmp_path / f"out.{suffix}")
    limit = F(1, 2000) if suffix in ("mkv", "webm") else F(0)
    assert all(abs(a - b) <= limit for a, b in zip(found.times, wanted.times, strict=True))
    assert near(found, wanted)


def test_sample_aspect_and_rotation(tmp_path: Path) -> None:
    clip = Clip(rotation=(90, False, False), aspect=F(4, 3), metadata={"title": "up"})
    for suffix in ("mp4", "mkv"):
        path = tmp_path / f"out.{suffix}"
        copy(clip.make(tmp_path / "in.mp4"), path)
        with av.open(str(path)) as container:
            frame = next(container.decode(video=0))
            assert frame.rotation == 0
            assert (frame.width, frame.height) == (HEIGHT, WIDTH)
            assert container.streams.video[0].sample_aspect_ratio == F(3, 4)
            assert container.metadata["title"] == "up"


# -- other tracks --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "end", "subtitles"),
    [
        ("mkv", "mkv", "subrip"),
        ("mp4", "mp4", "mov_text"),
        ("mkv", "mp4", "subrip"),
        ("mp4", "mkv", "mov_text"),
        ("mov", "mp4", "mov_text"),
    ],
)
def test_every_track_goes_along(tmp_path: Path, start: str, end: str, subtitles: str) -> None:
    clip = Clip(
        frames=40,
        audio=["eng", "fra"],
        subtitles=subtitles,
        chapters=True,
        attachment=b"font data" * 9 if start == "mkv" else None,
        metadata={"title": "A film", "artist": "Somebody"} | ({"mood": "blue"} if start == "mkv" else {}),
    )
    path = clip.make(tmp_path / f"in.{start}")
    sink = copy(path, tmp_path / f"out.{end}")
    _, wanted = read(path)
    after, found = read(tmp_path / f"out.{end}")
    assert wanted.kinds[:3] == ["audio", "audio", "subtitle"]

    for index in (1, 2):
        assert [data for data, _ in found.packets[index]] == [data for data, _ in wanted.packets[index]]
        tick = F(1, 1000) if "mkv" in (start, end) else F(0)
        for (_, a), (_, b) in zip(found.packets[index], wanted.packets[index], strict=True):
            assert a is not None
            assert b is not None
            assert abs(a - b) <= tick
    assert found.times == wanted.times
    fits = subtitles == ("mov_text" if end == "mp4" else "subrip")
    texts = [data for data, _ in found.packets.get(3, []) if b"hello" in data or b"again" in data]
    assert len(texts) == (2 if fits else 0)
    assert any("subtitle" in note and "cannot hold" in note for note in sink.notes) == (not fits)
    assert any("attachment" in note for note in sink.notes) == (start == "mkv" and end != "mkv")
    assert [c["metadata"]["title"] for c in after.chapters] == ["one", "two"]
    words = {key.lower(): value for key, value in after.metadata.items()}
    assert words["title"] == "A film"
    assert words["artist"] == "Somebody"
    assert words.get("mood") == ("blue" if start == "mkv" else None)


def test_languages_dispositions_and_attachments(tmp_path: Path) -> None:
    data = os.urandom(999)
    path = Clip(audio=["eng", "fra"], subtitles="subrip", attachment=data).make(tmp_path / "in.mkv")
    sink = copy(path, tmp_path / "out.mkv")
    assert not sink.notes
    with av.open(str(path)) as one, av.open(str(tmp_path / "out.mkv")) as two:
        for a, b in zip(one.streams, two.streams, strict=True):
            assert (a.type, a.disposition, a.language) == (b.type, b.disposition, b.language)
            assert a.metadata.get("title") == b.metadata.get("title")
        assert two.streams.attachments[0].data[: len(data)] == data
        assert two.streams.attachments[0].mimetype == "application/x-truetype-font"


def test_sound_that_webm_cannot_hold_is_said(tmp_path: Path) -> None:
    path = Clip(audio=["eng"]).make(tmp_path / "in.mp4")
    sink = copy(path, tmp_path / "out.webm")
    assert any("WebM cannot hold audio track 1 (aac, eng)" in note for note in sink.notes)
    assert read(tmp_path / "out.webm")[1].kinds == []


# -- refusals ------------------------------------------------------------------------------------------------------


def refusal(path: Path, **options: Any) -> SinkError:
    settings: dict[str, Any] = {"width": WIDTH, "height": HEIGHT, "rate": F(25), "time_base": F(1, 25), **options}
    sink = VideoFileSink(path, **settings)
    with pytest.raises(SinkError) as caught:
        sink.open()
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)
    if os.path.isdir(path.parent):
        assert not left_behind(path.parent)
    return caught.value


def test_targets_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "there.mp4").write_bytes(b"precious")
    (tmp_path / "folder.mp4").mkdir()
    (tmp_path / "file").touch()
    for name, words in [
        ("there.mp4", "exists already"),
        ("folder.mp4", "is a folder"),
        ("nowhere/out.mp4", "does not exist"),
        ("file/out.mp4", "not a folder"),
        ("out.xyz", "'.xyz'"),
        ("out", "no ending"),
        ("n" * 252 + ".mp4", "File name too long"),
        ("n" * 256 + "/out.mp4", "does not exist"),
    ]:
        assert words in str(refusal(tmp_path / name))
    assert (tmp_path / "there.mp4").read_bytes() == b"precious"


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("out.webm", {"codec": "h264"}, "WebM cannot hold h264 video; it holds vp9, av1"),
        ("out.mp4", {"codec": "ffv1"}, "goes into .mkv"),
        ("out.mp4", {"codec": "divx"}, "unknown video codec 'divx'"),
        ("out.mp4", {"crf": 99}, "0 (best) to 51"),
        ("out.mp4", {"codec": "av1", "width": 63, "exact_size": True}, "odd size"),
        ("out.mp4", {"width": 0}, "0x48"),
        ("out.mp4", {"codec": "hevc", "width": 34, "height": 22}, "as small as 34x22"),
        ("out.mp4", {"width": 30000}, "cannot be begun"),
    ],
)
def test_settings_that_cannot_be(tmp_path: Path, name: str, options: dict[str, Any], words: str) -> None:
    assert words in str(refusal(tmp_path / name, **options))


@pytest.mark.parametrize("link", ["same", "symbolic", "hard"])
def test_the_input_is_never_the_output(tmp_path: Path, link: str) -> None:
    path = Clip(frames=3).make(tmp_path / "in.mp4")
    data = path.read_bytes()
    target = path if link == "same" else tmp_path / "other.mp4"
    if link == "symbolic":
        target.symlink_to(path)
    elif link == "hard":
        target.hardlink_to(path)
    with VideoFileSource(path) as source:
        assert "is the file that is being read" in str(refusal(target, copy_from=source, overwrite=True))
    assert path.read_bytes() == data


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="no /proc here")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root gets past the folder's permissions")
def test_folder_in_which_no_file_can_be_made() -> None:
    assert "cannot be created there: No such file or directory" in str(refusal(Path("/proc/out.mp4")))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_folder_that_may_not_be_written(tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    assert "may not be written" in str(refusal(tmp_path / "locked" / "out.mp4"))


# -- whole or not at all -------------------------------------------------------------------------------------------


def sink_for(path: Path, **options: Any) -> VideoFileSink:
    return VideoFileSink(path, width=WIDTH, height=HEIGHT, rate=F(25), time_base=F(1, 25), **options)


def interrupted(sink: VideoFileSink) -> None:
    with sink:
        sink.write(frame_at(F(0)))
        raise KeyboardInterrupt


def test_abort_and_errors_leave_nothing(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    path.write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt):
        interrupted(sink_for(path, overwrite=True))
    with pytest.raises(SinkError, match="no frame came"), sink_for(path, overwrite=True):
        pass
    with pytest.raises(SinkError, match="32x32"), sink_for(path, overwrite=True) as sink:
        sink.write(frame_at(F(0), size=(32, 32)))
    assert os.listdir(tmp_path) == ["out.mp4"]
    assert path.read_bytes() == b"old"
    with sink_for(path, overwrite=True) as sink:
        assert left_behind(tmp_path)
        assert path.read_bytes() == b"old"
        sink.write(frame_at(F(0)))
    sink.close()
    sink.abort()
    assert os.listdir(tmp_path) == ["out.mp4"]
    assert len(read(path)[1].times) == 1
    with pytest.raises(SinkError, match="not open"):
        sink.write(frame_at(F(1)))


@pytest.mark.parametrize("name", [82 * "\u6f22" + ".mp4", 251 * "n" + ".mkv"])
def test_long_names(tmp_path: Path, name: str) -> None:
    with sink_for(tmp_path / name) as sink:
        sink.write(frame_at(F(0)))
    assert os.listdir(tmp_path) == [name]


def test_links_stay_and_what_they_lead_to_is_written(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    link, target = tmp_path / "link.mp4", tmp_path / "there" / "real.mp4"
    link.symlink_to(target)
    assert "exists already" in str(refusal(link)), "a link that leads nowhere is there all the same"
    for value in (30, 200):
        with sink_for(link, overwrite=True) as sink:
            assert left_behind(target.parent)
            sink.write(frame_at(F(0), value=value))
        assert link.is_symlink()
        assert abs(read(target)[1].images[0].mean() - value) < 3
        assert os.listdir(target.parent) == ["real.mp4"]
    link.unlink()
    link.symlink_to(tmp_path / "nowhere" / "real.mp4")
    assert "nowhere does not exist" in str(refusal(link, overwrite=True))


def test_the_image_may_be_reused_after_write(tmp_path: Path) -> None:
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    with sink_for(tmp_path / "out.mp4") as sink:
        for i in range(10):
            image[:] = 20 * i
            sink.write(Frame(image=image, pts=F(i, 25), index=i, captured_ns=0))
        image[:] = 255
    _, content = read(tmp_path / "out.mp4")
    assert [round(float(i.mean()) / 20) for i in content.images] == list(range(10))


DISK_FULL = """
import resource, signal, sys
from fractions import Fraction as F
from pathlib import Path
import numpy as np
from stylefader.realtime.media.frame import Frame
from stylefader.realtime.sinks.files.video_file import VideoFileSink
from stylefader.training.errors import SinkError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
noise = np.random.default_rng(0)
try:
    with VideoFileSink(sys.argv[1], width=320, height=240, rate=F(25), time_base=F(1, 25), crf=4) as sink:
        for i in range(int(sys.argv[3])):
            image = noise.integers(0, 256, (240, 320, 3), dtype=np.uint8)
            sink.write(Frame(image=image, pts=F(i, 25), index=i, captured_ns=0))
except SinkError as error:
    print(error.exit_code, error)
"""


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
@pytest.mark.parametrize(("limit", "frames"), [(0, 2), (100_000, 60), (100_000, 3)])
def test_full_disk(tmp_path: Path, suffix: str, limit: int, frames: int) -> None:
    """A file that may not grow fails like a full disk: while writing, while closing, at the first byte."""
    command = [sys.executable, "-c", DISK_FULL, str(tmp_path / f"out.{suffix}"), str(limit), str(frames)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("1 writing"), done.stdout + done.stderr
    assert "grew larger" in done.stdout
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
def test_words_of_a_full_disk() -> None:
    from stylefader.realtime.sinks.files.atomic_output import write_failed

    try:
        with open("/dev/full", "wb", buffering=0) as file:
            file.write(b"x")
    except OSError as error:
        said = write_failed(Path("/videos/out.mp4"), error)
    assert "no space left in /videos" in str(said)
    assert said.exit_code == 1
