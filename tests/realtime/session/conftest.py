"""What tests of sessions share: packs, and no builds of another test."""

from __future__ import annotations

from pathlib import Path

import pytest

from stylefader.training.packs.pack import save_pack
from stylefader.training.packs.pack_file import PackFile
from tests.conftest import random_pack
from tests.realtime.session.rack import Build


@pytest.fixture(autouse=True)
def _none_made() -> None:
    Build.made.clear()


@pytest.fixture
def packs(tmp_path: Path) -> list[PackFile]:
    """Three blocks, one block, three blocks."""
    found = []
    for name, places in (("first", None), ("second", ("residual3",)), ("third", None)):
        pack = random_pack(tmp_path / f"{name}.safetensors", **({"places": places} if places else {}))  # type: ignore[arg-type]
        save_pack(pack)
        found.append(PackFile(pack.file))
    return found
