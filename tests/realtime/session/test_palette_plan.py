from __future__ import annotations

from pathlib import Path

import pytest

from stylefader.realtime.session.config import SessionConfig, SinkConfig, SourceConfig, StyleConfig, WindowConfig
from stylefader.realtime.session.events import NoEffect
from stylefader.realtime.session.plan import SessionPlan, plan_session
from stylefader.training.errors import StylefaderError
from stylefader.training.packs.pack import save_pack
from tests.conftest import random_pack

STYLES = ("dusk", "noon", "night", "rain")


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """A palette and a single pack."""
    sky = random_pack(tmp_path / "sky.safetensors", kind="palette", width=4, places=("residual3",), styles=STYLES)
    one = random_pack(tmp_path / "one.safetensors", width=4)
    save_pack(sky)
    save_pack(one)
    return {"sky": str(sky.file), "one": str(one.file)}


def plan(*names: str, **style: object) -> SessionPlan:
    return plan_session(
        SessionConfig(
            source=SourceConfig(word="testcard"),
            style=StyleConfig(names=names, **style),  # type: ignore[arg-type]
            sinks=SinkConfig(words=("null",)),
            window=WindowConfig(shown=False),
        )
    )


def test_a_session_has_all_styles_of_a_palette_and_begins_with_the_one_named(files: dict[str, str]) -> None:
    both = plan(files["one"], files["sky"] + "/night", files["sky"])
    assert [pack.style for pack in both.packs] == ["one", *(f"sky/{name}" for name in STYLES)] and both.first == 0
    assert plan(files["sky"]).first == 0 and plan(files["sky"] + "/night", files["one"]).first == 2
    assert both.sizes["style"] == 4 and both.sizes["alpha"] == 3
    night = plan(files["sky"] + "/night", weights={"rain": 1.0}, free=True)
    assert night.start == {"style_free": 1}


def test_a_pad_begins_at_its_first_corner(files: dict[str, str]) -> None:
    corners = ("rain", "night", "noon", "dusk")
    assert plan(files["sky"], pad=corners).first == 3
    assert plan(files["sky"] + "/noon", pad=corners).first == 1


def test_what_does_not_fit_a_palette_is_said(files: dict[str, str]) -> None:
    with pytest.raises(StylefaderError, match="did you mean style/rain"):
        plan(files["sky"], weights={"ran": 1.0})
    with pytest.raises(StylefaderError, match="did you mean style/rain"):
        plan(files["sky"], pad=("ran", "night", "noon", "dusk"))
    with pytest.raises(StylefaderError, match="one is one style"):
        plan(files["one"], weights={"rain": 1.0})
    events = plan(files["one"], pad=("a", "b", "c", "d"), free=True).events
    assert [one.setting for one in events if isinstance(one, NoEffect)] == ["pad", "free"]
