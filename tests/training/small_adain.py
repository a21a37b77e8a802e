"""Packs of kind `adain` with random weights, so that no loss network is needed."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from stylefader.training.networks.adain import AdainNet
from stylefader.training.networks.adain_layout import ADAIN, STYLE_SIZE, WIDTH
from stylefader.training.packs.families.adain import adain_block
from stylefader.training.packs.header_reading import with_inputs
from stylefader.training.packs.pack import StylePack, make_pack
from stylefader.training.packs.pack_header import AlphaHeader, PackHeader, StyleHeader


def adain_net(seed: int = 0) -> AdainNet:
    """A network whose features and colours are about as large as those of a trained one."""
    torch.manual_seed(seed)
    net = AdainNet()
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
    with torch.no_grad():
        net.decoder["conv1_1"].weight.mul_(0.3)
    return net.eval().requires_grad_(False)


def adain_header(name: str = "adain", styles: tuple[str, ...] = ("first", "second")) -> PackHeader:
    made = PackHeader(
        name=name, title="Random", objective=ADAIN, kind=ADAIN, width=WIDTH, blocks=(adain_block(),),
        alpha=AlphaHeader(meaning={}, low=0, high=1, default=1), style={}, licence="MIT", training={},
        styles=tuple(StyleHeader(name=style, painting={}) for style in styles),
    )  # fmt: skip
    return with_inputs(made)


def adain_pack(path: Path, *, seed: int = 0) -> StylePack:
    """A pack with two styles, not yet written."""
    net = adain_net(seed)
    return make_pack(adain_header(path.stem), net, path, styles=torch.rand(2, STYLE_SIZE) + 0.2)
