"""The style packs that come with stylefader, found by name."""

from __future__ import annotations

import difflib
import os
from pathlib import Path

from stylefader.training.errors import PackError
from stylefader.training.packs.header_reading import read_header
from stylefader.training.packs.pack_header import PackHeader

_FOLDER = Path(__file__).parents[1] / "styles"


def gallery() -> list[tuple[Path, PackHeader]]:
    """File and header of every pack that comes with stylefader, by name."""
    return [(path, read_header(path)) for path in sorted(_FOLDER.glob("*.safetensors"))]


def find_pack(name_or_file: str) -> Path:
    """The pack file that a user means: a gallery name, or a path. Raises PackError with near names."""
    names = [path.stem for path in sorted(_FOLDER.glob("*.safetensors"))]
    if name_or_file in names:
        return _FOLDER / f"{name_or_file}.safetensors"
    path = Path(name_or_file)
    if os.path.isfile(path):  # False, not an error, for names that no file can have
        return path
    if path.suffix == ".safetensors" or len(path.parts) > 1:
        raise PackError(f"no style pack at {name_or_file:.500}")
    near = difflib.get_close_matches(name_or_file.lower(), names, n=3, cutoff=0.6)
    hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(names) or 'none'}"
    raise PackError(f"no style named {name_or_file!r:.80}: {hint}")
