"""What many tests share: small packs with random weights, pictures to put through them, profiles of Hypothesis."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import HealthCheck, settings

from stylefader.engines import REGISTRY
from stylefader.training.networks.architectures import ArchitectureName
from stylefader.training.networks.dynamic_net import THREE_BLOCKS, DynamicNet, NetworkKind
from stylefader.training.networks.predictor import StylePredictor
from stylefader.training.packs.header_reading import with_inputs
from stylefader.training.packs.pack import StylePack, make_pack, save_pack
from stylefader.training.packs.pack_header import AlphaHeader, BlockHeader, PackHeader, PredictorHeader, StyleHeader

MakePack = Callable[..., StylePack]

_QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture]
# The same few examples in every run, however slow the machine is.
settings.register_profile(
    "ci", max_examples=50, deadline=None, derandomize=True, database=None, suppress_health_check=_QUIET
)
# New examples in each run, for as long as one likes: `make fuzz`. What fails is kept and tried first the next time.
settings.register_profile(
    "fuzz", max_examples=int(os.environ.get("EXAMPLES") or 5000), deadline=None, suppress_health_check=_QUIET
)
settings.load_profile("ci")


def random_pack(
    path: Path,
    *,
    architecture: ArchitectureName = "johnson",
    width: int = 8,
    places: tuple[str, ...] = THREE_BLOCKS,
    kind: NetworkKind = "single",
    seed: int = 0,
    styles: tuple[str, ...] = ("first", "second"),
    predicts: bool = False,
) -> StylePack:
    """A pack whose blocks do something at every alpha, not yet written.

    styles: of a palette. predicts: whether it has a prediction network as well.
    """
    torch.manual_seed(seed)
    net = DynamicNet(architecture=architecture, width=width, places=places, kind=kind)
    for name, parameter in net.blocks.named_parameters():
        if name.endswith("weight"):
            torch.nn.init.normal_(parameter, std=0.05)
    header = PackHeader(
        name=path.stem,
        title="Random",
        objective="dual" if kind == "dual" else "level" if places else "fixed",
        kind=kind,
        architecture=architecture,
        width=width,
        blocks=tuple(
            BlockHeader(place=place, channels=net.main.channels_before(place), label=place) for place in places
        ),
        alpha=AlphaHeader(
            meaning={"0": "main", "1": "blocks"}, low=-1 if kind == "dual" else 0, high=1 if places else 0, default=0
        ),
        style={"title": "Random"},
        licence="MIT",
        training={},
        styles=tuple(StyleHeader(name=name, painting={"title": name.title()}) for name in styles if net.style_size),
        predictor=PredictorHeader(side=48, channels=(4, 6, 8), hidden=10) if predicts else None,
    )
    vectors = torch.randn(len(styles), net.style_size) * 0.3 if net.style_size else None
    predictor = None
    if header.predictor is not None:
        assert vectors is not None
        predictor = StylePredictor(header.predictor.channels, header.predictor.hidden, net.style_size)
        predictor.lay_around(vectors)
        torch.nn.init.normal_(predictor.style.weight, std=0.3)
    return make_pack(with_inputs(header), net, path, styles=vectors, predictor=predictor)


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Engines that tests build are kept for this run of the tests alone, also by the programs that they start."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data")))  # no styles of the user
        yield


@pytest.fixture(scope="session", autouse=True)
def _signals_as_on_a_terminal() -> Iterator[None]:
    """Programs that tests start inherit what is ignored here: a shell, and nohup, ignore some of these signals."""
    before = {
        signal.SIGQUIT: signal.SIG_DFL, signal.SIGHUP: signal.SIG_DFL, signal.SIGINT: signal.default_int_handler
    }  # fmt: skip
    before = {number: signal.signal(number, handler) for number, handler in before.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(autouse=True)
def _logs_as_at_the_start() -> None:
    """Commands that ran in this process, and libraries, leave no levels behind for the next test."""
    for name, log in logging.root.manager.loggerDict.items():
        if name.partition(".")[0] == "stylefader" and isinstance(log, logging.Logger):
            log.disabled = False
            log.setLevel(logging.NOTSET)


@pytest.fixture(autouse=True)
def _own_registry() -> Iterator[None]:
    """What a test takes out of the registry comes back in its place: the order means something."""
    entries = dict(REGISTRY)
    yield
    REGISTRY.clear()
    REGISTRY.update(entries)


@pytest.fixture
def pack(tmp_path: Path) -> StylePack:
    """A small three-block pack, written to its file."""
    made = random_pack(tmp_path / "random.safetensors")
    save_pack(made)
    return made


@pytest.fixture
def picture() -> Callable[[int, int], npt.NDArray[np.uint8]]:
    """picture(height, width): a smooth random picture, uint8 (height, width, 3), the same at every call."""

    def make(height: int, width: int) -> npt.NDArray[np.uint8]:
        coarse = np.random.default_rng(7).integers(0, 256, (6, 8, 3), np.uint8)
        return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)

    return make


@pytest.fixture(scope="session")
def bunny_frame() -> npt.NDArray[np.uint8]:
    """A frame of a real clip, the demo's, made small: uint8 (90, 160, 3)."""
    import av

    from stylefader.tools.commands.demo import demo_clip

    with av.open(demo_clip("bigbuckbunny")) as clip:
        frame = next(frame for number, frame in enumerate(clip.decode(video=0)) if number == 40)
    image = frame.to_ndarray(format="rgb24")
    return np.asarray(cv2.resize(image, (160, 90), interpolation=cv2.INTER_AREA), np.uint8)
