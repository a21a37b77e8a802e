"""Random weights in the form of the two published VGG files, so that the tests need no download."""

from __future__ import annotations

import torch

_CHANNELS_19 = {"conv1_1": (3, 64), "conv1_2": (64, 64), "conv2_1": (64, 128), "conv2_2": (128, 128),
                "conv3_1": (128, 256), "conv3_2": (256, 256), "conv3_3": (256, 256), "conv3_4": (256, 256)}  # fmt: skip
_CHANNELS_16 = {0: (3, 64), 2: (64, 64), 5: (64, 128), 7: (128, 128), 10: (128, 256), 12: (256, 256), 14: (256, 256),
                17: (256, 512), 19: (512, 512), 21: (512, 512)}  # fmt: skip


def _conv(name: str, channels: tuple[int, int], generator: torch.Generator) -> dict[str, torch.Tensor]:
    fan_in = 9 * channels[0]
    weight = torch.randn(channels[1], channels[0], 3, 3, generator=generator) * (2 / fan_in) ** 0.5
    return {f"{name}.weight": weight, f"{name}.bias": torch.rand(channels[1], generator=generator)}


def vgg19_weights() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {k: v for name, channels in _CHANNELS_19.items() for k, v in _conv(name, channels, generator).items()}


def vgg16_weights() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {
        k: v
        for place, channels in _CHANNELS_16.items()
        for k, v in _conv(f"features.{place}", channels, generator).items()
    }
