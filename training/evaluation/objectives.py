"""The two objectives that a style pack trades, measured as in Figure 3 of Dynamic-Net (Shoshan et al. 2019).

For a pack of one look they are content and style loss; for a pack with a look at either end of alpha they are the
style losses of the two looks. Along alpha the first rises and the second falls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from stylefader.training.compute import Compute
from stylefader.training.data.photographs import Picture, read_picture, resize_short_side, to_rgb01
from stylefader.training.errors import TrainingError
from stylefader.training.hashing import file_hash
from stylefader.training.losses.loss_network import load_loss_network
from stylefader.training.losses.perceptual import StyleTarget, content_loss
from stylefader.training.networks.colours import denormalise, normalise
from stylefader.training.networks.dynamic_net import DynamicNet
from stylefader.training.packs.pack_header import PackHeader

Method = Literal["alpha", "grid", "interpolation", "fixed"]


@dataclass(frozen=True, kw_only=True)
class Point:
    """Mean losses of one way to make a picture.

    method: `alpha` (all blocks at one strength), `grid` (each block at its own), `interpolation` (the pictures of both
    ends of alpha mixed) or `fixed` (another network, trained for one strength).
    alpha: the strengths, one a block; for `interpolation` the share of the high end; for `fixed` none.
    name: of the fixed network.
    losses: by the names in `Objectives.columns`.
    """

    method: Method
    alpha: tuple[float, ...]
    losses: dict[str, float]
    name: str = ""


@dataclass(frozen=True, kw_only=True)
class Look:
    """What one part of a pack was trained for: the picture's hash, and how it was looked at."""

    sha256: str
    size: int
    pyramid: int


def looks(header: PackHeader) -> tuple[Look, Look]:
    """What the low and the high end of alpha were trained for; the same one twice in a pack of one look.

    Raises TrainingError where the pack does not say.
    """
    runs = header.training
    found = []
    for names in (("lo", "main"), ("blocks", "hi", "main")):
        run: dict[str, Any] = next((runs[name] for name in names if name in runs), {})
        try:
            painting = run.get("style", header.style)["sha256"]
            found.append(Look(sha256=painting, size=run["style_size"], pyramid=run["pyramid"]))
        except KeyError as error:
            raise TrainingError(f"{header.name} does not say how it was trained ({error} is missing)") from error
    return found[0], found[1]


class Objectives:
    """The loss network and style targets of one pack, in the units that it was trained in.

    columns: the names of all losses. first, second: the two that alpha trades. words: what each is, for people.
    targets: by the alpha that they were trained for, that of alpha 1 first (of a fixed network: the only one).
    """

    def __init__(self, header: PackHeader, paintings: Sequence[Path], loss_network: Path, *, compute: Compute) -> None:
        low, high = looks(header)
        by_hash: dict[str, Path] = {}
        for path in paintings:
            read_picture(path)  # says so where it is none
            by_hash[file_hash(path)] = path
        strangers = [path for sha256, path in by_hash.items() if sha256 not in (low.sha256, high.sha256)]
        if strangers:
            raise TrainingError(f"{header.name} was not trained on {strangers[0]}: its hash is not in the pack")
        missing = {low.sha256, high.sha256} - by_hash.keys()
        if missing:
            raise TrainingError(f"{header.name} was trained on another picture as well: give it with --style")
        self.compute = compute
        self.network = load_loss_network(loss_network)
        runs = header.training
        run: dict[str, Any] = next(runs[name] for name in ("blocks", "hi", "main") if name in runs)
        if run.get("loss_network_sha256") != self.network.sha256:
            raise TrainingError(f"{header.name} was trained with another loss network than {loss_network}")
        if "layer_means" not in run:
            raise TrainingError(f"{header.name} does not say how it was trained ('layer_means' is missing)")
        self.network.divide_activations(run["layer_means"])
        self.first, self.second = "content", "style"
        self.words = {"content": "content loss", "style": "style loss"}
        ends, at = {"style": high}, "-1" if "lo" in runs else "0"
        if low != high:
            self.first = f"style_at_{at}"
            self.words |= {"style": "style loss, look of alpha 1", self.first: f"style loss, look of alpha {at}"}
            ends[self.first] = low
        self._targets = {}
        for name, look in ends.items():
            picture = to_rgb01(resize_short_side(read_picture(by_hash[look.sha256]), look.size))
            self._targets[name] = StyleTarget(self.network, picture, pyramid=look.pyramid)
        self.columns = ("content", *ends)
        self.targets = dict(zip(("1", at), self._targets.values(), strict=False))

    def of_photo(self, photo_HWC: Picture) -> Callable[[Tensor], dict[str, float]]:
        """What measures pictures made of this photograph: float (1, 3, H, W) RGB of 0 to 1 -> losses."""

        def features(x_NCHW: Tensor, last: str | None = None) -> dict[str, Tensor]:
            with self.compute.autocast():
                return self.network(x_NCHW, last=last)

        photo = features(to_rgb01(photo_HWC), self.network.last_content_layer)

        def measure(rgb01_NCHW: Tensor) -> dict[str, float]:
            found = features(rgb01_NCHW)
            losses = {"content": float(content_loss(found, photo, self.network.layers.content))}
            with self.compute.autocast():
                return losses | {name: float(target.loss(rgb01_NCHW, found)) for name, target in self._targets.items()}

        return measure


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Which points to measure.

    alphas: of the curve, rising; image-space interpolation goes from the first's picture to the last's in as many
    steps. grid: strengths that each block takes in the cloud, every combination. fixed: networks without blocks.
    """

    alphas: tuple[float, ...]
    grid: tuple[float, ...] = ()
    fixed: Mapping[str, DynamicNet]


@torch.inference_mode()
def measure_points(
    net: DynamicNet,
    objectives: Objectives,
    photos_NHWC: Picture,
    plan: Plan,
    *,
    report: Callable[[int], None] = lambda done: None,
) -> list[Point]:
    """Mean losses over photographs, uint8 (N, H, W, 3), for every point of the plan. `report` gets those done."""
    sums: dict[tuple[Method, tuple[float, ...], str], dict[str, float]] = {}
    for number, photo in enumerate(photos_NHWC, 1):
        measure = objectives.of_photo(photo)
        for key, picture in _pictures(net, to_rgb01(photo), plan):
            total = sums.setdefault(key, dict.fromkeys(objectives.columns, 0.0))
            for name, loss in measure(picture).items():
                total[name] += loss / len(photos_NHWC)
        report(number)
    return [
        Point(method=method, alpha=alpha, name=name, losses={key: round(loss, 6) for key, loss in losses.items()})
        for (method, alpha, name), losses in sums.items()
    ]


def _pictures(
    net: DynamicNet, rgb01_NCHW: Tensor, plan: Plan
) -> Iterator[tuple[tuple[Method, tuple[float, ...], str], Tensor]]:
    x = normalise(rgb01_NCHW)

    def shown(network: DynamicNet, alpha: Sequence[float]) -> Tensor:
        return denormalise(network(x, torch.tensor(alpha, dtype=torch.float32))).clamp(0, 1)

    ends: list[Tensor] = []
    for alpha in plan.alphas:
        picture = shown(net, [alpha] * net.n_blocks)
        if alpha in (plan.alphas[0], plan.alphas[-1]):
            ends.append(picture)
        yield ("alpha", (alpha,) * net.n_blocks, ""), picture
    for alphas in product(plan.grid, repeat=net.n_blocks):
        if len(set(alphas)) > 1:  # the others are on the curve
            yield ("grid", alphas, ""), shown(net, alphas)
    for share in np.linspace(0, 1, len(plan.alphas)).tolist():
        yield ("interpolation", (share,), ""), torch.lerp(ends[0], ends[-1], share)
    for name, network in plan.fixed.items():
        yield ("fixed", (), name), shown(network, [])
