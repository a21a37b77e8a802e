"""The training loop: one network, one style picture, a folder of photographs, Adam.

Main networks and tuning-blocks are trained by the same loop: a main network has no blocks yet, blocks are
trained at alpha = 1 with the main network frozen. The temporal term sees blocks at any alpha.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from training.colours import denormalise, normalise
from training.data import PhotoFolder, Picture, batches, read_picture, resize_short_side, to_rgb01
from training.errors import TrainingError
from training.files import load_tensors, written_whole
from training.hashing import file_hash
from training.loss_network import LossNetwork
from training.losses import StyleTarget, content_loss
from training.networks import DynamicNet
from training.settings import TrainSettings
from training.temporal import TEMPORAL_WEIGHTS, camera_noise, generator_for, random_warp, temporal_loss

_CALIBRATION_PHOTOS = 32


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Where a run stands after one iteration. Losses are unweighted; total is what was minimised.

    waiting: share of the time since this call of `run` that went into waiting for photographs.
    """

    iteration: int
    iterations: int
    total: float
    content: float
    style: float
    temporal: float
    images_per_second: float
    seconds_left: float
    waiting: float


class Plateau:
    """Tells when a loss has stopped falling: its running mean, over a quarter of `patience`, has found no new low.

    A fall by less than a thousandth is none. The state is three numbers, kept in checkpoints.
    """

    def __init__(self, patience: int) -> None:
        self.patience = patience
        self.mean, self.best, self.best_at = 0.0, math.inf, 0

    def add(self, iteration: int, loss: float) -> None:
        """Take in the loss of an iteration, the first of which is 1."""
        share = max(1 / iteration, 4 / self.patience) if self.patience else 1.0
        self.mean += min(1.0, share) * (loss - self.mean)
        # The first means are of a few losses only, and lows among them are luck.
        if iteration <= self.patience // 4 or self.mean < 0.999 * self.best:
            self.best, self.best_at = self.mean, iteration

    def reached(self, iteration: int) -> bool:
        return self.patience > 0 and iteration - self.best_at >= self.patience

    def state(self) -> list[float]:
        return [self.mean, self.best, self.best_at]

    def restore(self, state: list[float]) -> None:
        self.mean, self.best, self.best_at = state[0], state[1], int(state[2])


def prefers_bf16() -> bool:
    """Whether this CPU multiplies bf16 matrices itself, so that autocast is faster than float32."""
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


class Trainer:
    """One run, from its settings to trained weights in `net`.

    net: trained in place. With `blocks_only` the main network is frozen and only the tuning-blocks learn.
    checkpoint: file that the state is kept in; `resume=True` goes on from it, bit for bit as if never stopped.
    identity: what else the run was made from, by name; a checkpoint of a run with another identity is refused.
    """

    def __init__(
        self,
        net: DynamicNet,
        settings: TrainSettings,
        *,
        style: Path,
        photos: Path,
        loss_network: LossNetwork,
        blocks_only: bool,
        checkpoint: Path,
        identity: Mapping[str, str] | None = None,
        resume: bool = False,
        checkpoint_every: int = 100,
    ) -> None:
        if checkpoint_every < 1:
            raise TrainingError(f"checkpoints come every 1 or more iterations, not {checkpoint_every}")
        self.settings = settings
        self.photos = PhotoFolder(photos)
        self.checkpoint = checkpoint
        self._identity = {
            **(identity or {}),
            "style picture": file_hash(style),
            "loss network": loss_network.sha256,
            "photographs": self.photos.names_hash(),
        }
        self.checkpoint_every = checkpoint_every
        self.iteration = 0
        self.bf16 = prefers_bf16() if settings.precision == "auto" else settings.precision == "bf16"
        self.net = net.to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
        net.requires_grad_(True)
        if blocks_only:
            net.main.requires_grad_(False)
        learning: Iterable[nn.Parameter] = [p for p in net.parameters() if p.requires_grad]
        self.optimizer = torch.optim.Adam(learning, lr=settings.learning_rate)
        self.alpha = torch.ones(net.n_blocks)
        self.plateau = Plateau(settings.patience)

        self.layer_means = self._restore() if resume else self._calibrate(loss_network)
        loss_network.divide_activations(self.layer_means)
        self.loss_network = loss_network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.target = style_target(loss_network, style, settings)

    def _calibrate(self, loss_network: LossNetwork) -> dict[str, float]:
        if self.checkpoint.exists():
            raise TrainingError(f"{self.checkpoint} is there already: resume it, or remove it to start again")
        crops = self.photos.centre_crops(_CALIBRATION_PHOTOS, self.settings.crop)
        return loss_network.mean_activations(torch.cat([to_rgb01(crop) for crop in crops]))

    def _restore(self) -> dict[str, float]:
        state = load_tensors(self.checkpoint, what="checkpoint")
        if not isinstance(state, dict) or "settings" not in state:
            raise TrainingError(f"{self.checkpoint} is not a checkpoint of stylefader")
        settings = json.loads(state["settings"])
        if settings != self._fingerprint():
            ours = self._fingerprint()
            other = {key for key in settings.keys() | ours.keys() if settings.get(key) != ours.get(key)}
            raise TrainingError(f"{self.checkpoint} is of a run with other settings: {', '.join(sorted(other))}")
        self.net.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.iteration = state["iteration"]
        self.plateau.restore(state["plateau"])
        return dict(state["layer_means"])

    def _fingerprint(self) -> dict[str, Any]:
        return {**asdict(self.settings), "width": self.net.width, "places": list(self.net.places),
                "kind": self.net.kind, **self._identity}  # fmt: skip

    def save_checkpoint(self) -> None:
        """Write the whole state, or keep the checkpoint before it. Raises TrainingError on a full disk."""
        if not all(bool(p.isfinite().all()) for p in self.net.parameters()):
            raise TrainingError(f"weights are not finite after iteration {self.iteration}", failure=True)
        state = {
            "settings": json.dumps(self._fingerprint()),
            "network": self.net.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "iteration": self.iteration,
            "plateau": self.plateau.state(),
            "layer_means": self.layer_means,
        }
        try:
            with written_whole(self.checkpoint) as file:
                torch.save(state, file)
        except (OSError, RuntimeError) as error:
            raise TrainingError(f"cannot write the checkpoint {self.checkpoint}: {error}", failure=True) from error

    def run(
        self, *, report: Callable[[Progress], None] | None = None, should_stop: Callable[[], bool] = lambda: False
    ) -> bool:
        """Train to the end, or until `should_stop` says so between two iterations; True when it is finished.

        The end is the last iteration, or the plateau. A checkpoint is written every `checkpoint_every` iterations and
        at the end of the call. A loss that is not finite raises TrainingError and leaves the last checkpoint alone.
        """
        settings = self.settings
        if self.finished:
            return True
        rows = batches(
            self.photos, seed=settings.seed, size=settings.crop, batch=settings.batch,
            first=self.iteration, count=settings.iterations,
        )  # fmt: skip
        began, first, waited = time.monotonic(), self.iteration, 0.0
        with closing(rows):
            while not self.finished:
                if should_stop():
                    self.save_checkpoint()
                    return False
                asked = time.monotonic()
                crops_NHWC = next(rows)
                waited += time.monotonic() - asked
                losses = self._step(crops_NHWC)
                self.iteration += 1
                self.plateau.add(self.iteration, losses["total"])
                if self.iteration % self.checkpoint_every == 0 and not self.finished:
                    self.save_checkpoint()
                if report:
                    seconds = time.monotonic() - began
                    done = self.iteration - first
                    now = Progress(
                        iteration=self.iteration,
                        iterations=settings.iterations,
                        **losses,
                        images_per_second=done * settings.batch / seconds,
                        seconds_left=seconds / done * (settings.iterations - self.iteration),
                        waiting=waited / seconds,
                    )
                    report(now)
        self.save_checkpoint()
        return True

    @property
    def finished(self) -> bool:
        """Whether the last iteration is done, or the loss has reached its plateau."""
        return self.iteration >= self.settings.iterations or self.plateau.reached(self.iteration)

    def _rate(self) -> float:
        late = max(0.0, 2 * self.iteration / self.settings.iterations - 1)
        return self.settings.learning_rate * (0.55 + 0.45 * math.cos(math.pi * late))

    def _step(self, crops_NHWC: Picture) -> dict[str, float]:
        """One step of Adam; the losses before it, by their names in Progress."""
        settings = self.settings
        photo = torch.from_numpy(crops_NHWC).permute(0, 3, 1, 2).float() / 255
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.bf16):
            y = self.net(normalise(photo), self.alpha)
            rgb01 = denormalise(y.float())
            features = self.loss_network(rgb01)
            with torch.no_grad():
                photo_features = self.loss_network(photo, last=self.loss_network.last_content_layer)
            content = content_loss(features, photo_features, self.loss_network.layers.content)
            style = self.target.loss(rgb01, features)
            temporal = self._temporal(photo, rgb01) if settings.temporal != "off" else torch.zeros(())
        total = content + settings.style_weight * style + TEMPORAL_WEIGHTS[settings.temporal] * temporal
        if settings.smoothness:
            total = total + settings.smoothness * total_variation(y.float())
        losses = {"total": total, "content": content, "style": style, "temporal": temporal}
        seen = {name: float(loss.detach()) for name, loss in losses.items()}
        if not math.isfinite(seen["total"]):
            raise TrainingError(
                f"the loss is not finite at iteration {self.iteration + 1} (content {seen['content']:g}, "
                f"style {seen['style']:g}): lower the learning rate and resume; the last checkpoint is untouched",
                failure=True,
            )
        for group in self.optimizer.param_groups:
            group["lr"] = self._rate()
        self.optimizer.zero_grad()
        total.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        return seen

    def _temporal(self, photo: Tensor, rgb01: Tensor) -> Tensor:
        """The temporal loss at a random alpha; `rgb01` is what came of `photo` at the alpha of training.

        Costs one more pass of a batch through the network: a main network has its first picture already, for
        blocks half the photographs go in twice.
        """
        generator = generator_for(self.settings.seed, self.iteration)
        if self.net.n_blocks:
            photo = photo[: (len(photo) + 1) // 2]
        warp = random_warp(len(photo), photo.shape[2], photo.shape[3], generator)
        warped = warp(photo)
        warped = (warped + camera_noise(warped, generator)).clamp(0, 1)
        if self.net.n_blocks:
            alpha = torch.rand(1, generator=generator).expand(self.net.n_blocks)
            rgb01, of_warped = denormalise(self.net(normalise(torch.cat([photo, warped])), alpha).float()).chunk(2)
        else:
            of_warped = denormalise(self.net(normalise(warped), self.alpha).float())
        return temporal_loss(warp(rgb01), of_warped, warp.visible_N1HW)


def style_target(loss_network: LossNetwork, style: Path, settings: TrainSettings) -> StyleTarget:
    """What a run with these settings looks for in the style picture. Raises TrainingError."""
    style_rgb01 = to_rgb01(resize_short_side(read_picture(style), settings.style_size))
    return StyleTarget(loss_network, style_rgb01, pyramid=settings.pyramid)


def total_variation(x_NCHW: Tensor) -> Tensor:
    """Mean absolute difference of neighbours, both ways (Rudin et al. 1992, the anisotropic form)."""
    across = (x_NCHW[..., 1:] - x_NCHW[..., :-1]).abs().mean()
    return across + (x_NCHW[..., 1:, :] - x_NCHW[..., :-1, :]).abs().mean()
