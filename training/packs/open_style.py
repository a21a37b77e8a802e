"""A style as a session or a render is asked for it: a name, a family's name, `FAMILY:SIZE`, a pack file.

Of a palette, which may be any of these, `PALETTE/STYLE` is one of its styles.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from stylefader.training.errors import PackError
from stylefader.training.packs.library import find_family, find_pack, known_packs, split_style
from stylefader.training.packs.pack_family import PackFamily
from stylefader.training.packs.pack_file import PackFile


def open_style(word: str) -> PackFile:
    """The pack that a user means, or a style of it; of a family its largest member, which plays for the family.

    Raises:
        PackError: There is no such style, or its file cannot be used.
    """
    parted = split_style(word)
    pack = _opened(parted.pack)
    return pack if parted.style is None else pack.with_style(parted.style)


def open_predicting() -> PackFile:
    """The first palette, by name, that says style vectors of paintings, of those that can be named.

    Raises:
        PackError: There is none.
    """
    for file, header in known_packs()[0]:
        if header.predictor is not None:
            return PackFile(file)
    raise PackError(
        "there is no palette that says styles of paintings: name one, or make one by stylefader train predictor"
    )


def each_style(packs: Iterable[PackFile]) -> list[PackFile]:
    """The styles that a session has of these packs: of a palette each of its own, the first time that it is named."""
    found: dict[object, list[PackFile]] = {}
    for number, pack in enumerate(packs):
        whole = pack.network_pack
        if whole.header.styles:
            found.setdefault((whole.file.resolve(), whole.style), styles_in(whole))
        else:
            found[number] = [pack]
    return [style for styles in found.values() for style in styles]


def place_of(pack: PackFile, styles: Sequence[PackFile]) -> int:
    """Where a pack stands among the styles of a session: the style of it that is meant, else its first one.

    Raises:
        ValueError: It is not among them.
    """
    whole = pack.network_pack
    for place, there in enumerate(styles):
        other = there.network_pack
        one_file = other.file.resolve() == whole.file.resolve()
        same = one_file or (
            whole.family is not None and other.family is not None
        )  # whose member may be another one now
        if other.style == whole.style and same and pack.chosen in ("", there.chosen):
            return place
    raise ValueError(f"{pack.style} is none of the styles")


def styles_in(palette: PackFile) -> list[PackFile]:
    """Every style of a palette, in its order."""
    return [palette.with_style(one.name) for one in palette.header.styles]


def _opened(word: str) -> PackFile:
    family = find_family(word)
    if family is not None:
        return PackFile(family.members[0].file, family=family)
    file = find_pack(word)
    return PackFile(file, style=word if ":" in word and word not in (str(file), file.name) else "")


def members_of(family: PackFamily) -> list[PackFile]:
    """Every member of a family, the largest first, each playing for the family. Raises PackError."""
    return [PackFile(one.file, family=family) for one in family.members]
