"""The training loop of a prediction network: from a painting to a style vector of a palette, which stays as it is.

Each picture of a step is made in the style of a picture of its own (`style_pictures.py`), whose vector the prediction
network says; content and style loss tell it how well. They are those of the palette's two parts in turns: at alpha 0
with the weights of `main`, at alpha 1 with those of `blocks`. Two more terms help where paintings are few: vectors of
the palette's own paintings should be the trained ones, and the summary that vectors are made of should say what the
loss network says of a painting.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from stylefader.training.data.photographs import PhotoFolder, Picture, to_rgb01
from stylefader.training.data.style_pictures import StylePictures, StyleSample
from stylefader.training.errors import TrainingError
from stylefader.training.hashing import file_hash
from stylefader.training.loop.process_group import ProcessGroup
from stylefader.training.loop.samples import Sample
from stylefader.training.loop.trainer import Trainer
from stylefader.training.losses.loss_network import LossNetwork
from stylefader.training.losses.palette import PaletteTarget, palette_losses
from stylefader.training.losses.perceptual import StyleTarget, random_window, total_variation
from stylefader.training.losses.temporal import NextFrames
from stylefader.training.networks.colours import denormalise, normalise
from stylefader.training.networks.predictor import PredictedStyles
from stylefader.training.settings import PredictorSettings

_FAINT = 1e-4
"""Is added to what the loss network says, before its logarithm."""


@dataclass(frozen=True, kw_only=True)
class End:
    """One end of a palette's alpha: what its pictures were trained by there."""

    alpha: float
    style_weight: float
    smoothness: float


@dataclass(frozen=True, eq=False)
class StyledSample(Sample):
    """One process' share of a step. styles: what to make of each crop; whole paintings come last."""

    styles: tuple[StyleSample, ...]


def hint_count(loss_network: LossNetwork, pyramid: int) -> int:
    """How many numbers `hints` has for a picture."""
    return pyramid * sum(loss_network.convs[layer].out_channels for layer in loss_network.layers.style)  # type: ignore[misc]


def hints(target: StyleTarget) -> Tensor:
    """What the loss network says of pictures: the logarithm of each feature's strength, float32 (N, numbers).

    A strength is the root of the feature's own place in the Gram matrix, so its root mean square, on every style layer
    and at every size of the pyramid.
    """
    strengths = [gram.float().diagonal(dim1=1, dim2=2) for grams in target.grams for gram in grams.values()]
    return torch.log(torch.cat(strengths, 1) + _FAINT) / 2


class PredictorTrainer(Trainer):
    """A run of a prediction network; everything but what is said here is as in `Trainer`.

    paintings: to learn from. vectors: float32 (d,) of those that the palette was trained on, by their numbers.
    ends: of the palette's alpha. means: the loss network's mean activations in the palette's own training.
    Raises TrainingError as `Trainer` and `StylePictures`.
    """

    net: PredictedStyles
    settings: PredictorSettings
    loss_names: ClassVar[tuple[str, ...]] = ("total", "content", "style", "vector", "hint")

    def __init__(
        self,
        net: PredictedStyles,
        settings: PredictorSettings,
        *,
        photos: Path,
        loss_network: LossNetwork,
        paintings: Sequence[Path],
        vectors: Mapping[int, Tensor],
        ends: tuple[End, End],
        means: Mapping[str, float],
        identity: Mapping[str, str] | None = None,
        **options: Any,
    ) -> None:
        pictures = {f"painting {number}": file_hash(picture) for number, picture in enumerate(paintings)}
        self._means, self._ends = dict(means), ends
        super().__init__(
            net, settings, style=None, photos=photos, loss_network=loss_network,
            identity={**(identity or {}), **pictures}, **options,
        )  # fmt: skip
        self._pictures = StylePictures(
            paintings, side=settings.style_size, size=settings.crop, photos=PhotoFolder(photos),
            photo_share=settings.photo_share,
        )  # fmt: skip
        device = self.compute.device
        with self.compute.autocast():
            self._whole = [
                StyleTarget(self.loss_network, to_rgb01(picture).to(device), pyramid=settings.pyramid)
                for picture in self._pictures.paintings
            ]
        self._vectors = {number: vector.to(device) for number, vector in vectors.items()}

    def _choose_what_learns(self, *, blocks_only: bool) -> None:
        self.net.net.requires_grad_(False)
        self.net.predictor.requires_grad_(True)
        self.net.hint.requires_grad_(True)

    def _calibrate(self, loss_network: LossNetwork) -> dict[str, float]:
        if self.checkpoint.exists():
            raise TrainingError(f"{self.checkpoint} is there already: resume it, or remove it to start again")
        return self._means

    def _sample(self, step: int, *, pinned: bool) -> StyledSample:
        seen, group = super()._sample(step, pinned=pinned), self.group
        drawn = [
            self._pictures.drawn(number, seed=self.settings.seed)
            for number in _numbers(step, len(seen.crops_NHWC), group)
        ]
        ordered = sorted(drawn, key=lambda style: style.whole)
        return StyledSample(seen.crops_NHWC, seen.next_frames, tuple(ordered))

    def _step(self, seen: Sample, wish: bool) -> tuple[dict[str, float], bool]:
        assert isinstance(seen, StyledSample)
        self._styles = seen.styles
        return super()._step(seen, wish)

    def _losses(self, photo: Tensor, following: NextFrames | None) -> tuple[Tensor, Tensor]:
        settings = self.settings
        target, hinted, features = self._looked_through()
        predictor = self.net.predictor
        summary = predictor.summary(features)
        style = predictor.vector(summary)
        hint = F.mse_loss(self.net.hint(summary), hinted)
        vector = self._off(style)
        total = settings.hint * hint + settings.regression * vector
        content = look = torch.zeros_like(hint)
        if self.iteration >= settings.warm_up:
            end = self._ends[self.iteration % 2]
            content, look, variation = self._looks(photo, style, target, end)
            total = total + content + end.style_weight * look + end.smoothness * variation
        return total, torch.stack([total, content, look, vector, hint]).detach()

    def _looked_through(self) -> tuple[PaletteTarget, Tensor, Tensor]:
        """The step's style pictures: what pictures should have of them, hints, and what the encoder sees."""
        device, predictor = self.compute.device, self.net.predictor
        parts = [style.picture for style in self._styles if not style.whole]
        whole = [style.painting for style in self._styles if style.whole and style.painting is not None]
        targets = [self._whole[number] for number in whole]
        seen = [_rgb01(self._pictures.paintings[number], device) for number in whole]
        with self.compute.autocast():
            if parts:
                crops = torch.cat([_rgb01(picture, device) for picture in parts])
                targets.insert(0, StyleTarget(self.loss_network, crops, pyramid=self.settings.pyramid))
                seen.insert(0, crops)
            features = torch.cat([predictor.features(pictures) for pictures in seen])
        return PaletteTarget(targets), torch.cat([hints(target) for target in targets]), features

    def _off(self, style_ND: Tensor) -> Tensor:
        """How far vectors of the palette's own paintings are from the trained ones, against how these differ."""
        off = [
            ((style_ND[row] - self._vectors[style.painting]) / self.net.predictor.spread).square().mean()
            for row, style in enumerate(self._styles)
            if style.painting is not None and style.painting in self._vectors
        ]
        return torch.stack(off).mean() if off else 0 * style_ND.sum()

    def _looks(self, photo: Tensor, style_ND: Tensor, target: PaletteTarget, end: End) -> tuple[Tensor, Tensor, Tensor]:
        """Content, style and smoothness of the photographs, made in these styles at one end of alpha."""
        settings = self.settings
        with self.compute.autocast():
            rgb01 = denormalise(self.net(normalise(photo), self.alpha * end.alpha, style_ND).float())
            wanted, made = random_window(
                photo, rgb01, period=self.window_moves, seed=settings.seed, step=self.iteration
            )
            content, look = palette_losses(target, wanted, made, range(len(photo)))
        return content, look, total_variation(rgb01)


def _numbers(step: int, pictures: int, group: ProcessGroup) -> range:
    """The numbers of this process' style pictures in the row of all processes."""
    first = step * pictures * group.size
    return range(first + group.rank, first + pictures * group.size, group.size)


def _rgb01(picture: Picture, device: torch.device) -> Tensor:
    return to_rgb01(picture).to(device)
