"""What was measured of the engines on this machine, kept in `measured.json` in the cache folder.

A row is found only where everything that makes its time or picture another one is the same: the device, what network
it is, the precision, the libraries, our own code. The file is written whole. A broken one counts as empty, so that
all is measured again; of two processes that write at once the last one stays, which costs only measuring again.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stylefader.engines.cache.folder import folder_problem, may_read, read_file
from stylefader.engines.cache.key import code_hash, version_of
from stylefader.engines.graph.families import network_key
from stylefader.engines.machine import identity as machine
from stylefader.engines.registry import REGISTRY
from stylefader.training.files import written_whole

if TYPE_CHECKING:
    from stylefader.training.packs.pack import StylePack
    from stylefader.training.packs.pack_file import PackFile

FILE = "measured.json"
_FORMAT = 1
_LARGEST = 8 << 20
_this_process: dict[tuple[Path, str], dict[str, Any]] = {}
"""What a folder that cannot be written has not kept."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One engine at one size, measured in a process of its own; with a `problem` there are no numbers.

    precision: as computed; asked: as asked for, `auto` or the same. device: in the engine's own words.
    psnr_db: the worse of two pictures at different alphas, the second after the timed calls, to the reference.
    open_s, open_cached_s: `open_engine` without the engine in the cache, and with; import_s: the engine's module.
    peak_bytes: of the whole process; growth_bytes: how far that is above what it held after its imports.
    """

    engine: str
    asked: str
    precision: str
    height: int
    width: int
    device: str = ""
    calls: int = 0
    median_ms: float = 0.0
    p99_ms: float = 0.0
    fps: float = 0.0
    psnr_db: float = 0.0
    import_s: float = 0.0
    open_s: float | None = None
    open_cached_s: float | None = None
    peak_bytes: int | None = None
    growth_bytes: int | None = None
    problem: str = ""

    @property
    def ms_a_megapixel(self) -> float:
        """Median milliseconds for a million pixels."""
        return self.median_ms / (self.height * self.width / 1e6)

    @property
    def words(self) -> str:
        """What counts of it in a choice."""
        return f"{rounded(self.ms_a_megapixel)} ms a megapixel at {self.psnr_db:.1f} dB"


def rounded(number: float) -> str:
    """Three digits that count, never as a power of ten."""
    return f"{number:.0f}" if number >= 100 else f"{number:.3g}"


class Measurements:
    """The measurements in one cache folder."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / FILE

    def recall(
        self, pack: StylePack | PackFile, engine: str, precision: str, *, height: int, width: int
    ) -> Measured | None:
        """The row at the nearest number of pixels. One with a problem only at this very size, and where no other is."""
        found = self.rows(pack, engine, precision)
        good = [row for row in found if not row.problem]
        if good:
            return min(good, key=lambda row: abs(math.log(row.height * row.width / (height * width))))
        return next((row for row in found if (row.height, row.width) == (height, width)), None)

    def rows(self, pack: StylePack | PackFile, engine: str, precision: str) -> list[Measured]:
        """All rows of an engine in a precision as asked for, for networks of this pack's kind."""
        digest = _digest(_key(pack, engine, precision))
        entry = {**self._read().get(digest, {}), **_this_process.get((self.file, digest), {})}
        return [row for row in map(_row, entry.values()) if row is not None]

    def remember(self, pack: StylePack | PackFile, rows: Iterable[Measured]) -> str:
        """Keep rows, as they were asked for and under the precision that came of it; why that failed, or nothing.

        What cannot be written is remembered as long as this process lives.
        """
        new: dict[str, dict[str, Any]] = {}
        keys = {}
        for row in rows:
            for asked in {row.asked, row.precision}:
                key = _key(pack, row.engine, asked)
                keys[_digest(key)] = key
                new.setdefault(_digest(key), {})[f"{row.width}x{row.height}"] = asdict(replace(row, asked=asked))
        try:
            if problem := folder_problem(self.file.parent):
                raise OSError(problem)
            document = self._document()
            for digest, sizes in new.items():
                entry = document["measured"].setdefault(digest, {})
                entry["key"], entry["sizes"] = keys[digest], {**_sizes(entry), **sizes}
            with written_whole(self.file) as file:
                file.write(json.dumps(document, indent=1).encode())
        except OSError as error:
            for digest, sizes in new.items():
                _this_process.setdefault((self.file, digest), {}).update(sizes)
            return f"measured for this process only: {self.file} cannot be written ({error.strerror or error})"
        return ""

    def _read(self) -> dict[str, dict[str, Any]]:
        return {digest: _sizes(entry) for digest, entry in self._document()["measured"].items()}

    def _document(self) -> dict[str, Any]:
        try:
            if not may_read(self.file.parent):
                raise OSError("not ours")
            document = json.loads(read_file(self.file, largest=_LARGEST))
            if document["format"] == _FORMAT and all(isinstance(e, dict) for e in document["measured"].values()):
                return dict(document)
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            pass  # none yet, or broken
        return {"format": _FORMAT, "measured": {}}


def _sizes(entry: dict[str, Any]) -> dict[str, Any]:
    sizes = entry.get("sizes")
    return sizes if isinstance(sizes, dict) else {}


def _row(value: Any) -> Measured | None:
    """A row as it was kept, None for anything else."""
    try:
        row = Measured(**value)
        numbers = (row.median_ms, row.p99_ms, row.fps, row.psnr_db)
        fits = all(isinstance(getattr(row, field.name), str) for field in fields(row) if field.type == "str")
        sides = isinstance(row.height, int) and isinstance(row.width, int) and row.height > 0 and row.width > 0
        if fits and sides and (row.problem or all(0 < number < math.inf for number in numbers)):
            return row
    except TypeError:
        pass
    return None


def _key(pack: StylePack | PackFile, engine: str, precision: str) -> dict[str, Any]:
    """Everything that makes a measurement another one, but the size."""
    entry = REGISTRY[engine]
    return {
        "engine": engine, "precision": precision, **network_key(pack.header),
        "device": machine.gpu_name() if entry.gpu else machine.cpu_name(),
        "libraries": {name: version_of(name) for name in sorted({"torch", *entry.needs.values()})},
        "stylefader": version_of("stylefader"), "code": code_hash(),
    }  # fmt: skip


def _digest(key: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
