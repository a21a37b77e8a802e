"""What tests of the engines' backends share: no form that another test found the fastest."""

from __future__ import annotations

import pytest

from stylefader.engines.backends.cuda_engine import CudaEngine


@pytest.fixture(autouse=True)
def nothing_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CudaEngine, "_known", {})
