"""Families: the same style at several sizes, of which a live session takes the largest that holds the frame rate.

A pack belongs to the family that its header names, or else to that of its own name. Its size is that of its network.
A family's name may stand wherever a style's name may; `NAME:SIZE`, as in `great_wave:lite`, is one of its packs.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from stylefader.training.packs.added_inputs import STYLE
from stylefader.training.packs.families.registry import family_of
from stylefader.training.packs.pack_header import PackHeader


def family_name(header: PackHeader) -> str:
    """The family that a pack belongs to."""
    return header.family or header.name


def size_name(header: PackHeader) -> str:
    """What users call the size of a pack's network: `full`, `lite` and so on."""
    return family_of(header.kind).size_name(header)


def weights_in(header: PackHeader) -> int:
    """How many weights a pack has, by which its family is put in order; only the header is needed."""
    return sum(map(prod, family_of(header.kind).expected_shapes(header).values()))


@dataclass(frozen=True, kw_only=True)
class FamilyMember:
    """One pack of a family: its file and its header."""

    file: Path
    header: PackHeader

    @property
    def size(self) -> str:
        """The name of its size."""
        return size_name(self.header)


@dataclass(frozen=True, kw_only=True)
class PackFamily:
    """A style at one or several sizes.

    Attributes:
        name: Of the family.
        members: Its packs, the largest first.
        strangers: Packs that name this family and cannot take a member's place: they have other inputs, or a size
            that is there already.
    """

    name: str
    members: tuple[FamilyMember, ...]
    strangers: tuple[FamilyMember, ...] = ()

    def member(self, size: str) -> FamilyMember | None:
        """The member of a size, by the size's name, its width as text, or the name of its pack."""
        for one in self.members:
            if size in (one.size, str(one.header.width), one.header.name):
                return one
        return None

    @property
    def words(self) -> str:
        """Its sizes and what they are called, such as `full (great_wave), lite (great_wave_lite)`."""
        return ", ".join(f"{one.size} ({one.header.name})" for one in self.members)


def families_of(packs: Iterable[tuple[Path, PackHeader]]) -> dict[str, PackFamily]:
    """All families of some packs, by name, in the order in which they come.

    A pack that has the family's own name says which inputs its members have; without one the largest does.
    """
    found: dict[str, list[FamilyMember]] = {}
    for file, header in packs:
        found.setdefault(family_name(header), []).append(FamilyMember(file=file, header=header))
    return {name: _family(name, members) for name, members in found.items()}


def _family(name: str, packs: list[FamilyMember]) -> PackFamily:
    packs = sorted(packs, key=lambda one: (-weights_in(one.header), one.header.name != name))
    model = next((one for one in packs if one.header.name == name), packs[0])
    members: dict[str, FamilyMember] = {}
    strangers = []
    for one in packs:
        if _played(one.header) != _played(model.header) or one.size in members:
            strangers.append(one)
        else:
            members[one.size] = one
    return PackFamily(name=name, members=tuple(members.values()), strangers=tuple(strangers))


def _played(header: PackHeader) -> list[Any]:
    """What performers and programs see of a pack, which must not change with its size.

    Of a palette they see its styles by name, and not how many numbers a style is.
    """
    inputs = [
        (spec.name, spec.kind, () if header.styles and spec.name == STYLE else spec.shape, spec.low, spec.high,
         spec.constraint)
        for spec in header.inputs
    ]  # fmt: skip
    return [*inputs, *(style.name for style in header.styles)]
