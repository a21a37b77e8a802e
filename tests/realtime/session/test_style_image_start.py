"""`--style-image`: what a session begins with and what a render plays, where a painting gives the style."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stylefader.engines import frame_and_alpha, open_engine
from stylefader.engines.predicting import predicted_style
from stylefader.realtime.session.config import SessionConfig, SinkConfig, SourceConfig, StyleConfig, WindowConfig
from stylefader.realtime.session.plan import SessionPlan, plan_session
from stylefader.realtime.session.render_job import RenderJob, run_job
from stylefader.training.errors import PackError, SourceError
from stylefader.training.packs.library import find_pack
from stylefader.training.packs.pack import StylePack, save_pack
from stylefader.training.packs.pack_family import families_of
from stylefader.training.packs.pack_file import PackFile
from tests.conftest import random_pack


@pytest.fixture
def palette(tmp_path: Path) -> StylePack:
    made = random_pack(tmp_path / "palette.safetensors", kind="palette", width=4, predicts=True)
    save_pack(made)
    return made


@pytest.fixture
def painting(tmp_path: Path) -> Path:
    Image.linear_gradient("L").convert("RGB").resize((60, 40)).save(tmp_path / "Grey Sky.png")
    return tmp_path / "Grey Sky.png"


def plan(*names: str, images: tuple[Path, ...]) -> SessionPlan:
    return plan_session(
        SessionConfig(
            source=SourceConfig(word="testcard"), style=StyleConfig(names=names, images=images),
            sinks=SinkConfig(words=("null",)), window=WindowConfig(shown=False),
        )
    )  # fmt: skip


def test_a_session_begins_with_the_style_of_its_first_painting(
    palette: StylePack, painting: Path, tmp_path: Path
) -> None:
    Image.new("RGB", (40, 40), (9, 9, 90)).save(tmp_path / "second.png")
    single = str(find_pack("great_wave_nano"))
    found = plan(single, str(palette.file), images=(painting, tmp_path / "second.png"))
    assert [pack.style for pack in found.packs] == [
        "palette/first", "palette/second", "palette/grey_sky", "palette/second_2", "great_wave_nano"
    ]  # fmt: skip
    assert found.packs[found.first].style == "palette/grey_sky"
    assert len({id(pack.network_pack) for pack in found.packs[:4]}) == 1, "one engine plays all styles of the palette"
    vectors = found.packs[0].network_pack.style_vectors()
    assert np.array_equal(vectors["grey_sky"], predicted_style(PackFile(palette.file), painting))


def test_a_style_that_was_added_is_of_one_size_alone(tmp_path: Path) -> None:
    """A vector is of one network, whatever sizes its family has."""
    packs = []
    for width in (8, 4):
        made = random_pack(tmp_path / f"p{width}.safetensors", kind="palette", width=width, predicts=True)
        packs.append(replace(made, header=replace(made.header, family="p")))
        save_pack(packs[-1])
    family = families_of((pack.file, pack.header) for pack in packs)["p"]
    large = PackFile(packs[0].file, family=family)
    more = large.with_vector("new", packs[0].style_vectors()["first"], {"title": "New"})
    assert large.family is family and more.family is None and more.size == large.size
    assert more.with_style("new").network_pack is more


def test_what_cannot_play_a_painting_is_said(painting: Path, palette: StylePack, tmp_path: Path) -> None:
    with pytest.raises(PackError, match="great_wave_nano has one style: --style-image needs a palette"):
        plan("great_wave_nano", images=(painting,))
    (tmp_path / "none.png").write_text("none")
    with pytest.raises(SourceError, match="not a picture"):
        plan(str(palette.file), images=(tmp_path / "none.png",))


def test_a_render_plays_the_style_of_a_painting(palette: StylePack, painting: Path, tmp_path: Path) -> None:
    frame = np.random.default_rng(0).integers(0, 256, (16, 24, 3), np.uint8)
    Image.fromarray(frame).save(tmp_path / "in.png")
    result = run_job(
        RenderJob(
            source=str(tmp_path / "in.png"), output=str(tmp_path / "out.png"), style=str(palette.file),
            style_image=painting, alpha=1.0, engine="torch", precision="f32",
        )
    )  # fmt: skip
    assert result.style == "palette/grey_sky"
    with open_engine(palette, 16, 24, backend="torch", precision="f32")[0] as engine:
        style = predicted_style(palette, painting)
        wanted = engine.run({**frame_and_alpha(frame, np.ones(3, np.float32)), "style": style})
    assert np.abs(np.asarray(Image.open(tmp_path / "out.png")).astype(int) - wanted).max() <= 1


def test_a_render_without_any_style_says_so(tmp_path: Path) -> None:
    with pytest.raises(PackError, match="a render needs a style"):
        run_job(RenderJob(source=str(tmp_path / "in.png"), output=str(tmp_path / "out.png")))
