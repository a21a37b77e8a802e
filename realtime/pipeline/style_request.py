"""A style that is asked for in a live session, with the alpha that comes with it."""

from __future__ import annotations

from dataclasses import dataclass

from stylefader.realtime.parameters.alpha_desk import Alpha, AlphaDesk, carried_over


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A style that was asked for, and the alpha to fade to with it, (n_blocks,) or one value; None: as it stands.

    scene: the name of what asked for them, if it has one.
    """

    style: int
    fade_s: float
    alpha: Alpha | None = None
    scene: str | None = None


def fade(desk: AlphaDesk, wanted: Wanted, at_ns: int) -> None:
    """Let a desk glide to the alpha that is wanted, in the time of the cross-fade."""
    assert wanted.alpha is not None
    alpha = wanted.alpha[0] if len(wanted.alpha) == 1 else carried_over(wanted.alpha, desk.n_blocks)
    desk.glide("all", alpha, wanted.fade_s, at_ns)
