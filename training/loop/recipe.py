"""Recipes: all that one style pack is trained from, in one TOML file. Reading one needs no torch.

A recipe has some words about the pack, `[styles.NAME]` with the pictures that it learns from, `[train]` with
settings that hold for every part, and a table a part: `[main]` and `[blocks]`, or `[lo]` and `[hi]` for the two
sides of a dual network. Paths are as seen from where the command is run.

A recipe with a `teacher` has one part, `[student]`: what the pack is of, its range and its blocks are the teacher's.
The student of a palette is a palette of the same styles; its `paintings` are those to measure it by.

A recipe for a `palette` learns from all of its pictures at once: those of `[styles.NAME]`, and of a folder, if one is
given as `paintings`. The styles have the names of their tables and files. With a table `[meta]` it has that one part,
which trains a network to be adapted. A recipe for `adain` has the same pictures and one part, `decoder`. One for a
`predictor` has them, too, and the finished palette that it is for as `add_to`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from stylefader.training.networks.architectures import JOHNSON
from stylefader.training.settings import TrainSettings

Objective = Literal["level", "pair", "scale", "dual", "fixed", "palette", "predictor", "adain"]

PARTS: dict[str, tuple[str, ...]] = {
    "level": ("main", "blocks"),
    "pair": ("main", "blocks"),
    "scale": ("main", "blocks"),
    "dual": ("main", "lo", "hi"),
    "fixed": ("main",),
    "palette": ("main", "blocks"),
    "predictor": ("predictor",),
    "adain": ("decoder",),
}
RANGES = {"level": (0, 1, 0.5), "pair": (0, 1, 0), "scale": (-0.5, 1.5, 0.5), "dual": (-1, 1, 0), "fixed": (0, 0, 0),
           "palette": (0, 1, 0.5), "adain": (0, 1, 1)}  # fmt: skip
STUDENT, PALETTE, PREDICTOR, ADAIN, META = "student", "palette", "predictor", "adain", "meta"
ENDS = {"main": "0", "blocks": "1", "hi": "1", "lo": "-1", "decoder": "1"}
"""The alpha at which each part of a recipe is seen by itself."""


@dataclass(frozen=True, kw_only=True)
class StylePicture:
    """A picture to learn from, and what people should know of it."""

    picture: Path
    title: str
    artist: str = ""
    year: str = ""
    source: str = ""
    licence: str = ""


@dataclass(frozen=True, kw_only=True)
class Part:
    """One training run of a recipe: `main`, `blocks`, `lo` or `hi`; or `student`, which has no picture of its own.

    painting: to learn from; of a palette and a predictor None, since they learn from all of the recipe's.
    """

    name: str
    settings: TrainSettings
    painting: StylePicture | None

    @property
    def style(self) -> StylePicture:
        """The picture to learn from."""
        assert self.painting is not None, "a student learns from its teacher"
        return self.painting


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What a style pack is trained from, checked.

    output: the pack to write; checkpoints and previews stand beside it.
    clips: a folder of clips, each a folder of frames, that half of the temporal term's pairs are taken from.
    family: the style that the pack is one size of; empty where that is its own name.
    held_out: photographs that the finished pack is measured on, kept out of training; None measures nothing.
    n_blocks: 3 tuning-blocks or 1 (0 for `fixed`).
    main_pack: a pack, by name or file, or a palette's style as PALETTE/STYLE, whose main network is taken as it is;
        then there is no part `main`.
    start_from: a pack, by name or file, or a palette's style as PALETTE/STYLE, whose weights the parts begin with in
        place of random ones.
    low, high, default: the pack's useful range of alpha and where a session starts.
    measured: on how many of the held-out photographs each style of a palette is measured.
    add_to: a palette, by name or file, that the paintings or a predictor are added to; its network and its styles stay
    as they are.
    palette: the styles of a palette, or what a predictor learns from, by their names.
    teacher: a pack, by name or file, that a student learns from. paintings: its style pictures, where the student is to
    be measured by them.
    """

    objective: Objective
    title: str
    output: Path
    photos: Path
    loss_network: Path
    clips: Path | None = None
    held_out: Path | None = None
    photos_from: str = ""
    family: str = ""
    licence: str = "MIT"
    architecture: str = JOHNSON.name
    width: int = 32
    n_blocks: int = 3
    main_pack: Path | None = None
    start_from: Path | None = None
    low: float
    high: float
    default: float
    teacher: Path | None = None
    measured: int = 16
    add_to: Path | None = None
    palette: Mapping[str, StylePicture] = field(default_factory=dict)
    paintings: tuple[Path, ...] = ()
    parts: tuple[Part, ...] = ()

    def part(self, name: str) -> Part | None:
        """The part of that name; None where the recipe has none."""
        return next((part for part in self.parts if part.name == name), None)

    @property
    def pictures(self) -> tuple[Path, ...]:
        """All style pictures, by the parts that learn from them or the student that is measured by them."""
        of_parts = (part.style.picture for part in self.parts if part.painting)
        return (*of_parts, *self.paintings, *(style.picture for style in self.palette.values()))

    def checkpoint(self, part: Part) -> Path:
        """Where the checkpoint of a part is written, beside the output."""
        return self.output.with_suffix(f".{part.name}.checkpoint.pt")

    @property
    def log(self) -> Path:
        """Where the log is written, beside the output."""
        return self.output.with_suffix(".log.csv")

    @property
    def preview(self) -> Path:
        """Where the preview is written, beside the output."""
        return self.output.with_suffix(".preview.png")
