from __future__ import annotations

import itertools
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from stylefader.training.compute import Compute
from stylefader.training.data.photographs import PhotoFolder, read_picture, resize_short_side, to_rgb01
from stylefader.training.errors import TrainingError
from stylefader.training.evaluation.held_out import measure_losses
from stylefader.training.evaluation.objectives import Method, Objectives, Plan, Point, looks, measure_points
from stylefader.training.evaluation.plots import png, svg
from stylefader.training.evaluation.trade_off import judge, losses_of
from stylefader.training.evaluation.trade_off_plot import plot
from stylefader.training.losses.perceptual import StyleTarget
from stylefader.training.networks.colours import denormalise, normalise
from stylefader.training.packs.pack import StylePack
from tests.training.given import make_given, quickly_trained


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_given(tmp_path_factory.mktemp("given"))


@pytest.fixture(scope="module")
def level(given: Path) -> StylePack:
    return quickly_trained(given, "level")


def test_losses_are_those_that_training_measures(given: Path, level: StylePack) -> None:
    objectives = Objectives(level.header, [given / "style.png"], given / "vgg.safetensors", compute=Compute())
    photos = PhotoFolder(given / "held_out").centre_crops(1, 64)
    plan = Plan(alphas=(0.0, 0.5, 1.0), grid=(0.0, 1.0), fixed={})
    points = measure_points(level.network(), objectives, photos, plan)
    curve, mixed = (losses_of(points, method, "content", "style") for method in ("alpha", "interpolation"))
    style = to_rgb01(resize_short_side(read_picture(given / "style.png"), 32))
    target = StyleTarget(objectives.network, style, pyramid=1)
    trained = measure_losses(level.network(), {"1": target}, photos, plan.alphas)
    np.testing.assert_allclose(curve, [trained.content, trained.style], rtol=1e-5)
    np.testing.assert_allclose(mixed[:, [0, 2]], curve[:, [0, 2]], rtol=1e-5)
    assert len([point for point in points if point.method == "grid"]) == 2**3 - 2

    x = to_rgb01(photos[0])
    with torch.inference_mode():
        ends = [denormalise(level.network()(normalise(x), torch.full((3,), a))).clamp(0, 1) for a in (0.0, 1.0)]
        middle = objectives.of_photo(photos[0])((ends[0] + ends[1]) / 2)
    assert mixed[:, 1].tolist() == pytest.approx([middle["content"], middle["style"]], rel=1e-4)


def test_a_pack_of_two_looks_is_measured_by_both(given: Path) -> None:
    pack = quickly_trained(given, "pair")
    low, high = looks(pack.header)
    assert low.sha256 != high.sha256
    pictures = [given / "other.png", given / "style.png"]
    objectives = Objectives(pack.header, pictures, given / "vgg.safetensors", compute=Compute())
    assert (objectives.first, objectives.second) == ("style_at_0", "style")
    style = to_rgb01(PhotoFolder(given / "held_out").centre_crops(1, 64)[0])
    measured = objectives.of_photo(PhotoFolder(given / "held_out").centre_crops(1, 64)[0])(style)
    assert measured["content"] == 0
    assert measured["style"] != measured["style_at_0"]
    with pytest.raises(TrainingError, match="another picture as well"):
        Objectives(pack.header, pictures[:1], given / "vgg.safetensors", compute=Compute())


def test_what_the_pack_was_not_trained_on_is_refused(given: Path, level: StylePack) -> None:
    with pytest.raises(TrainingError, match=r"not trained on .*other\.png"):
        Objectives(level.header, [given / "other.png"], given / "vgg.safetensors", compute=Compute())
    with pytest.raises(TrainingError, match="picture not found"):
        Objectives(level.header, [given / "none.png"], given / "vgg.safetensors", compute=Compute())
    with pytest.raises(TrainingError, match="does not say how it was trained"):
        looks(replace(level.header, training={}))


def rows(method: Method, losses: Sequence[tuple[float, float]], name: str = "") -> list[Point]:
    return [
        Point(method=method, alpha=(number / max(1, len(losses) - 1),), name=name, losses={"content": x, "style": y})
        for number, (x, y) in enumerate(losses)
    ]


CURVE = [(1.0, 4.0), (2.0, 2.0), (3.0, 1.0)]


@pytest.mark.parametrize(
    ("mixed", "below", "least"), [((2.0, 2.5), True, 0.2), ((2.0, 1.6), False, -0.25), ((0.5, 9.0), None, None)]
)
def test_mixed_pictures_are_compared_at_equal_content(
    mixed: tuple[float, float], below: bool | None, least: float | None
) -> None:
    points = rows("alpha", CURVE) + rows("interpolation", [CURVE[0], mixed, CURVE[-1]])
    verdict = judge(points, "content", "style", {})
    assert (verdict.first_rises, verdict.second_falls) == (True, True)
    assert verdict.below_interpolation is below
    assert verdict.least_advantage == (None if least is None else pytest.approx(least))


def test_a_curve_that_turns_back_is_no_fader() -> None:
    verdict = judge(rows("alpha", [*CURVE, (2.5, 1.5)]) + rows("interpolation", CURVE), "content", "style", {})
    assert (verdict.first_rises, verdict.second_falls) == (False, False)
    assert verdict.below_interpolation is None


def test_a_fixed_network_is_compared_by_its_own_weight() -> None:
    points = rows("alpha", CURVE) + rows("fixed", [(2.0, 1.0)], "two")
    assert judge(points, "content", "style", {"two": 2.0}).fixed["two"] == pytest.approx((4.0, 5.0 / 4.0))


@pytest.mark.parametrize("side", [(1.02, 0.98), (0.98, 1.02), (1.0, 1.0)])
def test_the_name_of_a_fixed_network_lies_beside_the_curve(side: tuple[float, float]) -> None:
    """Whether the network is to the left of the curve, to the right or on it."""
    fixed = (CURVE[1][0] * side[0], CURVE[1][1] * side[1])
    points = rows("alpha", CURVE) + rows("interpolation", CURVE) + rows("fixed", [fixed], "fixed_15")
    figure = plot(points, "content", "style", {"content": "c", "style": "s"}, "t")
    figure.draw_without_rendering()
    (axes,) = figure.axes
    (name,) = [text for text in axes.texts if text.get_text() == "fixed_15"]
    box = name.get_window_extent()
    curve = axes.transData.transform(axes.lines[0].get_xydata())
    assert len(curve) == len(CURVE)
    for start, end in itertools.pairwise(curve):
        places = start + np.linspace(0, 1, 400)[:, None] * (end - start)
        assert not box.count_contains(places), "the curve runs through the name"
    assert axes.bbox.contains(box.x0, box.y0) and axes.bbox.contains(box.x1, box.y1)


def test_the_plot_says_what_is_on_it() -> None:
    points = rows("alpha", CURVE) + rows("interpolation", [CURVE[0], (2, 2.5), CURVE[2]]) + rows("fixed", [(2, 1)], "f")
    words = {"content": "content loss", "style": "style loss"}
    figure = plot(points, "content", "style", words, "A <title>")
    said = {text.text for text in ET.fromstring(svg(figure)).iter("{http://www.w3.org/2000/svg}text")}
    for text in ("content loss", "style loss", "A <title>", "alpha 0", "alpha 1", "f", "fixed networks"):
        assert text in said
    assert "each block at its own alpha" not in said
    (axes,) = figure.axes
    np.testing.assert_array_equal(axes.lines[0].get_xydata(), CURVE)
    picture = cv2.imdecode(np.frombuffer(png(figure), np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (1000, 1440, 3) and (picture[0] == 255).all(), "dark on a white page"
    one = rows("alpha", [(0.0, 0.0)] * 2) + rows("interpolation", [(0.0, 0.0)] * 2)
    assert png(plot(one, "content", "style", words, "t"))
