"""How near a predicted style vector comes to a trained one: both losses of both, along alpha, over photographs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import torch

from stylefader.training.compute import Compute, prefers_bf16
from stylefader.training.data.photographs import Picture, resize_short_side, to_rgb01
from stylefader.training.errors import TrainingError
from stylefader.training.evaluation.held_out import measure_losses, stylize
from stylefader.training.evaluation.strip import strip
from stylefader.training.losses.loss_network import load_loss_network
from stylefader.training.losses.perceptual import StyleTarget
from stylefader.training.networks.dynamic_net import DynamicNet
from stylefader.training.networks.palette import baked
from stylefader.training.packs.pack import StylePack
from stylefader.training.packs.pack_header import LossCurve
from stylefader.training.reading.paintings import read_painting

ALPHAS = (0.0, 0.5, 1.0)
_SHOWN_SIDE = 160
Vector = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A painting and the losses of its vectors.

    learnt: whether the prediction network learnt from this very file. losses: by what the vector is: `trained`, where
    there is such a one, `predicted`, and `centre`, the mean of the palette's styles, which is no prediction at all.
    """

    painting: str
    learnt: bool
    losses: Mapping[str, LossCurve]


class NearTrained:
    """Measures vectors of a palette in the units of its training.

    Raises TrainingError where the palette does not say these, or was trained with another loss network.
    """

    def __init__(self, pack: StylePack, loss_network: Path) -> None:
        run = pack.header.training.get("blocks", {})
        for key in ("layer_means", "loss_network_sha256", "style_size", "pyramid"):
            if key not in run:
                raise TrainingError(f"{pack.header.name} does not say how it was trained ({key!r} is missing)")
        self._net: DynamicNet = pack.network()
        self._size, self._pyramid = int(run["style_size"]), int(run["pyramid"])
        self._compute = Compute(numbers="bf16" if run.get("precision") == "bf16" and prefers_bf16() else "f32")
        self._loss_network = load_loss_network(loss_network)
        if self._loss_network.sha256 != run["loss_network_sha256"]:
            raise TrainingError(f"{pack.header.name} was trained with another loss network than {loss_network}")
        self._loss_network.divide_activations(run["layer_means"])

    def losses(
        self, painting: Path, vectors: Mapping[str, Vector], photos_NHWC: Picture,
        *, report: Callable[[], None] = lambda: None,
    ) -> dict[str, LossCurve]:  # fmt: skip
        """The mean losses of each vector at each of `ALPHAS`.

        Args:
            painting: What the vectors are of.
            vectors: float32 (d,), by what they are called.
            photos_NHWC: uint8 (N, H, W, 3) RGB.
            report: Called after each vector.

        Returns:
            The losses by what the vectors are called.

        Raises:
            SourceError: The painting cannot be read.
        """
        with self._compute.autocast(), torch.inference_mode():
            seen = to_rgb01(read_painting(painting, self._size))
            target = StyleTarget(self._loss_network, seen, pyramid=self._pyramid)
        found = {}
        for name, vector in vectors.items():
            net = baked(self._net, torch.from_numpy(vector))
            found[name] = measure_losses(net, {"1": target}, photos_NHWC, ALPHAS, compute=self._compute)
            report()
        return found

    def pictures(self, painting: Path, vectors: Mapping[str, Vector], photo_HWC: Picture) -> Picture:
        """The painting, then a photograph along alpha in each of its vectors, in a row: uint8 (H, W, 3) RGB.

        Args:
            painting: Its file.
            vectors: float32 (d,), by what they are called.
            photo_HWC: uint8 (H, W, 3) RGB; it is made small.

        Raises:
            SourceError: The painting cannot be read.
        """
        photo = resize_short_side(photo_HWC, _SHOWN_SIDE)
        photo = photo[: photo.shape[0] // 4 * 4, : photo.shape[1] // 4 * 4]
        looked_at = read_painting(painting, _SHOWN_SIDE)
        shown = [np.asarray(cv2.resize(looked_at, photo.shape[1::-1], interpolation=cv2.INTER_AREA), np.uint8)]
        captions = [painting.stem]
        for name, vector in vectors.items():
            net = baked(self._net, torch.from_numpy(vector))
            shown += [stylize(net, photo, torch.full((net.n_blocks,), alpha)) for alpha in ALPHAS]
            captions += [f"{name}, {alpha:g}" for alpha in ALPHAS]
        return strip(shown, captions)
