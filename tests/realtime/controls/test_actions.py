"""One row in the table of actions is enough: it works from keys, MIDI and OSC, and stands in the help and documents."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pythonosc.osc_message_builder import build_msg

from stylefader.realtime.controls import actions
from stylefader.realtime.controls.action_kinds import Action, ActionRunner, Choice, Step, Switch, Trigger, place_in
from stylefader.realtime.controls.actions import find, find_mapped, find_osc, is_reserved, remote
from stylefader.realtime.controls.controls import ControlOptions, Controls
from stylefader.realtime.controls.keyboard.key_table import KeyMap, is_action, markdown_table
from stylefader.realtime.controls.keyboard.keyboard import Keyboard
from stylefader.realtime.controls.mapping.mapping import parse_mapping
from stylefader.realtime.controls.osc.osc_control import OscControl
from stylefader.realtime.controls.router import Router
from stylefader.realtime.parameters.parameter import STROKES, Parameter
from stylefader.realtime.parameters.targets import Target
from stylefader.training.errors import ControlError
from tests.paths import DOCS
from tests.realtime.controls.player import FakePlayer, event

NOTE = '[[map]]\nkind = "note"\nnumber = 1\ntarget = "{}"\n'


class Stage:
    """Keyboard, MIDI and OSC on one session, with more rows in the table."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *rows: Action) -> None:
        monkeypatch.setattr(actions, "TABLE", (*actions.TABLE, *rows))
        self.player, self.said = FakePlayer(), list[str]()
        self.runner = ActionRunner(self.player, say=self.said.append)
        self.keyboard = Keyboard(self.player, say=self.said.append, runner=self.runner)
        self.control = OscControl(self.player, port=0, runner=self.runner, say=self.said.append)

    def midi(self, target: str, *raws: int, more: str = "") -> None:
        router = Router(self.player, parse_mapping(NOTE.format(target) + more, origin="t").maps, runner=self.runner)
        for raw in raws:
            router.handle(event("note", raw))

    def osc(self, address: str, *values: object) -> None:
        self.control.take(build_msg(f"/stylefader/{address}", values).dgram, ("127.0.0.1", 9))

    def close(self) -> None:
        self.control.close()


@pytest.fixture
def stages(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Stage]]:
    made: list[Stage] = []
    yield made
    for stage in made:
        stage.close()


def test_a_trigger_in_a_row(monkeypatch: pytest.MonkeyPatch, stages: list[Stage]) -> None:
    def run(runner: ActionRunner) -> str:
        runner.player.go(2)
        return "whirled"

    stage = Stage(monkeypatch, Trigger(name="whirl", keys=("y",), help="whirl it", osc="whirl", midi=True, run=run))
    stages.append(stage)
    stage.keyboard.press(["y"])
    assert stage.said == ["whirled"]
    stage.midi("whirl", 100, 0)
    stage.osc("whirl")
    stage.osc("whirl", 0)
    stage.osc("whir*", 1)
    assert stage.player.asked == [("go", 2)] * 4 and stage.said == ["whirled"]
    assert ("y", "whirl it") in KeyMap().rows()
    assert "| `y` | whirl it | `whirl` | `/whirl` | `whirl` |\n" in markdown_table()
    keys = parse_mapping('[keys]\nwhirl = "z"', origin="t").keys
    stage.keyboard.take_over(keys)
    stage.keyboard.press("yz")
    assert len(stage.player.asked) == 5


def test_a_switch_in_a_row(monkeypatch: pytest.MonkeyPatch, stages: list[Stage]) -> None:
    on = [False]
    stage = Stage(
        monkeypatch,
        Switch(name="fog", keys=("y",), help="fog", osc="fog", midi=True, is_on=lambda runner: on[0],
               turn=lambda runner, wanted: on.__setitem__(0, wanted)),
    )  # fmt: skip
    stages.append(stage)
    states = []
    for ask in (
        lambda: stage.keyboard.press("y"), lambda: stage.osc("fog", 0), lambda: stage.osc("fog", 1),
        lambda: stage.midi("fog", 100), lambda: stage.midi("fog", 100, 0, more='mode = "hold"'),
    ):  # fmt: skip
        ask()
        states.append(on[0])
    assert states == [True, False, True, False, False]
    on[0] = True
    assert stage.control._state()["/stylefader/fog"] == 1


def test_a_choice_in_a_row(monkeypatch: pytest.MonkeyPatch, stages: list[Stage]) -> None:
    chosen: list[int] = []
    stage = Stage(
        monkeypatch,
        Choice(name="look", keys=("y", "z"), help="looks", osc="look", midi=True, names=lambda runner: ["a", "b", "c"],
               choose=lambda runner, number: chosen.append(number)),
    )  # fmt: skip
    stages.append(stage)
    stage.keyboard.take_over(parse_mapping('[keys]\n"look 3" = "q"\n"look 4" = "j"', origin="t").keys)
    stage.keyboard.press("yzqj")
    assert chosen == [0, 1, 2] and stage.said == ["there is no look 4; there are 3"]
    stage.osc("look", "b")
    stage.osc("look", 3)
    stage.midi("look", 100, more="to = 1")
    stage.midi("look", 127)
    assert chosen[3:] == [1, 2, 0, 2]
    assert find("look 99") is not None and find("look 100") is None and find("look") is None


def test_what_is_the_owners_waits_for_its_thread(monkeypatch: pytest.MonkeyPatch, stages: list[Stage]) -> None:
    """A row of the surface that is given an address: OSC's thread does not touch the window."""
    row = Trigger(
        name="leave", help="leave", osc="leave", midi=True, owner=True,
        run=lambda runner: runner.surface.quit() if runner.surface else None,
    )  # fmt: skip
    stage = Stage(monkeypatch, row)
    stages.append(stage)
    stage.osc("leave")
    assert not stage.keyboard.quits
    stage.keyboard.press([])
    assert stage.keyboard.quits


def test_every_name_key_and_address_is_there_once() -> None:
    for of_all in (
        [action.name for action in actions.TABLE],
        [key for action in actions.TABLE for key in action.keys or ()],
        [action.osc for action in actions.TABLE if action.osc],
    ):
        assert len(of_all) == len(set(of_all))
    for action in remote(osc=True):
        assert find_osc(action.osc) is action
    for action in remote(midi=True):
        assert find_mapped(action.name) is action


def test_what_an_action_is_called_no_parameter_is() -> None:
    assert is_reserved("style") and is_reserved("bypass") and is_reserved("mute") and not is_reserved("alpha")
    assert is_action("any_name up") and is_action("any_name7 down") and not is_action("style up")
    asked = find("any_name7 down")
    assert asked is not None and asked.action.target == Target("any_name", 7) and asked.action.by == -0.05  # type: ignore[attr-defined]


def test_a_parameter_of_an_actions_name_is_said() -> None:
    said: list[str] = []
    Controls(FakePlayer(), ControlOptions(), sizes={"alpha": 3, "style": 2}, say=said.append).close()
    assert said == ["the parameter style cannot be played: style is an action"]


def test_the_documents_have_every_address_and_target() -> None:
    text = (DOCS / "control.md").read_text()
    assert markdown_table() in text
    osc, mapping = text.split("## OSC")[1], text.split("## The mapping file")[1]
    for action in remote(osc=True):
        first = action.osc.partition("/")[0]
        assert f"/{action.osc}`" in osc or (first == "mute" and "/mute/keys`" in osc), action.osc
    for action in remote(midi=True):
        assert f"`{action.name}`" in mapping


@pytest.mark.parametrize(
    ("which", "words"),
    [("d", "there is no x 'd'; there are a, b"), (3, "there is no x 3; there are 2"), (1.5, "there is no x 1.5")],
)
def test_what_there_is_not_is_said_with_what_there_is(which: str | float, words: str) -> None:
    assert place_in(["a", "b"], "b", "x") == 1 and place_in(["a", "b"], 2.0, "x") == 1
    with pytest.raises(ControlError, match=words):
        place_in(["a", "b"], which, "x")


def test_strokes_go_from_size_to_size_and_a_style_may_have_none() -> None:
    up, down = (actions.find(f"stroke {way}") for way in ("up", "down"))
    assert up is not None and down is not None and isinstance(up.action, Step) and isinstance(down.action, Step)
    player = FakePlayer(Parameter.even("stroke", 1, low=STROKES[0], high=STROKES[-1], default=1))
    stands = []
    for asked in (up, up, up, up, down, down, down, down, down):
        ActionRunner(player).step(asked.action, fine=True)
        stands += player.values("stroke")
    assert stands == [1.5, 2, 3, 3, 2, 1.5, 1, 0.6667, 0.6667]
    none = FakePlayer()
    ActionRunner(none).step(up.action, fine=False)
    assert not none.moves
