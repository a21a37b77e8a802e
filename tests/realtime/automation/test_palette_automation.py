from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from stylefader.engines import open_engine
from stylefader.realtime.automation.csv_file import parse_csv, read_csv
from stylefader.realtime.automation.recorder import AutomationRecorder
from stylefader.realtime.parameters.parameter import Parameter, parameters_of, single, sizes_of
from stylefader.realtime.session.render_job import RenderJob, run_job
from stylefader.training.errors import AutomationError, StylefaderError
from stylefader.training.packs.pack import StylePack, save_pack
from tests.conftest import random_pack

STYLES = ("dusk", "noon", "night", "rain")
H, W = 32, 48
MakePicture = Callable[[int, int], npt.NDArray[np.uint8]]


@pytest.fixture
def palette(tmp_path: Path) -> StylePack:
    made = random_pack(tmp_path / "sky.safetensors", kind="palette", width=4, places=("residual3",), styles=STYLES)
    save_pack(made)
    return made


@pytest.fixture
def parameters(palette: StylePack) -> tuple[Parameter, ...]:
    return parameters_of(palette.header, ())


def test_columns_go_by_names_in_any_order_and_others_are_0(parameters: tuple[Parameter, ...]) -> None:
    automation = parse_csv("time,style/night,mix,style/dusk\n0,1,1,0\n2,0,0.5,1\n", origin="t")
    automation.check(sizes_of(parameters))
    assert automation.names == ["style", "mix"] and automation.bounds("style") == (0, 1)
    found = automation.values(Fraction(1, 2), parameters)
    assert found["style"].tolist() == [0.25, 0, 0.75, 0] and found["mix"] == pytest.approx([0.875])
    alone = parse_csv("time,style/noon\n0,0.5\n", origin="t").values(Fraction(3), parameters)
    assert alone["style"].tolist() == [0, 0.5, 0, 0]
    numbered = parse_csv("time,style0,style1,style2,style3\n0,1,0,0.5,0\n", origin="t")
    assert numbered.values(Fraction(0), parameters)["style"].tolist() == [1, 0, 0.5, 0]


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ("style/moon", "there is no style/moon: did you mean style/noon"), ("style0,style/noon", "does not go with"),
        ("style/noon,style/noon", "the header must be"), ("alpha/x", "there is no alpha/x"),
    ],
)  # fmt: skip
def test_columns_that_do_not_fit(parameters: tuple[Parameter, ...], columns: str, words: str) -> None:
    values = ",".join("0" for _ in columns.split(","))
    with pytest.raises(AutomationError, match=words):
        parse_csv(f"time,{columns}\n0,{values}\n", origin="t").check(sizes_of(parameters))


def test_a_take_has_a_column_for_each_style(parameters: tuple[Parameter, ...], tmp_path: Path) -> None:
    take = AutomationRecorder(tmp_path / "take.csv", sizes_of(parameters))
    named = {one.name: one for one in parameters}
    for number in range(5):
        values = {one.name: np.array(one.default, np.float32) for one in parameters}
        values["style"] = np.array([1 - number / 4, 0, number / 4, 0], np.float32)
        take.played(Fraction(number, 10), "sky/dusk", single(values, named))
    take.close()
    assert "style/dusk,style/noon,style/night,style/rain" in (tmp_path / "take.csv").read_text()
    played = read_csv(tmp_path / "take.csv")
    played.check(sizes_of(parameters))
    assert played.values(Fraction(1, 10), parameters)["style"] == pytest.approx([0.75, 0, 0.25, 0])


class Renders:
    """Renders one picture by a palette, and says what the engine alone makes of it."""

    def __init__(self, folder: Path, palette: StylePack, image: npt.NDArray[np.uint8]) -> None:
        self.folder, self.palette, self.image = folder, palette, image
        Image.fromarray(image).save(folder / "in.png")

    def job(self, style: str = "", **words: object) -> list[str]:
        """Notes of a render."""
        name = f"{self.palette.file}{style}"
        job = RenderJob(
            source=str(self.folder / "in.png"), output=str(self.folder / "out.png"), style=name, engine="torch",
            overwrite=True, **words,  # type: ignore[arg-type]
        )  # fmt: skip
        return list(run_job(job).notes)

    def rendered(self, style: str = "", **words: object) -> npt.NDArray[np.uint8]:
        self.job(style, **words)
        return np.asarray(Image.open(self.folder / "out.png"))

    def made(self, **weights: float) -> npt.NDArray[np.uint8]:
        styles = self.palette.style_vectors()
        style = sum(np.float32(weight) * styles[name] for name, weight in weights.items())
        with open_engine(self.palette, H, W, backend="torch")[0] as engine:
            return engine.run({"frame": self.image, "alpha": np.zeros(1, np.float32), "style": np.asarray(style)})


@pytest.fixture
def renders(tmp_path: Path, palette: StylePack, picture: MakePicture) -> Renders:
    return Renders(tmp_path, palette, picture(H, W))


def test_a_render_by_a_style_and_by_weights(renders: Renders) -> None:
    assert np.array_equal(renders.rendered(), renders.made(dusk=1))
    assert np.array_equal(renders.rendered("/night"), renders.made(night=1))
    half = renders.made(noon=0.5, rain=0.5)
    assert np.array_equal(renders.rendered(weights="noon=1,rain=1"), half)
    assert np.array_equal(renders.rendered(weights={"noon": 0.5, "rain": 0.5}), half)
    assert np.array_equal(renders.rendered(weights="noon=0.5", free=True), renders.made(noon=0.5))


def test_a_render_by_columns_and_by_the_pad(renders: Renders) -> None:
    take = renders.folder / "take.csv"
    take.write_text("time,style/noon,style/night\n0,0.25,0.75\n")
    mixed = renders.made(noon=0.25, night=0.75)
    assert np.abs(renders.rendered(automation=take).astype(int) - mixed).max() <= 1
    with pytest.raises(StylefaderError, match="moves the weights of the styles already"):
        renders.job(automation=take, weights="rain=1")
    take.write_text("time,pad_x,pad_y\n0,0.5,0\n")
    assert np.array_equal(renders.rendered(automation=take), renders.made(dusk=0.5, noon=0.5))
    pad = renders.rendered(automation=take, pad="night,rain,dusk,noon")
    assert np.array_equal(pad, renders.made(night=0.5, rain=0.5))
    assert np.array_equal(renders.rendered(pad="night,rain,dusk,noon"), renders.made(night=1))


def test_where_every_weight_is_0_the_style_that_was_named_holds(renders: Renders) -> None:
    take = renders.folder / "take.csv"
    take.write_text("time,style/noon\n0,0\n")
    assert "every weight was 0 in 1 frame: the mix before held" in renders.job(automation=take)
    assert np.array_equal(renders.rendered(automation=take), renders.made(dusk=1))


@pytest.mark.parametrize(
    ("style", "words", "why"),
    [
        ("/nigt", {}, "has no style 'nigt': did you mean night"),
        ("", {"weights": "nigt=1"}, "did you mean style/night"),
        ("", {"weights": "night=0"}, "the weights are all 0"),
        ("", {"pad": "night,rain,dusk,moon"}, "the pad: there is no style/moon: did you mean style/noon"),
    ],
)
def test_what_a_palette_does_not_have(renders: Renders, style: str, words: dict[str, str], why: str) -> None:
    with pytest.raises(StylefaderError, match=why):
        renders.job(style, **words)
