"""What tests of training share: a folder with all that a recipe names, and pictures of losses that are small."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.training.given import make_given


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As `make_given` fills it; a module that adds to it has its own."""
    return make_given(tmp_path_factory.mktemp("given"))


@pytest.fixture(autouse=True)
def _measure_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stylefader.training.loop.measuring.MEASURED_SIDE", 64)
