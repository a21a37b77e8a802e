from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message_builder import OscMessageBuilder, build_msg
from pythonosc.osc_packet import OscPacket

from stylefader.realtime.controls.osc import packet as osc_packet
from stylefader.training.errors import ControlError


def read_packet(packet: bytes) -> list[tuple[str, list[object]]]:
    return [(address, list(values)) for _, address, values in osc_packet.read_packet(packet)]


VALUES = st.one_of(
    st.integers(-(2**63), 2**63 - 1), st.floats(width=32, allow_nan=False), st.booleans(), st.none(),
    st.text(st.characters(codec="utf-8", exclude_characters="\0")), st.binary(min_size=1),
)  # fmt: skip


@given(st.lists(VALUES, max_size=8), st.integers(1, 4))
def test_it_reads_what_python_osc_writes_as_python_osc_does(values: list[object], count: int) -> None:
    bundle = OscBundleBuilder(IMMEDIATELY)
    for number in range(count):
        bundle.add_content(build_msg(f"/a/{number}", values))
    packet = bundle.build().dgram
    assert read_packet(packet) == [(m.message.address, m.message.params) for m in OscPacket(packet).messages]
    message = build_msg("/a/0", values).dgram
    assert read_packet(message) == read_packet(packet)[:1]


@given(
    st.text(st.characters(codec="ascii", exclude_characters="\0 #"), max_size=20),
    st.one_of(
        st.integers(-(2**31), 2**31 - 1), st.floats(width=32, allow_nan=False),
        st.text(st.characters(codec="utf-8", exclude_characters="\0")),
    ),
)  # fmt: skip
def test_what_it_writes_is_what_python_osc_writes(name: str, value: float | str) -> None:
    packet = osc_packet.message_bytes(f"/{name}", value)
    assert packet == build_msg(f"/{name}", [value]).dgram and read_packet(packet) == [(f"/{name}", [value])]


@given(st.lists(VALUES, min_size=1, max_size=5), st.data())
def test_less_than_a_whole_message_is_none(values: list[object], data: st.DataObject) -> None:
    packet = build_msg("/a", values).dgram
    cut = packet[: data.draw(st.integers(0, len(packet) - 1))]
    if len(cut) == 4:  # an address alone
        assert read_packet(cut) == [("/a", [])]
    else:
        with pytest.raises(ControlError, match="this is no OSC packet"):
            read_packet(cut)


def test_types_without_bytes_and_those_that_only_others_send() -> None:
    assert read_packet(b"/a\0\0,[fT]I\0\0" + b"\x3f\0\0\0") == [("/a", [0.5, True])]
    assert read_packet(b"/a\0\0,Sci\0\0\0\0" + b"abc\0" + b"\0\0\0x" + b"\0\0\0\7") == [("/a", ["abc", b"\0\0\0x", 7])]
    builder = OscMessageBuilder("/a")
    builder.add_arg(0.25, "d")
    assert read_packet(builder.build().dgram) == [("/a", [0.25])]


def test_bundles_in_bundles_have_an_end() -> None:
    packet = build_msg("/a", 1).dgram
    for _ in range(8):
        packet = b"#bundle\0" + b"\0" * 8 + len(packet).to_bytes(4, "big") + packet
    assert read_packet(packet) == [("/a", [1])]
    with pytest.raises(ControlError, match="too deep"):
        read_packet(b"#bundle\0" + b"\0" * 8 + len(packet).to_bytes(4, "big") + packet)


@given(st.binary(max_size=80), st.sampled_from([b"", b"/a\0\0,", b"#bundle\0\0\0\0\0\0\0\0\1"]))
def test_any_bytes_are_messages_or_refused(packet: bytes, begin: bytes) -> None:
    try:
        messages = read_packet(begin + packet)
    except ControlError:
        return
    assert all(address.startswith("/") for address, _ in messages)


def bundle(tag: int, *elements: bytes) -> bytes:
    return b"#bundle\0" + tag.to_bytes(8, "big") + b"".join(len(e).to_bytes(4, "big") + e for e in elements)


def test_messages_have_the_time_of_their_bundle() -> None:
    one, two = build_msg("/a", 1).dgram, build_msg("/b", 2).dgram
    packet = bundle(7 << 32, one, bundle(9 << 32, two), bundle(3 << 32, two), one)
    assert [(tag >> 32, address) for tag, address, _ in osc_packet.read_packet(packet)] == [
        (7, "/a"), (9, "/b"), (7, "/b"), (7, "/a"),
    ]  # fmt: skip
    assert [tag for tag, *_ in osc_packet.read_packet(one)] == [1], "a message alone is for now"
