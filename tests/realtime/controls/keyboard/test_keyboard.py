from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from stylefader.realtime.automation.recorder import Takes
from stylefader.realtime.controls.keyboard.key_table import KEY_NAMES, KeyMap, action_words
from stylefader.realtime.controls.keyboard.keyboard import Keyboard
from stylefader.realtime.controls.mapping.live_learn import LiveLearner
from stylefader.realtime.parameters.flags import OutputFlags
from stylefader.realtime.parameters.tempo import BeatClock
from stylefader.training.errors import ControlError
from tests.realtime.controls.player import FakePlayer


class Player(FakePlayer):
    def nudge(self, target: object, step: float, *more: object) -> None:  # type: ignore[override]
        self.asked.append((str(target), step))


class FakeScenes:
    def __init__(self, *names: str) -> None:
        self.names, self.recalled = list(names), list[int]()

    def recall(self, number: int) -> None:
        self.recalled.append(number)

    def save(self) -> str:
        if "full" in self.names:
            raise ControlError("no more")
        self.names.append("full")
        return "full"


class Listening:
    """Controls that hear nothing."""

    path, inputs = None, ("pads",)

    def __init__(self, *, fails: bool = False) -> None:
        self.takes: list[Any] = []
        self._fails = fails

    def listen(self, take: Any) -> None:
        if self._fails:
            raise ControlError("there is no MIDI system here")
        self.takes.append(take)

    def use(self, path: Path) -> None: ...


class Board(Keyboard):
    def __init__(self, *, fails: bool = False, **more: Any) -> None:
        self.player, self.said, self.listening = Player(), list[str](), Listening(fails=fails)
        self.learner = LiveLearner(self.listening, sizes={"alpha": 3}, say=self.said.append, now_ns=lambda: 0)
        super().__init__(
            self.player, learner=self.learner, say=self.said.append, now_ns=lambda: 77, **more,
        )  # fmt: skip


def window() -> Any:
    return SimpleNamespace(mode="stylized", full_screen=False)


def test_alphas_by_pairs_fine_and_coarse() -> None:
    board = Board()
    board.press(["up", "-", "s", "x", "k", "pageup", "pagedown"])
    coarse = [
        ("alpha", 0.05),
        ("alpha", -0.05),
        ("alpha0", 0.05),
        ("alpha0", -0.05),
        ("alpha3", -0.05),
        ("alpha", 0.25),
        ("alpha", -0.25),
    ]
    assert board.player.asked == coarse
    board.press("c")
    assert board.notes == ["fine steps"]
    board.press(["down", "e"])
    assert board.player.asked[7:] == [("alpha", -0.01), ("alpha1", 0.01)]
    board.press("c")
    assert board.notes == []


def test_styles_flags_and_panic() -> None:
    board = Board()
    board.press(["right", "n", "left", "p", "2", "f3", "9", "f9", ";", "space"])
    assert board.player.asked == [("step", 1), ("step", 1), ("step", -1), "panic", ("go", 1), ("go", 2)]
    board.press("bf0")
    assert board.player.show == OutputFlags(bypass=True, freeze=True, blackout=True)
    board.press("bf0")
    assert board.player.show == OutputFlags()


def test_digits_are_scenes_where_there_are_scenes() -> None:
    scenes = FakeScenes("quiet", "loud")
    board = Board(scenes=scenes)
    board.press(["2", "1", "3", "f2"])
    assert scenes.recalled == [1, 0] and board.player.asked == [("go", 1)]
    scenes.names.clear()
    board.press(["3"])
    assert board.player.asked == [("go", 1), ("go", 2)]


def test_every_action_of_the_table_can_be_done(tmp_path: Path) -> None:
    for action in action_words():
        for with_window in (window(), None):
            keys = KeyMap().keys(action)
            assert keys, action
            Board(window=with_window).press(keys[:1])


def test_the_window_alone_has_views_and_help_on_the_picture() -> None:
    board = Board(window=window())
    modes = []
    for _ in range(3):
        board.press(["v"])
        modes.append(board._window.mode)  # type: ignore[union-attr]
    assert modes == ["split", "original", "stylized"]
    board.press(["w", "o", "h"])
    assert board._window.full_screen and not board.overlay and board.help_rows  # type: ignore[union-attr]
    assert board.said == []
    board.press(["esc"])
    assert not board.help_rows and board._window.full_screen, "one thing at a time"  # type: ignore[union-attr]
    board.press(["esc", "esc", "esc"])
    assert not board._window.full_screen and not board.quits  # type: ignore[union-attr]


def test_without_a_window_help_is_said() -> None:
    board = Board()
    board.press(["v", "w", "o", "h"])
    assert any("panic" in line for line in board.said) and not board.help_rows


@pytest.mark.parametrize("key", ["q", "closed"])
def test_what_quits(key: str) -> None:
    board = Board()
    board.press(["esc"])
    assert not board.quits
    board.press([key])
    assert board.quits


def test_a_closed_window_quits_whatever_the_file_says() -> None:
    board = Board()
    board.take_over({"quit": ()})
    board.press(["q"])
    assert not board.quits
    board.press(["closed"])
    assert board.quits


def test_keys_of_a_file_are_taken_over_and_given_back() -> None:
    board = Board()
    board.take_over({"panic": ("up",)})
    board.press(["up", "+", "p"])
    assert board.player.asked == ["panic", ("alpha", 0.05)]
    board.take_over({})
    board.press(["up", "p"])
    assert board.player.asked[2:] == [("alpha", 0.05), "panic"]


def test_taps_say_the_tempo() -> None:
    clock = BeatClock(now_ns=lambda: 0)
    board = Board(clock=clock)
    board.press("t")
    board._runner.now_ns = lambda: 77 + 400_000_000
    board.press("t")
    assert board.said == ["tempo: 120.0 bpm", "tempo: 150.0 bpm"]
    clock.tick(board._runner.now_ns(), "drums")
    board.press("t")
    assert board.said[-1] == "a tap changes nothing: the tempo, 150.0 bpm, is drums's"


def test_a_number_that_nothing_has_is_said() -> None:
    board = Board(scenes=FakeScenes("quiet"))
    board.press(["7", "f9"])
    assert board.said == ["there is no scene 7; there is 1", "there is no style 9; there are 3"]


def test_only_what_is_there_is_said_to_be_off() -> None:
    board = Board(modulated=lambda: ["lfo"])
    board.press("m")
    assert board.notes == ["without lfo"]


def test_a_take_is_begun_and_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    board = Board(takes=Takes(None, {"alpha": 3}))
    board.press("r")
    assert board.notes == ["rec take-1.csv"] and Path("take-1.csv").exists()
    board.press("r")
    assert board.notes == []


@pytest.mark.parametrize(
    ("key", "target"),
    [("0", "alpha0"), ("2", "alpha2"), ("s", "alpha0"), ("d", "alpha1"), ("up", "alpha"), ("pagedown", "alpha"),
     ("b", "bypass"), ("p", "panic"), ("right", "next")],
)  # fmt: skip
def test_learning_takes_the_next_key(key: str, target: str) -> None:
    board = Board()
    board.press(["l"])
    assert "learn what?" in board.notes[0] and board.listening.takes[-1] is not None
    board.press([key])
    assert board.notes == [f"learning {target}: move a control"]
    assert board.player.asked == [] and board.player.show == OutputFlags(), "it does nothing else"
    board.press(["esc"])
    assert board.notes == [] and board.listening.takes[-1] is None and board.said[-1] == "nothing is learned"


def test_learning_asks_on_and_can_be_left() -> None:
    board = Board()
    board.press(["l", "v", "7"])
    assert "learn: v does nothing" in board.said[1] and "there is no alpha7" in board.said[2]
    assert board.learner.asks
    board.press(["l", "up"])
    assert not board.learner.active and board.player.asked == [("alpha", 0.05)]
    board.press(["l", "q", "q"])
    assert not board.quits, "a key that was meant for learning ends no show"
    board.take_over({"learn": ("g",), "back": ()})
    board.press(["esc", "g"])
    assert board.learner.asks


def test_without_midi_nothing_can_be_learned() -> None:
    board = Board(fails=True)
    board.press(["l", "up"])
    assert "there is no MIDI system here" in board.said[0] and board.player.asked == [("alpha", 0.05)]


def test_keys_that_are_not_given_do_nothing() -> None:
    board = Keyboard(FakePlayer())
    board.press(["l", "t", "r", "h", "esc"])
    board.press(KEY_NAMES)
    assert board.notes == []


def test_what_moves_by_itself_is_turned_off_and_on() -> None:
    board = Board(modulated=lambda: ["lfo", "sound"])
    board.press(["m"])
    assert board.player.muted == {"lfo", "sound"} and board.notes == ["without lfo, sound"]
    board.player.muted.add("midi")
    board.press(["m"])
    assert board.player.muted == {"midi"} and board.notes == ["without midi"]
    still = Board()
    still.press(["m"])
    assert still.notes == [], "nothing moves by itself here anyway"


def test_what_plays_becomes_a_scene() -> None:
    board = Board(scenes=FakeScenes("one"))
    board.press(["a", "a"])
    assert board.said == ["scene 'full' added", "no scene is added: no more"]
    without = Board()
    without.press(["a"])
    assert without.said == ["no scene is added: there are no scenes: give --scenes FILE.toml"]
