from __future__ import annotations

from pathlib import Path

import pytest

from stylefader.engines.cache.store import EngineCache


@pytest.fixture
def cache(tmp_path: Path) -> EngineCache:
    return EngineCache(tmp_path / "cache" / "engines")
