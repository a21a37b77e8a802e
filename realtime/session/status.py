"""What people and programs see of a live session: lines over the picture, a line in the terminal, a line of JSON.

All of it is made from snapshots, and nothing here changes the session.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol, TextIO

from stylefader.realtime.pipeline.events import Tell
from stylefader.realtime.session.events import NumbersNotWritten
from stylefader.realtime.session.painting_lessons import LessonState
from stylefader.realtime.session.snapshot import Snapshot, as_json
from stylefader.realtime.session.stats import Percentiles
from stylefader.realtime.sound.live_sound import SoundReading
from stylefader.training.errors import SinkError

_SETTINGS = re.compile(r"[:,][a-z]+=[^,]*")
_LONGEST_MASK = 24
_MOST_MIXED = 4
"""Styles of a mix that are shown by name."""


class Screen(Protocol):
    """Where the line is shown. rewrites: whether in its place, as on a terminal, else one below the other.

    columns: characters that a line may have where it is rewritten.
    """

    @property
    def rewrites(self) -> bool:
        """Whether a line takes the place of the one before."""

    @property
    def columns(self) -> int:
        """Characters that fit into a line."""

    def show(self, words: str) -> None:
        """Show a line."""


class NoScreen:
    """Shows nothing."""

    rewrites = False
    columns = 79

    def show(self, words: str) -> None:
        """Do nothing."""


class Observed(Protocol):
    """A session, as far as its status knows it."""

    def snapshot(self) -> Snapshot:
        """The state of the session now."""

    def refreshed(self, snapshot: Snapshot) -> Snapshot:
        """The same with what is quickly had as it is now, and all else as it was."""
        ...


class NumbersFile:
    """A file of JSON lines, a snapshot each. Raises SinkError where it cannot be opened; later that is told, once."""

    def __init__(self, path: Path, tell: Tell) -> None:
        try:
            self._file: TextIO | None = path.open("a", encoding="utf-8")
        except OSError as error:
            raise SinkError(f"--stats cannot be written to {path}: {error.strerror or error}") from error
        self._tell = tell

    def write(self, snapshot: Snapshot) -> None:
        """Add a line; a file that fails is no reason to end a show."""
        if self._file is None:
            return
        try:
            self._file.write(json.dumps(as_json(snapshot)) + "\n")
            self._file.flush()
        except OSError as error:
            self._tell(NumbersNotWritten(why=error.strerror or str(error)))
            self.close()

    def close(self) -> None:
        """Harmless twice."""
        file, self._file = self._file, None
        if file is not None:
            with suppress(OSError):  # a full disk was told before
                file.close()


class Status:
    """Keeps the newest snapshot for what is drawn many times a second. One thread: the session's owner.

    screen: where a line of it is shown.
    """

    def __init__(self, session: Observed, *, screen: Screen | None = None) -> None:
        self._session = session
        self._screen: Screen = screen or NoScreen()
        self._newest: Snapshot | None = None
        self._shown_at = time.monotonic()

    def now(self) -> Snapshot:
        """Numbers of the last `tell`; strengths, style, flags and notes as they are at this moment."""
        newest = self._newest or self._session.snapshot()
        return self._session.refreshed(newest)

    @property
    def told(self) -> bool:
        """Whether there are numbers yet."""
        return self._newest is not None

    def refresh(self) -> None:
        """Show at once what a key has changed; the other numbers stay as in the last line."""
        if self._newest is not None and self._screen.rewrites:
            self._screen.show(self._words(self.now()))

    def tell(self, numbers: NumbersFile | None, *, every_s: float) -> None:
        """Take a snapshot; write it to a file, and show a line now and then."""
        self._newest = snapshot = self._session.snapshot()
        if numbers is not None:
            numbers.write(snapshot)
        if self._screen.rewrites:
            self._screen.show(self._words(snapshot))
        elif time.monotonic() - self._shown_at >= every_s:
            self._shown_at = time.monotonic()
            self._screen.show(self._words(snapshot))

    def _words(self, snapshot: Snapshot) -> str:
        """The line: where it is rewritten as short as the terminal is wide, elsewhere whole."""
        return status_line(snapshot, width=self._screen.columns if self._screen.rewrites else None)


def sign_of(snapshot: Snapshot) -> str | None:
    """A word where the picture is not what it seems to be; None where all is well."""
    words = [
        name.replace("_", " ") for name in ("blackout", "freeze", "mask_shown", "bypass") if getattr(snapshot, name)
    ][:1]
    if snapshot.state == "lost":
        words.append("no signal")
    return ", ".join([*words, *snapshot.notes]) or None


def overlay_lines(one: Snapshot) -> list[str]:
    """The numbers of a session in a few short lines."""
    lines = [
        f"{_style_words(one)}  alpha {' '.join(f'{value:.2f}' for value in one.alpha)}",
        *([f"now {' '.join(f'{value:.2f}' for value in one.alpha_now)} by {_movers(one)}"] if _movers(one) else []),
        *([_mix(one)] if one.weights else []),
        *([_others(one)] if one.others else []),
        *([_mask(one)] if one.mask else []),
        *([f"scene {one.scene}"] if one.scene else []),
        f"{_number(one.fps_in)} fps in  {_number(one.fps_out)} out",
        f"{one.engine} {one.precision} {one.size_words}" if one.engine else "no engine yet: original",
        f"latency {_latency(one.latency.shown)}",
    ]
    if one.bpm is not None:
        lines.append(f"{one.bpm:.1f} bpm")
    if one.sound:
        lines.append(sound_words(one.sound))
    if one.coming:
        lines.append(f"coming: {one.coming}")
    if one.lesson:
        lines.append(_lesson(one.lesson))
    return lines


def status_line(one: Snapshot, *, width: int | None = None) -> str:
    """The same in one line; where it is longer than `width` characters the least important goes first."""
    sign = sign_of(one)
    now = f"now {_alphas(one.alpha_now)} by {_movers(one)}" if _movers(one) else ""
    shown, drops = one.latency.shown, one.drops
    # In the order in which they are read; beside each its rank, in the order in which they may stay.
    parts = [
        (1, f"[{sign}]" if sign else ""),
        (0, _style_words(one)),
        (5, f"{one.engine} {one.precision}" if one.engine else "original"),
        (8, one.size_words or ""),
        (2, f"; alpha {_alphas(one.alpha)}"),
        (4, now and f"; {now}"),
        (4, f"; {_mix(one)}" if one.weights else ""),
        (10, f"; {_others(one)}" if one.others else ""),
        (9, f"; {_mask(one)}" if one.mask else ""),
        (12, f"; scene {one.scene}" if one.scene else ""),
        (6, f"; in {_rate(one.fps_in)} out {_rate(one.fps_out)} fps"),
        (16, f"; engine {_latency(one.latency.engine)}"),
        (7, f"; shown {_latency(shown)}" if shown.p50 else ""),
        (15, f"; left out {drops.newer + drops.skipped}, broken {drops.broken}"),
        (11, f"; {one.bpm:.1f} bpm" if one.bpm is not None else ""),
        (14, f"; {sound_words(one.sound)}" if one.sound else ""),
        (13, f"; coming: {one.coming}" if one.coming else ""),
        (13, f"; {_lesson(one.lesson)}" if one.lesson else ""),
        *((3, f"; {sink.name} {sink.state}") for sink in one.sinks if sink.state != "running"),
    ]
    stays = [part for part in parts if part[1]]
    while width is not None and len(_joined(stays)) > width and len(stays) > 1:
        stays.remove(max(stays, key=lambda part: part[0]))
    return _joined(stays)[:width]


def _lesson(one: LessonState) -> str:
    """What is being learnt, and how far it is."""
    return f"learning {one.style} {one.step}/{one.steps}" + (f", {one.waiting} wait" if one.waiting else "")


def _joined(parts: list[tuple[int, str]]) -> str:
    return " ".join(text for _, text in parts).replace(" ; ", "; ")


def _alphas(values: Sequence[float]) -> str:
    """The strengths of the blocks; one number where all are the same, as they mostly are."""
    words = [f"{value:.2f}" for value in values]
    return words[0] if len(set(words)) == 1 else "/".join(words)


def _others(one: Snapshot) -> str:
    """What beside alpha is not at its default."""
    return "  ".join(f"{name} {_alphas(values)}" for name, values in one.others.items())


def _mask(one: Snapshot) -> str:
    """What is inside, without the settings of its word, and whether that is turned round or off."""
    where = _SETTINGS.sub("", one.mask or "")
    if one.mask_inverted:
        where = where.removeprefix("not:") if where.startswith("not:") else f"not:{where}"
    return f"where {where[:_LONGEST_MASK]}{' (off)' if one.mask_off else ''}"


def _mix(one: Snapshot) -> str:
    """The styles of a palette that are mixed, the heaviest first."""
    heaviest = sorted(one.weights.items(), key=lambda entry: -entry[1])
    more = [f"and {len(heaviest) - _MOST_MIXED} more"] if len(heaviest) > _MOST_MIXED else []
    return "  ".join([*(f"{name} {weight:.2f}" for name, weight in heaviest[:_MOST_MIXED]), *more])


def _movers(one: Snapshot) -> str:
    """What moves alpha by itself, in words."""
    return ", ".join(one.modulated)


def _style_words(one: Snapshot) -> str:
    """The style; while it is still being built also the one that plays."""
    style = f"{one.style}:{one.family.size}" if one.family else one.style
    return style if one.plays in (None, one.style) else f"{one.plays} -> {style}"


def sound_words(sound: SoundReading) -> str:
    """The levels of the bands."""
    if sound.state == "lost":
        return "no sound"
    return "sound " + "  ".join(f"{band} {level:.0f}" for band, level in sound.levels_db) + " dB"


def _rate(value: float | None) -> str:
    """Frames a second, short."""
    return "-" if value is None else f"{value:.0f}" if value >= 9.95 else f"{value:.1f}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _latency(stage: Percentiles) -> str:
    return "-" if stage.p50 is None else f"{stage.p50:.0f}/{stage.p99:.0f} ms"
