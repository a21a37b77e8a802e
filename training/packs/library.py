"""The style packs that come with stylefader and those of the user, found by name.

A user's packs are files in a folder of their own (`user_folder`). One that has a name of the gallery is hidden by it
and can be given as a file. One style of a palette is `PALETTE/STYLE`, where the palette is any of these.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from stylefader.training.errors import PackError
from stylefader.training.packs.header_reading import read_header
from stylefader.training.packs.pack_family import PackFamily, families_of
from stylefader.training.packs.pack_header import PackHeader

_FOLDER = Path(__file__).parents[1] / "styles"
_SUFFIX = ".safetensors"
_MOST_KEPT = 256


@dataclass(frozen=True, kw_only=True)
class StyleWord:
    """What a user's word for a style says.

    pack: the pack, in a word that `find_pack` and `find_family` take.
    style: the one that is meant of a palette's styles; None where it is the pack as a whole.
    """

    pack: str
    style: str | None = None


def gallery() -> list[tuple[Path, PackHeader]]:
    """File and header of every pack that comes with stylefader, by name."""
    return [(path, _header(path)) for path in sorted(_FOLDER.glob("*.safetensors"))]


def user_folder() -> Path:
    """Where users put packs of their own; it need not be there."""
    from platformdirs import user_data_path

    return user_data_path("stylefader", appauthor=False) / "styles"


def known_packs() -> tuple[list[tuple[Path, PackHeader]], list[str]]:
    """File and header of every pack that can be named, and why files of the user's folder are none."""
    found, problems = gallery(), []
    for path in _files().values():
        if path.parent == _FOLDER:
            continue
        try:
            found.append((path, _header(path)))
        except PackError as error:
            problems.append(str(error))
    return found, problems


def families() -> dict[str, PackFamily]:
    """Every family, by name; most have one member."""
    return families_of(known_packs()[0])


def find_family(word: str) -> PackFamily | None:
    """The family that a user means by a word that may also be a style or a pack file; None where it has no choice."""
    if _is_path(word) or ":" in word:
        return None
    family = families().get(word)
    return family if family is not None and len(family.members) > 1 else None


def split_style(word: str) -> StyleWord:
    """Part a user's word for a style into the pack and, for `PALETTE/STYLE`, the style of that palette.

    A word without a style is not looked at further: `find_pack` says whether there is such a pack.

    Raises:
        PackError: There is no such palette, with near names, it is no palette, or has no such style, with near ones.
    """
    pack, slash, style = word.rpartition("/")
    if not slash or not pack or os.path.isfile(word):
        return StyleWord(pack=word)
    if style.endswith(_SUFFIX) or (_is_path(pack) and not os.path.isfile(pack)):
        return StyleWord(pack=word)
    known = sorted({*_files(), *families()})
    if not _is_path(pack) and pack.partition(":")[0] not in known:
        raise PackError(f"no style pack at {word:.500}, and no palette named {pack!r:.80}: {_hint(pack, known, known)}")
    header = _header(find_pack(pack))
    if not header.styles:
        raise PackError(f"{pack} is one style and no palette, so there is no {style!r:.80} in it")
    names = [one.name for one in header.styles]
    if style not in names:
        raise PackError(f"the palette {pack} has no style {style!r:.80}: {_hint(style, names, names)}")
    return StyleWord(pack=pack, style=style)


def style_words(header: PackHeader) -> list[str]:
    """Words for the one style of a pack that is known by its name, or for each style of a palette."""
    return [f"{header.name}/{style.name}" for style in header.styles] or [header.name]


def find_pack(name_or_file: str) -> Path:
    """The pack file that a user means: a style's name, a family's name (its largest), `FAMILY:SIZE`, or a path.

    Raises:
        PackError: There is none, with near names, or with the sizes that the family has; or the word is for one style
            of a palette (see `split_style`) where a pack as a whole is asked for.
    """
    files = _files()
    if name_or_file in files:
        return files[name_or_file]
    if os.path.isfile(name_or_file):  # False, not an error, for names that no file can have
        return Path(name_or_file)
    parted = split_style(name_or_file)
    if parted.style is not None:
        raise PackError(f"{name_or_file:.500} is one style of a palette; here the palette is meant: {parted.pack}")
    if _is_path(name_or_file):
        raise PackError(f"no style pack at {name_or_file:.500}")
    name, colon, size = name_or_file.partition(":")
    there = families()
    if name in there:
        family = there[name]
        member = family.member(size) if colon else family.members[0]
        if member is not None:
            return member.file
        raise PackError(f"the style {name} has no size {size!r:.40}: there is {family.words}")
    raise PackError(f"no style named {name_or_file!r:.80}: {_hint(name, [*files, *there], files)}")


def _hint(word: str, names: Iterable[str], shown: Iterable[str]) -> str:
    """Names that are near to a word that is none of them, else those that there are."""
    near = dict.fromkeys(difflib.get_close_matches(word.lower(), names, n=3, cutoff=0.6))
    return f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(shown) or 'none'}"


def _header(path: Path) -> PackHeader:
    """A header, read again only where its file has changed. Raises PackError."""
    try:
        found = path.stat()
    except OSError as error:
        raise PackError(f"{path} cannot be read: {error.strerror or error}") from error
    return _read(path, found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=_MOST_KEPT)
def _read(path: Path, changed_ns: int, size: int) -> PackHeader:
    return read_header(path)


def _files() -> dict[str, Path]:
    """Every pack file that has a name, by that name."""
    files: dict[str, Path] = {}
    for folder in (_FOLDER, user_folder()):
        for path in sorted(folder.glob("*.safetensors")):
            files.setdefault(path.stem, path)
    return files


def _is_path(word: str) -> bool:
    """Whether a word is a file rather than a name."""
    path = Path(word)
    return os.path.isfile(word) or path.suffix == _SUFFIX or len(path.parts) > 1
