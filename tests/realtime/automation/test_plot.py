from __future__ import annotations

import re
from fractions import Fraction
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stylefader.realtime.automation.automation_file import file_of
from stylefader.realtime.automation.keyframes import AutomationFile, Keyframe, parse_automation_file, parse_inline
from stylefader.realtime.automation.plot import plot

from tests.realtime.automation.test_thinning import automations

SVG = "{http://www.w3.org/2000/svg}"


def lines(file: AutomationFile) -> list[tuple[list[tuple[float, float]], str, bool]]:
    """Points, colour and whether it is dashed, of every line."""
    root = ElementTree.fromstring(plot(file, "x").svg())
    return [
        ([tuple(map(float, at.split(","))) for at in line.get("points", "").split()], line.get("stroke", ""),
         line.get("stroke-dasharray") is not None) for line in root.iter(f"{SVG}polyline")
    ]  # fmt: skip


def texts(file: AutomationFile) -> list[str]:
    return [str(text.text) for text in ElementTree.fromstring(plot(file, "x").svg()).iter(f"{SVG}text")]


def drawn(text: str) -> list[tuple[list[tuple[float, float]], str, bool]]:
    """The automation's own lines, without those of the page, which are grey."""
    file = file_of(parse_inline(text).keyframes, origin="x")
    return [line for line in lines(file) if len(set(re.findall("..", line[1][1:]))) > 1]


def test_what_is_straight_what_is_eased_and_what_jumps() -> None:
    (points, _, dashed), *rest = drawn("0s:0 2s:1")
    assert not rest and not dashed
    (x0, y0), (x1, y1), (x2, y2) = points
    assert x0 < x1 < x2 and y0 > y1 == y2, "alpha upwards, and the last one holds"
    assert sorted(dashed for _, _, dashed in drawn("0s:0:hold 1s:1 2s:1 2s:0 3s:0")) == [False] * 3 + [True] * 2
    jumps = [points for points, _, dashed in drawn("0s:0:hold 1s:1 2s:1 2s:0 3s:0") if dashed]
    assert all(a[0] == b[0] and a[1] != b[1] for a, b in jumps), "straight up and down"
    ((eased, _, _),) = drawn("0s:0:smooth 2s:1")
    assert len(eased) > 40
    for x, y in eased[:-1]:
        u = (x - x0) / (x1 - x0)
        assert (y - y0) / (y1 - y0) == pytest.approx(u * u * (3 - 2 * u), abs=0.002)


def test_a_line_for_each_block_and_the_styles_by_name() -> None:
    text = "time,alpha0,alpha1\n# 0 style first\n0,0,0\n# 2 style second\n# 3 bars of nothing\n5,1,0\n"
    file = parse_automation_file(text, origin="x")
    assert len({colour for _, colour, _ in lines(file)} - {"#e8e8e8", "#787878", "#969696"}) == 2
    assert {"first", "second", "alpha0", "alpha1"} <= set(texts(file))
    assert sum(dashed for _, _, dashed in lines(file)) == 2
    assert "alpha0" not in texts(file_of(parse_inline("0:0 1s:1").keyframes, origin="x"))


@pytest.mark.parametrize(
    ("text", "labels"),
    [("0s:0 1.5s:1", {"0.4 s", "1.2 s"}), ("0s:0 40s:1", {"10 s", "40 s"}), ("0s:0 5:00:1", {"2:00", "5:00"}),
     ("1:00:00:0 3:00:00:1", {"1:00:00", "2:30:00"}), ("0.5", {"0 s", "1 s"})],
)  # fmt: skip
def test_times_as_people_read_them(text: str, labels: set[str]) -> None:
    assert labels <= set(texts(file_of(parse_inline(text).keyframes, origin="x")))


@given(automations(), st.sampled_from([0, 10**6]), st.sampled_from([1, Fraction(1, 10**10)]))
def test_any_automation_can_be_drawn(keyframes: list[Keyframe], late: int, fine: Fraction) -> None:
    moved = [Keyframe(time=late + k.time * fine, values=k.values, ease=k.ease) for k in keyframes]
    found = lines(file_of(moved, origin="x"))
    assert len(found) < 250
    for points, _, _ in found:
        assert all(0 <= x <= 960 and 0 <= y <= 420 for x, y in points)


def test_a_nights_take_is_drawn_with_few_points() -> None:
    keyframes = [Keyframe(time=Fraction(n, 30), values=(n % 20000 / 20000,)) for n in range(60_000)]
    drawing = plot(file_of(keyframes, origin="x"), "night.csv")
    assert len(drawing.svg()) < 20_000
    picture = cv2.imdecode(np.frombuffer(drawing.png(), np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (840, 1920, 3)
    assert (picture != picture[:, :, :1]).any(axis=2).sum() > 1000, "something coloured is on it"
