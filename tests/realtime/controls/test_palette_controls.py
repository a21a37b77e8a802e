from __future__ import annotations

from pathlib import Path

import pytest

from stylefader.realtime.controls.action_kinds import ActionRunner, Step, Switch, place_in
from stylefader.realtime.controls.actions import find, find_mapped, parameter_target
from stylefader.realtime.controls.mapping.mapping import parse_mapping
from stylefader.realtime.controls.osc.osc_control import OscControl
from stylefader.realtime.controls.osc.packet import message_bytes
from stylefader.realtime.controls.router import Router
from stylefader.realtime.controls.scenes.saved_scenes import saved, standing
from stylefader.realtime.controls.scenes.scene_file import cast, parse_scenes
from stylefader.realtime.parameters.alpha_desk import AlphaDesk
from stylefader.realtime.parameters.parameter import Parameter, parameters_of
from stylefader.realtime.parameters.targets import Target
from stylefader.training.errors import ControlError
from stylefader.training.packs.open_style import each_style
from stylefader.training.packs.pack import save_pack
from stylefader.training.packs.pack_file import PackFile
from tests.conftest import random_pack
from tests.realtime.controls.player import FakePlayer, event

STYLES = ("dusk", "noon", "night", "rain")
WEIGHTS = Parameter(name="style", low=(0,) * 4, high=(1,) * 4, default=(1, 0, 0, 0), labels=STYLES)
OTHERS = [Parameter.even(name, 1, low=0, high=1, default=0) for name in ("style_free", "pad_x", "pad_y")]


@pytest.fixture
def player() -> FakePlayer:
    return FakePlayer(WEIGHTS, *OTHERS)


@pytest.fixture
def palette(tmp_path: Path) -> PackFile:
    made = random_pack(tmp_path / "sky.safetensors", kind="palette", width=4, places=("residual3",), styles=STYLES)
    save_pack(made)
    return PackFile(made.file)


def test_what_means_the_style_and_what_a_weight() -> None:
    assert find_mapped("style") is not None and parameter_target("style") is None
    for text in ("style/night", "style2", "style_outside/night"):
        assert parameter_target(text) is not None and find_mapped(text) is None
        asked = find(f"{text} up")
        assert asked is not None and isinstance(asked.action, Step) and str(asked.action.target) == text


def test_midi_moves_weights_by_name_and_by_number(player: FakePlayer) -> None:
    text = """
[[map]]
kind = "cc"
number = 1
target = "style/night"
pickup = false

[[map]]
kind = "cc"
number = 2
target = "style1"

[[map]]
kind = "cc"
number = 3
target = "style/moon"
"""
    router = Router(player, parse_mapping(text, origin="t").maps)
    router.handle(event("cc", 127, number=1))
    router.handle(event("cc", 64, number=2))
    assert player.values("style") == [1, 0, 1, 0], "the second has not reached its weight yet"
    router.handle(event("cc", 0, number=2))
    router.handle(event("cc", 127, number=2))
    router.handle(event("cc", 127, number=3))
    assert player.values("style") == [1, 1, 1, 0]
    assert router.bounds(router.states[2][0]) is None and router.current(router.states[2][0]) is None


def test_osc_moves_weights_and_the_corners_of_the_pad(player: FakePlayer) -> None:
    said: list[str] = []
    control = OscControl(player, port=0, say=said.append)
    control.take(message_bytes("/stylefader/style/night", 0.5), ("here", 1))
    control.take(message_bytes("/stylefader/style/1", 0.25), ("here", 1))
    control.take(message_bytes("/stylefader/style/{dusk,rain}", 0.125), ("here", 1))
    assert player.values("style") == [0.125, 0.25, 0.5, 0.125] and not said
    control.take(message_bytes("/stylefader/style", "second"), ("here", 1))
    control.take(message_bytes("/stylefader/pad", "a,b,c,d"), ("here", 1))
    assert player.asked == [("go", 1), ("pad", "a,b,c,d")]
    control.take(message_bytes("/stylefader/style/nigt", 0.5), ("here", 1))
    assert "did you mean style/night" in said[-1]
    control.take(message_bytes("/stylefader/free", 1), ("here", 1))
    assert player.values("style_free") == [1]
    state = control._state()
    assert state["/stylefader/style/night"] == 0.5 and state["/stylefader/style"] == "second"
    control.close()


def test_the_switch_of_free_weights(player: FakePlayer) -> None:
    switch, runner = find("free"), ActionRunner(player)
    assert switch is not None and isinstance(switch.action, Switch)
    runner.turn(switch.action, None)
    assert player.values("style_free") == [1] and switch.action.is_on(runner)
    runner.turn(switch.action, None)
    assert player.values("style_free") == [0]
    without = FakePlayer()
    ActionRunner(without).turn(switch.action, None)
    assert not without.moves


def test_a_style_of_a_palette_goes_by_its_own_name_where_that_is_one() -> None:
    names = ["night", "sky/night", "sky/rain", "sea/noon", "sky/noon"]
    assert place_in(names, "rain", "style") == 2 and place_in(names, "night", "style") == 0
    with pytest.raises(ControlError, match="there is no style 'noon'"):
        place_in(names, "noon", "style")


def test_scenes_have_weights_by_name(palette: PackFile, tmp_path: Path) -> None:
    text = """
[[scene]]
name = "half"
style = "./sky.safetensors/night"
parameters = { "style/night" = 0.5, "style/rain" = 0.5 }

[[scene]]
name = "whole"
style = "./sky.safetensors"
"""
    scenes = parse_scenes(text, origin="t")
    casting = cast(scenes, [], tmp_path / "t.toml")
    assert casting.styles == [2, 0] and [pack.chosen for pack in casting.added] == list(STYLES)
    again = cast(scenes, casting.added, tmp_path / "t.toml")
    assert again.styles == [2, 0] and not again.added
    with pytest.raises(ControlError, match="parameters is numbers by name"):
        parse_scenes(text.replace('"style/rain"', '"style"'), origin="t")
    unknown = parse_scenes(text.replace("style/rain", "style/nigt"), origin="t")
    with pytest.raises(ControlError, match="did you mean style/night"):
        cast(unknown, casting.added, tmp_path / "t.toml")
    with pytest.raises(ControlError, match="has no style 'nigt': did you mean night"):
        cast(parse_scenes(text.replace("safetensors/night", "safetensors/nigt"), origin="t"), [], tmp_path / "t.toml")


def test_a_saved_scene_has_the_weights_that_are_not_0(palette: PackFile, tmp_path: Path) -> None:
    night = each_style([palette])[2]
    desk = AlphaDesk(parameters_of(night.header, chosen="night"), time_constant_s=0)
    desk.move(Target("style", "rain"), 0.25)
    scene = standing("now", night, desk.targets(), tmp_path / "s.toml")
    text = saved("", [scene], origin="t")
    (found,) = parse_scenes(text, origin="t")
    assert found.style == "sky.safetensors/night" or found.style == "./sky.safetensors/night"
    weights = {name: value for name, value in found.parameters.items() if name.startswith("style/")}
    assert weights == {"style/night": 1, "style/rain": 0.25} and "pad_x" not in found.parameters
    assert cast([found], [], tmp_path / "s.toml").styles == [2]
