from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from stylefader.realtime.parameters.alpha_desk import AlphaDesk, Still
from stylefader.realtime.parameters.parameter import Layout, Parameter, most_of, parameters_of, sizes_of
from stylefader.realtime.parameters.style_pad import StylePad, parse_corners
from stylefader.realtime.parameters.style_weights import check_weights, parse_weights
from stylefader.realtime.parameters.targets import Target, labels_in, parse_target, why_missing
from stylefader.training.errors import ControlError
from stylefader.training.packs.pack import save_pack
from stylefader.training.packs.pack_file import PackFile
from tests.conftest import random_pack

STYLES = ("dusk", "noon", "wave2", "night", "rain")


@pytest.fixture
def palette(tmp_path: Path) -> PackFile:
    made = random_pack(tmp_path / "sky.safetensors", kind="palette", width=4, places=("residual3",), styles=STYLES)
    save_pack(made)
    return PackFile(made.file)


@pytest.fixture
def parameters(palette: PackFile) -> tuple[Parameter, ...]:
    return parameters_of(palette.header, (), chosen="noon")


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("style/noon", Target("style", "noon")), ("style/wave2", Target("style", "wave2")),
        ("style4", Target("style", 4)),
        ("style_outside/noon", Target("style_outside", "noon")), ("style/", None), ("style/0", None), ("/noon", None),
        ("style/No", None), ("style/a/b", None), ("style0/noon", None), ("style/" + "a" * 65, None),
    ],
)  # fmt: skip
def test_components_go_by_names(text: str, target: Target | None) -> None:
    assert parse_target(text) == target
    assert target is None or str(target) == text


def test_a_palette_has_a_weight_for_each_style(parameters: tuple[Parameter, ...]) -> None:
    named = {one.name: one for one in parameters}
    assert named["style"].default == (0, 1, 0, 0, 0) and named["style"].labels == STYLES
    assert named["style_outside"].default == (0,) * 5, "as inside"
    assert {"style_free", "pad_x", "pad_y"} <= named.keys()
    desk = AlphaDesk(parameters, time_constant_s=0)
    desk.move(Target("style", "wave2"), 0.5)
    desk.move(Target("style", 4), 0.25)
    assert desk.values(0)["style"].tolist() == [0, 1, 0.5, 0, 0.25]
    sizes = sizes_of(parameters)
    assert why_missing(Target("style", "rain"), sizes) is None and why_missing(Target("style", 4), sizes) is None
    assert why_missing(Target("style", "moon"), sizes) == "there is no style/moon: did you mean style/noon?"
    assert why_missing(Target("style", "xyz"), sizes, "it has") == (
        "there is no style/xyz: it has style/dusk, style/noon, style/wave2, style/night, style/rain"
    )
    assert why_missing(Target("alpha", "x"), sizes) == "there is no alpha/x: this style has no alpha that goes by names"
    assert "style5" in str(why_missing(Target("style", 5), sizes))


def test_several_palettes_have_all_names(parameters: tuple[Parameter, ...]) -> None:
    other = Parameter(name="style", low=(0, 0), high=(1, 1), default=(1, 0), labels=("noon", "fog"))
    most = most_of([parameters, [other]])
    assert most["style"] == 5 and labels_in(most["style"]) == (*STYLES, "fog")


def test_the_pad_is_bilinear(parameters: tuple[Parameter, ...]) -> None:
    layout = Layout(parameters)
    pad = StylePad(layout, ("rain", "night", "noon", "dusk"))
    for place, style in {(0, 0): "rain", (1, 0): "night", (0, 1): "noon", (1, 1): "dusk"}.items():
        assert pad.weights(*place).tolist() == [float(name == style) for name in STYLES]
    assert pad.weights(0.25, 0.5) == pytest.approx([0.125, 0.375, 0, 0.125, 0.375])
    first = StylePad(layout, ("rain", "of", "another", "palette"))
    assert first.weights(1, 0)[STYLES.index("noon")] == 1, "its own first four"


def test_what_modulates_the_pad_moves_the_weights_by_as_much(parameters: tuple[Parameter, ...]) -> None:
    class Right(Still):
        def offsets(self, at_ns, layout):  # type: ignore[no-untyped-def]
            offsets = super().offsets(at_ns, layout)
            offsets[layout.place(Target("pad_x"))] = 0.25
            return offsets

    desk = AlphaDesk(parameters, time_constant_s=0, modulation=Right())
    desk.pad = StylePad(desk.layout, ("noon", "rain", "dusk", "night"))
    values = desk.values(0)
    assert values["pad_x"].tolist() == [0.25] and values["style"] == pytest.approx([0, 0.75, 0, 0, 0.25])
    assert desk.targets()["style"].tolist() == [0, 1, 0, 0, 0], "faders stay where they are"


@pytest.mark.parametrize("text", ["", "a,b,c", "a,b,c,", "a,b,c,d,e"])
def test_a_pad_has_four_corners(text: str) -> None:
    with pytest.raises(ControlError, match="a pad is four styles of a palette, as in A,B,C,D"):
        parse_corners(text)


@pytest.mark.parametrize("text", ["", "noon", "noon=", "noon=x", "=1", "noon=nan", "noon=1,", "noon=1,noon=0"])
def test_what_are_no_weights(text: str) -> None:
    with pytest.raises(ControlError, match="weights"):
        parse_weights(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("moon=1", "did you mean style/noon"), ("noon=0,dusk=0", "the weights are all 0"),
        ("noon=1.5", "from 0 to 1, not 1.5 for noon"), ("noon=-1", "from 0 to 1"),
    ],
)  # fmt: skip
def test_weights_that_do_not_fit_are_refused(palette: PackFile, text: str, words: str) -> None:
    check_weights(parse_weights("noon=0.5, dusk=1"), palette.with_style("rain"))
    with pytest.raises(ControlError, match=words):
        check_weights(parse_weights(text), palette)


def test_a_single_pack_takes_no_weights(tmp_path: Path) -> None:
    save_pack(random_pack(tmp_path / "one.safetensors", width=4))
    with pytest.raises(ControlError, match="weights are for the styles of a palette: one is one style"):
        check_weights({"noon": 1.0}, PackFile(tmp_path / "one.safetensors"))


def test_styles_of_a_palette_share_what_engines_are_made_of(palette: PackFile) -> None:
    noon, rain = palette.with_style("noon"), palette.with_style("rain")
    assert (noon.style, noon.chosen) == ("sky/noon", "noon")
    assert noon.network_pack is rain.network_pack is palette and noon.weights_hash() == palette.weights_hash()
    assert noon.with_style("rain").style == "sky/rain"
    assert np.array_equal(noon.style_vectors()["rain"], palette.style_vectors()["rain"])
