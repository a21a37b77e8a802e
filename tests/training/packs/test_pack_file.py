from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from stylefader.training.errors import PackError
from stylefader.training.packs.pack import StylePack, save_pack
from stylefader.training.packs.pack_file import PackFile
from stylefader.training.packs.pack_header import HEADER_KEY
from tests.conftest import random_pack


def test_it_is_the_pack(pack: StylePack) -> None:
    file = PackFile(pack.file)
    assert (file.header, file.n_blocks, file.weights_hash()) == (pack.header, 3, pack.weights_hash())
    assert file.whole().weights_hash() == pack.weights_hash()
    expected = pack.network().state_dict()
    assert all(torch.equal(tensor, expected[name]) for name, tensor in file.network().state_dict().items())


def test_other_weights_hash_otherwise(tmp_path: Path) -> None:
    packs = [random_pack(tmp_path / f"{seed}.safetensors", seed=seed) for seed in (0, 1)]
    for pack in packs:
        save_pack(pack)
    assert len({PackFile(pack.file).weights_hash() for pack in packs}) == 2


def test_a_file_that_changes_meanwhile_is_refused(pack: StylePack) -> None:
    file = PackFile(pack.file)
    file.weights_hash()
    save_pack(replace(random_pack(pack.file, seed=1), file=pack.file))
    with pytest.raises(PackError, match="has changed"):
        file.network()


def test_what_is_no_pack_is_refused_in_the_words_of_load_pack(pack: StylePack, tmp_path: Path) -> None:
    header = {HEADER_KEY: pack.header.to_json()}
    wrong = tmp_path / "wrong.safetensors"
    save_file({name: tensor.bfloat16() for name, tensor in pack.tensors.items()}, wrong, metadata=header)
    with pytest.raises(PackError, match="is BF16, expected F16"):
        PackFile(wrong).network()
    save_file({name: tensor * torch.nan for name, tensor in pack.tensors.items()}, wrong, metadata=header)
    with pytest.raises(PackError, match="NaN or Inf"):
        PackFile(wrong).network()
    with pytest.raises(PackError, match="no style pack at"):
        PackFile(tmp_path / "none.safetensors")
