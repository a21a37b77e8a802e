"""The training loop: one network, one style picture, a folder of photographs, Adam.

Main networks and tuning-blocks are trained by the same loop: a main network has no blocks yet, blocks are
trained at alpha = 1 with the main network frozen. The temporal term sees blocks at any alpha.
"""

from __future__ import annotations

import io
import json
import math
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from stylefader.training.compute import CPU, choose_compute
from stylefader.training.data.clips import ClipFolder
from stylefader.training.data.photographs import PhotoFolder, read_picture, resize_short_side, to_rgb01
from stylefader.training.data.plain_pictures import PlainPictures
from stylefader.training.errors import TrainingError
from stylefader.training.files import load_tensors, written_whole
from stylefader.training.hashing import file_hash
from stylefader.training.loop.plateau import Plateau
from stylefader.training.loop.process_group import ProcessGroup
from stylefader.training.loop.progress import Progress
from stylefader.training.loop.samples import Sample, loader_workers, made_ahead, sample
from stylefader.training.losses.loss_network import LossNetwork
from stylefader.training.losses.perceptual import (
    StyleTarget,
    grid_period,
    perceptual_losses,
    random_window,
    smallest_crop,
    total_variation,
)
from stylefader.training.losses.temporal import NextFrames, temporal_loss, temporal_weight
from stylefader.training.networks.adain import AdainNet
from stylefader.training.networks.colours import denormalise, normalise
from stylefader.training.networks.dynamic_net import DynamicNet
from stylefader.training.networks.palette import Palette
from stylefader.training.networks.predictor import PredictedStyles
from stylefader.training.settings import TrainSettings

_CALIBRATION_PHOTOS = 32
_ALONE = ProcessGroup()


class Trainer:
    """One run, from its settings to trained weights in `net`.

    net: trained in place. With `blocks_only` the main network is frozen and only the tuning-blocks learn.
    style: the picture to learn from; a student has none (`student_trainer.py`), and a palette and what predicts for one
    have many (`palette_trainer.py`, `predictor_trainer.py`).
    checkpoint: file that the state is kept in; `resume=True` goes on from it, bit for bit as if never stopped.
    identity: what else the run was made from, by name; a checkpoint of a run with another identity is refused.
    world: the processes that train together, each making the same Trainer; only the leader reads and writes files.
    """

    loss_names: ClassVar[tuple[str, ...]] = ("total", "content", "style", "temporal", "pixel")
    """What `_losses` gives, by the names in Progress."""

    def __init__(
        self,
        net: DynamicNet | Palette | PredictedStyles | AdainNet,
        settings: TrainSettings,
        *,
        style: Path | None,
        photos: Path,
        clips: Path | None = None,
        loss_network: LossNetwork,
        blocks_only: bool,
        checkpoint: Path,
        identity: Mapping[str, str] | None = None,
        resume: bool = False,
        checkpoint_every: int = 100,
        device: torch.device = CPU,
        group: ProcessGroup = _ALONE,
    ) -> None:
        if checkpoint_every < 1:
            raise TrainingError(f"checkpoints come every 1 or more iterations, not {checkpoint_every}")
        self.settings, self.group = settings, group
        self.checkpoint, self.checkpoint_every = checkpoint, checkpoint_every
        self.iteration = 0
        self.plateau = Plateau(settings.patience)
        with group.all_or_none():
            self.photos = PhotoFolder(photos)
            self.clips = ClipFolder(clips) if clips is not None else None
            self.compute = choose_compute(settings.precision, device)
            self._identity = {
                **(identity or {}),
                **({"style picture": file_hash(style)} if style else {}),
                "loss network": loss_network.sha256,
                "photographs": self.photos.names_hash(),
                **({"clips": self.clips.names_hash()} if self.clips else {}),
            }
            self.scaler = self.compute.scaler()
            self.net = net.to(device=device, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
            self._choose_what_learns(blocks_only=blocks_only)
            self._learning = [p for p in net.parameters() if p.requires_grad]
            self.optimizer = torch.optim.Adam(
                self._groups(), lr=settings.learning_rate, fused=True if device.type == "cuda" else None
            )
            self.alpha = torch.ones(net.n_blocks, device=device)
            self.layer_means: dict[str, float] = {}
            if group.leads and resume:
                self._restore(load_tensors(self.checkpoint, what="checkpoint"))
            elif group.leads:
                self.layer_means = self._calibrate(loss_network)
        if group.size > 1:
            self._start_as_the_leader_does()
        loss_network.divide_activations(self.layer_means)
        self.loss_network = loss_network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        if style is not None:
            self.target = style_target(loss_network, style, settings)
        self.window_moves = grid_period(loss_network, settings.pyramid)
        smallest = smallest_crop(loss_network, settings.pyramid)
        if settings.crop < smallest:
            raise TrainingError(f"crop must be at least {smallest} pixels with this loss network, not {settings.crop}")
        # What all processes add up at the end of a step: gradients, losses, and how many want to stop.
        self._flat = torch.zeros(sum(p.numel() for p in self._learning) + len(self.loss_names) + 1, device=device)

    def _choose_what_learns(self, *, blocks_only: bool) -> None:
        self.net.requires_grad_(True)
        if blocks_only:
            self.net.main.requires_grad_(False)

    def _groups(self) -> list[dict[str, Any]]:
        """What learns, and at which share of the learning rate."""
        return [{"params": self._learning, "share": 1.0}]

    def _calibrate(self, loss_network: LossNetwork) -> dict[str, float]:
        if self.checkpoint.exists():
            raise TrainingError(f"{self.checkpoint} is there already: resume it, or remove it to start again")
        return layer_means(loss_network, self.photos, self.settings)

    def _start_as_the_leader_does(self) -> None:
        """From its state, which may be a checkpoint that no other process can see."""
        whole = io.BytesIO()
        if self.group.leads:
            torch.save(self._state(), whole)
        state = torch.load(io.BytesIO(self.group.share(whole.getvalue())), map_location="cpu", weights_only=True)
        with self.group.all_or_none():
            if not self.group.leads:
                self._restore(state)

    def _restore(self, state: Any) -> None:
        source = str(self.checkpoint) if self.group.leads else "process 0"
        try:
            settings, ours = dict(json.loads(state["settings"])), self._fingerprint()
            other = {key for key in settings.keys() | ours.keys() if settings.get(key) != ours.get(key)}
            if not other:
                self.net.load_state_dict(state["network"])
                self.optimizer.load_state_dict(state["optimizer"])
                self.iteration = int(state["iteration"])
                self.plateau.restore(state["plateau"])
                if "scaler" in state:
                    self.scaler.load_state_dict(state["scaler"])
                self.layer_means = dict(state["layer_means"])
        except (KeyError, IndexError, TypeError, ValueError, AttributeError, RuntimeError) as error:
            raise TrainingError(f"{source} is not a checkpoint of stylefader that fits: {error}") from error
        if other:
            raise TrainingError(f"{source} is of a run with other settings: {', '.join(sorted(other))}")

    def _fingerprint(self) -> dict[str, Any]:
        """What decides the outcome. The batch is that of all processes: fewer with larger ones may go on."""
        return {**asdict(self.settings), "batch": self.settings.batch * self.group.size, "width": self.net.width,
                "places": list(self.net.places), "kind": self.net.kind, **self._identity}  # fmt: skip

    def _state(self) -> dict[str, Any]:
        state = {
            "settings": json.dumps(self._fingerprint()),
            "network": self.net.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "iteration": self.iteration,
            "plateau": self.plateau.state(),
            "layer_means": self.layer_means,
        }
        return {**state, "scaler": self.scaler.state_dict()} if self.scaler.is_enabled() else state

    def save_checkpoint(self) -> None:
        """Write the whole state, or keep the checkpoint before it. Raises TrainingError on a full disk."""
        if not all(bool(p.isfinite().all()) for p in self.net.parameters()):
            raise TrainingError(f"weights are not finite after iteration {self.iteration}", failure=True)
        if not self.group.leads:
            return
        try:
            with written_whole(self.checkpoint) as file:
                torch.save(self._state(), file)
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

        on_gpu = self.compute.device.type == "cuda"

        def make(step: int) -> Sample:
            if on_gpu:
                torch.cuda.set_device(self.compute.device)  # of this thread: memory is pinned for it
            return self._sample(step, pinned=on_gpu)

        workers = loader_workers(self.group.local_size)
        rows = made_ahead(make, first=self.iteration, count=settings.iterations, workers=workers)
        began, first, waited, self._in_networks = time.monotonic(), self.iteration, 0.0, 0.0
        with closing(rows):
            while not self.finished:
                wish = should_stop()
                if wish and self.group.size == 1:
                    self.save_checkpoint()
                    return False
                asked = time.monotonic()
                seen = next(rows)
                waited += time.monotonic() - asked
                losses, stop = self._step(seen, wish)
                self.iteration += 1
                self.plateau.add(self.iteration, losses["total"])
                if self.iteration % self.checkpoint_every == 0 and not self.finished and not stop:
                    self.save_checkpoint()
                if report:
                    seconds = time.monotonic() - began
                    done = self.iteration - first
                    now = Progress(
                        iteration=self.iteration,
                        iterations=settings.iterations,
                        **losses,
                        images_per_second=done * settings.batch * self.group.size / seconds,
                        seconds_left=seconds / done * (settings.iterations - self.iteration),
                        seconds=seconds,
                        waiting=waited,
                        networks=self._in_networks,
                    )
                    report(now)
                if stop and not self.finished:
                    self.save_checkpoint()
                    return False
        self.save_checkpoint()
        return True

    def _sample(self, step: int, *, pinned: bool) -> Sample:
        """What this process sees in a step; made by worker threads."""
        return sample(
            self._row_of_crops(), self.settings, step, blocks=bool(self.net.n_blocks), group=self.group,
            clips=self.clips, pinned=pinned,
        )  # fmt: skip

    def _row_of_crops(self) -> PhotoFolder | PlainPictures:
        return self.photos

    @property
    def finished(self) -> bool:
        """Whether the last iteration is done, or the loss has reached its plateau."""
        return self.iteration >= self.settings.iterations or self.plateau.reached(self.iteration)

    def _rate(self) -> float:
        late = max(0.0, 2 * self.iteration / self.settings.iterations - 1)
        return self.settings.learning_rate * (0.55 + 0.45 * math.cos(math.pi * late))

    def _step(self, seen: Sample, wish: bool) -> tuple[dict[str, float], bool]:
        """One step of Adam; the losses before it, by their names in Progress, and whether any process would stop."""
        began = time.monotonic()
        photo = seen.crops_NHWC.to(self.compute.device, non_blocking=True).permute(0, 3, 1, 2).float() / 255
        self.optimizer.zero_grad()
        total, losses = self._losses(photo, seen.next_frames)
        self.scaler.scale(total).backward()  # type: ignore[no-untyped-call]
        *numbers, wishes = self._of_all_processes(losses, wish)  # on a GPU the host waits here, and only here
        found = dict(zip(self.loss_names, numbers, strict=True))
        self._in_networks += time.monotonic() - began
        if not math.isfinite(found["total"]):
            raise TrainingError(
                f"the loss is not finite at iteration {self.iteration + 1} (content {found['content']:g}, "
                f"style {found['style']:g}): lower the learning rate and resume; the last checkpoint is untouched",
                failure=True,
            )
        for group in self.optimizer.param_groups:
            group["lr"] = group["share"] * self._rate()
        self.scaler.step(self.optimizer)
        self.scaler.update()
        return found, wishes > 0

    def _losses(self, photo: Tensor, following: NextFrames | None) -> tuple[Tensor, Tensor]:
        """What a step minimises, and without its graph all its losses in the order of `loss_names`; float32."""
        settings = self.settings
        with self.compute.autocast():
            rgb01 = self._picture(photo, self.alpha)
            window = random_window(photo, rgb01, period=self.window_moves, seed=settings.seed, step=self.iteration)
            content, style = self.looked_at(*window)
            temporal = self._temporal(photo, rgb01, following) if following else torch.zeros_like(content)
        total = content + settings.style_weight * style + temporal_weight(settings) * temporal
        if settings.smoothness:
            total = total + settings.smoothness * total_variation(rgb01)
        return total, torch.stack([total, content, style, temporal, torch.zeros_like(total)]).detach()

    def _picture(self, photo: Tensor, alpha: Tensor, *, pairs: bool = False) -> Tensor:
        """What the network makes of the first pictures of a step, or of their next frames: RGB of 0..1, (N, 3, H, W).

        pairs: of the first few pictures and, behind them, their next frames.
        """
        return denormalise(self.net(normalise(photo), alpha).float())

    def looked_at(self, wanted_NCHW: Tensor, rgb01_NCHW: Tensor) -> tuple[Tensor, Tensor]:
        """Content and style loss of pictures, by the loss network; `wanted_NCHW` are their photographs."""
        return perceptual_losses(self.target, wanted_NCHW, rgb01_NCHW)

    def _of_all_processes(self, losses: Tensor, wish: bool) -> list[float]:
        """Losses, averaged over all processes as the gradients are, and the share of processes that wish to stop."""
        if self.group.size == 1:
            return [*losses.tolist(), float(wish)]
        gradients = [p.grad for p in self._learning if p.grad is not None]
        assert len(gradients) == len(self._learning)
        torch.cat([*(g.reshape(-1) for g in gradients), losses, losses.new_full((1,), float(wish))], out=self._flat)
        self.group.average(self._flat)
        *averaged, rest = torch.split(self._flat, [*(g.numel() for g in gradients), len(losses) + 1])
        for gradient, mean in zip(gradients, averaged, strict=True):
            gradient.copy_(mean.view(gradient.shape))
        return rest.tolist()

    def _temporal(self, photo: Tensor, rgb01: Tensor, following: NextFrames) -> Tensor:
        """The temporal loss; `rgb01` is what came of `photo`.

        Its mean over processes is the mean over all that they see.
        """
        if not len(following):
            return torch.zeros((), device=photo.device)
        following, photo = following.to(photo.device), photo[: len(following)]
        rgb01, of_next = self._of_both(photo, following.rgb01, rgb01[: len(following)], following)
        losses = temporal_loss(following.warp(rgb01), of_next, following.warp.visible_N1HW)
        return losses.sum() * self.group.size / following.together

    def _of_both(self, photo: Tensor, after: Tensor, rgb01: Tensor, following: NextFrames) -> tuple[Tensor, Tensor]:
        """The network's pictures of two frames at one alpha; `rgb01` is what came of the first at that of training.

        Blocks are looked at with another alpha in every second step: only then the first frames go in once more.
        """
        if self.net.n_blocks and following.alpha != 1:
            alpha = torch.full((self.net.n_blocks,), following.alpha, device=photo.device)
            first, second = self._picture(torch.cat([photo, after]), alpha, pairs=True).chunk(2)
            return first, second
        return rgb01, self._picture(after, self.alpha)


def layer_means(loss_network: LossNetwork, photos: PhotoFolder, settings: TrainSettings) -> dict[str, float]:
    """Mean activation of each layer over some of the photographs, by which a run with these settings divides."""
    crops = photos.centre_crops(_CALIBRATION_PHOTOS, settings.crop)
    return loss_network.mean_activations(torch.cat([to_rgb01(crop) for crop in crops]))


def style_target(loss_network: LossNetwork, style: Path, settings: TrainSettings) -> StyleTarget:
    """What a run with these settings looks for in the style picture. Raises TrainingError."""
    style_rgb01 = to_rgb01(resize_short_side(read_picture(style), settings.style_size))
    return StyleTarget(loss_network, style_rgb01.to(loss_network.mean_rgb.device), pyramid=settings.pyramid)
