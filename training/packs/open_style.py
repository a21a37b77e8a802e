"""A style as a session or a render is asked for it: a name, a family's name, `FAMILY:SIZE` or a pack file."""

from __future__ import annotations

from stylefader.training.packs.library import find_family, find_pack
from stylefader.training.packs.pack_family import PackFamily
from stylefader.training.packs.pack_file import PackFile


def open_style(word: str) -> PackFile:
    """The pack that a user means; of a family its largest member, which plays for the family.

    Raises:
        PackError: There is no such style, or its file cannot be used.
    """
    family = find_family(word)
    if family is not None:
        return PackFile(family.members[0].file, family=family)
    file = find_pack(word)
    return PackFile(file, style=word if ":" in word and word not in (str(file), file.name) else "")


def members_of(family: PackFamily) -> list[PackFile]:
    """Every member of a family, the largest first, each playing for the family. Raises PackError."""
    return [PackFile(one.file, family=family) for one in family.members]
