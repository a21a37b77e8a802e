"""The int8 form of a style pack: a small file with the ranges that its network is quantised by, and what that costs.

It stands beside the pack as `NAME.int8`, or, made behind a live session, in the cache folder under the hash of the
weights. It is JSON and holds no weights and no graph: both are the pack's own. It belongs to the very weights that it
was made from, and is refused beside others. What it states is not believed: `engines.selection.measuring` proves it
before it is used.

The ranges of a palette hold for its styles and for mixtures of them whose weights have the sum 1. So its form belongs
to these styles too: with a style that was added or trained anew since, it is refused. A style that a session makes
while it plays is in no pack and may leave the ranges, as may weights whose sum is above 1: features are then cut off
at the ends of their range.
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stylefader.engines.cache.folder import may_read, read_file
from stylefader.engines.graph.families import graphs_of
from stylefader.training.errors import EngineError, PackError
from stylefader.training.files import open_regular, written_whole
from stylefader.training.packs.pack_header import STYLES
from stylefader.training.reading.json_fields import Fields, by_name, free_text, keys, many, number, whole
from stylefader.training.reading.plain_values import parse_json

if TYPE_CHECKING:
    import openvino as ov

    from stylefader.training.packs.pack import StylePack
    from stylefader.training.packs.pack_file import PackFile

SUFFIX = ".int8"
_FORMAT = 2
_LARGEST = 1 << 18
_LARGEST_VALUE = 1e6
_OF_A_HASH = 16


@dataclass(frozen=True, kw_only=True)
class Fidelity:
    """What int8 costs, over pictures that were not used to quantise, with every block at each of the alphas.

    psnr_db: the mean PSNR to the f32 picture; worst_db: the least of any picture. content_change and style_change:
    the mean loss less that of the f32 picture, over that of the f32 picture; empty where no loss network was given.
    """

    photographs: int
    size: str
    alpha: tuple[float, ...]
    psnr_db: tuple[float, ...]
    worst_db: tuple[float, ...]
    content_change: tuple[float, ...] = ()
    style_change: tuple[float, ...] = ()


Ranges = dict[str, tuple[float, float]]
"""The lowest and the highest value of a feature, by the name of its place in the graph (`places.py`)."""


@dataclass(frozen=True, kw_only=True)
class Quantized:
    """What the file holds. weights: the `weights_hash` of the pack that it was made from. made: how, in words."""

    weights: str
    ranges: Ranges
    fidelity: Fidelity
    made: dict[str, Any]

    @property
    def psnr_db(self) -> float:
        """The PSNR that it holds: the lowest over alpha of the mean over pictures."""
        return min(self.fidelity.psnr_db)

    @property
    def sha256(self) -> str:
        """Over weights and ranges: what makes an engine of it another one."""
        return hashlib.sha256(json.dumps([self.weights, self.ranges], sort_keys=True).encode()).hexdigest()

    def model(self, pack: StylePack | PackFile, height: int, width: int, *, masked: bool = False) -> ov.Model:
        """The quantised graph of the pack, for frames of one size. Raises EngineError where the ranges do not fit.

        masked: with the inputs of a mask; the ranges hold for it as well.
        """
        from stylefader.engines.graph.openvino_mask import with_mask
        from stylefader.engines.int8.quantized_graph import quantise_graph

        family = graphs_of(pack.header)
        model = quantise_graph(family.openvino_model(pack, height, width), self.ranges, family.floating)
        return with_mask(model, pack.header, height, width) if masked else model

    def save(self, file: Path) -> None:
        """Write it whole or not at all. Raises OSError."""
        text = json.dumps({"format": _FORMAT, **asdict(self)}, allow_nan=False, indent=1)
        with written_whole(file) as out:
            out.write(text.encode())


def quantized_file(pack: StylePack | PackFile | Path) -> Path:
    """Where a pack's own int8 form is looked for: beside it."""
    return (pack if isinstance(pack, Path) else pack.file).with_suffix(SUFFIX)


def made_here_file(pack: StylePack | PackFile, folder: Path) -> Path:
    """Where a form that was made on this machine is looked for; another file for other styles of a palette.

    folder: of the cache. Raises PackError.
    """
    name, styles = pack.weights_hash(), style_hashes(pack)
    if styles:
        name = hashlib.sha256(json.dumps([name, styles]).encode()).hexdigest()
    return folder / f"{name:.32}{SUFFIX}"


def copy_with_form(pack: StylePack | PackFile, folder: Path, cache: Path | None = None) -> PackFile:
    """A copy of a pack in a folder, with its int8 form where it has one: nobody changes it, whatever becomes of both.

    Args:
        pack: The pack.
        folder: Where the copy goes.
        cache: The cache folder, in which a form may be that was made here.

    Raises:
        PackError: The pack is spoilt, or cannot be written.
    """
    from stylefader.training.packs.pack_file import PackFile

    file = folder / "pack.safetensors"
    if isinstance(pack, PackFile):
        pack.copy_to(file)
    else:
        from stylefader.training.packs.pack import save_pack

        save_pack(replace(pack, file=file))
    with suppress(EngineError):
        quantized_file(file).write_bytes(read_form(pack, cache))
    return PackFile(file)


def read_form(pack: StylePack | PackFile, cache: Path | None = None) -> bytes:
    """The bytes of a pack's form: that beside it, else the one made here.

    Args:
        pack: The pack.
        cache: The cache folder; None looks beside the pack alone.

    Raises:
        EngineError: There is none, or no plain file of a size that one can have.
    """
    file = quantized_file(pack)
    try:
        if cache is not None and not file.is_file() and may_read(cache):
            return read_file(made_here_file(pack, cache), largest=_LARGEST)
        with open_regular(file) as opened:
            size = os.fstat(opened.fileno()).st_size
            data = b"" if size > _LARGEST else opened.read(_LARGEST + 1)
    except OSError as error:
        raise EngineError(f"{file} cannot be read ({error.strerror or error})") from error
    if not data or len(data) > _LARGEST:
        raise EngineError(
            f"{file} is not an int8 form that can be read (it has {size} bytes, of {_LARGEST} at most): quantise again"
        )
    return data


def has_form(pack: StylePack | PackFile, cache: Path | None = None) -> bool:
    """Whether there is a file that should be a form of this pack; it may be of no use. Raises PackError."""
    if quantized_file(pack).is_file():
        return True
    return cache is not None and made_here_file(pack, cache).is_file()


def find_quantized(pack: StylePack | PackFile, cache: Path | None = None) -> Quantized | None:
    """The int8 form of a pack; None where there is none. The arguments are those of `read_form`.

    Raises:
        EngineError: There is one that cannot be used.
    """
    if not has_form(pack, cache):
        return None
    file = quantized_file(pack)
    try:
        found = parse_form(read_form(pack, cache).decode("utf-8"))
    except (PackError, ValueError) as error:
        raise EngineError(f"{file} is not an int8 form that can be read ({error}): quantise again") from error
    if found.weights != pack.weights_hash():
        raise EngineError(f"{file} was made from other weights than {pack.file.name} has: quantise again")
    stated = found.made.get(STYLES)
    known = stated if isinstance(stated, dict) else {}
    if strangers := [name for name, of_it in style_hashes(pack).items() if known.get(name) != of_it]:
        raise EngineError(f"{file} was made without the style {strangers[0]} of {pack.file.name}: quantise again")
    return found


def style_hashes(pack: StylePack | PackFile) -> dict[str, str]:
    """What tells the styles of a palette from others, by their names; nothing for another pack. Raises PackError."""
    return {
        name: hashlib.sha256(vector.tobytes()).hexdigest()[:_OF_A_HASH] for name, vector in pack.style_vectors().items()
    }  # fmt: skip


def parse_form(text: str) -> Quantized:
    """Read the text of a form. Raises PackError or ValueError with what does not fit."""
    fields = Fields(parse_json(text), "form")
    version = fields.take("format", whole(0, 10**6))
    if version != _FORMAT:
        raise PackError(f"its format {version} is not known here")
    form = Quantized(
        weights=fields.take("weights", free_text), ranges=fields.take("ranges", by_name(_range)),
        fidelity=fields.take("fidelity", _fidelity), made=fields.take("made", keys),
    )  # fmt: skip
    fields.done()
    return form


def _range(value: Any, where: str) -> tuple[float, float]:
    ends = many(number)(value, where)
    if len(ends) != 2 or not -_LARGEST_VALUE <= ends[0] <= 0 < ends[1] <= _LARGEST_VALUE:
        raise PackError(f"{where} must be two numbers around 0, the lower one first, not {value!r:.60}")
    return float(ends[0]), float(ends[1])


def _fidelity(value: Any, where: str) -> Fidelity:
    fields = Fields(value, where)
    numbers = many(number)
    found = Fidelity(
        photographs=fields.take("photographs", whole(1, 10**9)), size=fields.take("size", free_text),
        alpha=fields.take("alpha", numbers), psnr_db=fields.take("psnr_db", numbers),
        worst_db=fields.take("worst_db", numbers), content_change=fields.take_if_there("content_change", numbers, ()),
        style_change=fields.take_if_there("style_change", numbers, ()),
    )  # fmt: skip
    fields.done()
    if not found.psnr_db:
        raise PackError(f"{where} has no PSNR")
    return found
