"""What people and programs see of a live session: lines over the picture, a line in the terminal, a line of JSON."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TextIO

from realtime.controls.sound_map import BANDS
from realtime.live import LiveSession
from realtime.sinks.fan_out import FanOut
from realtime.sound.live import LiveSound


class Screen(Protocol):
    """Where the line is shown. rewrites: whether in its place, as on a terminal, else one below the other."""

    @property
    def rewrites(self) -> bool: ...

    def show(self, words: str) -> None: ...

    def say(self, words: str) -> None: ...


class _NoScreen:
    rewrites = False

    def show(self, words: str) -> None: ...

    def say(self, words: str) -> None: ...


class Status:
    """lines: for the overlay, of the last `tell` or `refresh`. sign: for the corner, None where all is well.

    notes: what else is to be seen in both, in words. sound: what is heard. bpm: the tempo, None where
    nothing counts beats. screen: where a line of it is shown.
    """

    def __init__(
        self,
        session: LiveSession,
        fan_out: FanOut,
        notes: Callable[[], Sequence[str]] = lambda: (),
        sound: LiveSound | None = None,
        bpm: Callable[[], float | None] = lambda: None,
        *,
        screen: Screen | None = None,
    ) -> None:
        self._session, self._fan_out, self._notes, self._sound = session, fan_out, notes, sound
        self._bpm = bpm
        self._screen: Screen = screen or _NoScreen()
        self.lines: list[str] = []
        self._row: dict[str, Any] | None = None
        self._file_full = False
        self._said_at = time.monotonic()
        self._began_ns = time.monotonic_ns()

    @property
    def sign(self) -> str | None:
        """A word where the picture is not what it seems to be."""
        show = self._session.show
        words = [name for name in ("blackout", "freeze", "bypass") if getattr(show, name)][:1]
        if self._session.capture.state == "lost":
            words.append("no signal")
        return ", ".join([*words, *self._notes()]) or None

    def refresh(self) -> None:
        """Show at once what a key changed; the other numbers stay as they were told."""
        if self._row is None:
            return
        self._row["style"] = self._session.style_names[self._session.style]
        self._row["plays"] = self._session.plays
        self._row["bpm"] = self._bpm()
        self._row["alpha"] = [float(value) for value in self._session.targets()]
        self.lines = overlay_lines(self._row)
        if self._screen.rewrites:
            self._screen.show(self._words(self._row))

    def tell(self, numbers: TextIO | None, *, every_s: float) -> None:
        """Collect the numbers; write them to a file, refresh the lines, and say a line now and then."""
        row = self._session.numbers()
        row["time_s"] = round((time.monotonic_ns() - self._began_ns) / 1e9, 3)
        row["sound"] = self._sound.numbers() if self._sound else None
        row["bpm"] = self._bpm()
        row["sinks"] = [
            {
                "name": sink.name,
                "state": sink.state,
                "written": sink.written,
                "dropped": sink.dropped,
                "latency_ms": [round(ns / 1e6, 3) for ns in sink.latency_ns(50, 95, 99)],
            }
            for sink in self._fan_out.stats()
        ]
        row["notes"] = list(self._notes())
        if numbers is not None and not self._file_full:
            try:
                numbers.write(json.dumps(row) + "\n")
                numbers.flush()
            except OSError as error:  # no reason to end a show
                self._file_full = True
                self._screen.say(f"the numbers are not written any more: {error.strerror or error}")
        self._row = row
        self.lines = overlay_lines(row)
        if self._screen.rewrites:
            self._screen.show(self._words(row))
        elif time.monotonic() - self._said_at >= every_s:
            self._said_at = time.monotonic()
            self._screen.show(self._words(row))

    def _words(self, row: dict[str, Any]) -> str:
        return f"[{self.sign}] {status_line(row)}" if self.sign else status_line(row)


def overlay_lines(row: dict[str, Any]) -> list[str]:
    """The numbers of a session in a few short lines."""
    lines = [
        f"{_style_words(row)}  alpha {' '.join(f'{value:.2f}' for value in row['alpha'])}",
        *([f"scene {row['scene']}"] if row["scene"] else []),
        f"{_number(row['fps_in'])} fps in  {_number(row['fps_out'])} out",
        f"{row['engine']} {row['precision']} {row['size']}" if row["engine"] else "no engine yet: original",
        f"latency {_latency(row['latency_ms']['shown'])}",
    ]
    if row["bpm"] is not None:
        lines.append(f"{row['bpm']:.1f} bpm")
    if row["sound"]:
        lines.append(sound_words(row["sound"]))
    if row["coming"]:
        lines.append(f"coming: {row['coming']}")
    return lines


def status_line(row: dict[str, Any]) -> str:
    """The same in one line."""
    drops = row["drops"]
    playing = f"{row['engine']} {row['precision']} {row['size']}" if row["engine"] else "original"
    parts = [
        f"{_style_words(row)} {playing}",
        f"alpha {'/'.join(f'{value:.2f}' for value in row['alpha'])}",
        f"scene {row['scene']}" if row["scene"] else "",
        f"in {_number(row['fps_in'])} out {_number(row['fps_out'])} fps",
        f"engine {_latency(row['latency_ms']['engine'])}",
        f"shown {_latency(row['latency_ms']['shown'])}" if row["latency_ms"]["shown"]["p50"] else "",
        f"left out {drops['newer'] + drops['skipped']}, broken {drops['broken']}",
        f"{row['bpm']:.1f} bpm" if row["bpm"] is not None else "",
        sound_words(row["sound"]) if row["sound"] else "",
        *(f"{sink['name']} {sink['state']}" for sink in row["sinks"] if sink["state"] != "running"),
    ]
    return "; ".join(part for part in parts if part)


def _style_words(row: dict[str, Any]) -> str:
    """The style; while it is still being built also the one that plays."""
    return row["style"] if row["plays"] in (None, row["style"]) else f"{row['plays']} -> {row['style']}"


def sound_words(sound: dict[str, Any]) -> str:
    """The levels of a line's sound."""
    if sound["state"] == "lost":
        return "no sound"
    return "sound " + "  ".join(f"{band} {sound[band]:.0f}" for band in BANDS) + " dB"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _latency(stage: dict[str, float | None]) -> str:
    if stage["p50"] is None:
        return "-"
    return f"{stage['p50']:.0f}/{stage['p99']:.0f} ms"
