"""The state of a live session at one moment, immutable: any number of readers may take and keep it.

Rates are over the last second, latencies over the last 512 frames, sound levels the highest of the last second. Taking
one changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from stylefader.realtime.parameters.parameter import ALPHA, PAD_X, PAD_Y, Parameter, Values
from stylefader.realtime.pipeline import capture, sink_worker
from stylefader.realtime.session.family_play import FamilyState
from stylefader.realtime.session.painting_lessons import LessonState
from stylefader.realtime.session.stats import Latencies, Percentiles
from stylefader.realtime.sound.live_sound import SoundReading
from stylefader.training.packs.added_inputs import STYLE


@dataclass(frozen=True, kw_only=True)
class Drops:
    """Frames that were left out. newer: a newer one was there; skipped: by `every`; broken: no picture of them."""

    newer: int
    skipped: int
    broken: int


@dataclass(frozen=True, kw_only=True)
class SinkState:
    """One sink. latency: from capture to written, milliseconds."""

    name: str
    state: sink_worker.State
    written: int
    dropped: int
    waiting: int
    latency: Percentiles


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """A session at one moment.

    Attributes:
        time_s: Seconds since the session was made.
        source, state: What gives the frames, and how it does.
        fps_in, fps_out: Frames a second, from the source and to the sinks; None where too few came to tell.
        frames: That went out, in all.
        losses, engine_failures: How often the source and engines broke.
        style: The one that was chosen last. plays: the one in the picture, None where the original passes through.
        engine, precision, size: Of what plays; size is (width, height) in pixels.
        alpha: Where the controls stand, one a block. alpha_now: what the newest frame got.
        mask: The words of the mask in use, None without one.
        others: Where the controls stand for parameters beside alpha that are not at their default, by name.
        modulated: What moves alpha by itself now.
        coming: What is being built or measured, in words.
        muted: Sources that move no alpha.
        bpm: The tempo, None where nothing counts beats.
        notes: What else is to be seen, in words: a take, fine steps.
        weights: Of the styles of a palette that plays in more than one of them, by name, as the controls stand.
        family: Of the style, where it has several sizes: which of them plays, and why.
        lesson: The painting that is being learnt, None where none is.
    """

    time_s: float
    source: str
    state: capture.State
    fps_in: float | None
    fps_out: float | None
    frames: int
    latency: Latencies
    drops: Drops
    losses: int
    engine_failures: int
    style: str
    plays: str | None
    scene: str | None
    engine: str | None
    precision: str | None
    size: tuple[int, int] | None
    alpha: tuple[float, ...]
    alpha_now: tuple[float, ...]
    coming: str | None
    bypass: bool
    freeze: bool
    blackout: bool
    muted: frozenset[str]
    mask: str | None = None
    mask_off: bool = False
    mask_inverted: bool = False
    mask_shown: bool = False
    others: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    modulated: tuple[str, ...] = ()
    sinks: tuple[SinkState, ...] = ()
    sound: SoundReading | None = None
    bpm: float | None = None
    notes: tuple[str, ...] = ()
    family: FamilyState | None = None
    weights: Mapping[str, float] = field(default_factory=dict)
    lesson: LessonState | None = None

    @property
    def size_words(self) -> str | None:
        """`WxH` of what plays."""
        return f"{self.size[0]}x{self.size[1]}" if self.size else None


_ELSEWHERE = (ALPHA, STYLE, PAD_X, PAD_Y)


def moved(
    targets: Mapping[str, Values], parameters: Mapping[str, Parameter]
) -> dict[str, tuple[float, ...]]:  # fmt: skip
    """Where parameters beside alpha and weights stand that are not at their default, by name."""
    others = {name: values for name, values in targets.items() if name not in _ELSEWHERE and name in parameters}
    return {
        name: tuple(map(float, values)) for name, values in others.items()
        if not np.allclose(values, parameters[name].default, atol=1e-4)
    }  # fmt: skip


def mixed(targets: Mapping[str, Values], parameters: Mapping[str, Parameter]) -> dict[str, float]:
    """The weights of a palette's styles that are not 0, by name; nothing where one alone has all of the weight."""
    if STYLE not in targets or STYLE not in parameters:
        return {}
    labels = parameters[STYLE].labels
    found = {name: float(weight) for name, weight in zip(labels, targets[STYLE], strict=False) if weight > 1e-4}
    return {} if len(found) == 1 and min(found.values()) > 1 - 1e-4 else found


def as_json(snapshot: Snapshot) -> dict[str, Any]:
    """A snapshot as the line of `--stats` has it."""
    one, sound = snapshot, snapshot.sound
    return {
        "state": one.state, "source": one.source, "fps_in": _rounded(one.fps_in), "fps_out": _rounded(one.fps_out),
        "frames": one.frames,
        "latency_ms": {
            "wait": one.latency.wait.as_json(), "engine": one.latency.engine.as_json(),
            "shown": one.latency.shown.as_json(),
        },
        "drops": {"newer": one.drops.newer, "skipped": one.drops.skipped, "broken": one.drops.broken},
        "losses": one.losses, "engine_failures": one.engine_failures,
        "style": one.style, "plays": one.plays, "family": asdict(one.family) if one.family else None,
        "scene": one.scene,
        "engine": one.engine, "precision": one.precision, "size": one.size_words,
        "alpha": [round(value, 4) for value in one.alpha], "alpha_now": [round(value, 4) for value in one.alpha_now],
        "others": {name: [round(value, 4) for value in values] for name, values in one.others.items()},
        "weights": {name: round(value, 4) for name, value in one.weights.items()},
        "lesson": asdict(one.lesson) if one.lesson else None,
        "coming": one.coming, "bypass": one.bypass, "freeze": one.freeze, "blackout": one.blackout,
        "mask": one.mask, "mask_off": one.mask_off, "mask_inverted": one.mask_inverted, "mask_shown": one.mask_shown,
        "time_s": round(one.time_s, 3),
        "sound": {"state": sound.state, **dict(sound.levels_db), "lost": sound.lost} if sound else None,
        "bpm": one.bpm,
        "sinks": [
            {
                "name": sink.name, "state": sink.state, "written": sink.written, "dropped": sink.dropped,
                "latency_ms": [value for value in sink.latency.as_json().values() if value is not None],
            }
            for sink in one.sinks
        ],
        "notes": list(one.notes), "muted": sorted(one.muted), "modulated": list(one.modulated),
    }  # fmt: skip


def _rounded(rate: float | None) -> float | None:
    return None if rate is None else round(rate, 2)
