"""An engine to be cached that takes no time, and what is in the cache's folder."""

from __future__ import annotations

from pathlib import Path

from stylefader.engines.base import Outcome
from stylefader.engines.cache.key import EngineKey
from stylefader.engines.cache.store import EngineCache
from stylefader.training.errors import EngineError

KEY = EngineKey(
    engine="demo", precision="f32", size="64x48", network="single", architecture="johnson", width=8,
    places=("residual3",), inputs=("frame: image uint8 HxWx3",),
    weights="ab" * 32, rewrites="none", device="a CPU", capability="F32", driver="none", libraries={"maker": "1.0"},
)  # fmt: skip


class Maker:
    """An engine's compiler that makes `bytes` and counts how often it had to."""

    def __init__(self, payload: bytes = b"the engine") -> None:
        self.payload = payload
        self.builds = 0
        self.said: list[str] = []

    def open(self, cache: EngineCache, key: EngineKey = KEY) -> tuple[bytes, Outcome]:
        return cache.open(key, build=self.build, load=self.load, report=self.said.append, facts={"style": "s"})

    def build(self) -> bytes:
        self.builds += 1
        return self.payload

    def load(self, payload: bytes) -> bytes:
        if payload != self.payload:
            raise EngineError("it does\nnot load")
        return payload


def names(cache: EngineCache) -> set[str]:
    return {path.name for path in cache.folder.iterdir()}


def only_file(cache: EngineCache, pattern: str) -> Path:
    (path,) = cache.folder.glob(pattern)
    return path
