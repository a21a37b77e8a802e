"""What decides the outcome of one training run, checked once where it is made.

Needs no torch, so that reading a recipe is quick.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from stylefader.training.errors import TrainingError
from stylefader.training.networks.predictor_layout import HIDDEN, MOST_HIDDEN

Precision = Literal["auto", "f32", "bf16", "fp16"]
Temporal = Literal["off", "weak", "strong"]
_MOST = {"iterations": 10**9, "batch": 4096, "crop": 4096, "style_size": 8192, "pyramid": 8}
"""More would fill any memory before the first step."""


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """Everything that decides what comes out of a run; kept in the checkpoint and in the pack.

    style_weight: style loss against content loss (whose weight is 1).
    smoothness: weight of the total variation of the output, RGB of 0 to 1.
    temporal: how much a picture and its warped copy must come out alike; see `training.losses.temporal`.
    style_size: the style picture's shorter side in pixels while it is looked at; larger means larger textures.
    pyramid: over how many sizes style is compared, each half of the one before.
    batch: pictures a step in each process; where several train together, the step is over all of them.
    precision: of convolutions and products; `auto` is bf16 where the device multiplies it itself, else fp16 on a GPU
    and f32 on a CPU. On a GPU f32 means TF32.
    patience: stop when the total loss has not fallen for so many iterations; 0 turns this off.
    learning_rate falls to a tenth over the second half of the run.
    """

    iterations: int
    style_weight: float
    smoothness: float = 0.0
    temporal: Temporal = "off"
    batch: int = 2
    crop: int = 192
    learning_rate: float = 1e-3
    style_size: int = 256
    pyramid: int = 2
    seed: int = 0
    precision: Precision = "auto"
    patience: int = 0

    def __post_init__(self) -> None:
        if self.crop % 4:
            raise TrainingError(f"crop must be a multiple of 4, not {self.crop}")
        if self.iterations < 1 or self.batch < 1 or self.pyramid < 1:
            raise TrainingError("iterations, batch and pyramid must be 1 or more")
        for name, most in _MOST.items():
            if getattr(self, name) > most:
                raise TrainingError(f"{name} must be at most {most}, not {getattr(self, name)}")
        # The loss network halves the picture twice more than the pyramid does.
        least = 16 * 2 ** (self.pyramid - 1)
        for name in ("style_size", "crop"):
            if getattr(self, name) < least:
                raise TrainingError(f"{name} must be at least {least} pixels, not {getattr(self, name)}")
        for name in ("seed", "patience"):
            if getattr(self, name) < 0:
                raise TrainingError(f"{name} must be 0 or more, not {getattr(self, name)}")
        for name, choices in (("precision", get_args(Precision)), ("temporal", get_args(Temporal))):
            if getattr(self, name) not in choices:
                raise TrainingError(f"{name} must be one of {', '.join(choices)}, not {getattr(self, name)!r}")
        for name in ("style_weight", "learning_rate", "smoothness"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise TrainingError(f"{name} must be a finite number of 0 or more, not {value}")


@dataclass(frozen=True, kw_only=True)
class PredictorSettings(TrainSettings):
    """Settings of a prediction network. Weights, sizes and smoothness of its pictures are those of the palette's parts.

    photo_share: of the pictures to learn a style from, how many are photographs in place of paintings, 0 to 1.
    regression: weight of the difference between its vectors and the trained ones, for paintings of the palette; 1 is
    that of styles which differ as the palette's do.
    hint: weight of the difference between what its summary says of a painting and what the loss network says.
    warm_up: steps at the beginning that learn by these two alone, which are quick.
    hidden: numbers between its two linear layers.
    """

    style_weight: float = 0.0
    photo_share: float = 0.5
    regression: float = 5.0
    hint: float = 2.0
    warm_up: int = 0
    hidden: int = HIDDEN

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.photo_share <= 1:
            raise TrainingError(f"photo_share must be from 0 to 1, not {self.photo_share}")
        for name in ("regression", "hint"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise TrainingError(f"{name} must be a finite number of 0 or more, not {value}")
        if self.warm_up < 0:
            raise TrainingError(f"warm_up must be 0 or more steps, not {self.warm_up}")
        if not 1 <= self.hidden <= MOST_HIDDEN:
            raise TrainingError(f"hidden must be 1 to {MOST_HIDDEN} numbers, not {self.hidden}")


@dataclass(frozen=True, kw_only=True)
class StudentSettings(TrainSettings):
    """Settings of a student, which learns from a teacher's pictures: its losses are differences from these.

    pixel_weight: of the mean absolute difference of RGB in 0..1; that of shallow features weighs 1.
    style_weight: of the difference of Gram matrices. style_size has no effect.
    grid_weight: of the difference that repeats at the network's own grid.
    plain_share: how many of the pictures are smooth ones that are made up, 0 to 1.
    """

    style_weight: float = 20.0
    pixel_weight: float = 10.0
    grid_weight: float = 100.0
    plain_share: float = 0.15

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("pixel_weight", "grid_weight"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise TrainingError(f"{name} must be a finite number of 0 or more, not {value}")
        if not 0 <= self.plain_share <= 1:
            raise TrainingError(f"plain_share must be 0 to 1, not {self.plain_share}")


@dataclass(frozen=True, kw_only=True)
class MetaSettings(TrainSettings):
    """Settings of meta-training, which sees every photograph at both ends of alpha.

    style_weight, smoothness: of alpha 1. light_style_weight, light_smoothness: of alpha 0.
    inner_rate: of the one step that the shared vector takes towards a painting. It and learning_rate fall as
    1 / (1 + 2.5e-5 t).
    """

    style_weight: float = 200.0
    smoothness: float = 10.0
    light_style_weight: float = 6.0
    light_smoothness: float = 2.0
    inner_rate: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("light_style_weight", "light_smoothness", "inner_rate"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise TrainingError(f"{name} must be a finite number of 0 or more, not {value}")
        if self.temporal != "off":
            raise TrainingError(f"meta-training has no temporal term: temporal must be off, not {self.temporal!r}")
        if self.precision == "fp16":
            raise TrainingError(
                "meta-training differentiates a gradient, which fp16 cannot hold: take auto, bf16 or f32"
            )


@dataclass(frozen=True, kw_only=True)
class AdaptSettings:
    """How a painting is learnt.

    steps: so many, each of `photographs` crops of `crop` pixels a side.
    vector_rate: learning rate of the vector; it falls along a cosine. weights_rate: of all other weights; None: they
    stay as they are.
    """

    steps: int = 150
    photographs: int = 1
    crop: int = 192
    vector_rate: float = 0.02
    weights_rate: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.steps < 1 or self.photographs < 1:
            raise TrainingError("adapting takes 1 or more steps of 1 or more photographs")
        if self.crop % 4:
            raise TrainingError(f"crop must be a multiple of 4, not {self.crop}")
