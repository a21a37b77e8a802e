"""What a live session says besides its status: options without effect, and what moves by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stylefader.realtime.controls.controls import Controls
    from stylefader.training.packs.pack_header import AlphaHeader

FADE_S = 1.0
"""Of a cross-fade, where nothing is said."""


def without_effect(words: dict[str, Any], *, styles: int, recordings: bool, window: bool) -> list[str]:
    """Options that do nothing in this session, each in words."""
    said = []
    if styles == 1 and words["scenes"] is None and not window and words["fade"] != FADE_S:
        said.append("note: --fade does nothing: there is one style")
    if words["overwrite"] and words["record_automation"] is None and not recordings:
        said.append("note: --overwrite does nothing: nothing is recorded into a file")
    if words["full_screen"] and not window:
        said.append("note: --full-screen does nothing: there is no window")
    if words["monitor"] is not None and not window:
        said.append("note: --monitor does nothing: there is no window")
    return said


def out_of_range(alpha: float | None, header: AlphaHeader) -> list[str]:
    """Said of a strength that the first style does not go to."""
    if alpha is None or header.low <= alpha <= header.high:
        return []
    return [f"alpha is kept within this style's range, {header.low:g} to {header.high:g}"]


def tempo(controls: Controls) -> float | None:
    """Beats a minute, where anything counts them."""
    return round(controls.clock.bpm, 2) if controls.mapping.counts_beats else None


def modulated(controls: Controls, *, hears: bool) -> list[str]:
    """What moves alpha by itself in this session."""
    there = {"lfo": controls.mapping.lfos, "sound": hears and controls.mapping.sounds}
    return [source for source, entries in there.items() if entries]
