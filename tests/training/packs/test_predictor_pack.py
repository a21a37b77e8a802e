"""A palette's prediction network in its pack: declared, checked, and no part of the network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from stylefader.training.errors import PackError
from stylefader.training.networks.predictor import StylePredictor
from stylefader.training.networks.predictor_layout import CHANNELS, predictor_shapes
from stylefader.training.packs.header_reading import parse_header
from stylefader.training.packs.one_style import one_style
from stylefader.training.packs.pack import StylePack, load_pack, save_pack
from tests.conftest import random_pack


@pytest.fixture
def palette(tmp_path: Path) -> StylePack:
    return random_pack(tmp_path / "p.safetensors", kind="palette", width=4, predicts=True)


def test_it_comes_back_as_it_was(palette: StylePack) -> None:
    save_pack(palette)
    loaded = load_pack(palette.file)
    first, second = palette.predictor(), loaded.predictor()
    assert loaded.header == palette.header and first is not None and second is not None
    painting = torch.rand(2, 3, 40, 52)
    assert torch.equal(first(painting), second(painting)) and first(painting).shape == palette.tensors["styles"].shape
    assert loaded.network().style_size == first(painting).shape[1]


def test_packs_without_one_have_none(tmp_path: Path, pack: StylePack) -> None:
    assert random_pack(tmp_path / "p.safetensors", kind="palette", width=4).predictor() is None
    assert pack.predictor() is None


def test_it_is_no_part_of_the_network(palette: StylePack) -> None:
    plain = {name: tensor for name, tensor in palette.tensors.items() if not name.startswith("predictor.")}
    assert len(plain) < len(palette.tensors)
    assert replace(palette, tensors=plain).weights_hash() == palette.weights_hash()


@pytest.mark.parametrize("missing", [True, False])
def test_its_tensors_are_checked(palette: StylePack, missing: bool) -> None:
    if missing:
        del palette.tensors["predictor.hidden.bias"]
    else:
        palette.tensors["predictor.hidden.bias"] = torch.full((10,), torch.nan).half()
    save_pack(palette)
    with pytest.raises(PackError, match=r"tensor predictor\.hidden\.bias"):
        load_pack(palette.file)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"side": 10**6}, "header.predictor.side must be a whole number"),
        ({"channels": ()}, "header.predictor.channels must be 1 to 6 stages, not 0"),
        ({"channels": (4,) * 7}, "must be 1 to 6 stages, not 7"),
        ({"hidden": 0}, "header.predictor.hidden must be a whole number"),
    ],
)
def test_headers_that_do_not_fit_are_refused(palette: StylePack, change: dict[str, Any], said: str) -> None:
    assert palette.header.predictor is not None
    header = replace(palette.header, predictor=replace(palette.header.predictor, **change))
    with pytest.raises(PackError, match=said):
        parse_header(header.to_json())


def test_one_style_of_the_palette_is_a_pack_without_it(palette: StylePack) -> None:
    training = {"blocks": {"iterations": 3}, "predictor": {"iterations": 9}}
    found = one_style(replace(palette, header=replace(palette.header, training=training)), "second")
    assert found.header.kind == "single" and found.header.predictor is None
    assert found.header.training.keys() == {"blocks"}


def test_only_palettes_have_one(palette: StylePack, pack: StylePack) -> None:
    with pytest.raises(PackError, match="predictor must not be there for networks of kind single"):
        parse_header(replace(pack.header, predictor=palette.header.predictor).to_json())


def test_the_layout_is_that_of_the_module() -> None:
    state = StylePredictor(CHANNELS, 24, 100).state_dict()
    assert {name: tuple(tensor.shape) for name, tensor in state.items()} == predictor_shapes(CHANNELS, 24, 100)


def test_it_begins_between_the_styles_it_is_laid_around() -> None:
    predictor = StylePredictor((4, 8), 6, 5)
    styles = torch.tensor([[1.0, 0, 0, 2, 4], [3.0, 0, 0, 2, -4]])
    predictor.lay_around(styles)
    assert torch.allclose(predictor(torch.rand(3, 3, 20, 20)), styles.mean(0).expand(3, 5))
    assert (predictor.spread > 0).all() and predictor.spread[4] == 4
