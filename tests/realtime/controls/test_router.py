from __future__ import annotations

import pytest

from stylefader.realtime.controls.events import ControlEvent, Kind
from stylefader.realtime.controls.mapping.mapping import ControlMap, parse_mapping
from stylefader.realtime.controls.router import Router
from tests.realtime.controls.player import FakePlayer, FakeScenes, block, event


def router(text: str, scenes: FakeScenes | None = None) -> tuple[Router, FakePlayer]:
    player = FakePlayer()
    maps = parse_mapping(f"[[map]]\n{text}", origin="t.toml").maps
    return Router(player, maps, scenes=scenes), player  # type: ignore[arg-type]


def test_a_fader_moves_its_block() -> None:
    r, player = router('kind="cc"\nnumber=1\ntarget="alpha1"\npickup=false')
    r.handle(event("cc", 127))
    assert player.alpha == [0.5, 1, 0.5] and player.moves == [(block(1), 1.0, 5, "midi")]
    r.handle(event("cc", 0, number=2))
    r.handle(event("cc14", 0))
    assert len(player.moves) == 1


def test_channel_and_port_are_heeded() -> None:
    r, player = router('kind="cc"\nnumber=1\ntarget="alpha"\npickup=false\nchannel=2\nport="NANO"')
    r.handle(event("cc", 127, channel=1))
    r.handle(event("cc", 127, channel=2, port="other"))
    assert not player.moves
    r.handle(event("cc", 127, channel=2))
    assert player.alpha == [1, 1, 1]


@pytest.mark.parametrize(
    ("words", "raw", "expected"),
    [
        ("range=[0.2, 0.6]", 127, 0.6),
        ("range=[0.2, 0.6]\ninvert=true", 127, 0.2),
        ('curve="slow"', 32, (32 / 127) ** 2),
        ('curve="fast"', 32, 1 - (95 / 127) ** 2),
        ("range=[-5, 5]", 127, 1.0),
    ],
)
def test_range_inversion_and_curve(words: str, raw: int, expected: float) -> None:
    r, player = router(f'kind="cc"\nnumber=1\ntarget="alpha0"\npickup=false\n{words}')
    r.handle(event("cc", raw))
    assert player.alpha[0] == pytest.approx(expected, abs=1e-4)


class TestPickup:
    def test_a_fader_that_stands_elsewhere_waits_until_it_comes_by(self) -> None:
        r, player = router('kind="cc"\nnumber=1\ntarget="alpha0"')
        for raw in (0, 10, 40):
            r.handle(event("cc", raw))
        assert player.alpha[0] == 0.5
        r.handle(event("cc", 80))
        assert player.alpha[0] == pytest.approx(80 / 127, abs=1e-4), "it went past"
        r.handle(event("cc", 0))
        assert player.alpha[0] == 0

    def test_it_lets_go_when_something_else_moves(self) -> None:
        r, player = router('kind="cc"\nnumber=1\ntarget="alpha0"')
        r.handle(event("cc", 64))
        r.handle(event("cc", 100))
        player.move(block(0), 0.1)
        r.handle(event("cc", 101))
        assert player.alpha[0] == pytest.approx(0.1)
        for raw in (60, 14):
            r.handle(event("cc", raw))
        assert player.alpha[0] == pytest.approx(14 / 127, abs=1e-4)

    def test_a_muted_fader_does_not_get_hold(self) -> None:
        r, player = router('kind="cc"\nnumber=1\ntarget="alpha0"')
        muted = {"midi"}
        player.desk._muted = muted
        for raw in (64, 127):
            r.handle(event("cc", raw))
        muted.clear()
        r.handle(event("cc", 126))
        assert player.alpha[0] == 0.5

    def test_alpha_beyond_its_range_is_met_at_the_end(self) -> None:
        r, player = router('kind="cc"\nnumber=1\ntarget="alpha0"\nrange=[0, 0.3]')
        r.handle(event("cc", 100))
        assert player.alpha[0] == 0.5
        r.handle(event("cc", 127))
        assert player.alpha[0] == pytest.approx(0.3)

    def test_all_blocks_are_met_at_their_mean(self) -> None:
        r, player = router('kind="cc14"\nnumber=1\ntarget="alpha"')
        player.move(block(0), 0.2)
        player.move(block(1), 0.1)
        r.handle(event("cc14", round(16383 * 0.2666)))
        r.handle(event("cc14", 16383))
        assert player.alpha == [1, 1, 1]


@pytest.mark.parametrize(("coding", "up", "down"), [("twos", 3, 125), ("offset", 67, 61)])
def test_endless_encoders(coding: str, up: int, down: int) -> None:
    r, player = router(f'kind="cc"\nnumber=1\ntarget="alpha2"\nrelative="{coding}"\nstep=0.02')
    r.handle(event("cc", up))
    assert player.alpha == [0.5, 0.5, 0.56]
    for _ in range(20):
        r.handle(event("cc", down))
    assert player.alpha == [0.5, 0.5, 0]
    r, player = router(f'kind="cc"\nnumber=1\ntarget="style"\nrelative="{coding}"\ninvert=true')
    r.handle(event("cc", up))
    assert player.asked == [("step", -1)]


def test_flags_by_press_and_while_held() -> None:
    r, player = router('kind="note"\nnumber=1\ntarget="bypass"')
    flags = []
    for raw in (100, 0, 100, 0):
        r.handle(event("note", raw))
        flags.append(player.show.bypass)
    assert flags == [True, True, False, False]
    r, player = router('kind="cc"\nnumber=1\ntarget="freeze"\nmode="hold"')
    flags = []
    for raw in (127, 90, 0, 10):
        r.handle(event("cc", raw))
        flags.append(player.show.freeze)
    assert flags == [True, True, False, False]


@pytest.mark.parametrize(("kind", "raws"), [("note", (1, 0, 9)), ("cc", (64, 127, 0, 64)), ("program", (1, 1))])
def test_triggers(kind: Kind, raws: tuple[int, ...]) -> None:
    for target, expected in (("next", ("step", 1)), ("previous", ("step", -1)), ("panic", "panic")):
        r, player = router(f'kind="{kind}"\nnumber=1\ntarget="{target}"')
        for raw in raws:
            r.handle(event(kind, raw))
        assert player.asked == [expected] * 2


def test_styles_by_program_press_and_place() -> None:
    r, player = router('kind="program"\ntarget="style"')
    for raw in (2, 0, 77):
        r.handle(event("program", raw, number=raw))
    assert player.asked == [("go", 2), ("go", 0)]
    r, player = router('kind="note"\nnumber=1\ntarget="style"\nto=2')
    r.handle(event("note", 3))
    r.handle(event("note", 0))
    assert player.asked == [("go", 1)]
    r, player = router('kind="cc"\nnumber=1\ntarget="style"')
    for raw in (0, 10, 60, 70, 127):
        r.handle(event("cc", raw))
    assert player.asked == [("go", 0), ("go", 1), ("go", 2)]


@pytest.mark.parametrize(
    ("words", "events", "expected"),
    [
        ('kind="program"', [event("program", raw, number=raw) for raw in (2, 0, 3)], [2, 0]),
        ('kind="program"\nnumber=9\nto="b"', [event("program", 9, number=9), event("program", 1, number=1)], [1]),
        ('kind="note"\nnumber=1\nto="c"', [event("note", raw) for raw in (9, 0, 1)], [2, 2]),
        ('kind="note"\nnumber=1\nto=1', [event("note", 9)], [0]),
        ('kind="note"\nnumber=1\nto=4', [event("note", 9)], []),
        ('kind="note"\nnumber=1\nto="d"', [event("note", 9)], []),
        ('kind="cc"\nnumber=1\nto=2', [event("cc", raw) for raw in (1, 64, 127, 0, 90)], [1, 1]),
        ('kind="cc"\nnumber=1', [event("cc", raw) for raw in (0, 10, 60, 70, 127)], [0, 1, 2]),
    ],
)
def test_scenes_by_program_press_and_place(words: str, events: list[ControlEvent], expected: list[int]) -> None:
    scenes = FakeScenes("a", "b", "c")
    r, player = router(f'{words}\ntarget="scene"', scenes)
    for e in events:
        r.handle(e)
    assert scenes.recalled == expected and not player.asked
    for none in (None, FakeScenes()):
        r, player = router(f'{words}\ntarget="scene"', none)
        for e in events:
            r.handle(e)
        assert not player.asked and (none is None or not none.recalled)


def test_a_block_that_the_style_has_not_got_is_left_alone() -> None:
    r, player = router('kind="cc"\nnumber=1\ntarget="alpha7"')
    r.handle(event("cc", 3))
    assert not player.moves


def test_a_key_plays_strength_and_its_release_leaves_it() -> None:
    r, player = router('kind="note"\nnumber=1\ntarget="alpha0"')
    r.handle(event("note", 127))
    r.handle(event("note", 0))
    assert player.alpha[0] == 1


def test_other_mappings_take_over_and_known_ones_keep_hold() -> None:
    text = '[[map]]\nkind="cc"\nnumber=1\ntarget="alpha0"\n'
    r, player = router(text[8:])
    r.handle(event("cc", 64))
    r.take_over(
        parse_mapping(f'# moved\n{text}[[map]]\nkind="cc"\nnumber=2\ntarget="alpha1"\npickup=false', origin="t").maps
    )
    r.handle(event("cc", 127))
    r.handle(event("cc", 0, number=2))
    assert player.alpha == [1, 0, 0.5]


def maps(*texts: str) -> tuple[ControlMap, ...]:
    return parse_mapping("".join(f"[[map]]\n{text}\n" for text in texts), origin="t").maps


HELD = 'kind="note"\nnumber=1\ntarget="blackout"\nmode="hold"'


def test_what_is_held_is_let_go_when_its_port_goes() -> None:
    r, player = router(HELD)
    r.handle(event("note", 100))
    r.release("another")
    assert player.show.blackout
    r.release("nanoKONTROL2 MIDI 1")
    assert not player.show.blackout
    r.handle(event("note", 100))
    assert player.show.blackout, "and may be pressed again"
    r.release()
    assert not player.show.blackout


def test_what_was_turned_on_by_a_press_stays_when_its_port_goes() -> None:
    r, player = router('kind="note"\nnumber=1\ntarget="blackout"')
    r.handle(event("note", 100))
    r.release()
    assert player.show.blackout
    r.handle(event("note", 100))
    assert not player.show.blackout, "the key was let go without a word"


def test_a_fader_past_its_middle_is_not_pressed_again_when_it_comes_back() -> None:
    r, player = router('kind="cc"\nnumber=1\ntarget="panic"')
    r.handle(event("cc", 100))
    r.release()
    r.handle(event("cc", 101))
    assert player.asked == ["panic"]


def test_what_is_held_is_let_go_when_its_mapping_goes() -> None:
    other = 'kind="cc"\nnumber=1\ntarget="alpha0"'
    r, player = router(HELD)
    r.handle(event("note", 100))
    r.take_over(maps(other, HELD))
    assert player.show.blackout, "it is held still"
    r.handle(event("note", 0))
    assert not player.show.blackout
    r.handle(event("note", 100))
    r.take_over(maps(other))
    assert not player.show.blackout


def test_two_mappings_alike_keep_a_state_each() -> None:
    toggle = 'kind="note"\nnumber=1\ntarget="next"'
    r, player = router(toggle)
    r.take_over(maps(toggle, toggle))
    assert r.states[0][1] is not r.states[1][1]
    before = [state for _, state in r.states]
    r.take_over(maps(toggle, toggle))
    assert all(state is was for (_, state), was in zip(r.states, before, strict=True))
    r.handle(event("note", 100))
    assert player.asked == [("step", 1)] * 2


def test_modulation_by_press_and_while_held() -> None:
    r, player = router('kind="note"\nnumber=1\ntarget="modulation"')
    player.muted |= {"lfo", "midi"}
    muted = []
    for raw in (100, 0, 100, 0):
        r.handle(event("note", raw))
        muted.append(set(player.muted))
    assert muted == [{"midi"}] * 2 + [{"midi", "lfo", "sound"}] * 2
    r, player = router('kind="cc"\nnumber=1\ntarget="modulation"\nmode="hold"')
    for raw, left in ((127, set()), (0, {"lfo", "sound"})):
        r.handle(event("cc", raw))
        assert player.muted == left
