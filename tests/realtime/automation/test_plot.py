from __future__ import annotations

import importlib
import re
import sys
from fractions import Fraction
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stylefader.realtime.automation.automation_file import file_of
from stylefader.realtime.automation.csv_file import AutomationFile, parse_automation_file
from stylefader.realtime.automation.keyframes import Keyframe, parse_inline
from stylefader.realtime.automation.plot import plot
from stylefader.training.errors import StylefaderError
from stylefader.training.evaluation.plots import png, svg
from tests.realtime.automation.test_thinning import automations

SVG = "{http://www.w3.org/2000/svg}"
Way = tuple[list[tuple[float, float]], str, bool]


def drawn(file: AutomationFile) -> list[Way]:
    """Points, colour and whether it is dotted, of every line but those where a style begins."""
    (axes,) = plot(file, "x").axes
    return [
        (list(map(tuple, line.get_xydata().tolist())), line.get_color(), line.get_linestyle() == ":")
        for line in axes.lines
        if line.get_linestyle() != "--"
    ]


def inline(text: str) -> AutomationFile:
    return file_of(parse_inline(text).keyframes, origin="x")


def texts(file: AutomationFile) -> list[str]:
    """All words on the page."""
    return [str(text.text) for text in ElementTree.fromstring(svg(plot(file, "x"))).iter(f"{SVG}text")]


def test_what_is_straight_what_is_eased_and_what_jumps() -> None:
    (points, _, dotted), *rest = drawn(inline("0s:0 2s:1"))
    assert not rest and not dotted
    assert points == [(0, 0), (2, 1), (pytest.approx(2.08), 1)], "the last one holds"
    assert sorted(dotted for _, _, dotted in drawn(inline("0s:0:hold 1s:1 2s:1 2s:0 3s:0"))) == [False] * 3 + [True] * 2
    jumps = [points for points, _, dotted in drawn(inline("0s:0:hold 1s:1 2s:1 2s:0 3s:0")) if dotted]
    assert jumps == [[(1, 0), (1, 1)], [(2, 1), (2, 0)]], "straight up and down"
    ((eased, _, _),) = drawn(inline("0s:0:smooth 2s:1"))
    assert len(eased) > 40
    for x, y in eased[:-1]:
        assert y == pytest.approx((x / 2) ** 2 * (3 - x), abs=1e-9)


def test_a_line_for_each_block_and_the_styles_by_name() -> None:
    text = "time,alpha0,alpha1\n# 0 style first\n0,0,0\n# 2 style second\n# 3 bars of nothing\n5,1,0\n"
    file = parse_automation_file(text, origin="x")
    assert len({colour for _, colour, _ in drawn(file)}) == 2
    assert {"first", "second", "alpha0", "alpha1", "time", "alpha"} <= set(texts(file))
    (axes,) = plot(file, "x").axes
    begins = [line.get_xdata()[0] for line in axes.lines if line.get_linestyle() == "--"]
    assert begins == [0, 2]
    assert "alpha0" not in texts(inline("0:0 1s:1"))


def test_names_of_styles_that_find_no_room_are_left_out() -> None:
    begins = "".join(f"# {at} style painting{at}\n" for at in range(60))
    names = [
        word for word in texts(parse_automation_file(f"time,alpha\n{begins}0,0\n60,1\n", origin="x")) if "paint" in word
    ]
    assert 5 < len(names) < 30 and names[0] == "painting0"


def test_names_are_shown_as_they_are() -> None:
    """Dollar signs are no formula, and what XML cannot hold is replaced."""
    found = svg(plot(inline("0:0 1s:1"), "$a_1$ & <b>\x01\N{HIRAGANA LETTER A}.csv"))
    words = [str(text.text) for text in ElementTree.fromstring(found).iter(f"{SVG}text")]
    assert any("$a_1$ & <b>?\N{HIRAGANA LETTER A}.csv" in word for word in words)
    assert png(plot(inline("0:0 1s:1"), "$a\N{HIRAGANA LETTER A}"))[:4] == b"\x89PNG"


def test_the_same_automation_makes_the_same_file() -> None:
    assert svg(plot(inline("0:0 1s:1"), "x")) == svg(plot(inline("0:0 1s:1"), "x"))


@pytest.mark.parametrize(
    ("text", "labels"),
    [("0s:0 1.5s:1", {"0.4 s", "1.2 s"}), ("0s:0 40s:1", {"10 s", "40 s"}), ("0s:0 5:00:1", {"2:00", "5:00"}),
     ("1:00:00:0 3:00:00:1", {"1:00:00", "2:30:00"}), ("0.5", {"0 s", "1 s"})],
)  # fmt: skip
def test_times_as_people_read_them(text: str, labels: set[str]) -> None:
    assert labels <= set(texts(inline(text)))


@settings(deadline=None, max_examples=40)
@given(automations(), st.sampled_from([0, 10**6]), st.sampled_from([1, Fraction(1, 10**10)]))
def test_any_automation_can_be_drawn(keyframes: list[Keyframe], late: int, fine: Fraction) -> None:
    moved = [Keyframe(time=late + k.time * fine, values=k.values, ease=k.ease) for k in keyframes]
    (axes,) = plot(file_of(moved, origin="x"), "x").axes
    assert len(axes.lines) < 250
    for line in axes.lines:
        low, high = axes.viewLim.min, axes.viewLim.max
        assert (line.get_xydata() >= low - 1e-9 * abs(low)).all() and (line.get_xydata() <= high * (1 + 1e-9)).all()


def test_a_nights_take_is_drawn_with_few_points() -> None:
    keyframes = [Keyframe(time=Fraction(n, 30), values=(n % 20000 / 20000,)) for n in range(60_000)]
    figure = plot(file_of(keyframes, origin="x"), "night.csv")
    assert sum(len(line.get_xydata()) for line in figure.axes[0].lines) < 100
    picture = cv2.imdecode(np.frombuffer(png(figure), np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (840, 1920, 3)
    assert (picture != picture[:, :, :1]).any(axis=2).sum() > 1000, "something coloured is on it"


def test_without_matplotlib_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.delitem(sys.modules, "stylefader.training.evaluation.plots")
    with pytest.raises(StylefaderError, match=re.escape("pip install 'stylefader[plot]'")):
        importlib.import_module("stylefader.training.evaluation.plots")
