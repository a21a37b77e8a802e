"""Video files as people have them: tracks in another order, second pictures, HDR, fields, sizes that change, alpha."""

from __future__ import annotations

import struct
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.packet import Packet
from av.stream import Disposition
from av.video.frame import VideoFrame

from stylefader.realtime.media.colour import ColourTags
from stylefader.realtime.media.tone_curves import hlg_to_nits, nits_to_pq, pq_to_nits, to_bt709
from stylefader.realtime.sinks.files.packet_times import PacketTimes
from stylefader.realtime.sinks.files.video_file import VideoFileSink
from stylefader.realtime.sources.files.video_file import VideoFileSource
from stylefader.realtime.sources.geometry import Fit
from tests.realtime.clips import Clip, read
from tests.realtime.fields import combs, fields_clip
from tests.realtime.sinks.test_video_sink import copy

F = Fraction
RED, GREEN = (255, 0, 0), (0, 255, 0)


def put_together(path: Path, *streams: tuple[Path, int], cover: bytes | None = None) -> Path:
    """A file of the tracks (file, index there), copied packet by packet, in this order, a cover before them."""
    with av.open(str(path), "w") as output:
        if cover is not None:
            picture = output.add_mux_stream("png", width=16, height=16)
            picture.disposition = Disposition.attached_pic
        opened = [(av.open(str(file)), index) for file, index in streams]
        targets = [output.add_stream_from_template(c.streams[i], opaque=True) for c, i in opened]
        output.start_encoding()
        if cover is not None:
            packet: Packet[Any] = Packet(cover)
            packet.stream, packet.time_base, packet.pts, packet.dts = picture, F(1, 90000), 0, 0
            packet.is_keyframe = True
            output.mux(packet)
        for (container, index), target in zip(opened, targets, strict=True):
            for packet in container.demux(container.streams[index]):
                if packet.size:
                    packet.stream = target
                    output.mux(packet)
            container.close()
    return path


def boxes_turned(path: Path) -> Path:
    """An MP4 whose words and cover stand before its tracks, as some tagging programs write it."""
    data = bytearray(path.read_bytes())
    begin = data.index(b"moov") - 4
    end = begin + struct.unpack_from(">I", data, begin)[0]
    boxes, at = {}, begin + 8
    while at < end:
        size, kind = struct.unpack_from(">I4s", data, at)
        boxes[kind] = data[at : at + size]
        at += size
    turned = [boxes.pop(b"mvhd"), boxes.pop(b"udta"), *boxes.values()]
    data[begin + 8 : end] = b"".join(turned)
    path.write_bytes(data)
    return path


def png(colour: tuple[int, int, int] = RED) -> bytes:
    encoder = av.CodecContext.create("png", "w")
    encoder.width = encoder.height = 16
    encoder.pix_fmt, encoder.time_base = "rgb24", F(1)
    picture = VideoFrame.from_ndarray(np.full((16, 16, 3), colour, np.uint8))
    return b"".join(bytes(p) for p in [*encoder.encode(picture), *encoder.encode(None)])


# -- 1: where the video is not the first stream --------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "mov"])
@pytest.mark.parametrize("frames", [3, 40])
def test_no_frame_is_lost_behind_a_sound_track(tmp_path: Path, suffix: str, frames: int) -> None:
    clip = Clip(frames=frames, audio=["eng"], options={"bf": "3", "g": "60"}).make(tmp_path / f"in.{suffix}")
    path = put_together(tmp_path / f"turned.{suffix}", (clip, 1), (clip, 0))
    source, content = read(path)
    assert [track.type for track in av.open(str(path)).streams] == ["audio", "video"]
    assert content.times == [F(i, 25) for i in range(frames)]
    assert source.notes == []
    assert content.packets[0] == read(clip)[1].packets[1]


def test_no_frame_is_lost_behind_subtitles_and_a_cover(tmp_path: Path) -> None:
    clip = Clip(frames=12, subtitles="mov_text", options={"bf": "3"}).make(tmp_path / "in.mp4")
    subtitles_first = put_together(tmp_path / "words.mp4", (clip, 1), (clip, 0))
    cover_first = boxes_turned(put_together(tmp_path / "cover.mp4", (clip, 0), cover=png()))
    for path in (subtitles_first, cover_first):
        assert len(read(path)[1].times) == 12
    with VideoFileSource(cover_first) as source:
        (track,) = source.tracks
        assert track.index == 0
        assert source.cover_pictures() == [(track, png())]


@pytest.mark.parametrize("start", [None, F(1, 5)])
def test_a_cover_and_sound_come_along_from_any_place(tmp_path: Path, start: Fraction | None) -> None:
    clip = Clip(frames=12, audio=["eng"], options={"g": "4"}).make(tmp_path / "in.mp4")
    path = put_together(tmp_path / "cover.mp4", (clip, 1), (clip, 0), cover=png())
    copy(path, tmp_path / "out.mp4", settings={"start": start})
    with VideoFileSource(tmp_path / "out.mp4") as source:
        assert [data for _, data in source.cover_pictures()] == [png()]
    _, content = read(tmp_path / "out.mp4")
    assert len(content.times) == (12 if start is None else 7)


# -- 2: a second picture track --------------------------------------------------------------------------------------


def packets_of(path: Path, index: int) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(p) for p in container.demux(container.streams[index]) if p.size]


@pytest.mark.parametrize("target", ["out.mkv", "out.mp4"])
def test_a_second_picture_track_is_copied_whole(tmp_path: Path, target: str) -> None:
    main = Clip(frames=60).make(tmp_path / "main.mkv")
    noise = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    second = Clip(frames=60, image=noise, options={"bf": "3", "b-pyramid": "normal", "refs": "4"})
    path = put_together(tmp_path / "two.mkv", (main, 0), (second.make(tmp_path / "second.mkv"), 0))
    with av.open(str(path)) as container:
        missing = [p.dts is None for p in container.demux(container.streams[1]) if p.size]
    assert any(missing)  # else this tests nothing
    sink = copy(path, tmp_path / target)
    assert not any("left out" in note for note in sink.notes)
    found = packets_of(tmp_path / target, 1)
    assert len(found) == 60
    assert [len(p) for p in found] == [len(p) for p in packets_of(path, 1)]
    with av.open(str(tmp_path / target)) as container:
        assert [f.pts * f.time_base for f in container.decode(container.streams[1])] == [F(i, 25) for i in range(60)]


@pytest.mark.parametrize("settings", [{"start": F(1, 2)}, {"stop": F(1, 2)}])
def test_a_part_leaves_a_second_picture_out_and_says_so(tmp_path: Path, settings: dict[str, Fraction]) -> None:
    clip = Clip(frames=24, audio=["eng"]).make(tmp_path / "in.mkv")
    path = put_together(tmp_path / "two.mkv", (clip, 0), (clip, 1), (clip, 0))
    sink = copy(path, tmp_path / "out.mkv", settings=settings)
    assert [n for n in sink.notes if "video track 2 (h264" in n and "is left out" in n]
    with av.open(str(tmp_path / "out.mkv")) as container:
        assert [track.type for track in container.streams] == ["video", "audio"]


def filled(pts: list[int], dts: list[int | None], *, reorders: bool = True) -> list[int | None]:
    times, out = PacketTimes(reorders=reorders), []
    for shown, decoded in zip(pts, dts, strict=True):
        packet: Packet[Any] = Packet(b"x")
        packet.pts, packet.dts = shown, decoded
        out += times.put(packet)
    out += times.finish()
    assert [packet.pts for packet in out] == pts
    return [packet.dts for packet in out]


IN_FIVES = [start + place for start in range(0, 100, 5) for place in (0, 4, 2, 1, 3)]


@pytest.mark.parametrize(
    ("pts", "dts"),
    [
        ([0, 133, 67, 33, 100], [None, None, 0, 33, 67]),
        ([0, 133, 67, 33, 100], [None] * 5),
        ([7], [None]),
        (IN_FIVES, [None] * 100),  # more than are held back
        (IN_FIVES, [None] * 2 + list(range(98))),
        ([0, 4, 2, 1, 3, 5, 9, 7, 6, 8], [-2, -1, 0, None, 2, 3, 4, 5, None, None]),
    ],
)
def test_decoding_times_grow_and_are_never_late(pts: list[int], dts: list[int | None]) -> None:
    times = filled(pts, dts)
    assert all(before < after for before, after in pairwise(times))
    assert all(decoded <= shown for decoded, shown in zip(times, pts, strict=True))
    assert all(given in (None, found) for given, found in zip(dts, times, strict=True))


def test_decoding_times_of_sound_are_those_of_hearing() -> None:
    assert filled([0, 20, 40], [None, 20, None], reorders=False) == [0, 20, 40]


# -- 5: HDR ---------------------------------------------------------------------------------------------------------


def wide_clip(path: Path, signal: tuple[float, float, float], transfer: int) -> Path:
    """Frames of one BT.2020 colour, from 0 to 1, in 10 bits without loss."""
    kr, kb = 0.2627, 0.0593
    red, green, blue = signal
    luma = kr * red + (1 - kr - kb) * green + kb * blue
    values = (
        round(luma * 876 + 64),
        round((blue - luma) / (2 - 2 * kb) * 896 + 512),
        round((red - luma) / (2 - 2 * kr) * 896 + 512),
    )
    with av.open(str(path), "w") as output:
        stream = output.add_stream("ffv1", rate=25, width=32, height=16)
        context = stream.codec_context
        context.pix_fmt = "yuv420p10le"
        context.colorspace, context.color_primaries, context.color_trc, context.color_range = 9, 9, transfer, 1
        for at in range(2):
            picture = VideoFrame(32, 16, "yuv420p10le")
            for plane, value in zip(picture.planes, values, strict=True):
                plane.update(np.full(plane.buffer_size // 2, value, np.uint16).tobytes())
            picture.pts, picture.time_base = at, F(1, 25)
            output.mux(stream.encode(picture))
        output.mux(stream.encode(None))
    return path


def test_curves_are_those_of_the_standards() -> None:
    # BT.2408 table 1: diffuse white, 203 nits, is 75% HLG and 58% PQ. ST 2084: 0.5081 is 100 nits.
    assert float(hlg_to_nits(np.array([0.75, 0.75, 0.75]))[0]) == pytest.approx(203, abs=1)
    assert float(nits_to_pq(np.array(203.0))) == pytest.approx(0.58, abs=0.002)
    assert float(pq_to_nits(np.array(0.5081))) == pytest.approx(100, rel=0.001)
    assert float(hlg_to_nits(np.array([1.0, 1.0, 1.0]))[0]) == pytest.approx(1000, rel=0.001)
    ramp = np.repeat(np.linspace(0, 1, 101)[:, None], 3, 1)
    for transfer in (14, 16, 18):
        grey = to_bt709(ramp, transfer)
        assert np.ptp(grey, axis=1).max() < 1e-4
        assert grey[0, 0] == 0 and grey[-1, 0] == pytest.approx(1)
        assert np.diff(grey[:, 0]).min() > -1e-5
    # Up to the knee nothing is bent: 50 nits are 50 of 203 on a screen of gamma 2.4.
    dark = to_bt709(nits_to_pq(np.array([50.0, 50.0, 50.0])), 16)
    assert dark == pytest.approx((50 / 203) ** (1 / 2.4), abs=1e-3)
    # A colour that BT.709 has, in SDR, keeps its light: pure BT.709 red as BT.2020 signal.
    red = np.array([0.6274, 0.0691, 0.0164]) ** (1 / 2.4)
    assert to_bt709(red, 14) == pytest.approx([1, 0, 0], abs=0.03)


@pytest.mark.parametrize("transfer", [14, 16, 18])
@pytest.mark.parametrize("signal", [(0.0, 0.0, 0.0), (0.4, 0.4, 0.4), (0.75, 0.75, 0.75), (0.5, 0.4, 0.3)])
def test_hdr_comes_in_bt709(tmp_path: Path, transfer: int, signal: tuple[float, float, float]) -> None:
    source, content = read(wide_clip(tmp_path / "wide.mkv", signal, transfer))
    wanted = 255 * to_bt709(np.array(signal), transfer)
    np.testing.assert_allclose(content.images[1][8, 16], wanted, atol=3)
    assert source.colour == ColourTags(matrix=1, primaries=1, transfer=1)
    assert [note for note in source.notes if "BT.709" in note]


def test_hdr_is_written_as_bt709(tmp_path: Path) -> None:
    copy(wide_clip(tmp_path / "wide.mkv", (0.5, 0.4, 0.3), 18), tmp_path / "out.mp4", crf=4)
    with av.open(str(tmp_path / "out.mp4")) as container:
        context = container.streams.video[0].codec_context
        assert (context.colorspace, context.color_primaries, context.color_trc) == (1, 1, 1)
        assert context.pix_fmt == "yuv420p"
    _, content = read(tmp_path / "out.mp4")
    wanted = 255 * to_bt709(np.array((0.5, 0.4, 0.3)), 18)
    np.testing.assert_allclose(content.images[0][8, 16], wanted, atol=4)


# -- 6: interlaced --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("codec", ["libx264", "prores_ks"])
@pytest.mark.parametrize("first", ["top", "bottom"])
def test_interlaced_files_are_deinterlaced(tmp_path: Path, first: str, codec: str) -> None:
    source, content = read(fields_clip(tmp_path / "fields.mov", first, codec=codec))
    assert content.times == [F(i, 25) for i in range(8)]
    assert len([note for note in source.notes if "is deinterlaced" in note]) == 1
    assert max(combs(image) for image in content.images) < 2
    for at, image in enumerate(content.images):  # the first field of each frame, whichever lines it is in
        bar = image[20:44, :, 0].mean(0)
        assert bar[32 * at + 2 : 32 * at + 14].min() > 200
        assert bar[32 * at + 34 :].max(initial=0) < 40


@pytest.mark.parametrize(("first", "deinterlace"), [("top", "off"), (None, "auto")])
def test_what_is_not_interlaced_or_not_wanted_stays(tmp_path: Path, first: str | None, deinterlace: str) -> None:
    source, content = read(fields_clip(tmp_path / "fields.mp4", first), deinterlace=deinterlace)
    assert not [note for note in source.notes if "deinterlaced" in note]
    assert min(combs(image) for image in content.images) > 15


def test_interlaced_parts_have_their_own_times(tmp_path: Path) -> None:
    path = fields_clip(tmp_path / "fields.mp4", "top")
    _, whole = read(path)
    source, part = read(path, start=F(3, 25), stop=F(6, 25))
    assert part.times == whole.times[3:6]
    assert source.frame_count == 3
    for image, same in zip(part.images[1:], whole.images[4:6], strict=True):
        np.testing.assert_array_equal(image, same)


# -- 8: sizes that change ------------------------------------------------------------------------------------------


def size_change(path: Path) -> Path:
    """Two MPEG-TS clips in one file: red, 96x48, then green, 48x96."""
    parts = []
    for at, (size, colour) in enumerate((((96, 48), RED), ((48, 96), GREEN))):
        image = np.full((size[1], size[0], 3), colour, np.uint8)
        ticks = [90000 * at + 3600 * i for i in range(6)]
        clip = Clip(size=size, image=image, ticks=ticks, time_base=F(1, 90000), options={"g": "6", "bf": "0"})
        parts.append(clip.make(path.with_name(f"{at}.ts")).read_bytes())
    path.write_bytes(b"".join(parts))
    return path


@pytest.mark.parametrize(("fit", "shown"), [("cover", (0, 96)), ("contain", (36, 60)), ("stretch", (0, 96))])
def test_a_size_that_changes_is_fitted(tmp_path: Path, fit: Fit, shown: tuple[int, int]) -> None:
    source, content = read(size_change(tmp_path / "change.ts"), fit=fit)
    assert [image.shape for image in content.images] == [(48, 96, 3)] * 12
    last = content.images[-1].astype(int)
    inside = last[:, shown[0] + 1 : shown[1] - 1]
    assert np.abs(inside - (0, 255, 0)).max() < 12
    if shown != (0, 96):
        assert last[:, : shown[0] - 1].max() == 0 and last[:, shown[1] + 1 :].max() == 0
    (note,) = (note for note in source.notes if "changes its size" in note)
    assert "48x96" in note and fit in note


# -- 9: odd sizes --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "written"), [((63, 48), (62, 48)), ((64, 47), (64, 46)), ((33, 21), (32, 20)), ((1, 1), (2, 2))]
)
@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_odd_sizes_become_even(tmp_path: Path, size: tuple[int, int], written: tuple[int, int], suffix: str) -> None:
    image = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    image[:] = np.array([200, 90, 40], np.uint8)
    clip = Clip(size=size, image=image, frames=2, codec="ffv1", pixel_format="bgr0", options={})
    path = clip.make(tmp_path / "odd.mkv")
    sink = copy(path, tmp_path / f"out.{suffix}")
    assert sink.size == written
    with av.open(str(tmp_path / f"out.{suffix}")) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height, stream.codec_context.pix_fmt) == (*written, "yuv420p")
    assert [n for n in sink.notes if f"{size[0]}x{size[1]} is written as {written[0]}x{written[1]}" in n]
    _, content = read(tmp_path / f"out.{suffix}")
    assert np.abs(content.images[0].astype(int) - (200, 90, 40)).max() < 6


def test_odd_sizes_are_kept_when_asked(tmp_path: Path) -> None:
    clip = Clip(size=(63, 47), frames=2, codec="ffv1", pixel_format="bgr0", options={})
    sink = copy(clip.make(tmp_path / "odd.mkv"), tmp_path / "out.mp4", exact_size=True)
    with av.open(str(tmp_path / "out.mp4")) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height, stream.codec_context.pix_fmt) == (63, 47, "yuv444p")
    assert any("kept in 4:4:4" in note for note in sink.notes)


# -- 3: transparency -----------------------------------------------------------------------------------------------

ALPHA_CODECS = {
    "prores.mov": ("prores_ks", "yuva444p10le", {"profile": "4444"}),
    "vp9.webm": ("libvpx-vp9", "yuva420p", {"crf": "4", "b": "0", "auto-alt-ref": "0"}),
    "vp9.mkv": ("libvpx-vp9", "yuva420p", {"crf": "4", "b": "0", "auto-alt-ref": "0"}),
    "ffv1.mkv": ("ffv1", "yuva444p", {}),
    "rgb.mkv": ("ffv1", "bgra", {}),
    "animation.mov": ("qtrle", "argb", {}),
}


def alpha_clip(folder: Path, name: str) -> Path:
    """64x48, 4 frames: left hidden red, middle half green, right blue."""
    codec, pixel_format, options = ALPHA_CODECS[name]
    image = np.zeros((48, 64, 4), np.uint8)
    image[:, :16] = (*RED, 0)
    image[:, 16:32] = (*GREEN, 128)
    image[:, 32:] = (0, 0, 255, 255)
    with av.open(str(folder / name), "w") as output:
        stream = output.add_stream(codec, rate=25, width=64, height=48, options=options)
        stream.pix_fmt = pixel_format
        for at in range(4):
            picture = VideoFrame.from_ndarray(image, format="rgba").reformat(format=pixel_format)
            picture.pts, picture.time_base = at, F(1, 25)
            output.mux(stream.encode(picture))
        output.mux(stream.encode(None))
    return folder / name


def frames_of(path: Path, **settings: Any) -> tuple[VideoFileSource, list[Any]]:
    with VideoFileSource(path, **settings) as source:
        return source, list(source)


@pytest.mark.parametrize("name", list(ALPHA_CODECS))
def test_hidden_colours_do_not_come_out_and_alpha_does(tmp_path: Path, name: str) -> None:
    source, frames = frames_of(alpha_clip(tmp_path, name))
    assert source.has_alpha and len(frames) == 4
    for frame in frames:
        assert frame.alpha_HW.shape == (48, 64)
        assert frame.alpha_HW[:, :12].max() <= 2
        assert np.abs(frame.alpha_HW[:, 20:28].astype(int) - 128).max() <= 3
        assert frame.alpha_HW[:, 36:].min() >= 253
        image = frame.image.astype(int)
        assert image[:, :12].max() <= 3
        assert np.abs(image[:, 20:28] - (0, 128, 0)).max() <= 8
        assert np.abs(image[:, 40:] - (0, 0, 255)).max() <= 8


@pytest.mark.parametrize("name", ["prores.mov", "vp9.webm", "rgb.mkv"])
def test_a_background_takes_the_place_of_what_is_hidden(tmp_path: Path, name: str) -> None:
    source, frames = frames_of(alpha_clip(tmp_path, name), background=(255, 255, 255), size=(32, 24))
    assert not source.has_alpha
    assert any("over white" in note for note in source.notes)
    image = frames[0].image.astype(int)
    assert frames[0].alpha_HW is None and image.shape == (24, 32, 3)
    assert image[:, :6].min() >= 252
    assert np.abs(image[:, 10:14] - (127, 255, 127)).max() <= 8


def copy_alpha(path: Path, target: Path, **options: Any) -> VideoFileSink:
    with VideoFileSource(path) as source:
        return copy(path, target, alpha=source.has_alpha, **options)


@pytest.mark.parametrize(
    ("target", "codec", "pixel_format"),
    [("out.mov", None, "yuva444p"), ("out.webm", None, "yuva420p"), ("out.mkv", "ffv1", "yuva444p"),
     ("out.mkv", "vp9", "yuva420p")],
)  # fmt: skip
def test_alpha_is_kept_where_the_output_can_hold_it(
    tmp_path: Path, target: str, codec: str | None, pixel_format: str
) -> None:
    sink = copy_alpha(alpha_clip(tmp_path, "rgb.mkv"), tmp_path / target, codec=codec)
    assert any("transparency is kept" in note for note in sink.notes)
    source, frames = frames_of(tmp_path / target)
    assert source.has_alpha and len(frames) == 4
    alpha, image = frames[2].alpha_HW.astype(int), frames[2].image.astype(int)
    assert alpha[:, :12].max() <= 2 and np.abs(alpha[:, 20:28] - 128).max() <= 3 and alpha[:, 36:].min() >= 253
    assert np.abs(image[:, 20:28] - (0, 128, 0)).max() <= 12
    raw = raw_picture(tmp_path / target)
    assert raw.format.name.startswith(pixel_format)
    # The colour beside alpha is the full green, so that edges get no dark fringe; and nothing is hidden.
    rgba = raw.reformat(format="rgba").to_ndarray().astype(int)
    assert np.abs(rgba[:, 21:27, :3] - (0, 255, 0)).max() <= 24
    assert rgba[:, :12, :3].max() <= 12


def raw_picture(path: Path) -> VideoFrame:
    """The first picture as it is stored, with its alpha."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        if stream.codec_context.name != "vp9" and stream.codec_context.name != "libvpx-vp9":
            return next(container.decode(stream))
        decoder = av.CodecContext.create("libvpx-vp9", "r")
        return next(f for packet in container.demux(stream) for f in decoder.decode(packet))


@pytest.mark.parametrize(("target", "codec"), [("out.mp4", None), ("out.mkv", None), ("out.mov", "h264")])
def test_alpha_is_over_black_where_the_output_cannot_hold_it(tmp_path: Path, target: str, codec: str | None) -> None:
    sink = copy_alpha(alpha_clip(tmp_path, "rgb.mkv"), tmp_path / target, codec=codec, crf=4)
    (note,) = (note for note in sink.notes if "cannot hold transparency" in note)
    assert "over black" in note
    source, frames = frames_of(tmp_path / target)
    assert not source.has_alpha
    image = frames[0].image.astype(int)
    assert image[:, :10].max() <= 8 and np.abs(image[:, 20:28] - (0, 128, 0)).max() <= 12
