"""`[[sound]]` of a mapping file: the level of a band of sound onto a parameter. docs/control.md has it key by key."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, get_args

from stylefader.realtime.controls.actions import parameter_target
from stylefader.realtime.controls.mapping.toml_tables import Check, Table, is_number
from stylefader.realtime.parameters.curves import CURVES
from stylefader.realtime.parameters.parameter import STROKE
from stylefader.realtime.parameters.targets import Target

Channel = Literal["left", "right", "both"]
CHANNELS: tuple[str, ...] = get_args(Channel)
BANDS: dict[str, tuple[float, float]] = {
    "low": (20.0, 200.0),
    "mid": (200.0, 2500.0),
    "high": (2500.0, 20000.0),
    "all": (20.0, 20000.0),
}
"""Hertz, from and to. Low is kick and bass, mid voices and most instruments, high cymbals and consonants."""
LEVELS: dict[str, tuple[float, float]] = {
    "low": (-30.0, -10.0),
    "mid": (-35.0, -15.0),
    "high": (-45.0, -22.0),
    "all": (-30.0, -8.0),
}
"""Floor and ceiling where none are given, in dB full scale: for music as it is mastered. Others are quieter."""
_HIGHEST_HZ, _NARROWEST_HZ = 24000, 50


@dataclass(frozen=True, kw_only=True)
class SoundMap:
    """One band of sound and the parameter that it moves; fields as in docs/control.md. line: where it stands.

    band: hertz, from and to. floor, ceiling: dB full scale. attack, release: seconds.
    """

    target: str
    band: tuple[float, float] = BANDS["all"]
    floor: float = LEVELS["all"][0]
    ceiling: float = LEVELS["all"][1]
    attack: float = 0.01
    release: float = 0.15
    depth: float = 1.0
    curve: str = "linear"
    channel: Channel = "both"
    line: int = 0

    @cached_property
    def moves(self) -> Target:
        """What it moves."""
        target = parameter_target(self.target)
        assert target is not None
        return target


def sound_map(table: Table) -> SoundMap:
    """A `[[sound]]`. Raises ControlError with line and reason."""
    words = table.check(_KEYS, needed=("target",))
    if (target := parameter_target(words["target"])) is not None and target.name == STROKE:
        raise table.refuse("target", "sound does not move stroke, which has steps, each with an engine of its own")
    band = words.pop("band", "all")
    floor, ceiling = LEVELS[band if isinstance(band, str) else "all"]
    words = {"floor": floor, "ceiling": ceiling} | words
    if words["floor"] >= words["ceiling"]:
        key = "ceiling" if "ceiling" in table.words else "floor"
        raise table.refuse(
            key, f"the floor, {words['floor']:g} dB, must lie below the ceiling, {words['ceiling']:g} dB"
        )
    hertz = BANDS[band] if isinstance(band, str) else (float(band[0]), float(band[1]))
    words |= {key: float(words[key]) for key in _NUMBERS & words.keys()}
    return SoundMap(**words, band=hertz, line=table.line)


def _is_band(value: Any) -> bool:
    if isinstance(value, str):
        return value in BANDS
    return (
        isinstance(value, list)
        and len(value) == 2
        and all(map(is_number, value))
        and value[0] >= 0
        and value[1] <= _HIGHEST_HZ
        and value[1] - value[0] >= _NARROWEST_HZ
    )


def _between(low: float, high: float) -> Any:
    return lambda value: is_number(value) and low <= value <= high


_NUMBERS = {"floor", "ceiling", "attack", "release", "depth"}
_KEYS: dict[str, Check] = {
    "target": (lambda value: parameter_target(value) is not None, "alpha, alpha0, alpha1, ..."),
    "band": (
        _is_band,
        f"one of {', '.join(BANDS)}, or [from, to] in hertz, {_NARROWEST_HZ} apart or more, to {_HIGHEST_HZ}",
    ),
    "floor": (_between(-120, 20), "decibels full scale, from -120"),
    "ceiling": (_between(-120, 20), "decibels full scale, to 20"),
    "attack": (_between(0, 60), "seconds from 0 to 60"),
    "release": (_between(0, 60), "seconds from 0 to 60"),
    "depth": (_between(-10, 10), "a number from -10 to 10"),
    "curve": (lambda value: isinstance(value, str) and value in CURVES, f"one of {', '.join(CURVES)}"),
    "channel": (lambda value: isinstance(value, str) and value in CHANNELS, f"one of {', '.join(CHANNELS)}"),
}
