from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from stylefader.realtime.automation.csv_file import read_csv
from stylefader.realtime.automation.recorder import AutomationRecorder, Takes
from stylefader.realtime.media.frame import Frame
from stylefader.realtime.parameters.alpha_desk import AlphaDesk
from stylefader.realtime.parameters.parameter import alpha_parameter
from stylefader.realtime.pipeline.queues import NewestMailbox
from stylefader.realtime.pipeline.stylizer import Stylizer
from stylefader.training.errors import ControlError
from tests.realtime.controls.player import block
from tests.realtime.live import HEADER, HEIGHT, WIDTH, Clock, TimedEngine, numbered, playing
from tests.realtime.strengths import alpha_at

RATE = Fraction(30000, 1001)


def played(path: Path, *, every: int = 1, source: str = "midi") -> list[tuple[Fraction, np.ndarray]]:
    """A performance of 20 seconds: stillness, a sweep, jumps."""
    take = AutomationRecorder(path, {"alpha": 3})
    desk = AlphaDesk([alpha_parameter(HEADER.alpha, 3)])
    frames = []
    for number in range(0, 600, every):
        at = round(number / RATE * 10**9)
        if 100 <= number < 227:
            desk.move(block(0), (number - 100) / 127, at, source)
        if number in (300, 303, 450):
            desk.move(block(1), number / 450, at, source)
        alpha = desk.values(at)["alpha"]
        take.played(number / RATE, "first", {"alpha": alpha})
        frames.append((number / RATE, alpha))
        if number % 30 == 0:
            take.write()
    take.close()
    take.close()
    return frames


@pytest.mark.parametrize("every", [1, 3])
def test_a_take_gives_the_same_alphas_at_the_same_frames(tmp_path: Path, every: int) -> None:
    frames = played(tmp_path / "take.csv", every=every)
    automation = read_csv(tmp_path / "take.csv")
    for pts, alpha in frames:
        np.testing.assert_allclose(alpha_at(automation, pts, 3), alpha, rtol=0, atol=1e-6)
    between = alpha_at(automation, Fraction(151) / RATE, 3)[0]
    assert frames[150 // every][1][0] <= between <= frames[(152 + every) // every][1][0], "frames left out live"


def test_what_a_stylizer_played_is_what_a_render_will(tmp_path: Path) -> None:
    clock, mailbox = Clock(), NewestMailbox[Frame]()
    take = AutomationRecorder(tmp_path / "take.csv", {"alpha": 1})
    engine = TimedEngine(clock, 5)
    stylizer = Stylizer(
        mailbox, lambda frame: None, height=HEIGHT, width=WIDTH, now_ns=clock,
        played=lambda frame, style, values: take.played(frame.pts, style, values),
    )  # fmt: skip
    plays = playing(engine, alpha=0.5, time_constant_s=0.06)
    stylizer.play(plays)
    for number in range(60):
        clock.pass_to(number * 33_000_000)
        if number in (5, 20, 22):
            plays.desk.move(block(0), number / 22, clock() - 10_000_000, "osc")
        mailbox.put(numbered(number, clock()))
        stylizer.step(0)
    stylizer.close()
    take.close()
    automation = read_csv(tmp_path / "take.csv")
    again = [alpha_at(automation, Fraction(number, 30), 1)[0] for number, _ in engine.started]
    assert len(again) == 60
    np.testing.assert_allclose(again, [alpha for _, alpha in engine.started], rtol=0, atol=1e-6)


def test_what_stands_still_takes_no_rows(tmp_path: Path) -> None:
    take = AutomationRecorder(tmp_path / "take.csv", {"alpha": 1})
    for number in range(1000):
        take.played(Fraction(number, 25), "first", {"alpha": np.full(1, 0.1, np.float32)})
    take.close()
    assert (tmp_path / "take.csv").read_text() == (
        "time,alpha0\n# 0 style first\n# 0 where all\n0,0.100000001\n39.96,0.100000001\n"
    )
    assert take.rows == 2


def test_styles_of_other_blocks_and_a_source_that_begins_again(tmp_path: Path) -> None:
    take = AutomationRecorder(tmp_path / "take.csv", {"alpha": 3})
    take.played(Fraction(1), "first", {"alpha": np.array([0.2, 0.4, 0.6], np.float32)})
    take.played(Fraction(2), "second", {"alpha": np.array([0.5], np.float32)})
    take.played(Fraction(0), "second", {"alpha": np.array([0.75], np.float32)})
    take.played(Fraction(1), "second", {"alpha": np.array([0.25], np.float32)})
    take.close()
    assert "# 2 style second\n" in (tmp_path / "take.csv").read_text()
    keyframes = read_csv(tmp_path / "take.csv").keyframes
    assert [k.values[2] for k in keyframes] == pytest.approx([0.6, 0.5, 0.75, 0.25])
    assert [float(k.time) for k in keyframes] == pytest.approx([1, 2, 2 + 1 / 30, 3 + 1 / 30])


def test_files_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "take.csv").write_text("mine")
    with pytest.raises(ControlError, match=r"take\.csv exists: give --overwrite"):
        AutomationRecorder(tmp_path / "take.csv", {"alpha": 1})
    with pytest.raises(ControlError, match="cannot write"):
        AutomationRecorder(tmp_path / "none" / "take.csv", {"alpha": 1})
    with pytest.raises(ControlError, match="no style of this session has anything that moves"):
        AutomationRecorder(tmp_path / "other.csv", {"alpha": 0})
    AutomationRecorder(tmp_path / "take.csv", {"alpha": 1}, overwrite=True).close()
    assert (tmp_path / "take.csv").read_text() == "time,alpha0\n"


def test_takes_one_after_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("take-2.csv").write_text("mine")
    said: list[str] = []
    takes = Takes(None, {"alpha": 1}, say=said.append)
    takes.played(numbered(0), "first", {"alpha": np.full(1, 0.1, np.float32)})
    takes.write()
    takes.close()
    assert takes.path is None and said == []
    for alpha in (0.25, 0.75):
        takes.toggle()
        assert takes.path is not None
        takes.played(numbered(30), "first", {"alpha": np.full(1, alpha, np.float32)})
        takes.played(numbered(60), "first", {"alpha": np.full(1, alpha, np.float32)})
        takes.write()
        takes.toggle()
    takes.played(numbered(90), "first", {"alpha": np.full(1, 1, np.float32)})
    assert Path("take-2.csv").read_text() == "mine"
    for number, alpha in ((1, 0.25), (3, 0.75)):
        keyframes = read_csv(Path(f"take-{number}.csv")).keyframes
        assert [(k.time, k.values) for k in keyframes] == [(1, (alpha,)), (2, (alpha,))]
    assert said == ["recording take-1.csv", "wrote take-1.csv: 2 rows", "recording take-3.csv",
                    "wrote take-3.csv: 2 rows"]  # fmt: skip


def test_a_named_take_begins_at_once_and_others_follow(tmp_path: Path) -> None:
    def play(takes: Takes) -> None:
        takes.played(numbered(0), "first", {"alpha": np.full(1, 0.1, np.float32)})

    takes = Takes(tmp_path / "show.csv", {"alpha": 1})
    assert takes.path == tmp_path / "show.csv"
    play(takes)
    takes.toggle()
    takes.toggle()
    assert takes.path == tmp_path / "show-2.csv"
    play(takes)
    takes.close()
    with pytest.raises(ControlError, match="exists"):
        Takes(tmp_path / "show.csv", {"alpha": 1})
    takes = Takes(tmp_path / "show.csv", {"alpha": 1}, overwrite=True)
    play(takes)
    takes.toggle()
    takes.toggle()
    assert takes.path == tmp_path / "show-3.csv", "only what was named is written over"
    takes.close()


def test_a_take_in_which_nothing_was_played_leaves_no_file(tmp_path: Path) -> None:
    said: list[str] = []
    path = tmp_path / "show.csv"
    Takes(path, {"alpha": 1}, say=said.append).close()
    assert said == [f"no take is left at {path}, since nothing was stylized"] and not path.exists()
    Takes(path, {"alpha": 1}).close()  # it does not stand in the way of the next one
    with pytest.raises(ControlError, match="is a folder: give the name of a file"):
        Takes(tmp_path, {"alpha": 1})


def test_a_take_that_cannot_be_written_ends_no_show(tmp_path: Path) -> None:
    said: list[str] = []
    takes = Takes(tmp_path / "show.csv", {"alpha": 1}, say=said.append)
    takes.close()
    takes._name = tmp_path / "none" / "show.csv"
    takes.toggle()
    assert takes.path is None and said[-1].startswith("no take is recorded: cannot write")
    takes = Takes(None, {"alpha": 0}, say=said.append)
    takes.toggle()
    assert "there is nothing to record" in said[-1]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device here")
def test_a_full_disk_ends_the_take_alone() -> None:
    said: list[str] = []
    for ends in (Takes.write, Takes.close):
        takes = Takes(Path("/dev/full"), {"alpha": 1}, overwrite=True, say=said.append)
        takes.played(numbered(0), "first", {"alpha": np.full(1, 0.1, np.float32)})
        ends(takes)
        assert takes.path is None
    assert [words.split(":")[0] for words in said] == [
        "/dev/full is not recorded any more", "/dev/full is not whole"
    ]  # fmt: skip
