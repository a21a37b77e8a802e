"""What tests of scenes share: the packs that a file of scenes names."""

from __future__ import annotations

from pathlib import Path

import pytest

from stylefader.training.packs.pack import save_pack
from tests.conftest import random_pack


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three blocks, one block, three blocks."""
    folder = tmp_path_factory.mktemp("packs")
    for name, places in (("first", None), ("second", ("residual3",)), ("third", None)):
        save_pack(random_pack(folder / f"{name}.safetensors", **({"places": places} if places else {})))  # type: ignore[arg-type]
    return folder
