"""Bytes of outside: packs, pictures, videos, MIDI files and messages, OSC packets, keys of a terminal."""

from __future__ import annotations

import io
import json
import re
import struct
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message_builder import build_msg

from stylefader.engines.int8.form import SUFFIX, find_quantized
from stylefader.realtime.automation.midi_automation import midi_automation
from stylefader.realtime.automation.midi_file import parse_midi_file
from stylefader.realtime.controls.events import ControlEvent
from stylefader.realtime.controls.keyboard.terminal_keys import KeyDecoder
from stylefader.realtime.controls.mapping.mapping import parse_mapping
from stylefader.realtime.controls.midi.decoder import Decoder
from stylefader.realtime.controls.midi.message import message_of
from stylefader.realtime.controls.osc.osc_control import OscControl
from stylefader.realtime.controls.osc.packet import read_packet
from stylefader.realtime.parameters.parameter import alpha_parameter
from stylefader.realtime.sources.files.picture_delays import read_delays
from stylefader.realtime.sources.files.truncation import is_cut_off
from stylefader.realtime.sources.open_file import open_file_source
from stylefader.tools.cli import run
from stylefader.training.errors import EngineError, StylefaderError
from stylefader.training.networks.dynamic_net import ONE_BLOCK
from stylefader.training.packs.header_reading import parse_header
from stylefader.training.packs.pack import StylePack, load_pack, save_pack
from stylefader.training.packs.pack_file import PackFile
from stylefader.training.packs.pack_header import PackHeader
from stylefader.training.reading.pictures import PictureFile, kind_of
from tests.conftest import random_pack
from tests.fuzz.given import ANY_TEXT, JSON, damaged, fuzz, survives
from tests.realtime.clips import Clip
from tests.realtime.controls.player import FakePlayer, FakeScenes
from tests.realtime.live import HEADER

MAPS = parse_mapping(
    "[[map]]\nkind='cc'\nnumber=1\ntarget='alpha'\n[[map]]\nkind='nrpn'\nnumber=5\ntarget='alpha1'\n", origin="t"
)
TRACK = (
    b"\0\xff\x03\x04name\0\xff\x51\x03\x07\xa1\x20\0\xb0\x01\x10\x60\x01\x7f\x81\0\xf0\x02\1\xf7\0\x90\x3c\x40"
    b"\0\xff\x2f\0"
)
MIDI = b"MThd" + struct.pack(">IHHH", 6, 1, 1, 96) + b"MTrk" + struct.pack(">I", len(TRACK)) + TRACK


def bundle() -> bytes:
    inner, outer = OscBundleBuilder(IMMEDIATELY), OscBundleBuilder(IMMEDIATELY)
    inner.add_content(build_msg("/stylefader/alpha/1", [0.25]))
    outer.add_content(inner.build())
    outer.add_content(build_msg("/stylefader/scene", ["verse"]))
    outer.add_content(build_msg("/stylefader/*", [True, b"blob", 5]))
    return bytes(outer.build().dgram)


OSC_ADDRESSES = ["alpha", "alpha/0", "alpha/99", "style", "scene", "scene/save", "mute/keys", "mute/\x1b[2J",
                 "subscribe", "unsubscribe", "next", "panic", "bypass", "blackout", "freeze", "modulation", "a*",
                 "{alpha,style}", "[!a]*", "alpha/[0-9]", "*" * 40, "{" * 50, "?" * 300]  # fmt: skip
OSC_VALUES = st.one_of(
    st.floats(width=32), st.integers(-(2**31), 2**31 - 1), st.booleans(), st.binary(min_size=1, max_size=8),
    st.sampled_from(["verse", "", "\x1b[2J", "a" * 300, "first"]),
)  # fmt: skip


@st.composite
def osc_messages(draw: st.DrawFn) -> bytes:
    address = f"/stylefader/{draw(st.sampled_from(OSC_ADDRESSES))}"
    return bytes(build_msg(address, draw(st.lists(OSC_VALUES, max_size=4))).dgram)


@fuzz(80)
@given(damaged(MIDI) | st.binary(max_size=200))
def test_midi_files(data: bytes) -> None:
    found = survives(lambda: parse_midi_file(data, origin="t"))
    if not isinstance(found, StylefaderError):
        assert [message.at_ns for message in found.messages] == sorted(message.at_ns for message in found.messages)
        assert all(name.isprintable() for name in found.tracks)
        survives(lambda: midi_automation(found, MAPS.maps, [alpha_parameter(HEADER.alpha, 3)], origin="t"))


@fuzz(80)
@given(st.lists(st.lists(st.integers(0, 255), max_size=5) | st.tuples(
    st.sampled_from([0xB0, 0xB1]), st.sampled_from([1, 6, 33, 38, 96, 97, 98, 99, 100, 101]), st.integers(0, 127)
), max_size=30))  # fmt: skip
def test_midi_messages(messages: list[list[int]]) -> None:
    decoder = Decoder("port")
    for at, message in enumerate(messages):
        found = message_of(message)
        fed = decoder.feed(found, at * 10**7) if found is not None else []
        for event in [*fed, *decoder.due(at * 10**7)]:
            assert isinstance(event, ControlEvent) and 0 <= event.value <= 1


@fuzz(80)
@given(damaged(bundle()) | osc_messages() | st.binary(max_size=200))
def test_osc_packets(packet: bytes) -> None:
    survives(lambda: read_packet(packet))
    said: list[str] = []
    player = FakePlayer()
    osc = OscControl(player, port=0, scenes=FakeScenes("verse"), say=said.append)  # type: ignore[arg-type]
    try:
        osc.take(packet, ("127.0.0.1", 9))
        osc.take(build_msg("/stylefader/alpha", [0.125]).dgram, ("127.0.0.1", 9))
        assert np.isfinite(player.alpha).all() and player.alpha[0] == 0.125
        faults = [words for words in said if re.search(r": [A-Z]\w*(Error|Exception): ", words)]
        assert not faults
    finally:
        osc.close()


KEY_PARTS = ["\x1b", "[", "O", "1", ";", "A", "~", "[[", "<", "M", "9" * 60, "é", "\x7f", " ", "\x00", "q", "\x1b]0;",
             "\x9b"]  # fmt: skip


@fuzz(100)
@given(st.lists(st.sampled_from(KEY_PARTS).map(str.encode) | st.binary(max_size=8), max_size=30))
def test_keys_of_a_terminal(parts: list[bytes]) -> None:
    decoder = KeyDecoder()
    names = [name for at, part in enumerate(parts) for name in decoder.feed(part, at * 10**6)]
    names += decoder.feed(b"", 10**12)
    assert all(name.isprintable() and name for name in names)
    assert decoder.feed(b"q", 2 * 10**12)[-1:] == ["q"]


# -- packs -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def small_pack(tmp_path_factory: pytest.TempPathFactory) -> StylePack:
    made = random_pack(tmp_path_factory.mktemp("pack") / "small.safetensors", width=1, places=ONE_BLOCK)
    save_pack(made)
    return made


@pytest.fixture(scope="module")
def small_bytes(small_pack: StylePack) -> bytes:
    return small_pack.file.read_bytes()


@st.composite
def headers(draw: st.DrawFn) -> str:
    """The JSON of a header, of which some fields are anything."""
    run_of = {"iterations": 1, "style_weight": 2.0, "style_size": 64, "pyramid": 1, "layer_means": {"a": 1.0},
              "style": {"title": "a"}, "started_from": {"name": "a", "iterations": 1}}  # fmt: skip
    header = {**asdict(HEADER), "training": {"main": dict(run_of), "blocks": dict(run_of)},
              "losses": {"photographs": 1, "alpha": [0], "content": [1], "style": [1], "style_at": {}}}  # fmt: skip
    for _ in range(draw(st.integers(1, 3))):
        place = header
        while True:
            keys = [key for key in place if isinstance(key, str)]
            key = draw(st.sampled_from(keys) if keys else st.just("a"))
            if isinstance(place.get(key), dict) and draw(st.booleans()):
                place = place[key]
                continue
            if draw(st.integers(0, 3)):
                place[key] = draw(JSON)
            elif key in place and draw(st.booleans()):
                del place[key]
            else:
                place[draw(ANY_TEXT)] = draw(JSON)
            break
    return json.dumps(header, ensure_ascii=draw(st.booleans()))


@fuzz(150)
@given(headers() | ANY_TEXT)
def test_headers_of_packs(text: str) -> None:
    found = survives(lambda: parse_header(text))
    if isinstance(found, PackHeader):
        assert parse_header(found.to_json()) == found
        found.to_json().encode()


@fuzz(25, share=0.1)
@given(data=st.data())
def test_pack_files(small_bytes: bytes, tmp_path: Path, data: st.DataObject) -> None:
    good = small_bytes
    length = int.from_bytes(good[:8], "little")
    if data.draw(st.booleans()):
        whole = data.draw(damaged(good))
    else:
        head = json.loads(good[8 : 8 + length])
        head["__metadata__"]["stylefader"] = data.draw(headers())
        name = data.draw(st.sampled_from(sorted(head)))
        head[data.draw(ANY_TEXT) or "a"] = data.draw(st.just(head[name]) | JSON)
        text = json.dumps(head).encode()
        whole = struct.pack("<Q", len(text)) + text + good[8 + length :]
    file = tmp_path / "a.safetensors"
    file.write_bytes(whole)
    loaded = survives(lambda: load_pack(file))
    survives(lambda: PackFile(file).weights_hash())
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        assert run(["styles", "show", str(file)]) in (0, 2)
    if isinstance(loaded, StylePack):
        loaded.network()


@fuzz(15, share=0.1)
@given(data=st.data())
def test_int8_forms(small_pack: StylePack, data: st.DataObject) -> None:
    document = data.draw(JSON | st.fixed_dictionaries({
        "format": st.just(2), "weights": st.just(small_pack.weights_hash()), "ranges": JSON, "fidelity": JSON,
        "made": JSON,
    }))  # fmt: skip
    form = small_pack.file.with_suffix(SUFFIX)
    form.write_bytes(data.draw(damaged(json.dumps(document).encode())))
    assert isinstance(survives(lambda: find_quantized(small_pack)), EngineError)
    form.unlink()


# -- pictures and videos -----------------------------------------------------------------------------------------------

SAVED = {"png": {}, "jpg": {}, "gif": {}, "webp": {}, "tiff": {}, "bmp": {},
         "moving.gif": {"save_all": True}, "moving.webp": {"save_all": True}, "moving.png": {"save_all": True},
         "pages.tiff": {"save_all": True}, "avif": {}}  # fmt: skip


@pytest.fixture(scope="module")
def pictures() -> dict[str, bytes]:
    first = Image.fromarray(np.arange(24 * 16 * 4, dtype=np.uint16).astype(np.uint8).reshape(16, 24, 4), "RGBA")
    others = [first.rotate(180)]
    made = {}
    for name, words in SAVED.items():
        out = io.BytesIO()
        image = first.convert("RGB") if name in ("jpg", "bmp") else first
        kind = {"jpg": "JPEG"}.get(name, name.rpartition(".")[2].upper())
        more = {**words, "append_images": others, "duration": 100} if words else {}
        image.save(out, kind, **more)
        made[name] = out.getvalue()
    return made


@fuzz(60, share=0.5)
@given(data=st.data())
def test_pictures(pictures: dict[str, bytes], tmp_path: Path, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(pictures)))
    file = tmp_path / f"picture.{name}"
    file.write_bytes(data.draw(damaged(pictures[name])))
    kind_of(file.read_bytes()[:256])

    def pixels() -> None:
        with PictureFile(file) as opened:
            image_HWC, alpha_HW = opened.pixels()
            assert image_HWC.dtype == np.uint8 and image_HWC.shape[2:] == (3,)
            assert alpha_HW is None or alpha_HW.shape == image_HWC.shape[:2]

    survives(pixels)
    survives(lambda: read_delays(file))
    survives(lambda: first_frames(file))


VIDEOS: dict[str, Clip] = {
    "a.mp4": Clip(frames=8, audio=("eng",), subtitles=None), "a.mkv": Clip(frames=8, audio=("eng",), chapters=True),
    "a.webm": Clip(frames=6, codec="libvpx-vp9", audio_codec="libopus", audio=("eng",)),
    "a.avi": Clip(frames=6, codec="mpeg4"),
}  # fmt: skip


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("videos")
    return {name: clip.make(folder / name).read_bytes() for name, clip in VIDEOS.items()}


def first_frames(file: Path) -> int:
    """How many of the first three frames could be read."""
    count = 0
    with open_file_source(file, size=(32, 32)) as source:
        for frame in source:
            assert frame.image.shape == (32, 32, 3)
            count += 1
            if count == 3:
                break
    return count


@fuzz(30, share=0.2)
@given(data=st.data())
def test_videos(videos: dict[str, bytes], tmp_path: Path, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(videos)))
    file = tmp_path / name
    file.write_bytes(data.draw(damaged(videos[name])))
    is_cut_off(file)
    survives(lambda: first_frames(file))


@fuzz(30)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([b"ftyp", b"moov", b"mdat", b"free", b"\0\0\0\0", b"abcd"]),
            st.integers(0, 2**32 - 1) | st.integers(0, 40),
        ),
        max_size=8,
    ),
    st.binary(max_size=30),
)
def test_boxes_of_a_video(tmp_path: Path, boxes: list[tuple[bytes, int]], rest: bytes) -> None:
    file = tmp_path / "a.mp4"
    file.write_bytes(b"".join(struct.pack(">I", size) + kind + bytes(min(size, 32)) for kind, size in boxes) + rest)
    assert is_cut_off(file) in (True, False)
