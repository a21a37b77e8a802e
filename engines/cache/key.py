"""The key of a cached engine: every input of its build, and a hash over them."""

from __future__ import annotations

import functools
import hashlib
import json
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

FORMAT = 1


def version_of(package: str) -> str:
    """The installed version of a package, without importing it; `none` where it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "none"


@functools.cache
def code_hash() -> str:
    """Over the source of `engines`, the networks and their families: a change there makes new engines."""
    digest = hashlib.sha256()
    rooms = Path(__file__).parents[2]
    training = rooms / "training"
    packs = training / "packs"
    folders = (rooms / "engines", training / "networks", packs / "families")
    sources = [path for folder in folders for path in sorted(folder.rglob("*.py"))]
    for path in (*sources, packs / "inputs.py", packs / "pack_tensors.py", training / "colour_numbers.py"):
        name = path.relative_to(rooms).as_posix()
        digest.update(f"{name} {path.stat().st_size}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


@dataclass(frozen=True, kw_only=True)
class EngineKey:
    """Every input of an engine's build.

    weights: the pack's `weights_hash`; network, architecture, width, places, inputs: what they are the weights of
    (`graph.families.network_key`).
    size: `640x360`, or a range `64x64..1920x1080`; rewrites: of the graph, in words.
    device, capability, driver: what it is compiled for, each `any` where that makes no difference.
    libraries: versions of all that compiles or runs it.
    stylefader: our version; code: a hash over the modules that make the graph and the engines.
    """

    engine: str
    precision: str
    size: str
    network: str
    architecture: str
    width: int
    places: tuple[str, ...]
    inputs: tuple[str, ...]
    weights: str
    rewrites: str
    device: str
    capability: str
    driver: str
    libraries: dict[str, str]
    stylefader: str = field(default_factory=lambda: version_of("stylefader"))
    code: str = field(default_factory=code_hash)

    @property
    def digest(self) -> str:
        """Hash of all fields, in hexadecimal: the name of the entry."""
        return digest_of(self.fields())

    def fields(self) -> dict[str, Any]:
        """The key as JSON has it."""
        return {**asdict(self), "places": list(self.places), "inputs": list(self.inputs)}

    def differs(self, fields: dict[str, Any]) -> set[str]:
        """Names of the fields in which another key, as JSON, differs."""
        mine = self.fields()
        return {name for name in mine.keys() | fields.keys() if mine.get(name) != fields.get(name)}


def digest_of(fields: dict[str, Any]) -> str:
    """The name under which an engine with these fields is kept."""
    return hashlib.sha256(json.dumps([FORMAT, fields], sort_keys=True).encode()).hexdigest()
