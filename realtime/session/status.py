"""What people and programs see of a live session: lines over the picture, a line in the terminal, a line of JSON."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TextIO

from stylefader.realtime.controls.mapping.sound_section import BANDS
from stylefader.realtime.parameters.parameter import ALPHA
from stylefader.realtime.pipeline.fan_out import FanOut
from stylefader.realtime.session.live_session import LiveSession
from stylefader.realtime.sound.live_sound import LiveSound


class Screen(Protocol):
    """Where the line is shown. rewrites: whether in its place, as on a terminal, else one below the other.

    columns: characters that a line may have where it is rewritten.
    """

    @property
    def rewrites(self) -> bool: ...

    @property
    def columns(self) -> int: ...

    def show(self, words: str) -> None: ...

    def say(self, words: str) -> None: ...


class _NoScreen:
    rewrites = False
    columns = 79

    def show(self, words: str) -> None: ...

    def say(self, words: str) -> None: ...


class Status:
    """lines: for the overlay: numbers of the last `tell` or `refresh`, and alpha as it is now. sign: for the corner,
    None where all is well.

    notes: what else is to be seen in both, in words. sound: what is heard. bpm: the tempo, None where
    nothing counts beats. modulated: what moves alpha by itself now (lfo, sound). screen: where a line of it is shown.
    """

    def __init__(
        self,
        session: LiveSession,
        fan_out: FanOut,
        notes: Callable[[], Sequence[str]] = lambda: (),
        sound: LiveSound | None = None,
        bpm: Callable[[], float | None] = lambda: None,
        modulated: Callable[[], Sequence[str]] = lambda: (),
        *,
        screen: Screen | None = None,
    ) -> None:
        self._session, self._fan_out, self._notes, self._sound = session, fan_out, notes, sound
        self._bpm, self._modulated = bpm, modulated
        self._screen: Screen = screen or _NoScreen()
        self._row: dict[str, Any] | None = None
        self._file_full = False
        self._said_at = time.monotonic()
        self._began_ns = time.monotonic_ns()

    @property
    def lines(self) -> list[str]:
        """Empty before the first `tell`."""
        return [] if self._row is None else overlay_lines(self._row | self._alpha())

    def _alpha(self) -> dict[str, Any]:
        """Where alpha stands and is, of a row; a modulation moves it from frame to frame."""
        return {
            "alpha": [float(value) for value in self._session.targets()[ALPHA]],
            "alpha_now": [float(value) for value in self._session.latest()[ALPHA]],
            "modulated": list(self._modulated()),
        }

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
        self._row |= self._alpha()
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
        row["modulated"] = list(self._modulated())
        if numbers is not None and not self._file_full:
            try:
                numbers.write(json.dumps(row) + "\n")
                numbers.flush()
            except OSError as error:  # no reason to end a show
                self._file_full = True
                self._screen.say(f"the numbers are not written any more: {error.strerror or error}")
        self._row = row
        if self._screen.rewrites:
            self._screen.show(self._words(row))
        elif time.monotonic() - self._said_at >= every_s:
            self._said_at = time.monotonic()
            self._screen.show(self._words(row))

    def _words(self, row: dict[str, Any]) -> str:
        """The line: where it is rewritten as short as the terminal is wide, elsewhere whole."""
        return status_line(row, sign=self.sign, width=self._screen.columns if self._screen.rewrites else None)


def overlay_lines(row: dict[str, Any]) -> list[str]:
    """The numbers of a session in a few short lines."""
    lines = [
        f"{_style_words(row)}  alpha {' '.join(f'{value:.2f}' for value in row['alpha'])}",
        *([f"now {' '.join(f'{value:.2f}' for value in row['alpha_now'])} by {_movers(row)}"] if _movers(row) else []),
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


def status_line(row: dict[str, Any], *, sign: str | None = None, width: int | None = None) -> str:
    """The same in one line; where it is longer than `width` characters the least important goes first."""
    drops = row["drops"]
    now = f"now {_alphas(row['alpha_now'])} by {_movers(row)}" if _movers(row) else ""
    shown = row["latency_ms"]["shown"]
    # In the order in which they are read; beside each its rank, in the order in which they may stay.
    parts = [
        (1, f"[{sign}]" if sign else ""),
        (0, _style_words(row)),
        (5, f"{row['engine']} {row['precision']}" if row["engine"] else "original"),
        (8, row["size"] or ""),
        (2, f"; alpha {_alphas(row['alpha'])}"),
        (4, now and f"; {now}"),
        (10, f"; scene {row['scene']}" if row["scene"] else ""),
        (6, f"; in {_rate(row['fps_in'])} out {_rate(row['fps_out'])} fps"),
        (14, f"; engine {_latency(row['latency_ms']['engine'])}"),
        (7, f"; shown {_latency(shown)}" if shown["p50"] else ""),
        (13, f"; left out {drops['newer'] + drops['skipped']}, broken {drops['broken']}"),
        (9, f"; {row['bpm']:.1f} bpm" if row["bpm"] is not None else ""),
        (12, f"; {sound_words(row['sound'])}" if row["sound"] else ""),
        (11, f"; coming: {row['coming']}" if row["coming"] else ""),
        *((3, f"; {sink['name']} {sink['state']}") for sink in row["sinks"] if sink["state"] != "running"),
    ]
    stays = [part for part in parts if part[1]]
    while width is not None and len(_joined(stays)) > width and len(stays) > 1:
        stays.remove(max(stays, key=lambda part: part[0]))
    return _joined(stays)[:width]


def _joined(parts: list[tuple[int, str]]) -> str:
    return " ".join(text for _, text in parts).replace(" ; ", "; ")


def _alphas(values: Sequence[float]) -> str:
    """The strengths of the blocks; one number where all are the same, as they mostly are."""
    words = [f"{value:.2f}" for value in values]
    return words[0] if len(set(words)) == 1 else "/".join(words)


def _movers(row: dict[str, Any]) -> str:
    """What moves alpha by itself, in words."""
    return ", ".join(row["modulated"])


def _style_words(row: dict[str, Any]) -> str:
    """The style; while it is still being built also the one that plays."""
    return row["style"] if row["plays"] in (None, row["style"]) else f"{row['plays']} -> {row['style']}"


def sound_words(sound: dict[str, Any]) -> str:
    """The levels of a line's sound."""
    if sound["state"] == "lost":
        return "no sound"
    return "sound " + "  ".join(f"{band} {sound[band]:.0f}" for band in BANDS) + " dB"


def _rate(value: float | None) -> str:
    """Frames a second, short."""
    return "-" if value is None else f"{value:.0f}" if value >= 9.95 else f"{value:.1f}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _latency(stage: dict[str, float | None]) -> str:
    if stage["p50"] is None:
        return "-"
    return f"{stage['p50']:.0f}/{stage['p99']:.0f} ms"
