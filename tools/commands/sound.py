"""`stylefader sound`: which inputs there are, and how loud the bands of an input or a file are, to set [[sound]] by."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from stylefader.tools.console.help import Commands
from stylefader.tools.console.messages import out, print_json, say
from stylefader.tools.console.signals import unwind

if TYPE_CHECKING:
    from stylefader.realtime.sound.bands import Floats

app = Commands("Sound inputs, and how loud their bands are.")
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
_WIDEST_DB = 30.0
_AFTER_S = 0.05


@app.command()
def inputs(json: Json = False) -> None:
    """List the sound inputs."""
    from stylefader.tools.commands.devices_live import print_sound_inputs, sound_section

    section = sound_section()
    if json:
        print_json(section)
    else:
        print_sound_inputs(section)


@app.command()
def monitor(
    what: Annotated[str, typer.Argument(metavar="INPUT|FILE", help="default, a number, part of a name; a file.")] = (
        "default"
    ),
    seconds: Annotated[
        float | None, typer.Option(min=0.1, help="End after this time. [default: Ctrl-C, or the file's end]")
    ] = None,
    json: Json = False,
) -> None:
    """Show the highest level of each band, second by second, and a floor and a ceiling that fit what was heard."""
    from stylefader.realtime.controls.mapping.sound_section import BANDS
    from stylefader.realtime.sound.live_sound import highest

    rows: list[dict[str, float]] = []
    heard: list[Floats] = []
    pieces = _of_file(Path(what), seconds) if Path(what).is_file() else _of_input(what, seconds)
    unwind()
    try:
        with closing(pieces):
            for at, levels in pieces:
                heard.append(levels[:, : len(BANDS), -1])
                top = highest([levels]).tolist()
                rows.append({"time_s": round(at, 3), **{n: round(db, 1) for n, db in zip(BANDS, top, strict=True)}})
                if not json:
                    if len(rows) == 1:
                        out("     s" + "".join(f"{name:>8}" for name in BANDS))
                    out(f"{at:6.0f}" + "".join(f"{db:8.1f}" for db in top))
    except KeyboardInterrupt:
        if not rows:
            raise
    fits = suggested(np.concatenate(heard)) if heard else {}
    if json:
        print_json({"levels": rows, "fits": fits})
        return
    for name, fit in fits.items():
        out(f'band = "{name}": floor = {fit["floor"]:g}, ceiling = {fit["ceiling"]:g}')


def suggested(levels: Floats) -> dict[str, dict[str, float]]:
    """A floor and a ceiling for each named band that was heard, from levels of dB (n, bands).

    The ceiling is what one level in fifty reaches, the floor what three of four do, but no more than 30 dB below.
    """
    from stylefader.realtime.controls.mapping.sound_section import BANDS

    fits = {}
    for name, band in zip(BANDS, levels.T, strict=True):
        floor, ceiling = np.percentile(band, [25, 98])
        if ceiling > -90:
            low = min(max(floor, ceiling - _WIDEST_DB), ceiling - 3)
            fits[name] = {"floor": float(round(low)), "ceiling": float(round(ceiling))}
    return fits


def _of_file(path: Path, seconds: float | None) -> Generator[tuple[float, Floats]]:
    """Seconds of a file's track: where each ends, and its levels."""
    from stylefader.realtime.controls.mapping.sound_section import BANDS
    from stylefader.realtime.sound.track import open_track

    track, meter = open_track(path, list(BANDS.values()))
    times, levels = np.empty(0), np.empty((0, len(BANDS), 3))
    end = 1.0
    with closing(track):
        for part in track.levels(meter):
            if not part.sounding:
                break
            times, levels = np.concatenate([times, part.times]), np.concatenate([levels, part.levels])
            while len(times) and times[-1] >= end:
                cut = int(np.searchsorted(times, end))
                if cut:
                    yield end, levels[:cut]
                if seconds is not None and end >= seconds:
                    return
                times, levels, end = times[cut:], levels[cut:], end + 1
        if len(levels):
            yield end, levels


def _of_input(word: str, seconds: float | None) -> Generator[tuple[float, Floats]]:
    """Seconds of a sound input."""
    from stylefader.realtime.sound.input import SoundInput

    with closing(SoundInput(word, say=say)) as sound:
        sound.start()
        began = told = time.monotonic()
        told_ns = 0
        while seconds is None or told - began < seconds:
            time.sleep(_AFTER_S)
            if sound.error is not None:
                raise sound.error
            now = time.monotonic()
            if now - told >= min(1.0, seconds or 1.0):
                told = now
                since_ns, told_ns = told_ns, time.monotonic_ns()
                levels = sound.recent(since_ns, told_ns)
                if levels:
                    yield now - began, np.concatenate(levels)
