from __future__ import annotations

import pytest

from stylefader.realtime.controls.mapping.mapping import ControlMap, parse_mapping
from stylefader.realtime.controls.midi.decoder import WAIT_NS, Decoder
from stylefader.realtime.controls.midi.feedback import Feedback, encode
from stylefader.realtime.controls.router import Router
from tests.realtime.controls.player import FakePlayer, block, event


def told(feedback: Feedback) -> list[tuple[str, tuple[int, ...]]]:
    return [(part, tuple(message.bytes())) for part, _, message in feedback.due()]


def answered(feedback: Feedback) -> list[tuple[str, str, tuple[int, ...]]]:
    return [(part, device, tuple(message.bytes())) for part, device, message in feedback.due()]


def parts(text: str) -> tuple[Router, FakePlayer, Feedback]:
    player = FakePlayer()
    router = Router(player, parse_mapping(f'[[map]]\nport="nano"\nfeedback=true\n{text}', origin="t").maps)
    return router, player, Feedback(router)


def test_what_something_else_moved_is_sent_back_once() -> None:
    router, player, feedback = parts('kind="cc"\nnumber=7\ntarget="alpha0"\nchannel=3')
    assert told(feedback) == [("nano", (0xB2, 7, 64))], "a motor fader goes to where alpha is"
    assert told(feedback) == []
    router.handle(event("cc", 100, number=7, channel=3))
    router.handle(event("cc", 20, number=7, channel=3))
    assert player.alpha[0] == pytest.approx(20 / 127, abs=1e-4)
    assert told(feedback) == [], "the fader knows where it is"
    player.move(block(0), 1.0)
    assert told(feedback) == [("nano", (0xB2, 7, 127))]
    feedback.forget()
    assert told(feedback) == [("nano", (0xB2, 7, 127))], "it was unplugged meanwhile"


def test_flags_are_lights() -> None:
    router, player, feedback = parts('kind="note"\nnumber=36\ntarget="bypass"')
    assert told(feedback) == [("nano", (0x90, 36, 0))]
    router.handle(event("note", 100, number=36))
    router.handle(event("note", 0, number=36))
    assert player.show.bypass and told(feedback) == [("nano", (0x90, 36, 127))]
    player.show.bypass = False
    assert told(feedback) == [("nano", (0x90, 36, 0))] and told(feedback) == []


def test_without_feedback_nothing_is_sent() -> None:
    player = FakePlayer()
    router = Router(player, parse_mapping('[[map]]\nkind="cc"\nnumber=7\ntarget="alpha0"', origin="t").maps)
    assert told(Feedback(router)) == []


@pytest.mark.parametrize(
    ("kind", "number", "raw"),
    [("cc", 3, 99), ("cc14", 3, 9999), ("nrpn", 300, 12345), ("pitchbend", None, 8193), ("note", 60, 1)],
)
def test_what_is_sent_is_what_would_be_heard(kind: str, number: int | None, raw: int) -> None:
    decoder = Decoder()
    entry = ControlMap(kind=kind, target="alpha0", number=number)  # type: ignore[arg-type]
    events = [e for message in encode(entry, raw, 16) for e in decoder.feed(message, 0)] + decoder.due(WAIT_NS)
    heard = [e for e in events if e.kind == kind]
    assert [(e.number, e.raw, e.channel) for e in heard] == [(number or 0, raw, 16)]


def test_lights_of_other_mappings_are_told_after_a_reload() -> None:
    router, _, feedback = parts('kind="note"\nnumber=0\ntarget="bypass"')
    feedback.due()
    for number in range(1, 50):
        text = f'[[map]]\nport="nano"\nfeedback=true\nkind="note"\nnumber={number}\ntarget="bypass"'
        router.take_over(parse_mapping(text, origin="t").maps)
        assert told(feedback) == [("nano", (0x90, number, 0))]
        router.take_over(parse_mapping(text, origin="t").maps)
        assert told(feedback) == [], "it stayed as it was"


def test_modulation_is_a_light() -> None:
    _, player, feedback = parts('kind="note"\nnumber=36\ntarget="modulation"')
    assert told(feedback) == [("nano", (0x90, 36, 127))]
    player.muted.add("sound")
    assert told(feedback) == [("nano", (0x90, 36, 0))]


def test_without_a_port_the_device_that_the_control_came_from_is_told() -> None:
    player = FakePlayer()
    text = '[[map]]\nkind="note"\nnumber=36\ntarget="bypass"\nfeedback=true\n'
    router = Router(player, parse_mapping(text, origin="t").maps)
    feedback = Feedback(router)
    assert feedback.due() == [], "nobody knows of which device"
    router.handle(event("note", 100, number=36, port="pads #2"))
    assert answered(feedback) == [("", "pads #2", (0x90, 36, 127))] and answered(feedback) == []
    router.handle(event("note", 0, number=36, port="pads #2"))
    player.show.bypass = False
    assert answered(feedback) == [("", "pads #2", (0x90, 36, 0))]
    router.handle(event("note", 100, number=36, port="pads"))
    assert answered(feedback) == [("", "pads", (0x90, 36, 127))]
    router.handle(event("note", 0, number=36, port="pads #2"))
    assert answered(feedback) == [("", "pads #2", (0x90, 36, 127))], "its own light shows what was turned on elsewhere"
