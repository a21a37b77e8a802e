"""What is known of the engines on this machine: measurements and proofs, rows in `measured.json` in the cache folder.

A row is found only where everything that makes its time or picture another one is the same: the device, the network,
the precision, the libraries, our own code. The file is written whole. A broken one counts as empty; of two processes
that write at once the last one stays. Both cost only measuring again.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stylefader.engines.cache.folder import read_json, write_json
from stylefader.engines.cache.key import code_hash, version_of
from stylefader.engines.graph.families import network_key
from stylefader.engines.int8.form import read_form
from stylefader.engines.machine import identity as machine
from stylefader.engines.registry import REGISTRY

if TYPE_CHECKING:
    from stylefader.training.packs.pack import StylePack
    from stylefader.training.packs.pack_file import PackFile

FILE = "measured.json"
_FORMAT = 2
_LARGEST = 8 << 20
_this_process: dict[Path, dict[str, Any]] = {}
"""What a folder that cannot be written has not kept."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One engine at one size, run in a process of its own; with a `problem` there are no numbers.

    Attributes:
        asked, precision: As asked for (`auto` or the same), and as computed.
        device: In the engine's own words.
        psnr_db: Of the worst picture, at several alphas, to the reference. All that a proof has.
        open_s, open_cached_s: `open_engine` without the engine in the cache, and with; import_s: the engine's module.
        peak_bytes: Of the whole process; growth_bytes: how far that is above what it held after its imports.
        under_load: Measured behind a live session, which had the processor first.
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
    under_load: bool = False
    problem: str = ""

    @property
    def ms_a_megapixel(self) -> float:
        """Median milliseconds for a million pixels."""
        return self.median_ms / (self.height * self.width / 1e6)

    @property
    def words(self) -> str:
        """What counts of it in a choice."""
        load = " under load" if self.under_load else ""
        return f"{rounded(self.ms_a_megapixel)} ms a megapixel at {self.psnr_db:.1f} dB{load}"


def rounded(number: float) -> str:
    """Three digits that count, never as a power of ten."""
    return f"{number:.0f}" if number >= 100 else f"{number:.3g}"


class Measurements:
    """The rows in one cache folder."""

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

    def proof(self, pack: StylePack | PackFile, engine: str, precision: str) -> Measured | None:
        """What the proof of an engine gave; for int8 that of the pack's own form. None where it was not tried.

        Raises:
            EngineError: There is no int8 form that can be read.
        """
        return next(iter(self.rows(pack, engine, precision, proof=True)), None)

    def rows(
        self, pack: StylePack | PackFile, engine: str, precision: str, *, proof: bool = False
    ) -> list[Measured]:  # fmt: skip
        """All measurements of an engine in a precision as asked for, for networks of this pack's kind; or proofs."""
        sizes = self._entries().get(_digest(_key(pack, engine, precision, proof, self.file.parent)), {"sizes": {}})[
            "sizes"
        ]
        return [row for value in sizes.values() if (row := _row(value, proof)) is not None]

    def remember(self, pack: StylePack | PackFile, rows: Iterable[Measured], *, proof: bool = False) -> str:
        """Keep rows, as they were asked for and under the precision that came of it; why that failed, or nothing.

        What cannot be written is remembered as long as this process lives.
        """
        entries = self._entries()
        for row in rows:
            for asked in {row.asked, row.precision}:
                key = _key(pack, row.engine, asked, proof, self.file.parent)
                entry = entries.setdefault(_digest(key), {"key": key, "sizes": {}})
                entry["sizes"][f"{row.width}x{row.height}"] = asdict(replace(row, asked=asked))
        try:
            write_json(self.file, {"format": _FORMAT, "rows": entries})
        except OSError as error:
            _this_process[self.file] = entries
            return f"measured for this process only: {self.file} cannot be written ({error.strerror or error})"
        return ""

    def _entries(self) -> dict[str, Any]:
        """Every key's `key` and `sizes`, by its digest."""
        document = read_json(self.file, largest=_LARGEST)
        with suppress(TypeError, KeyError, AttributeError):  # none yet, or broken
            if document["format"] == _FORMAT:
                return {name: one for name, one in document["rows"].items() if isinstance(one["sizes"], dict)}
        return dict(_this_process.get(self.file, {}))


def _row(value: Any, proof: bool) -> Measured | None:
    """A row as it was kept, None for anything else."""
    try:
        row = Measured(**value)
        numbers = () if proof else (row.median_ms, row.p99_ms, row.fps)
        fits = all(isinstance(getattr(row, field.name), str) for field in fields(row) if field.type == "str")
        sides = isinstance(row.height, int) and isinstance(row.width, int) and row.height > 0 and row.width > 0
        good = 0 <= row.psnr_db < math.inf and all(0 < number < math.inf for number in numbers)
        if fits and sides and (row.problem or good):
            return row
    except TypeError:
        pass
    return None


def _key(pack: StylePack | PackFile, engine: str, precision: str, proof: bool, folder: Path) -> dict[str, Any]:
    """Everything that makes a row another one, but the size: a proof is of every network, or of one int8 form."""
    entry, about = REGISTRY[engine], network_key(pack.header)
    if proof and precision == "int8":
        about = {"form": hashlib.sha256(read_form(pack, folder)).hexdigest(), "weights": pack.weights_hash()}
    elif proof:
        about = {"network": "any"}
    return {
        "engine": engine, "precision": precision, **about,
        "device": machine.gpu_name() if entry.gpu else machine.cpu_name(),
        "libraries": {name: version_of(name) for name in sorted({"torch", *entry.needs.values()})},
        "stylefader": version_of("stylefader"), "code": code_hash(),
    }  # fmt: skip


def _digest(key: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
