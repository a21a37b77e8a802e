"""AdaIN: the exchange of statistics, and an encoder that is the front of a loss network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from stylefader.training.errors import PackError
from stylefader.training.losses.adain import adain_losses, take_front
from stylefader.training.losses.loss_network import load_loss_network
from stylefader.training.networks.adain import AdainEncoder, OneStyle, mixed, statistics, style_of
from stylefader.training.networks.adain_layout import FEATURES, STYLE_SIZE
from stylefader.training.networks.colours import normalise
from stylefader.training.packs.header_reading import parse_header
from stylefader.training.packs.pack import load_pack, save_pack
from tests.training.small_adain import adain_header, adain_net, adain_pack
from tests.training.small_vgg import vgg16_weights, vgg19_weights

ONE = torch.ones(1)


def test_at_alpha_0_the_picture_is_the_decoders_reconstruction() -> None:
    net, x = adain_net(), torch.randn(1, 3, 16, 24)
    again = net.decoder(net.encoder(x))
    for style in torch.rand(2, STYLE_SIZE):
        torch.testing.assert_close(net(x, torch.zeros(1), style), again)
        assert not torch.allclose(net(x, ONE, style), again, atol=0.01)


def test_at_alpha_1_features_have_the_statistics_of_the_style() -> None:
    net, x, picture = adain_net(), torch.randn(1, 3, 32, 40), torch.randn(1, 3, 40, 24)
    features, style = net.encoder(x), style_of(net.encoder, picture)[0]
    flat = features.std((0, 2, 3)) < 0.1  # of a channel without contrast there is nothing to scale
    assert flat.float().mean() < 0.5
    keep = torch.cat([~flat, ~flat])
    torch.testing.assert_close(statistics(mixed(features, ONE, style))[0][keep], style[keep], rtol=0.01, atol=0.01)
    half = mixed(features, torch.tensor([0.5]), style)
    torch.testing.assert_close(half, (features + mixed(features, ONE, style)) / 2)


def test_mixing_two_styles_is_mixing_their_features() -> None:
    features, (one, other) = torch.rand(1, FEATURES, 6, 5), torch.rand(2, STYLE_SIZE)
    both = 0.3 * mixed(features, ONE, one) + 0.7 * mixed(features, ONE, other)
    torch.testing.assert_close(mixed(features, ONE, 0.3 * one + 0.7 * other), both)


def test_each_picture_of_a_batch_has_its_own_style() -> None:
    net, x, styles = adain_net(), torch.randn(2, 3, 16, 16), torch.rand(2, STYLE_SIZE)
    both = net(x, ONE, styles)
    for number, style in enumerate(styles):
        alone = OneStyle(net, style)(x[number : number + 1], ONE)
        torch.testing.assert_close(both[number : number + 1], alone, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("weights", [vgg19_weights, vgg16_weights])
def test_the_encoder_is_the_front_of_the_loss_network(weights: Any, tmp_path: Path) -> None:
    tensors = weights()
    file = tmp_path / ("v.safetensors" if weights is vgg19_weights else "v.pth")
    save_file(tensors, file) if weights is vgg19_weights else torch.save(tensors, file)
    network, rgb01 = load_loss_network(file), torch.rand(1, 3, 48, 64)
    network.divide_activations(network.mean_activations(rgb01))
    encoder = AdainEncoder()
    take_front(encoder, network)
    expected = network(rgb01, last="conv3_1")
    for name, found in zip(("conv1_1", "conv2_1", "conv3_1"), encoder.style_features(normalise(rgb01)), strict=True):
        inner = (..., slice(4, -4), slice(4, -4))  # it pads by reflection, the loss network by zeros
        torch.testing.assert_close(found[inner], expected[name][inner], atol=0.02, rtol=0.02)


def test_losses_are_nothing_where_nothing_is_left_to_do() -> None:
    net, x = adain_net(), torch.randn(1, 3, 16, 16)
    net.decoder.forward = lambda features: x  # type: ignore[method-assign]
    picture, content, style = adain_losses(net, x, x)
    assert picture is x and float(content) < 1e-4 and float(style) < 1e-6
    assert float(adain_losses(net, x, torch.randn(1, 3, 20, 20) * 2)[2]) > 0.1


def test_a_pack_comes_back_as_it_was_written(tmp_path: Path) -> None:
    made = adain_pack(tmp_path / "a.safetensors")
    save_pack(made)
    read = load_pack(made.file)
    assert (read.header, read.n_blocks, read.weights_hash()) == (made.header, 1, made.weights_hash())
    assert [vector.shape for vector in read.style_vectors().values()] == [(STYLE_SIZE,)] * 2
    x = torch.randn(1, 3, 8, 8)
    style = torch.from_numpy(read.style_vectors()["second"])
    torch.testing.assert_close(read.network()(x, ONE, style), adain_net()(x, ONE, style), atol=0.02, rtol=0.02)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"width": 32}, "header.width must be 64"),
        ({"blocks": ()}, "header.blocks must be one, before adain, with 256 channels"),
        ({"architecture": "nano"}, "header.architecture has no effect"),
        ({"styles": ()}, "header.styles must be 1 to 1000"),
        ({"objective": "level"}, "header.objective must be"),
    ],
)
def test_headers_that_do_not_fit_are_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(PackError, match=said):
        parse_header(replace(adain_header(), **change).to_json())
