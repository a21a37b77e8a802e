from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message_builder import build_msg
from pythonosc.osc_packet import OscPacket

from stylefader.realtime.controls.osc.address import parse_osc_address
from stylefader.realtime.controls.osc.osc_control import OscControl
from stylefader.training.errors import ControlError
from tests.realtime.controls.player import ALL, FakePlayer, FakeScenes, block
from tests.realtime.live import Clock


class Stage:
    """An OSC control on loopback, and a socket that plays into it."""

    def __init__(self) -> None:
        self.player, self.said = FakePlayer(), list[str]()
        self.scenes = FakeScenes("verse", "chorus")
        self.osc = OscControl(self.player, port=0, scenes=self.scenes, say=self.said.append)  # type: ignore[arg-type]
        self.osc.start()
        self.socket = self.listener()

    def listener(self) -> socket.socket:
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.bind(("127.0.0.1", 0))
        made.settimeout(10)
        return made

    def send(self, address: str, *values: object) -> None:
        self.raw(build_msg(f"/stylefader{address}", values).dgram)

    def raw(self, packet: bytes) -> None:
        self.socket.sendto(packet, self.osc.address)

    def until(self, true: Callable[[], bool]) -> None:
        for _ in range(500):
            if true():
                return
            threading.Event().wait(0.02)
        raise AssertionError(f"it never came: {self.said} {self.player.asked} {self.player.alpha}")

    def heard(self, listener: socket.socket, count: int) -> dict[str, object]:
        got = {}
        for _ in range(count):
            (timed,) = OscPacket(listener.recv(4096)).messages
            got[timed.message.address.removeprefix("/stylefader")] = timed.message.params[0]
        return got


@pytest.fixture
def stage() -> Iterator[Stage]:
    made = Stage()
    yield made
    made.osc.close()
    made.osc.close()
    made.socket.close()


def test_it_listens_to_this_machine_alone_unless_told(stage: Stage) -> None:
    assert stage.osc.address[0] == "127.0.0.1"
    assert parse_osc_address("9001") == ("127.0.0.1", 9001)
    assert parse_osc_address("0.0.0.0:9001") == ("0.0.0.0", 9001)
    assert parse_osc_address("[::1]:9001") == ("::1", 9001)
    for text in ("", "host:", "a", "1:99999", "-1", "9" * 5000, "host:" + "1" * 10**5):
        with pytest.raises(ControlError, match="no address for OSC"):
            parse_osc_address(text)
    with pytest.raises(ControlError, match=r"OSC cannot listen at 127\.0\.0\.1"):
        OscControl(stage.player, port=stage.osc.address[1])


def test_alphas_over_udp(stage: Stage) -> None:
    stage.send("/alpha", 0.25)
    stage.until(lambda: stage.player.alpha == [0.25] * 3)
    stage.send("/alpha/1", 1)
    stage.until(lambda: stage.player.alpha == [0.25, 1, 0.25])
    stage.send("/alpha", 0.1, 0.2, 0.3)
    stage.until(lambda: stage.player.alpha == [0.1, 0.2, 0.3])
    assert all(source == "osc" and at is not None for *_, at, source in stage.player.moves)
    stage.send("/alpha/0", 9.0)
    stage.until(lambda: stage.player.alpha[0] == 1.0)
    assert stage.said == []


def test_styles_flags_and_triggers(stage: Stage) -> None:
    for address, values in (("/style", (3,)), ("/style", ("second",)), ("/next", ()), ("/previous", (1,)),
                            ("/previous", (0,)), ("/panic", (1.0,))):  # fmt: skip
        stage.send(address, *values)
    stage.until(lambda: stage.player.asked == [("go", 2), ("go", 1), ("step", 1), ("step", -1), "panic"])
    for flag in ("bypass", "freeze", "blackout"):
        stage.send(f"/{flag}", 1)
        stage.until(lambda flag=flag: getattr(stage.player.show, flag) is True)
        stage.send(f"/{flag}", False)
        stage.until(lambda flag=flag: getattr(stage.player.show, flag) is False)


def test_scenes(stage: Stage) -> None:
    for values in (("chorus",), (1,), (2.0,)):
        stage.send("/scene", *values)
    stage.until(lambda: stage.scenes.recalled == [1, 0, 1])
    for values in (("bridge",), (), (0,), (1.0,)):
        stage.send("/scene/save", *values)
    stage.until(lambda: stage.scenes.saved == ["bridge", None, None])
    assert stage.said == [] and stage.player.asked == []


def test_sources_are_muted_and_heard_again(stage: Stage) -> None:
    stage.send("/mute/midi", 1)
    stage.send("/mute/lfo", True)
    stage.until(lambda: stage.player.muted == {"midi", "lfo"})
    stage.send("/mute/midi", 0)
    stage.send("/mute/midi", 0.0)
    stage.until(lambda: stage.player.muted == {"lfo"})
    assert stage.said == []


def test_bundles(stage: Stage) -> None:
    bundle = OscBundleBuilder(IMMEDIATELY)
    for number in (0, 2):
        bundle.add_content(build_msg(f"/stylefader/alpha/{number}", 0.75))
    stage.raw(bundle.build().dgram)
    stage.until(lambda: stage.player.alpha == [0.75, 0.5, 0.75])


@pytest.mark.parametrize(
    ("address", "values", "words"),
    [
        ("/alpha", ("x",), "/stylefader/alpha takes a finite number, not 'x'"),
        ("/alpha", (float("nan"),), "/stylefader/alpha takes a finite number, not nan"),
        ("/alpha", (), "/stylefader/alpha takes one value, not 0"),
        ("/alpha/7", (1.0,), "/stylefader/alpha/7: there is no alpha7: this style has alpha0 to alpha2"),
        ("/alpha/x", (1.0,), "'/stylefader/alpha/x' means nothing"),
        ("/tempo", (1.0,), "'/stylefader/tempo' means nothing"),
        ("/style", ("fourth",), "there is no style 'fourth'; there are first, second, third"),
        ("/style", (4,), "/stylefader/style: there is no style 4; there are 3"),
        ("/style", (1.5,), "/stylefader/style: there is no style 1.5; there are 3"),
        ("/scene", ("bridge",), "/stylefader/scene: there is no scene 'bridge'; there are verse, chorus"),
        ("/scene", (0,), "/stylefader/scene: there is no scene 0; there are 2"),
        ("/scene", (1.5,), "/stylefader/scene: there is no scene 1.5; there are 2"),
        ("/scene", (), "/stylefader/scene takes one value, not 0"),
        ("/scene", (b"x",), "/stylefader/scene takes a finite number"),
        ("/scene/save", ("",), "/stylefader/scene/save: '' is not a scene's name"),
        ("/scene/x", (), "'/stylefader/scene/x' means nothing"),
        ("/bypass", (b"\0",), "takes a finite number"),
        ("/mute/radio", (1,), "no source 'radio' to mute; there are keys, midi, osc, scene, lfo, sound"),
        ("/mute/midi", (), "/stylefader/mute/midi takes one value, not 0"),
        ("/subscribe", (0,), "a port is from 1 to 65535, not 0"),
    ],
)
def test_what_means_nothing_is_said_once_and_it_goes_on(
    stage: Stage, address: str, values: tuple[object, ...], words: str
) -> None:
    for _ in range(3):
        stage.send(address, *values)
    stage.send("/alpha", 0.0)
    stage.until(lambda: stage.player.alpha == [0] * 3)
    assert len(stage.said) == 1 and words in stage.said[0]


def test_packets_that_cannot_be_read(stage: Stage) -> None:
    for packet in (b"", b"x", b"/", b"/stylefader/alpha\0\0\0,f\0\0\0", b"#bundle\0" + b"\0" * 9, bytes(range(256))):
        stage.raw(packet)
    stage.send("/alpha", 0.0)
    stage.until(lambda: stage.player.alpha == [0] * 3)
    assert stage.said[0] == "OSC: a packet of 127.0.0.1 cannot be read" and len(stage.said) <= 2


@pytest.mark.parametrize(
    "packet",
    [
        b"/stylefader/alpha\0\0\0,f\0\0",
        b"/stylefader/alpha\0\0\0,f\0\0\0",
        b"/stylefader/alpha\0\0\0,ff\0\0\0\0\0",
        b"/stylefader/alpha\0\0\0,~f\0\x3e\x80\0\0",
        b"#bundle\0" * 1000,
        b"#bundle\0" + b"\0" * 8 + b"\xff\xff\xff\xfc",
    ],
)
def test_packets_that_are_cut_off_move_nothing_and_write_nothing(
    stage: Stage, packet: bytes, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        stage.raw(packet)
    stage.send("/bypass", 1)
    stage.until(lambda: stage.player.show.bypass)
    assert stage.player.moves == [] and stage.said == ["OSC: a packet of 127.0.0.1 cannot be read"]
    assert caplog.messages == [] and "".join(capfd.readouterr()) == ""


@pytest.mark.parametrize("values", [(0.1, "x"), (0.1, 0.2, 0.3, 0.4), (0.1, float("inf"))])
def test_several_alphas_move_together_or_not_at_all(stage: Stage, values: tuple[object, ...]) -> None:
    stage.send("/alpha", *values)
    stage.until(lambda: len(stage.said) == 1)
    assert stage.player.moves == []


def test_modulation_is_turned_off_and_on(stage: Stage) -> None:
    stage.send("/modulation", 0)
    stage.until(lambda: stage.player.muted == {"lfo", "sound"})
    stage.send("/subscribe")
    stage.until(lambda: len(stage.osc._subscribers) == 1)
    stage.osc.tick()
    assert stage.heard(stage.socket, 14)["/modulation"] == 0
    stage.send("/modulation", 1)
    stage.until(lambda: stage.player.muted == set())
    stage.osc.tick()
    assert stage.heard(stage.socket, 1) == {"/modulation": 1}


def test_a_fault_of_the_session_is_said_and_the_next_message_is_heard(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(style: int) -> None:
        raise ZeroDivisionError("of a style")

    monkeypatch.setattr(stage.player, "go", broken)
    stage.send("/style", 1)
    stage.send("/alpha", 0.0)
    stage.until(lambda: stage.player.alpha == [0] * 3)
    stage.osc.tick()
    assert stage.said == ["OSC: /stylefader/style: ZeroDivisionError: of a style"]


def test_what_the_thread_died_of_reaches_the_owner() -> None:
    def broken(words: str) -> None:
        raise BrokenPipeError

    osc = OscControl(FakePlayer(), port=0, say=broken)
    osc.start()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"x", osc.address)
    osc._thread.join(10)
    with pytest.raises(BrokenPipeError):
        osc.tick()
    osc.close()


def test_subscribing_does_not_wait_for_feedback_on_its_way(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.send("/subscribe")
    stage.until(lambda: len(stage.osc._subscribers) == 1)

    def send(*_: object) -> None:
        assert stage.osc._subscribers._lock.acquire(timeout=10)
        stage.osc._subscribers._lock.release()

    monkeypatch.setattr(stage.osc, "_send", send)
    stage.osc.tick()


def test_one_kind_of_complaint_does_not_use_up_the_others(stage: Stage) -> None:
    for number in range(60):
        stage.send(f"/nothing{number}", 1)
        stage.send("/style", f"no{number}")
    stage.send("/scene", "bridge")
    stage.until(lambda: any("bridge" in words for words in stage.said))
    assert len(stage.said) == 6 + 6 + 1


def test_subscribers_are_told_what_changed(stage: Stage) -> None:
    other = stage.listener()
    stage.send("/subscribe")
    stage.send("/subscribe", other.getsockname()[1])
    stage.until(lambda: len(stage.osc._subscribers) == 2)
    stage.osc.tick()
    for listener in (stage.socket, other):
        assert stage.heard(listener, 14) == {
            "/alpha": 0.5, "/alpha/0": 0.5, "/alpha/1": 0.5, "/alpha/2": 0.5, "/style": "first", "/scene": "",
            "/bypass": 0, "/freeze": 0, "/blackout": 0, "/mask_off": 0, "/mask_inverted": 0, "/mask_shown": 0,
            "/modulation": 1, "/free": 0,
        }  # fmt: skip
    stage.player.move(ALL, 1.0)
    stage.player.show.bypass = True
    stage.player.style = 1
    stage.player.scene = "chorus"
    stage.osc.tick()
    stage.osc.tick()
    heard = stage.heard(other, 7)
    assert (heard["/style"], heard["/scene"]) == ("second", "chorus")
    stage.send("/unsubscribe", other.getsockname()[1])
    stage.until(lambda: len(stage.osc._subscribers) == 1)
    stage.player.move(block(0), 0.0)
    stage.osc.tick()
    assert stage.heard(stage.socket, 9)["/alpha/0"] == 0
    other.setblocking(False)
    with pytest.raises(BlockingIOError):
        other.recv(10)
    other.close()


@pytest.mark.parametrize(
    ("address", "alpha", "flags"),
    [
        ("/stylefader/alpha/*", [1, 1, 1], ""),
        ("/stylefader/alpha/[02]", [1, 0.5, 1], ""),
        ("/stylefader/alpha/[!0]", [0.5, 1, 1], ""),
        ("/stylefader/alpha/{0,1}", [1, 1, 0.5], ""),
        ("/*/alpha/?", [1, 1, 1], ""),
        ("/stylefader/{bypass,freeze}", [0.5, 0.5, 0.5], "bypass freeze"),
        ("/stylefader/b*", [0.5, 0.5, 0.5], "bypass blackout"),
    ],
)
def test_a_pattern_is_every_address_that_it_matches(stage: Stage, address: str, alpha: list[float], flags: str) -> None:
    stage.raw(build_msg(address, 1).dgram)
    stage.send("/style", 2)
    stage.until(lambda: stage.player.asked == [("go", 1)])
    assert stage.player.alpha == alpha and stage.said == []
    on = [flag for flag in ("bypass", "freeze", "blackout") if getattr(stage.player.show, flag)]
    assert on == flags.split()


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("/stylefader/alpha/[0", "is no OSC address pattern: its [ has no end"),
        ("/stylefader/{alpha", "is no OSC address pattern: its { has no end"),
        ("/stylefader/alpha]", "is no OSC address pattern: its ] has no beginning"),
        ("/stylefader/z*", "'/stylefader/z*' matches no address"),
        ("/*", "'/*' matches no address"),
        ("/stylefader/" + "*a" * 200, "a pattern has 256 characters at most, not 412"),
    ],
)
def test_patterns_that_match_nothing_are_said(stage: Stage, address: str, words: str) -> None:
    for _ in range(3):
        stage.raw(build_msg(address, 1).dgram)
    stage.send("/bypass", 1)
    stage.until(lambda: stage.player.show.bypass)
    assert len(stage.said) == 1 and words in stage.said[0] and stage.player.moves == []


def test_a_value_that_suits_one_address_of_a_pattern_and_not_another(stage: Stage) -> None:
    stage.raw(build_msg("/stylefader/{alpha,style}", 0.5).dgram)
    stage.until(lambda: len(stage.said) == 1)
    assert stage.player.moves[0][:2] == (ALL, 0.5) and "there is no style 0.5; there are 3" in stage.said[0]


SECOND = 10**9
NOON = 1_800_000_000 * SECOND


class Timed:
    """An OSC control without a thread, on clocks that a test sets; the wall clock is what it is at 0."""

    def __init__(self) -> None:
        self.player, self.said, self.clock = FakePlayer(), list[str](), Clock()
        self.osc = OscControl(
            self.player, port=0, say=self.said.append, now_ns=self.clock, wall_ns=lambda: NOON + self.clock.ns
        )

    def send(self, seconds: float, address: str, *values: object) -> None:
        """A bundle for so long after 0."""
        bundle = OscBundleBuilder(NOON / SECOND + seconds)
        bundle.add_content(build_msg(f"/stylefader{address}", values))
        self.osc.take(bundle.build().dgram, ("127.0.0.1", 9))

    def pass_to(self, seconds: float) -> None:
        self.clock.pass_to(round(seconds * SECOND))
        self.osc.do_what_is_due()


@pytest.fixture
def timed() -> Iterator[Timed]:
    made = Timed()
    yield made
    made.osc.close()


def test_a_bundle_waits_for_its_time_and_a_late_one_does_not(timed: Timed) -> None:
    timed.send(2, "/alpha/0", 1.0)
    timed.send(1, "/alpha/1", 1.0)
    timed.send(-5, "/alpha/2", 1.0)
    assert timed.player.alpha == [0.5, 0.5, 1]
    timed.pass_to(0.999)
    assert timed.player.alpha == [0.5, 0.5, 1]
    timed.pass_to(1.5)
    assert timed.player.alpha == [0.5, 1, 1]
    timed.pass_to(2.001)
    assert timed.player.alpha == [1, 1, 1] and timed.said == []
    times = [at for _, _, at, _ in timed.player.moves]
    assert times == [0, pytest.approx(SECOND, abs=1000), pytest.approx(2 * SECOND, abs=1000)], "not when we woke up"


def test_two_bundles_for_one_time_keep_their_order(timed: Timed) -> None:
    for value in (0.1, 0.9, 0.3):
        timed.send(1, "/alpha", value)
    timed.pass_to(1.001)
    assert [move[1] for move in timed.player.moves] == pytest.approx([0.1, 0.9, 0.3])


def test_a_time_that_is_too_far_ahead_is_left_alone_and_said(timed: Timed) -> None:
    timed.send(59, "/alpha", 0.25)
    for seconds in (61, 3600, 10**8):
        timed.send(seconds, "/alpha", 1.0)
    timed.pass_to(10**9)
    assert timed.player.alpha == [0.25] * 3
    assert timed.said == [
        "OSC: 127.0.0.1 asks for a time that is more than 60 s ahead: it is left alone; are both clocks right?"
    ]


def test_so_many_messages_may_wait_and_no_more(timed: Timed) -> None:
    for _ in range(1200):
        timed.send(1, "/next")
    assert timed.said == ["OSC: 1000 messages wait for their time; more are left alone"]
    timed.pass_to(1.001)
    assert timed.player.asked == [("step", 1)] * 1000
    timed.send(2, "/panic")
    timed.pass_to(2.001)
    assert timed.player.asked[-1] == "panic"


def test_large_messages_that_wait_have_a_bound(timed: Timed) -> None:
    for _ in range(100):
        timed.send(1, "/style", "x" * 60_000)
    assert len(timed.osc._agenda.due(10**18)) == 2**20 // 60_064
    assert timed.said == ["OSC: 1000 messages wait for their time; more are left alone"]


def test_a_bundle_of_the_future_over_udp(stage: Stage) -> None:
    began = time.time()
    bundle = OscBundleBuilder(began + 0.3)
    bundle.add_content(build_msg("/stylefader/alpha", 0.75))
    stage.raw(bundle.build().dgram)
    stage.send("/bypass", 1)
    stage.until(lambda: stage.player.show.bypass)
    stage.until(lambda: stage.player.alpha == [0.75] * 3)
    assert time.time() >= began + 0.3 - 0.001, "never early"


def test_subscribers_expire_unless_they_are_heard_of(timed: Timed) -> None:
    for host in ("127.0.0.1", "127.0.0.2"):
        timed.osc.take(build_msg("/stylefader/subscribe", []).dgram, (host, 9))
    timed.clock.pass_to(599 * SECOND)
    timed.osc.tick()
    assert len(timed.osc._subscribers) == 2
    timed.osc.take(build_msg("/stylefader/alpha", 1.0).dgram, ("127.0.0.2", 777))
    timed.clock.pass_to(601 * SECOND)
    timed.osc.tick()
    assert list(timed.osc._subscribers._told) == [("127.0.0.2", 9)]
    assert timed.said == ["OSC: 127.0.0.1:9 was not heard of for 10 minutes and is told no more"]
    for port in range(100, 115):
        timed.osc.take(build_msg("/stylefader/subscribe", []).dgram, ("127.0.0.1", port))
    timed.osc.take(build_msg("/stylefader/subscribe", []).dgram, ("127.0.0.1", 99))
    assert timed.said[-1] == "OSC: /stylefader/subscribe: there are 16 subscribers, no more can be had"
    timed.clock.pass_to(1300 * SECOND)
    timed.osc.tick()
    assert len(timed.osc._subscribers) == 0


def test_without_scenes() -> None:
    said: list[str] = []
    osc = OscControl(FakePlayer(), port=0, say=said.append)
    for address in ("scene", "scene/save"):
        osc.take(build_msg(f"/stylefader/{address}", "a").dgram, ("127.0.0.1", 9))
    osc.close()
    assert said == [
        f"OSC: /stylefader/{address}: there are no scenes: give --scenes FILE.toml"
        for address in ("scene", "scene/save")
    ]
    assert "/stylefader/scene" not in osc._state()


@pytest.fixture(scope="module")
def closed() -> Iterator[OscControl]:
    osc = OscControl(FakePlayer(), port=0)
    yield osc
    osc.close()


@given(st.binary(max_size=60), st.sampled_from([b"", b"/stylefader/alpha\0\0\0,", b"#bundle\0\0\0\0\0\0\0\0\1"]))
def test_any_bytes_do_no_harm(closed: OscControl, packet: bytes, begin: bytes) -> None:
    closed.take(begin + packet, ("127.0.0.1", 9))
    assert all(0 <= value <= 1 for value in closed._player.alpha)


def test_another_mask_by_its_word(stage: Stage) -> None:
    stage.send("/where", "ellipse:x=0.3")
    stage.until(lambda: stage.player.asked == [("where", "ellipse:x=0.3")])
    stage.send("/where", "nowhere")
    stage.until(lambda: "/stylefader/where: 'nowhere' is not known" in " ".join(stage.said))
    stage.send("/where")
    stage.until(lambda: "say which mask" in " ".join(stage.said))
    stage.send("/mask_inverted", 1)
    stage.until(lambda: stage.player.show.mask_inverted)
