"""VideoFileSource: what it reads, at which times, in which colours, and what it says about bad files."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from stylefader.realtime.sources.files.video_file import VideoFileSource
from stylefader.realtime.sources.picture_maker import PictureMaker
from stylefader.training.errors import SourceError
from tests.realtime.clips import HEIGHT, WIDTH, Clip, read

F = Fraction
NTSC = F(30000, 1001)
VFR = [0, 3000, 4500, 12000, 12600, 30000, 33003, 60000]


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "mov", "avi", "ts", "webm"])
def test_reads_every_frame_of_common_containers(tmp_path: Path, suffix: str) -> None:
    codec = {"webm": "libvpx-vp9", "avi": "mpeg4"}.get(suffix, "libx264")
    path = Clip(codec=codec, audio=["eng"], audio_codec="libopus" if suffix == "webm" else "aac").make(
        tmp_path / f"clip.{suffix}"
    )
    source, content = read(path)
    assert len(content.times) == 24
    assert (source.width, source.height) == (WIDTH, HEIGHT)
    assert source.rate == 25
    steps = {b - a for a, b in zip(content.times, content.times[1:], strict=False)}
    assert steps == {F(1, 25)} or suffix == "avi"  # FFmpeg's AVI writer leaves a gap after the first frame
    assert not source.notes
    for at, image in enumerate(content.images):
        assert np.abs(image[4:-4, 4:-4].reshape(-1, 3).mean(0) - (at * 9 % 256, 128, 255 - at * 9 % 256)).max() < 20


@pytest.mark.parametrize(
    ("rate", "time_base"),
    [(F(25), None), (NTSC, F(1, 90000)), (F(24000, 1001), F(1, 24000)), (F(50), F(1, 1000)), (F(60), F(1, 15360))],
)
def test_rate_and_times_are_exact(tmp_path: Path, rate: F, time_base: F | None) -> None:
    source, content = read(Clip(rate=rate, time_base=time_base).make(tmp_path / "clip.mp4"))
    assert source.rate == rate
    assert content.times == [i / rate for i in range(24)]
    assert source.frame_count == 24
    assert source.duration == 24 / rate


def test_variable_rate(tmp_path: Path) -> None:
    source, content = read(Clip(ticks=VFR, time_base=F(1, 90000), rate=F(30)).make(tmp_path / "clip.mp4"))
    assert source.rate is None
    assert source.average_rate is not None
    assert source.frame_count == 8
    assert content.times == [F(tick, 90000) for tick in VFR]


def test_frame_counts_that_nobody_knows(tmp_path: Path) -> None:
    clip = Clip(ticks=VFR, time_base=F(1, 90000), rate=F(30))
    assert read(clip.make(tmp_path / "clip.mkv"))[0].frame_count is None
    assert read(clip.make(tmp_path / "clip.mp4"), start=F(1, 10))[0].frame_count is None


@pytest.mark.parametrize("audio", [[], ["eng"]])
@pytest.mark.parametrize("suffix", ["mp4", "mkv", "avi", "ts"])
def test_frame_counts(tmp_path: Path, suffix: str, audio: list[str]) -> None:
    clip = Clip(frames=20, codec="mpeg4", audio=audio)
    source, content = read(clip.make(tmp_path / f"clip.{suffix}"))
    assert source.frame_count == len(content.times) == 20


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
@pytest.mark.parametrize(
    ("start", "stop"), [(F(0), F(1, 2)), (F(1, 5), None), (F(41, 100), F(3, 5)), (F(23, 25), None)]
)
def test_range(tmp_path: Path, suffix: str, start: F, stop: F | None) -> None:
    path = Clip(audio=["eng"]).make(tmp_path / f"clip.{suffix}")
    whole_source, whole = read(path)
    zero = whole_source.clock_zero
    source, content = read(path, start=start, stop=stop)
    wanted = [t for t in whole.times if start <= t - zero and (stop is None or t - zero < stop)]
    assert content.times == wanted
    assert source.frame_count == len(wanted)
    for image, same in zip(
        content.images, [i for i, t in zip(whole.images, whole.times, strict=True) if t in wanted], strict=True
    ):
        np.testing.assert_array_equal(image, same)
    sound = [p for p in whole.packets[1] if start <= p[1] - zero and (stop is None or p[1] - zero < stop)]
    assert content.packets.get(1, []) == (
        sound if start else [p for p in whole.packets[1] if stop is None or p[1] - zero < stop]
    )


def test_clock_starts_where_the_file_starts(tmp_path: Path) -> None:
    path = Clip(ticks=[2000 + 40 * i for i in range(10)], time_base=F(1, 1000)).make(tmp_path / "late.mkv")
    source, content = read(path, start=F(1, 5))
    assert source.clock_zero == 2
    assert source.origin == F(11, 5)
    assert content.times == [2 + F(40 * i, 1000) for i in range(5, 10)]


@pytest.mark.parametrize("size", [(63, 47), (33, 20), (16, 17)])
def test_odd_sizes(tmp_path: Path, size: tuple[int, int]) -> None:
    source, content = read(Clip(size=size, pixel_format="yuv444p", frames=3).make(tmp_path / "odd.mkv"))
    assert (source.width, source.height) == size
    assert {image.shape for image in content.images} == {(size[1], size[0], 3)}


def test_what_is_scaled_has_square_pixels(tmp_path: Path) -> None:
    path = Clip(aspect=F(4, 3), frames=3).make(tmp_path / "clip.mp4")
    source, content = read(path, size=(96, 96))
    assert (source.width, source.height) == (96, 96)
    assert content.images[0].shape == (96, 96, 3)
    assert source.sample_aspect_ratio == 1


CORNERS = {"red": (0, 0), "green": (0, 1), "blue": (1, 1), "white": (1, 0)}
COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255), "white": (255, 255, 255)}


def four_corners() -> np.ndarray:
    image = np.empty((HEIGHT, WIDTH, 3), np.uint8)
    for name, (down, right) in CORNERS.items():
        rows = slice(HEIGHT // 2, None) if down else slice(0, HEIGHT // 2)
        image[rows, slice(WIDTH // 2, None) if right else slice(0, WIDTH // 2)] = COLOURS[name]
    return image


@pytest.mark.parametrize("degrees", [0, 90, 180, -90])
@pytest.mark.parametrize(("mirrored", "flipped"), [(False, False), (True, False), (False, True)])
@pytest.mark.parametrize("size", [None, (48, 64), (40, 40)])
def test_rotation(tmp_path: Path, degrees: int, mirrored: bool, flipped: bool, size: tuple[int, int] | None) -> None:
    clip = Clip(rotation=(degrees, mirrored, flipped), image=four_corners(), frames=2, options={"crf": "8"})
    source, content = read(clip.make(tmp_path / "turned.mp4"), size=size)
    wanted = np.rot90(four_corners(), degrees // 90)  # counter-clockwise, as the display matrix says
    wanted = wanted[:, ::-1] if mirrored else wanted
    wanted = wanted[::-1] if flipped else wanted
    image = content.images[0]
    assert image.shape[:2] == (wanted.shape[:2] if size is None else size[::-1])
    assert (source.width, source.height) == (image.shape[1], image.shape[0])
    assert image.flags.c_contiguous
    for down in (1 / 4, 3 / 4):
        for right in (1 / 4, 3 / 4):
            seen = image[int(image.shape[0] * down), int(image.shape[1] * right)].astype(int)
            expected = wanted[int(wanted.shape[0] * down), int(wanted.shape[1] * right)]
            assert np.abs(seen - expected).max() < 30


def test_phone_portrait_matrix() -> None:
    """The matrix that phones write for upright video: the sensor's left edge is the top of the picture."""
    from stylefader.realtime.sources.orientation import turn

    # a b u c d v x y w of ISO 14496-12 for 90 degrees clockwise is 0 1 0 -1 0 0 h 0 1: (x, y) goes to (-y, x).
    orient = (True, True, False)  # transposed, c < 0, b > 0
    np.testing.assert_array_equal(turn(four_corners(), orient), np.rot90(four_corners(), -1))


@pytest.mark.parametrize(
    ("codec", "suffix", "pixel_format"),
    [
        ("libx264", "mp4", "yuv420p10le"), ("libx265", "mkv", "yuv420p10le"), ("libx264", "mkv", "yuv422p"),
        ("ffv1", "mkv", "yuva420p"), ("ffv1", "mkv", "gray"), ("png", "mov", "rgba"), ("ffv1", "mkv", "bgr0"),
        ("libx264", "mkv", "gray"), ("mjpeg", "avi", "yuvj420p"), ("prores_ks", "mov", "yuv422p10le"),
    ],
)  # fmt: skip
def test_pixel_formats(tmp_path: Path, codec: str, suffix: str, pixel_format: str) -> None:
    grey = np.full((64, 96, 3), 90, np.uint8)
    wide = 2 if pixel_format in ("yuvj420p", "gray") else 1  # swscale writes grey at full range
    tags = (6, 6, 6, wide) if pixel_format.startswith(("yuv", "gray")) else None
    options = {"x265-params": "log-level=none"} if codec == "libx265" else {}
    clip = Clip(codec=codec, pixel_format=pixel_format, image=grey, frames=3, options=options, tags=tags, size=(96, 64))
    _, content = read(clip.make(tmp_path / f"clip.{suffix}"))
    assert len(content.images) == 3
    assert np.abs(content.images[1].astype(int) - 90).max() <= 2


# -- bad input -----------------------------------------------------------------------------------------------------


def refusal(path: Path, **settings: object) -> SourceError:
    with pytest.raises(SourceError) as caught:
        read(path, **settings)  # type: ignore[arg-type]
    message = str(caught.value)
    assert "\n" not in message
    return caught.value


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    assert "is a pipe, which cannot be read twice" in str(refusal(tmp_path / "pipe.mp4"))


def test_a_picture_that_cannot_be_converted_is_an_error_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(self: PictureMaker, *_: object) -> None:
        raise av.FFmpegError(22, "Invalid argument")

    path = Clip(frames=3).make(tmp_path / "clip.mp4")
    monkeypatch.setattr(PictureMaker, "__call__", fails)
    error = refusal(path)
    assert f"{path}: the picture at 0.000 s cannot be made into RGB (Invalid argument)" in str(error)
    assert error.exit_code == 1


def test_missing_folder_empty_and_rubbish(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "rubbish.mp4").write_bytes(b"not a video at all " * 50)
    (tmp_path / "text.mkv").write_text("hello")
    for name, words in [
        ("nobody.mp4", "does not exist"),
        ("empty.mp4/a.mp4", "does not exist"),
        ("n" * 252 + ".mp4", "File name too long"),
        ("n" * 256 + "/a.mp4", "File name too long"),
        (".", "is a folder"),
        ("empty.mp4", "is empty"),
        ("rubbish.mp4", "not a video"),
        ("text.mkv", "not a video"),
    ]:
        error = refusal(tmp_path / name)
        assert words in str(error)
        assert "Errno" not in str(error)
        assert error.exit_code == 2


def test_audio_only(tmp_path: Path) -> None:
    import av

    with av.open(str(tmp_path / "sound.m4a"), "w", format="mp4") as output:
        sound = output.add_stream("aac", rate=48000)
        frame = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), format="fltp", layout="stereo")
        frame.sample_rate = 48000
        output.mux(sound.encode(frame))
        output.mux(sound.encode(None))
    error = refusal(tmp_path / "sound.m4a")
    assert "no video track" in str(error)
    assert "audio" in str(error)
    assert error.exit_code == 2


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"start": F(5)}, "beyond the end"),
        ({"start": F(24, 25)}, "beyond the end"),
        ({"start": F(1), "stop": F(1)}, "empty"),
        ({"start": F(-1)}, "before"),
        ({"start": F(1, 2), "stop": F(51, 100)}, "no picture in the range"),
        ({"size": (0, 5)}, "0x5"),
    ],
)
@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_bad_ranges(tmp_path: Path, suffix: str, settings: dict[str, object], words: str) -> None:
    path = Clip(audio=["eng"]).make(tmp_path / f"clip.{suffix}")
    error = refusal(path, **settings)
    assert words in str(error)
    assert error.exit_code == 2


def test_mp4_without_its_index(tmp_path: Path) -> None:
    whole = Clip(frames=60).make(tmp_path / "whole.mp4").read_bytes()
    (tmp_path / "half.mp4").write_bytes(whole[: len(whole) // 2])
    error = refusal(tmp_path / "half.mp4")
    assert "not complete" in str(error)
    assert error.exit_code == 2


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "mov"])
@pytest.mark.parametrize("part", [0.5, 0.8])
@pytest.mark.parametrize("audio", [[], ["eng"]])
def test_cut_off_file_does_not_pass_for_a_short_clip(
    tmp_path: Path, suffix: str, part: float, audio: list[str]
) -> None:
    options = {} if suffix == "mkv" else {"movflags": "+faststart"}
    noise = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    clip = Clip(frames=60, container_options=options, options={"g": "1"}, image=noise, audio=audio)
    whole = clip.make(tmp_path / f"whole.{suffix}").read_bytes()
    path = tmp_path / f"half.{suffix}"
    path.write_bytes(whole[: int(len(whole) * part)])
    error = refusal(path)
    assert error.exit_code == 1
    assert "breaks off after" in str(error)
    assert "--to" in str(error)
    until = F(str(error).split("`--to ")[1].split("s`")[0])
    _, content = read(path, stop=until)
    assert len(content.times) > 60 * part * 0.6


def test_good_files_are_not_called_cut_off(tmp_path: Path) -> None:
    """Sound that outlasts the picture, a long last frame, a file cut without decoding: all fine."""
    read(Clip(audio=["eng"], audio_seconds=3).make(tmp_path / "sound.mkv"))
    read(Clip(audio=["eng"], audio_seconds=3).make(tmp_path / "sound.mp4"))
    read(
        Clip(ticks=[0, 1000, 60000], time_base=F(1, 1000), audio=["eng"], audio_seconds=80).make(tmp_path / "slow.mkv")
    )
    read(Clip(ticks=[0, 1000, 60000], time_base=F(1, 1000)).make(tmp_path / "slow.mp4"))


def test_damaged_packets_in_the_middle_are_counted(tmp_path: Path) -> None:
    path = Clip(frames=40, codec="ffv1", options={"g": "1", "slicecrc": "1"}, audio=["eng"]).make(tmp_path / "clip.mkv")
    import av

    with av.open(str(path)) as container:
        places = [(p.pos, p.size) for p in container.demux(video=0) if p.size]
    data = bytearray(path.read_bytes())
    for at, size in places[10:13]:
        data[at + 8 : at + 8 + size // 2] = b"\0" * (size // 2)
    path.write_bytes(bytes(data))
    source, content = read(path)
    assert len(content.times) == 37
    assert source.notes == ["3 packets of clip.mkv could not be decoded; about 3 frames are missing"]


def test_times_that_go_back_or_lack() -> None:
    from stylefader.realtime.sources.files.timeline import Timeline

    timeline = Timeline(F(1, 100))
    given = [
        (0, None, 4),
        (4, None, 4),
        (None, None, 4),
        (3, None, 4),
        (16, None, 4),
        (500, None, 4),
        (0, None, 4),
        (4, None, 4),
    ]
    times = [timeline.next(*each)[0] * 100 for each in given]
    assert times == [0, 4, 8, 9, 16, 500, 504, 508]
    assert timeline.repaired == 3


def test_closing_twice_and_use_after_close(tmp_path: Path) -> None:
    source = VideoFileSource(Clip(frames=3).make(tmp_path / "clip.mp4"))
    with source:
        assert len(list(source)) == 3
        assert list(source) == []
    source.close()
    with pytest.raises(SourceError, match="not open"):
        next(iter(source))
    with source:
        assert [frame.index for frame in source] == [0, 1, 2]
