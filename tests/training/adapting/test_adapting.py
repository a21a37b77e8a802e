"""Adapting a palette to a painting: what learns, what stays, and what comes out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from stylefader.training.adapting.crops import Pictures
from stylefader.training.adapting.loss_network_file import find_loss_network
from stylefader.training.adapting.result import check_name
from stylefader.training.adapting.run import PART, AdaptRun
from stylefader.training.adapting.start import MIDDLE, known_vectors, nearest
from stylefader.training.compute import Compute
from stylefader.training.data.photographs import PhotoFolder
from stylefader.training.errors import TrainingError
from stylefader.training.networks.both_ends import main_size, pictures_at_both_ends
from stylefader.training.packs.pack import StylePack, load_pack, save_pack
from stylefader.training.settings import AdaptSettings
from tests.conftest import random_pack
from tests.training.given import make_given, quick_palette


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_given(tmp_path_factory.mktemp("adapting"))


@pytest.fixture(scope="module")
def palette(given: Path) -> StylePack:
    return quick_palette(given, given / "palette.safetensors")


def begun(given: Path, palette: StylePack, painting: str = "photos/0.png", **settings: Any) -> AdaptRun:
    values = {"steps": 4, "crop": 32, **settings}
    return AdaptRun(
        palette, given / painting, PhotoFolder(given / "photos"), loss_network=given / "vgg.safetensors",
        settings=AdaptSettings(**values), compute=Compute(),
    )  # fmt: skip


def learnt(run: AdaptRun) -> list[float]:
    totals = []
    while not run.finished:
        totals.append(float(run.step().total.sum()))
    return totals


def test_a_style_more_and_all_else_as_it_was(given: Path, palette: StylePack, tmp_path: Path) -> None:
    run = begun(given, palette)
    learnt(run)
    save_pack(run.pack(tmp_path / "more.safetensors", name="third", title="A third"))
    made = load_pack(tmp_path / "more.safetensors")
    assert made.weights_hash() == palette.weights_hash()
    assert torch.equal(made.tensors["styles"][:2], palette.tensors["styles"])
    assert [style.name for style in made.header.styles] == ["first", "second", "third"]
    third = made.header.styles[2]
    assert (third.title, third.training[PART]["steps"]) == ("A third", 4)
    assert third.training[PART]["started_from"]["style"] == run.started_from
    assert torch.equal(made.tensors["styles"][2], run.adapter.vector.half())
    before = known_vectors(palette)[run.started_from]
    assert not torch.equal(run.adapter.vector, before)


def test_the_loss_falls_at_both_ends(given: Path, palette: StylePack) -> None:
    run = begun(given, palette, steps=40, vector_rate=0.05)
    seen = []
    while not run.finished:
        seen.append(run.step().style)
    first, last = torch.stack(seen[:8]).mean(0), torch.stack(seen[-8:]).mean(0)
    assert (last < first).all()


def test_each_end_moves_the_numbers_of_its_own_part(palette: StylePack) -> None:
    net = palette.network()
    vector = torch.from_numpy(palette.style_vectors()["first"]).requires_grad_()
    net.requires_grad_(True)
    for block in net.blocks.values():  # after one step they are close to nothing
        torch.nn.init.normal_(block.psi.third.weight, std=0.1)
    low, high = pictures_at_both_ends(net, torch.rand(1, 3, 32, 32), vector)
    (of_low,) = torch.autograd.grad((low * torch.rand_like(low)).sum(), vector)
    of_high, of_main = torch.autograd.grad(
        (high * torch.rand_like(high)).sum(), [vector, net.main.conv1.conv.weight], allow_unused=True
    )
    size = main_size(net)
    assert of_low[:size].any() and not of_low[size:].any()
    assert of_high[size:].any() and not of_high[:size].any() and of_main is None


def test_it_begins_with_the_vector_that_is_nearest_to_the_painting(given: Path, palette: StylePack) -> None:
    run = begun(given, palette, steps=40, vector_rate=0.05)
    vectors = known_vectors(palette)
    learnt(run)
    vectors["its own"] = run.adapter.vector
    photos = PhotoFolder(given / "photos")
    name, vector = nearest(palette.network(), vectors, run.adapter.look, photos, compute=Compute())
    assert name == "its own" and torch.equal(vector, run.adapter.vector)
    assert set(known_vectors(palette)) == {"first", "second", MIDDLE}


def test_deep_moves_all_weights_and_gives_a_pack_of_one_style(given: Path, palette: StylePack, tmp_path: Path) -> None:
    run = begun(given, palette, weights_rate=1e-3)
    learnt(run)
    save_pack(run.pack(tmp_path / "deep.safetensors", name="third"))
    made = load_pack(tmp_path / "deep.safetensors")
    assert (made.header.kind, made.header.styles, made.header.title) == ("single", (), "Third")
    for name in ("main.conv1.conv.weight", "main.residual3.first.conv.weight"):
        assert not torch.equal(made.tensors[name], palette.tensors[name])
    photo, alpha = torch.rand(1, 3, 32, 32), torch.full((3,), 0.5)
    same = run.adapter.net(photo, alpha, run.adapter.vector)
    assert (made.network()(photo, alpha) - same).abs().max() < 0.05


def test_only_the_vector_learns_without_deep(given: Path, palette: StylePack) -> None:
    run = begun(given, palette)
    learnt(run)
    for name, weight in run.adapter.net.state_dict().items():
        assert torch.equal(weight, palette.tensors[name].float()), name


def test_the_same_steps_give_the_same_vector(given: Path, palette: StylePack) -> None:
    first, second = begun(given, palette), begun(given, palette)
    assert learnt(first) == learnt(second)
    assert torch.equal(first.adapter.vector, second.adapter.vector)


def test_the_preview_shows_what_was_learnt_so_far(given: Path, palette: StylePack, tmp_path: Path) -> None:
    run = begun(given, palette, vector_rate=0.3)
    run.write_preview(tmp_path / "a.png")
    learnt(run)
    run.write_preview(tmp_path / "b.png")
    before, after = (cv2.imread(str(tmp_path / name)) for name in ("a.png", "b.png"))
    assert before is not None and after is not None and before.shape == after.shape
    assert (before != after).any()


def test_pictures_that_are_at_hand_do_as_photographs(given: Path, palette: StylePack) -> None:
    pictures = Pictures([np.full((40, 50, 3), 90, np.uint8), np.zeros((64, 40, 3), np.uint8)])
    assert (pictures.crop(3, seed=1, size=32) == pictures.crop(3, seed=1, size=32)).all()
    assert pictures.crop(0, seed=0, size=48).shape == (48, 48, 3)  # larger than one of them
    run = AdaptRun(palette, given / "style.png", pictures, loss_network=given / "vgg.safetensors",
                   settings=AdaptSettings(steps=1, crop=32), compute=Compute())  # fmt: skip
    assert np.isfinite(learnt(run)).all()
    with pytest.raises(TrainingError, match="no pictures"):
        Pictures([])


@pytest.mark.parametrize(
    ("shape", "value"), [((1, 1), 0), ((9, 300), 255), ((64, 64, 4), 7)], ids=["one pixel", "narrow", "see-through"]
)
def test_paintings_that_are_hardly_any(
    given: Path, palette: StylePack, tmp_path: Path, shape: tuple[int, ...], value: int
) -> None:
    cv2.imwrite(str(tmp_path / "p.png"), np.full(shape, value, np.uint8))
    run = begun(given, palette, str(tmp_path / "p.png"), steps=2)
    assert np.isfinite(learnt(run)).all()


def test_what_cannot_be_adapted_is_said(given: Path, palette: StylePack, tmp_path: Path) -> None:
    (tmp_path / "no.png").write_bytes(b"no picture")
    with pytest.raises(TrainingError, match=r"no\.png"):
        begun(given, palette, str(tmp_path / "no.png"))
    single = random_pack(tmp_path / "single.safetensors")
    with pytest.raises(TrainingError, match="single is no palette"):
        begun(given, single)
    untrained = random_pack(tmp_path / "untrained.safetensors", kind="palette")
    with pytest.raises(TrainingError, match="does not say how it was trained"):
        begun(given, untrained)
    with pytest.raises(TrainingError, match="has a style first already"):
        check_name(palette, "first")
    with pytest.raises(TrainingError, match="crop must be at least"):
        begun(given, palette, crop=16)


def test_the_loss_network_is_found_or_said(given: Path, palette: StylePack, tmp_path: Path,
                                           monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    assert find_loss_network(given / "vgg.safetensors", palette.header) == given / "vgg.safetensors"
    with pytest.raises(TrainingError, match="needs the loss network that palette was trained with"):
        find_loss_network(None, palette.header)
    with pytest.raises(TrainingError, match="no loss network at nowhere"):
        find_loss_network(Path("nowhere"), palette.header)
    here = tmp_path / "vgg19_conv1_1_to_conv3_4.safetensors"
    here.write_bytes(b"another one")
    with pytest.raises(TrainingError, match="needs the loss network"):
        find_loss_network(None, palette.header)
    here.write_bytes((given / "vgg.safetensors").read_bytes())
    assert find_loss_network(None, palette.header) == Path(here.name)
