"""Network families of a few numbers, entered by a test: one with a mask and two vectors, and a generator."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from stylefader.training.packs.families.base import NetworkFamily, Shape
from stylefader.training.packs.families.registry import KINDS
from stylefader.training.packs.header_reading import with_inputs
from stylefader.training.packs.inputs import InputSpec, check_declared
from stylefader.training.packs.pack import StylePack, make_pack, save_pack
from stylefader.training.packs.pack_header import AlphaHeader, PackHeader

SIZE = (12, 20)
"""Height and width of the generator's pictures."""


class Mixer(nn.Module):
    """The frame, tinted inside of the mask by a mixture of three colours, with a gain."""

    def __init__(self) -> None:
        super().__init__()
        self.colours = nn.Parameter(torch.tensor([[255.0, 0, 0], [0, 255, 0], [0, 0, 255]]))

    def forward(self, frame_HWC: Tensor, gain: Tensor, weights: Tensor, mask_HW: Tensor) -> Tensor:
        inside = mask_HW.float().unsqueeze(-1) / 255
        colour = (weights.unsqueeze(0) @ self.colours).view(1, 1, 3)
        picture = frame_HWC.float() * gain.view(1, 1, 1)
        return (picture * (1 - inside) + colour * inside).clamp(0, 255).round().to(torch.uint8)


class Generator(nn.Module):
    """A picture of a latent vector, nothing else: each pixel is a weighted sum."""

    def __init__(self) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.zeros(SIZE[0] * SIZE[1] * 3, 4))

    def forward(self, latent: Tensor) -> Tensor:
        flat = torch.mv(self.weights, latent) * 60 + 128
        return flat.clamp(0, 255).round().to(torch.uint8).view(*SIZE, 3)


class MixerFamily(NetworkFamily):
    objectives = ("mix",)

    def inputs(self, header: PackHeader) -> tuple[InputSpec, ...]:
        return (
            InputSpec(name="frame", kind="image", shape=("H", "W", 3), dtype="uint8", low=0.0, high=255.0),
            InputSpec(
                name="gain", kind="vector", shape=(1,), dtype="float32", low=0.0, high=2.0, default=0.5, live=True
            ),
            InputSpec(
                name="weights", kind="vector", shape=(3,), dtype="float32", low=0.0, high=1.0, default=(1.0, 0.0, 0.0),
                constraint="simplex", labels=("red", "green", "blue"), live=True,
            ),
            InputSpec(
                name="mask", kind="mask", shape=("H", "W"), dtype="uint8", low=0.0, high=255.0, default=0.0
            ),
        )  # fmt: skip

    def check(self, header: PackHeader) -> None:
        check_declared(header.inputs, self.inputs(header), "header.inputs")

    def expected_shapes(self, header: PackHeader) -> dict[str, Shape]:
        return {"colours": (3, 3)}

    def module(self, header: PackHeader) -> nn.Module:
        return Mixer()


class GeneratorFamily(MixerFamily):
    objectives = ("picture",)

    def inputs(self, header: PackHeader) -> tuple[InputSpec, ...]:
        return (
            InputSpec(
                name="latent", kind="vector", shape=(4,), dtype="float32", low=-3.0, high=3.0, default=1.0,
                constraint="sphere", live=True,
            ),
        )  # fmt: skip

    def expected_shapes(self, header: PackHeader) -> dict[str, Shape]:
        return {"weights": (SIZE[0] * SIZE[1] * 3, 4)}

    def module(self, header: PackHeader) -> nn.Module:
        return Generator()


@pytest.fixture
def small_families() -> Iterator[None]:
    """Both families are known in this test, as kinds `mixer` and `generator`."""
    KINDS.update(mixer=f"{__name__}:MixerFamily", generator=f"{__name__}:GeneratorFamily")
    yield
    del KINDS["mixer"], KINDS["generator"]


def small_pack(path: Path, kind: str) -> StylePack:
    """A pack of one of the families, written to its file."""
    header = PackHeader(
        name=path.stem, title="Small", objective={"mixer": "mix", "generator": "picture"}[kind], kind=kind, width=3,
        blocks=(), alpha=AlphaHeader(meaning={}, low=0, high=0, default=0), style={}, licence="MIT", training={},
        size=SIZE if kind == "generator" else None,
    )  # fmt: skip
    torch.manual_seed(0)
    net = Mixer() if kind == "mixer" else Generator()
    if isinstance(net, Generator):
        nn.init.normal_(net.weights)
    pack = make_pack(with_inputs(header), net, path)
    save_pack(pack)
    return pack
