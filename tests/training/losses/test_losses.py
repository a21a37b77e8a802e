from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from stylefader.training.errors import TrainingError
from stylefader.training.losses.loss_network import load_loss_network
from stylefader.training.losses.perceptual import StyleTarget, content_loss, gram, random_window
from tests.training.small_vgg import vgg16_weights, vgg19_weights


@pytest.fixture(scope="module")
def vgg19(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("vgg") / "vgg19.safetensors"
    save_file(vgg19_weights(), path)
    return path


def test_gram_is_the_mean_outer_product() -> None:
    features = torch.randn(2, 5, 3, 4)
    by_hand = sum(
        torch.einsum("nc,nd->ncd", features[:, :, y, x], features[:, :, y, x]) for y in range(3) for x in range(4)
    )
    torch.testing.assert_close(gram(features), by_hand / 12)


def test_both_published_forms_are_known(vgg19: Path, tmp_path: Path) -> None:
    torch.save(vgg16_weights(), tmp_path / "vgg16-397923af.pth")
    caffe, torchvision = load_loss_network(vgg19), load_loss_network(tmp_path / "vgg16-397923af.pth")
    assert caffe.layers.style == ("conv1_1", "conv2_1", "conv3_1", "conv3_4")
    assert caffe.layers.content == ("conv3_1",)
    assert torchvision.layers.style == ("conv1_2", "conv2_2", "conv3_3", "conv4_3")
    x = torch.rand(1, 3, 32, 32)
    assert {name: f.shape[1] for name, f in torchvision(x).items()}["conv4_3"] == 512
    assert caffe(x)["conv3_4"].shape == (1, 256, 8, 8)
    assert list(caffe(x, last="conv2_1")) == ["conv1_1", "conv1_2", "conv2_1"]


def test_the_caffe_convention_is_blue_first_less_the_mean(vgg19: Path) -> None:
    weights = vgg19_weights()
    rgb01 = torch.rand(1, 3, 16, 16)
    bgr = rgb01.flip(1) * 255 - torch.tensor([103.939, 116.779, 123.68]).view(1, 3, 1, 1)
    by_hand = torch.relu(torch.nn.functional.conv2d(bgr, weights["conv1_1.weight"], weights["conv1_1.bias"], padding=1))
    torch.testing.assert_close(load_loss_network(vgg19)(rgb01)["conv1_1"], by_hand, rtol=1e-4, atol=1e-3)


def test_rescaled_layers_have_mean_activation_one(vgg19: Path) -> None:
    network, x = load_loss_network(vgg19), torch.rand(4, 3, 32, 32)
    before = network(x)
    means = network.mean_activations(x)
    network.divide_activations(means)
    after = network(x)
    for name, features in after.items():
        assert float(features.mean()) == pytest.approx(1, rel=1e-4)
        torch.testing.assert_close(features * means[name], before[name], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("pyramid", [1, 2])
def test_style_loss_is_zero_for_the_style_and_one_for_nothing(vgg19: Path, pyramid: int) -> None:
    network, style = load_loss_network(vgg19), torch.rand(1, 3, 32, 32)
    target = StyleTarget(network, style, pyramid=pyramid)
    assert float(target.loss(style, network(style))) == pytest.approx(0, abs=1e-6)
    network.convs.requires_grad_(False)
    for conv in network.convs.values():
        conv.weight.zero_()
        conv.bias.zero_()
    assert float(target.loss(style, network(style))) == pytest.approx(1)


def test_content_loss_is_the_mean_square(vgg19: Path) -> None:
    network = load_loss_network(vgg19)
    a, b = network(torch.rand(1, 3, 16, 16)), network(torch.rand(1, 3, 16, 16))
    expected = np.mean((a["conv3_1"].numpy() - b["conv3_1"].numpy()) ** 2)
    assert float(content_loss(a, b, ("conv3_1",))) == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.parametrize("content", [b"", b"nonsense", None])
def test_other_files_are_refused(tmp_path: Path, content: bytes | None) -> None:
    for name in ("vgg.pth", "vgg.safetensors"):
        path = tmp_path / name
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(TrainingError, match=r"cannot read the loss network|no loss network at"):
            load_loss_network(path)


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_file({"weight": torch.zeros(3)}, path)
    with pytest.raises(TrainingError, match="is no loss network that is known here"):
        load_loss_network(path)


def test_the_window_moves_over_the_whole_period_and_alike_for_all_pictures() -> None:
    """Each pixel holds its own place, so a window says where it was cut."""
    places = torch.arange(40.0).view(1, 1, 40, 1) * 100 + torch.arange(48.0)
    seen = set()
    for step in range(600):
        one, two = random_window(places, places + 5, period=8, seed=3, step=step)
        assert one.shape == (1, 1, 32, 40)
        assert torch.equal(two, one + 5)
        seen.add(int(one[0, 0, 0, 0]))
    assert seen == {100 * top + left for top in range(8) for left in range(8)}
    again = random_window(places, period=8, seed=3, step=7)[0]
    assert torch.equal(again, random_window(places, period=8, seed=3, step=7)[0])


def test_the_period_is_that_of_the_loss_networks_poolings_and_the_pyramid(vgg19: Path, tmp_path: Path) -> None:
    """A picture moved by the period has the same features, moved; by less it has others."""
    torch.save(vgg16_weights(), tmp_path / "vgg16.pth")
    style = torch.rand(1, 3, 64, 64)
    for path, deepest, stride in ((vgg19, "conv3_4", 4), (tmp_path / "vgg16.pth", "conv4_3", 8)):
        network = load_loss_network(path)
        assert network.stride == stride
        assert StyleTarget(network, style, pyramid=3).grid_period == 4 * stride
        x = torch.rand(1, 3, 192, 192)
        features = network(x)[deepest]
        n = 192 // stride // 2
        inside = slice(n - 1, n + 2)  # beyond what the zeros at the edges reach
        moved = network(x.roll(-stride, -1))[deepest]
        torch.testing.assert_close(moved[..., inside, inside], features[..., inside, n : n + 3], rtol=1e-3, atol=1e-3)
        half = network(x.roll(-stride // 2, -1))[deepest]
        assert float((half[..., inside, inside] - features[..., inside, n : n + 3]).abs().max()) > 0.01
