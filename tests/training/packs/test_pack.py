from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from stylefader.training.errors import PackError
from stylefader.training.networks.dynamic_net import ONE_BLOCK
from stylefader.training.packs.library import find_pack, gallery
from stylefader.training.packs.one_style import NOT_OF_STYLES
from stylefader.training.packs.pack import StylePack, load_pack, save_pack
from stylefader.training.packs.pack_file import PackFile
from tests.conftest import random_pack

Header = dict[str, Any]
Tensors = dict[str, torch.Tensor]


@pytest.mark.parametrize("kind", ["single", "dual"])
@pytest.mark.parametrize("places", [(), ONE_BLOCK, ("residual3", "up1", "output")])
def test_a_pack_comes_back_as_it_was(tmp_path: Path, kind: str, places: tuple[str, ...]) -> None:
    made = random_pack(tmp_path / "p.safetensors", places=places, kind=kind)  # type: ignore[arg-type]
    save_pack(made)
    loaded = load_pack(made.file)
    assert loaded.header == made.header
    assert loaded.weights_hash() == made.weights_hash()
    x, alpha = torch.randn(1, 3, 16, 16), torch.full((len(places),), 0.4)
    assert torch.equal(loaded.network()(x, alpha), made.network()(x, alpha))
    assert [p.name for p in tmp_path.iterdir()] == ["p.safetensors"], "nothing but the pack is left"


def test_a_palette_comes_back_with_its_styles(tmp_path: Path) -> None:
    made = random_pack(tmp_path / "p.safetensors", kind="palette", styles=("wave", "night"))
    save_pack(made)
    vectors = PackFile(made.file).style_vectors()
    assert list(vectors) == ["wave", "night"] and load_pack(made.file).header == made.header
    assert all(np.array_equal(vector, made.style_vectors()[name]) for name, vector in vectors.items())
    assert vectors["wave"].shape == made.header.inputs[-1].shape and not np.array_equal(*vectors.values())


def test_a_palettes_styles_are_no_part_of_its_network(tmp_path: Path) -> None:
    made = random_pack(tmp_path / "p.safetensors", kind="palette")
    other = {**made.tensors, "styles": made.tensors["styles"] * 2}
    assert replace(made, tensors=other).weights_hash() == made.weights_hash()


def test_the_hash_is_of_the_weights_alone(tmp_path: Path) -> None:
    first = random_pack(tmp_path / "a.safetensors", seed=1)
    assert random_pack(tmp_path / "b.safetensors", seed=1).weights_hash() == first.weights_hash()
    assert random_pack(tmp_path / "a.safetensors", seed=2).weights_hash() != first.weights_hash()


def rewrite(pack: StylePack, header: Callable[[Header], object], tensors: Callable[[Tensors], object]) -> None:
    """Change a pack file through plain JSON and tensors, as a broken writer might."""
    fields = json.loads(json.dumps(asdict(pack.header)))
    stored = load_file(pack.file)
    header(fields)
    tensors(stored)
    save_file(stored, pack.file, metadata={"stylefader": json.dumps(fields)})


CONV = "main.conv1.conv.weight"
BROKEN_HEADERS: dict[str, tuple[Callable[[Header], object], str]] = {
    "version": (lambda h: h.update(format=99), "format 99"),
    "no version": (lambda h: h.pop("format"), "no 'format'"),
    "unknown field": (lambda h: h.update(colour="red"), "unknown fields: 'colour'"),
    "no name": (lambda h: h.pop("name"), "no 'name'"),
    "name no text": (lambda h: h.update(name=3), "header.name must be a printable text"),
    "kind": (lambda h: h.update(kind="triple"), "header.kind must be one of"),
    "width other": (lambda h: h.update(width=4), "channels before residual3"),
    "width silly": (lambda h: h.update(width=10**9), "header.width must be a whole number"),
    "place": (lambda h: h["blocks"][0].update(place="attic"), r"blocks\[0\].place must be one of"),
    "order": (lambda h: h["blocks"].reverse(), "network order"),
    "same place twice": (lambda h: h["blocks"][1].update(place="residual3"), "before different places"),
    "fewer blocks": (lambda h: h["blocks"].pop(), r"inputs.alpha.shape must be \(2,\) for this network, not \(3,\)"),
    "older": (lambda h: h.update(format=1), "format 1 declares no inputs: it was made by an older stylefader"),
    "no inputs": (lambda h: h.pop("inputs"), "header has no 'inputs'"),
    "inputs empty": (lambda h: h.update(inputs=[]), "header.inputs must be 1 to 16 inputs, not 0"),
    "no alpha declared": (lambda h: h["inputs"].pop(), "inputs must be frame, alpha for this network, not frame"),
    "another range": (lambda h: h["inputs"][1].update(high=2), "alpha.high must be 1.0 for this network, not 2.0"),
    "size of its own": (lambda h: h.update(size=[8, 8]), "size must not be there, since the size is that of frame"),
    "objective": (lambda h: h.update(objective="fame"), "header.objective must be one of level, pair"),
    "alpha no object": (lambda h: h.update(alpha=[0, 1]), "header.alpha must be an object"),
    "range backwards": (lambda h: h["alpha"].update(low=2), "low <= default <= high"),
    "NaN": (lambda h: h["alpha"].update(default=float("nan")), "NaN"),
    "endless": (lambda h: h["alpha"].update(high=10**400), "number of more than 64 bits"),
    "control characters": (lambda h: h.update(title="a\x1b[2J"), "header.title must be a printable text"),
    "losses": (
        lambda h: h.update(losses={"photographs": 1, "alpha": [0], "content": [], "style": [1]}),
        "as many content and style",
    ),
}
BROKEN_TENSORS: dict[str, tuple[Callable[[Tensors], object], str]] = {
    "missing": (lambda t: t.pop(CONV), f"tensor {CONV} is missing"),
    "extra": (lambda t: t.update(more=torch.zeros(1).half()), "tensor more does not belong"),
    "shape": (lambda t: t.update({CONV: torch.zeros(1, 3, 9, 9).half()}), "expected"),
    "dtype": (lambda t: t.update({CONV: t[CONV].float()}), "is F32, expected F16"),
    "Inf": (lambda t: t[CONV].view(-1)[0].fill_(torch.inf), "has NaN or Inf"),
    "NaN": (lambda t: t[CONV].view(-1)[0].fill_(torch.nan), "has NaN or Inf"),
}


@pytest.mark.parametrize("case", BROKEN_HEADERS)
def test_a_header_that_does_not_fit_is_refused(pack: StylePack, case: str) -> None:
    change, reason = BROKEN_HEADERS[case]
    rewrite(pack, change, lambda tensors: None)
    with pytest.raises(PackError, match=reason) as caught:
        load_pack(pack.file)
    assert str(pack.file) in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("case", BROKEN_TENSORS)
def test_tensors_that_do_not_fit_are_refused(pack: StylePack, case: str) -> None:
    change, reason = BROKEN_TENSORS[case]
    rewrite(pack, lambda header: None, change)
    with pytest.raises(PackError, match=reason) as caught:
        load_pack(pack.file)
    assert str(pack.file) in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"not a pack at all", b"\xff" * 64, b"\x10\0\0\0\0\0\0\0{}"])
def test_files_that_are_no_packs_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "p.safetensors"
    path.write_bytes(content)
    with pytest.raises(PackError, match="not a style pack"):
        load_pack(path)


def test_a_truncated_pack_is_refused(pack: StylePack) -> None:
    pack.file.write_bytes(pack.file.read_bytes()[:-100])
    with pytest.raises(PackError, match="not a style pack"):
        load_pack(pack.file)


@pytest.mark.parametrize("text", ["{", "[]", "[" * 100_000, None])
def test_headers_that_are_no_objects_are_refused(pack: StylePack, text: str | None) -> None:
    save_file(load_file(pack.file), pack.file, metadata=None if text is None else {"stylefader": text})
    with pytest.raises(PackError, match="not a style pack"):
        load_pack(pack.file)


def test_unknown_names_get_near_ones() -> None:
    with pytest.raises(PackError, match="did you mean great_wave"):
        find_pack("graet_wave")
    with pytest.raises(PackError, match=r"there are .*starry_night"):
        find_pack("qqqqqqqq")


def test_packs_are_found_by_name_and_by_file(pack: StylePack) -> None:
    assert find_pack(str(pack.file)) == pack.file
    assert find_pack("great_wave").is_file()


RISES = {"gallery/wheat_field": [0]}
"""Where a style's loss rises from one alpha to the next: here at the first step, by 1.3 percent."""


@pytest.mark.parametrize("file", [file for file, _ in gallery()], ids=lambda file: file.stem)
def test_every_pack_of_the_gallery_is_whole_and_measured(file: Path) -> None:
    pack = load_pack(file)
    header = pack.header
    assert header.name == file.stem
    assert header.style["title"]
    curves = {f"{header.name}/{style.name}": style.losses for style in header.styles} or {header.name: header.losses}
    for word, losses in curves.items():
        assert losses is not None
        assert losses.photographs >= (30 if header.styles else 100)
        if header.objective == "level":
            style, content = losses.style, losses.content
            assert losses.alpha[0] == 0
            assert losses.alpha[-1] == 1
            rises = [place for place, (earlier, later) in enumerate(itertools.pairwise(style)) if later >= earlier]
            assert rises == RISES.get(word, []), "style loss falls along alpha"
            assert all(later > earlier for earlier, later in itertools.pairwise(content)), "content loss rises with it"


def test_the_gallery_has_every_kind_of_pack_in_both_widths() -> None:
    headers = [header for _, header in gallery()]
    assert {header.objective for header in headers} == {"level", "pair", "scale", "dual"}
    assert {len(header.blocks) for header in headers} == {1, 3}
    assert {header.width for header in headers} == {16, 32}
    runs = [run for header in headers for part, run in header.training.items() if part != NOT_OF_STYLES]
    assert all(run.get("temporal", "off") != "off" for run in runs)
