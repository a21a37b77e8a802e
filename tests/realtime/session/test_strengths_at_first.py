"""Where strengths begin in a session, inside and outside of a mask; and what is beyond their range, as in a render."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from stylefader.realtime.pipeline.events import Event
from stylefader.realtime.session.config import SessionConfig, StyleConfig
from stylefader.realtime.session.events import NoEffect, ValueOutOfRange
from stylefader.realtime.session.mask_words import MaskWords, find_live_mask
from stylefader.realtime.session.open_session import open_session
from stylefader.realtime.session.render_job import RenderJob, Watcher, run_job
from stylefader.realtime.session.session import Session
from stylefader.realtime.session.words import words_of
from stylefader.realtime.sources.options import LiveOptions
from stylefader.training.errors import ControlError
from tests.realtime.session.test_open_session import HEIGHT, WIDTH, config, folder

__all__ = ["folder"]

BEYOND = {
    "alpha": 2.0, "mix": 1.5, "colour": -1.0, "steady": 3.0,
    "alpha_outside": -0.5, "mix_outside": 7.0, "colour_outside": 0.25,
}  # fmt: skip
KEPT = {"alpha": 1, "mix": 1, "colour": 0, "steady": 1, "alpha_outside": 0, "mix_outside": 1, "colour_outside": 0.25}
FIND = find_live_mask(MaskWords(), LiveOptions(size=(WIDTH, HEIGHT)))


def with_style(folder: Path, **words: float) -> SessionConfig:
    names = config(folder).style.names
    return config(folder, style=StyleConfig(names=names, **words), find_mask=FIND)  # type: ignore[arg-type]


@contextmanager
def opened(wanted: SessionConfig) -> Iterator[tuple[Session, list[Event]]]:
    events: list[Event] = []
    session = open_session(wanted, listener=events.append)
    yield session, events
    session.close()


class Told(Watcher):
    def __init__(self) -> None:
        self.kept: set[tuple[str, float, float]] = set()

    def kept_within(self, name: str, low: float, high: float) -> None:
        self.kept.add((name, low, high))


def test_what_is_beyond_a_range_is_kept_within_it_and_said_live_as_in_a_render(folder: Path) -> None:
    with opened(replace(with_style(folder, **BEYOND), mask=FIND("bright"))) as (session, events):
        found = {name: session.value(name) for name in BEYOND}
    assert found == pytest.approx(KEPT)
    live = {(event.name, event.low, event.high) for event in events if isinstance(event, ValueOutOfRange)}
    told = Told()
    run_job(
        RenderJob(
            source=str(folder / "red.png"), output=str(folder / "out.png"), style=str(folder / "first.safetensors"),
            engine="torch", mask_words=MaskWords(where="bright"), **BEYOND,  # type: ignore[arg-type]
        ), told,
    )  # fmt: skip
    assert live == told.kept
    assert {name for name, _, _ in live} == set(BEYOND) - {"colour_outside"}
    assert "note: mix is kept within its range, 0 to 1" in map(words_of, events)


@pytest.mark.parametrize("name", BEYOND)
def test_what_is_no_finite_number_is_refused(folder: Path, name: str) -> None:
    with pytest.raises(ControlError, match=f"{name} at first is one finite number, not nan"):
        open_session(with_style(folder, **{name: float("nan")}))


def test_the_outside_begins_so_with_a_mask_that_is_chosen_later(folder: Path) -> None:
    with opened(with_style(folder, alpha_outside=0.75, mix_outside=0.5)) as (session, events):
        assert [event.setting for event in events if isinstance(event, NoEffect)] == ["alpha_outside", "mix_outside"]
        assert "mix_outside" not in session.live.targets()
        session.live.choose_where("ellipse")
        assert session.value("mix_outside") == 0.5
        assert session.value("alpha_outside") == 0.75
        assert session.value("colour_outside") == 0
        session.move("mix_outside", 1)
        session.live.choose_where("bright")
        assert session.value("mix_outside") == 1, "what was moved stays from mask to mask"
