"""Loss networks: the front of a VGG whose features say how alike two pictures are (Gatys et al. 2016).

Two weight files are understood, told apart by the names of their tensors: torchvision's published VGG-16
(`vgg16-397923af.pth`; RGB in 0..1, normalised) and VGG-19 conv1_1..conv3_4 in the Caffe convention
(safetensors; BGR in 0..255 less the mean). Each is rescaled so that every layer's mean activation over some
photographs is 1, which makes one set of loss weights fit both.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from stylefader.training.errors import TrainingError
from stylefader.training.files import load_tensors
from stylefader.training.hashing import file_hash


@dataclass(frozen=True, kw_only=True)
class LossLayers:
    """Which layers' features the losses compare."""

    content: tuple[str, ...]
    style: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class _Vgg:
    """One published VGG: channels of each convolution up to the last one used (0 is a 2x2 max pooling)."""

    name: str
    layers: tuple[tuple[str, int], ...]
    losses: LossLayers
    bgr_255: bool


_STAGES_12 = (("conv1_1", 64), ("conv1_2", 64), ("pool1", 0), ("conv2_1", 128), ("conv2_2", 128), ("pool2", 0))

VGG19 = _Vgg(
    name="VGG-19 conv1_1..conv3_4 (Caffe convention)",
    layers=(*_STAGES_12, ("conv3_1", 256), ("conv3_2", 256), ("conv3_3", 256), ("conv3_4", 256)),
    losses=LossLayers(content=("conv3_1",), style=("conv1_1", "conv2_1", "conv3_1", "conv3_4")),
    bgr_255=True,
)
VGG16 = _Vgg(
    name="VGG-16 (torchvision)",
    layers=(
        *_STAGES_12,
        *(("conv3_1", 256), ("conv3_2", 256), ("conv3_3", 256), ("pool3", 0)),
        *(("conv4_1", 512), ("conv4_2", 512), ("conv4_3", 512)),
    ),
    # The paper's: Johnson et al. compare content at relu2_2 and style at the last layer before each pooling.
    losses=LossLayers(content=("conv2_2",), style=("conv1_2", "conv2_2", "conv3_3", "conv4_3")),
    bgr_255=False,
)
# torchvision numbers convolutions, ReLUs and poolings in one row: the place of each convolution in it.
_TORCHVISION_PLACE = {"conv1_1": 0, "conv1_2": 2, "conv2_1": 5, "conv2_2": 7, "conv3_1": 10, "conv3_2": 12,
                      "conv3_3": 14, "conv4_1": 17, "conv4_2": 19, "conv4_3": 21}  # fmt: skip
_PLACES = tuple(_TORCHVISION_PLACE.values())
_CONVS_19 = tuple(name for name, channels in VGG19.layers if channels)
_PARTS = ("weight", "bias")


class LossNetwork(nn.Module):
    """A frozen VGG front. (N, 3, H, W) RGB in 0..1 -> {layer: (N, C, h, w) after its ReLU}."""

    mean_rgb: Tensor
    std_rgb: Tensor

    def __init__(self, vgg: _Vgg, weights: dict[str, Tensor], *, sha256: str = "") -> None:
        super().__init__()
        self.name = vgg.name
        self.layers = vgg.losses
        self.sha256 = sha256
        self._order = [layer for layer, _ in vgg.layers]
        self._bgr_255 = vgg.bgr_255
        mean = (123.68, 116.779, 103.939) if vgg.bgr_255 else (0.485 * 255, 0.456 * 255, 0.406 * 255)
        std = (1.0, 1.0, 1.0) if vgg.bgr_255 else (0.229 * 255, 0.224 * 255, 0.225 * 255)
        self.register_buffer("mean_rgb", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std_rgb", torch.tensor(std).view(1, 3, 1, 1), persistent=False)
        self.convs = nn.ModuleDict()
        previous = 3
        for layer, channels in vgg.layers:
            if not channels:
                continue
            conv = nn.Conv2d(previous, channels, 3, padding=1)
            with torch.no_grad():
                weight, bias = weights[f"{layer}.weight"], weights[f"{layer}.bias"]
                if weight.shape != conv.weight.shape:
                    raise TrainingError(
                        f"loss network: {layer}.weight is {tuple(weight.shape)}, expected {tuple(conv.weight.shape)}"
                    )
                # Files of the Caffe convention count colours from blue; ours is RGB everywhere inside.
                conv.weight.copy_(weight.flip(1) if vgg.bgr_255 and previous == 3 else weight)
                assert conv.bias is not None
                conv.bias.copy_(bias)
            self.convs[layer] = conv
            previous = channels
        self.requires_grad_(False)
        self.eval()

    @property
    def last_content_layer(self) -> str:
        """The deepest layer whose features the content loss compares."""
        return max(self.layers.content, key=self._order.index)

    @property
    def stride(self) -> int:
        """Pixels after which its grid of poolings repeats, down to the deepest layer that a loss uses."""
        last = max((*self.layers.content, *self.layers.style), key=self._order.index)
        return int(2 ** sum(name not in self.convs for name in self._order[: self._order.index(last)]))

    def forward(self, rgb01_NCHW: Tensor, *, last: str | None = None) -> dict[str, Tensor]:
        """Features of every convolution up to and including `last` (default: the last that a loss uses)."""
        last = last or max((*self.layers.content, *self.layers.style), key=self._order.index)
        return dict(self._walk(rgb01_NCHW, last))

    def _walk(self, rgb01_NCHW: Tensor, last: str) -> Iterator[tuple[str, Tensor]]:
        x = (rgb01_NCHW * 255 - self.mean_rgb) / self.std_rgb
        for name in self._order:
            if name not in self.convs:
                x = F.max_pool2d(x, 2)
                continue
            x = F.relu(self.convs[name](x))
            yield name, x
            if name == last:
                return

    @torch.no_grad()
    def mean_activations(self, rgb01_NCHW: Tensor) -> dict[str, float]:
        """Mean of each layer's features over these pictures."""
        return {name: float(features.mean()) for name, features in self(rgb01_NCHW).items()}

    @torch.no_grad()
    def divide_activations(self, divisors: dict[str, float]) -> None:
        """Divide each layer's features by a positive number without changing anything else about them.

        ReLU and max pooling keep positive factors, so weight * (divisor before) / divisor and bias / divisor do it.
        """
        before = 1.0
        for name in self._order:
            if name not in self.convs or name not in divisors:
                continue
            conv, divisor = self.convs[name], divisors[name]
            assert isinstance(conv, nn.Conv2d) and conv.bias is not None
            if not divisor > 0:
                raise TrainingError(f"loss network: {name} does not answer to these photographs at all")
            conv.weight.mul_(before / divisor)
            conv.bias.div_(divisor)
            before = divisor


def load_loss_network(path: Path) -> LossNetwork:
    """Read a loss network's weights, as published. Raises TrainingError for a file of any other kind."""
    if path.suffix != ".safetensors":
        tensors = load_tensors(path, what="loss network")
    else:
        try:
            tensors = load_file(path)
        except (SafetensorError, OSError) as error:
            raise TrainingError(f"cannot read the loss network {path}: {error}") from error
    sha256 = file_hash(path)
    if isinstance(tensors, dict) and {f"{name}.{part}" for name in _CONVS_19 for part in _PARTS} <= tensors.keys():
        return LossNetwork(VGG19, tensors, sha256=sha256)
    if isinstance(tensors, dict) and {f"features.{n}.{part}" for n in _PLACES for part in _PARTS} <= tensors.keys():
        renamed = {
            f"{layer}.{part}": tensors[f"features.{place}.{part}"]
            for layer, place in _TORCHVISION_PLACE.items()
            for part in _PARTS
        }
        return LossNetwork(VGG16, renamed, sha256=sha256)
    raise TrainingError(
        f"{path} is no loss network that is known here: expected torchvision's vgg16-397923af.pth, "
        "or VGG-19 as safetensors with conv1_1 to conv3_4"
    )
