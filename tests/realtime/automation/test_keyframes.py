from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stylefader.realtime.automation.automation_file import file_text
from stylefader.realtime.automation.csv_file import parse_automation_file, parse_csv, read_csv
from stylefader.realtime.automation.keyframes import Automation, parse_inline
from stylefader.realtime.media.timecode import format_time, parse_time
from stylefader.training.errors import AutomationError
from tests.realtime.strengths import alpha_at


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", "0"), ("2s", "2"), ("2.5", "5/2"), (".5s", "1/2"), ("1:30", "90"), ("01:02:03.250", "3723.25"),
     ("90:00.1", "5400.1"), ("0.333333333333", "0.333333333333")],
)  # fmt: skip
def test_times(text: str, seconds: str) -> None:
    assert parse_time(text) == Fraction(seconds)


@pytest.mark.parametrize(
    "text", ["", "s", "-1", "1:60", "1:60:00", "1:2:3:4", "nan", "1e3", "1,5", "\u0661", "1:", ":30"]
)
def test_texts_that_are_no_times(text: str) -> None:
    with pytest.raises(ValueError, match="time"):
        parse_time(text)


@pytest.mark.parametrize(("seconds", "text"), [(3.14, "3.1 s"), (75, "1:15"), (3725.4, "1:02:05"), (59.7, "1:00")])
def test_times_for_people(seconds: float, text: str) -> None:
    assert format_time(seconds) == text


def alphas(automation: Automation, *times: float | str, n_blocks: int = 3) -> list[list[float]]:
    return [alpha_at(automation, Fraction(time), n_blocks).round(6).tolist() for time in times]


def test_the_example_of_the_design() -> None:
    automation = parse_inline("0s:0 2s:1 4s:0.2,1,0.5")
    found = alphas(automation, 0, 1, 2, 3, 4, 99)
    expected = [[0] * 3, [0.5] * 3, [1] * 3, [0.6, 1, 0.75], [0.2, 1, 0.5], [0.2, 1, 0.5]]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_the_csv_says_the_same() -> None:
    text = "\ufefftime, alpha0,alpha1,alpha2\n# a comment\n0,0,0,0\n2,1,1,1\n\n0:04,0.2,1,0.5\n".removeprefix("\ufeff")
    automation = parse_csv(text, origin="take.csv")
    assert automation.keyframes[2].values == (0.2, 1, 0.5)
    np.testing.assert_allclose(alphas(automation, 3), [[0.6, 1, 0.75]], atol=1e-6)


def test_before_after_hold_smooth_and_jumps() -> None:
    automation = parse_inline("1s:0.25:hold 2s:0:smooth 4s:1 4s:0.5 5s:0")
    found = alphas(automation, 0, 1, "1.999", 2, "2.5", 3, "3.999999", 4, "4.5", 6, n_blocks=1)
    expected = [0.25, 0.25, 0.25, 0, 0.15625, 0.5, 1, 0.5, 0.25, 0]
    np.testing.assert_allclose(np.ravel(found), expected, atol=1e-5)


@pytest.mark.parametrize("text", ["0.5", "0.5,0.25,1"])
def test_one_strength_holds_throughout(text: str) -> None:
    automation = parse_inline(text)
    assert alphas(automation, 0) == alphas(automation, 1000)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is empty"),
        ("0s:0 x", "column 6"),
        ("0s:0 2s", "column 6"),
        ("0s:0 2s:nan", "column 6: 'nan' is not a number"),
        ("0s:0 2s:inf", "not a number"),
        ("0s:1e99", "not a number"),
        ("2s:1 1s:0", "column 6: 1 s comes after 2 s"),
        ("0s:0:bounce", "ease 'bounce'"),
        ("0s:0,,1", "not a number"),
        ("-1s:0", "not a time"),
        (":0", "not a keyframe"),
    ],
)
def test_inline_texts_that_do_not_parse(text: str, reason: str) -> None:
    with pytest.raises(AutomationError, match=reason) as caught:
        parse_inline(text)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "line 1: the header"),
        ("0,0\n1,1\n", "line 1: the header"),
        ("time,alpha1\n", "the header"),
        ("time,alpha0,alpha0\n", "the header"),
        ("time,ease\n", "the header"),
        ("time,alpha\n", "no keyframes"),
        ("time,alpha\n0,0\n1\n", "line 3: 1 columns, but the header has 2"),
        ("time,alpha\n0,0\n1,one\n", r"line 3, column 2 \(alpha\): 'one'"),
        ("time,alpha\n0,0\n1,NaN\n", r"line 3, column 2 \(alpha\)"),
        ("time,alpha\n1,\n", r"line 2, column 2 \(alpha\)"),
        ("time,alpha\nsoon,0\n", r"line 2, column 1 \(time\): 'soon'"),
        ("alpha,time\n0,2\n0,1\n", r"line 3, column 2 \(time\): 1 s comes after 2 s"),
        ("time,alpha,ease\n0,0,bounce\n", r"line 2, column 3 \(ease\)"),
        ('time,alpha\n0,"0\n', "line 2"),
    ],
)
def test_csv_texts_that_do_not_parse(text: str, reason: str) -> None:
    with pytest.raises(AutomationError, match=reason):
        parse_csv(text, origin="take.csv")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(AutomationError, match="no automation file"):
        read_csv(tmp_path / "none.csv")
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\x00\xd8")
    with pytest.raises(AutomationError, match="cannot read"):
        read_csv(tmp_path / "bytes.csv")
    with pytest.raises(AutomationError, match="cannot read"):
        read_csv(tmp_path)


def test_the_number_of_blocks_must_fit() -> None:
    automation = parse_inline("0s:0 2s:1,1")
    automation.check({"alpha": 2})
    with pytest.raises(AutomationError, match="2 values for alpha at 2 s, but this style takes 3: give 1 or 3"):
        automation.check({"alpha": 3})


@given(st.text(max_size=60) | st.text(alphabet="0123456789.:, s-naif", max_size=60))
def test_any_text_gives_finite_alphas_or_a_clear_error(text: str) -> None:
    for parse in (parse_inline, lambda text: parse_csv(f"time,alpha,ease\n{text}", origin="x")):
        try:
            automation = parse(text)
        except AutomationError:
            continue
        n_blocks = max(len(keyframe.values) for keyframe in automation.keyframes)
        low, high = automation.bounds()
        for at in (Fraction(0), automation.keyframes[-1].time, automation.keyframes[-1].time / 3):
            try:
                automation.check({"alpha": n_blocks})
            except AutomationError:
                break
            alpha = alpha_at(automation, at, n_blocks)
            assert np.isfinite(alpha).all()
            assert (alpha >= np.float32(low)).all()
            assert (alpha <= np.float32(high)).all()


CELLS = st.sampled_from(
    [
        "time",
        "alpha",
        "alpha0",
        "alpha1",
        "ease",
        "#",
        '"',
        "0",
        "1",
        "1:30",
        "0.5",
        "-1",
        "nan",
        "inf",
        "1e400",
        "hold",
        "smooth",
    ]
) | st.text(max_size=4)
ROWS = st.lists(st.lists(CELLS, min_size=1, max_size=4).map(",".join), max_size=8).map("\n".join)


@given(ROWS.map(str.encode) | st.binary(max_size=80))
def test_any_file_gives_finite_alphas_or_a_clear_error(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(data)
    try:
        automation = read_csv(path)
    except AutomationError:
        return
    n_blocks = len(automation.keyframes[0].values)
    automation.check({"alpha": n_blocks})
    for keyframe in automation.keyframes:
        assert np.isfinite(alpha_at(automation, keyframe.time, n_blocks)).all()
        assert np.isfinite(alpha_at(automation, keyframe.time * 2 / 3 + 1, n_blocks)).all()


def test_comments_and_lines_are_counted_as_they_stand() -> None:
    """Whatever is in a comment: quotes and commas mean nothing there."""
    file = parse_automation_file('# a "quote, \ntime,alpha\n#,"\n0,1\n\n  # 3 style x\n', origin="x")
    assert file.comments == ((-1, '# a "quote,'), (0, '#,"'), (1, "  # 3 style x"))
    assert file.columns == ("alpha",)
    with pytest.raises(AutomationError, match="line 5, column 2"):
        parse_csv('# a "quote, \ntime,alpha\n#,"\n\n0,x\n', origin="x")


def test_a_column_of_many_megabytes_is_said_in_clear_words() -> None:
    with pytest.raises(AutomationError, match="t, line 2: a column is far too long: is this an automation"):
        parse_csv("time,alpha\n0," + "1" * 200_000, origin="t")


def test_a_header_further_down_says_what_the_columns_below_it_are() -> None:
    text = "time,mix,alpha\n0,0.5,0\n1,0.25,0\ntime,alpha,mask_x,ease\n2,1,0.3,hold\n# so\n4,1,0.7,\ntime,mask_x\n5,1\n"
    file = parse_automation_file(text, origin="x")
    assert file.columns == ("mix", "alpha", "mask_x") and file.comments == ((3, "# so"),)
    assert [keyframe.values for keyframe in file.automation.keyframes] == [
        (0.5, 0, 0.3), (0.25, 0, 0.3), (0.25, 1, 0.3), (0.25, 1, 0.7), (0.25, 1, 1),
    ]  # fmt: skip
    assert [keyframe.ease for keyframe in file.automation.keyframes] == ["linear", "linear", "hold", "linear", "linear"]
    again = parse_automation_file(file_text(file), origin="x")
    assert again.automation.keyframes == file.automation.keyframes and again.comments == file.comments


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("time,alpha\n0,1\ntime,alpha0,alpha1\n1,1,1\n", "x: its headers do not go together: 'alpha0'"),
        ("time,alpha\n0,1\ntime,mix\n1,1,1\n", "line 4: 3 columns, but the header has 2"),
        ("time,alpha\n2,1\ntime,mix\n1,1\n", r"line 4, column 1 \(time\): 1 s comes after 2 s"),
        ("time,alpha\n0,1\ntime,\n", "line 3: the header"),
    ],
)
def test_headers_that_cannot_be(text: str, says: str) -> None:
    with pytest.raises(AutomationError, match=says):
        parse_csv(text, origin="x")


def test_a_header_with_no_rows_adds_no_column() -> None:
    assert parse_csv("time,alpha\n0,1\ntime,mix\n", origin="x").columns == ("alpha",)
