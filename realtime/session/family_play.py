"""The families of a live session: which member of each plays, and the pack that stands for it.

    what a frame is expected to take --\
    rate that comes out, and is wanted --> FamilyChoice --> packs[style] --> engine loader --> cross-fade

Asked by the thread that owns the session. The rules are in `family_choice.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from stylefader.engines.selection.expected_time import ExpectedTime
from stylefader.realtime.pipeline.events import Note, Tell, untold
from stylefader.realtime.session.adaptive_size import Size
from stylefader.realtime.session.events import MemberChosen
from stylefader.realtime.session.family_choice import FamilyChoice
from stylefader.realtime.session.words import words_of
from stylefader.training.packs.open_style import members_of
from stylefader.training.packs.pack_family import PackFamily
from stylefader.training.packs.pack_file import PackFile

Expect = Callable[[PackFile, Size], ExpectedTime]
_LOOK_NS = 1_000_000_000
_REFRESH_NS = 10_000_000_000


@dataclass(kw_only=True)
class _Family:
    """One family: its packs, the largest first, and which of them plays."""

    packs: list[PackFile]
    choice: FamilyChoice
    refreshed_ns: int
    told: PackFile | None = None
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class FamilyState:
    """What is seen of a family: its name, the size and the pack that play, and why that one."""

    name: str
    size: str
    member: str
    why: str


class FamilyPlay:
    """Puts the member that is to play into the list of packs of a session.

    Args:
        packs: Of the session, one for each style. Those that play for a family are changed here.
        expect: What a frame of a pack takes at a size.
        now_ns: The clock.
        tell: Told which member plays, and why.
    """

    def __init__(
        self, packs: list[PackFile], *, expect: Expect, now_ns: Callable[[], int], tell: Tell = untold
    ) -> None:
        self._packs, self._expect, self._now_ns, self._tell = packs, expect, now_ns, tell
        self._families: dict[str, _Family] = {}
        self._looked_ns = now_ns()

    def begin(self, style: int, size: Size, rate: float) -> None:
        """A style is about to be built: choose its member, where it is a family."""
        family = self._of(style, size)
        if family is not None:
            self._refresh(family, size)
            self._put(style, family, family.choice.begin(rate, self._now_ns()))

    def look(self, style: int, size: Size, *, seen: float | None, wanted: float) -> bool:
        """Whether another member is to play from now on, given the rates that are seen and wanted."""
        now, family = self._now_ns(), self._of(style, size)
        if family is None or seen is None or wanted < 1 or now - self._looked_ns < _LOOK_NS:
            return False
        self._looked_ns = now
        if now - family.refreshed_ns >= _REFRESH_NS:
            self._refresh(family, size)
        before = family.choice.place
        self._put(style, family, family.choice.look(seen, wanted, now))
        return family.choice.place != before

    def refuse(self, style: int, pack: PackFile, rate: float) -> bool:
        """A pack cannot be had: put another member in its place; False where there is none."""
        pack = pack.network_pack
        family = self._families.get(pack.style)
        if pack.family is None or family is None or pack not in family.packs:
            return False
        before = family.packs.index(pack)
        place = family.choice.refuse(before, rate, self._now_ns())
        self._put(style, family, place)
        return place != before

    def restore(self, style: int, pack: PackFile) -> None:
        """This pack plays on, whatever was chosen."""
        family = self._families.get(pack.style)
        self._take(style, pack)
        if pack.family is not None and family is not None and pack in family.packs:
            family.choice.stay(family.packs.index(pack), self._now_ns())

    def smallest(self, style: int) -> bool:
        """Whether nothing smaller than what plays can be had; so for a style that is no family."""
        pack = self._packs[style].network_pack
        family = self._families.get(pack.style) if pack.family else None
        return family is None or family.choice.smallest

    def others(self, pack: PackFile) -> list[PackFile]:
        """The other members of a pack's family."""
        family = self._families.get(pack.style) if pack.family else None
        return [one for one in family.packs if one is not pack] if family else []

    def state(self, style: int) -> FamilyState | None:
        """What is seen of a style's family; None for a style that is none. Any thread."""
        pack = self._packs[style].network_pack
        family = self._families.get(pack.style) if pack.family else None
        if pack.family is None or family is None:
            return None
        return FamilyState(name=pack.style, size=pack.size, member=pack.header.name, why=family.why)

    def _of(self, style: int, size: Size) -> _Family | None:
        pack = self._packs[style].network_pack
        if pack.family is None:
            return None
        if pack.style not in self._families:
            self._tell_strangers(pack.family)
            packs = members_of(pack.family)
            choice = FamilyChoice([self._expect(one, size) for one in packs])
            self._families[pack.style] = _Family(packs=packs, choice=choice, refreshed_ns=self._now_ns())
        return self._families[pack.style]

    def _refresh(self, family: _Family, size: Size) -> None:
        """Take over what was measured meanwhile."""
        family.refreshed_ns = self._now_ns()
        family.choice.times = [self._expect(pack, size) for pack in family.packs]

    def _put(self, style: int, family: _Family, place: int) -> None:
        pack, reason = family.packs[place], family.choice.reason
        self._take(style, pack)
        if pack is family.told or reason is None:
            return
        family.told = pack
        event = MemberChosen(
            style=pack.style, member=pack.header.name, size=pack.size, reason=reason,
            larger=family.packs[place - 1].size if place else None, smallest=family.choice.smallest,
        )  # fmt: skip
        family.why = words_of(event)
        self._tell(event)

    def _take(self, style: int, pack: PackFile) -> None:
        """Put a pack in the place of a style; of a palette, in that of each of its styles."""
        chosen, family = self._packs[style].chosen, pack.family
        if not chosen:
            self._packs[style] = pack
            return
        for place, there in enumerate(self._packs):
            same = there.family is not None and family is not None and there.family.name == family.name
            if there.chosen and (same or place == style):
                self._packs[place] = pack.with_style(there.chosen)

    def _tell_strangers(self, family: PackFamily) -> None:
        for one in family.strangers:
            self._tell(Note(words=f"{one.file} names the family {family.name} and is left out: it has other inputs, "
                                  f"or there is a size {one.size} already"))  # fmt: skip
