"""mix, colour and masks in engines: what they are by default, and that all engines at hand agree."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stylefader.engines import Engine, open_engine
from stylefader.engines.backends.cuda_engine import CudaEngine
from stylefader.engines.graph.alpha_maps import block_strides
from stylefader.engines.timing import psnr_db
from stylefader.training.errors import EngineError
from stylefader.training.networks.dynamic_net import NetworkKind
from stylefader.training.packs.library import find_pack
from stylefader.training.packs.pack import StylePack, save_pack
from stylefader.training.packs.pack_file import PackFile
from tests.conftest import random_pack
from tests.engines.backends.gpu import CpuGpu
from tests.engines.small_families import small_families, small_pack

__all__ = ["small_families"]

MakePicture = Callable[[int, int], npt.NDArray[np.uint8]]
H, W = 21, 34
BACKENDS = ("torch", "openvino")
ONE, ZERO = np.ones(1, np.float32), np.zeros(1, np.float32)
NETWORKS: list[tuple[tuple[str, ...], NetworkKind]] = [
    (("residual3", "up1", "output"), "single"), (("residual3",), "single"), (("down1", "down2", "up2"), "dual"),
    ((), "single"),
]  # fmt: skip


def opened(pack: StylePack, folder: Path, backend: str, *, masked: bool = False, precision: Any = "f32") -> Engine:
    return open_engine(
        pack, H, W, backend=backend, precision=precision, cache_dir=folder / "cache", masked=masked
    )[0]  # fmt: skip


def ellipse() -> npt.NDArray[np.uint8]:
    """Soft at its border."""
    y, x = np.mgrid[:H, :W]
    return (np.clip(1.5 - np.hypot((y - H / 2) / 7, (x - W / 2) / 11), 0, 1) * 255).astype(np.uint8)


def apart(one: npt.NDArray[np.uint8], other: npt.NDArray[np.uint8]) -> int:
    return int(np.abs(one.astype(int) - other).max())


class Pair:
    """Both engines of one pack, plain and masked."""

    def __init__(self, pack: StylePack, folder: Path) -> None:
        self.plain = {name: opened(pack, folder, name) for name in BACKENDS}
        self.masked = {name: opened(pack, folder, name, masked=True) for name in BACKENDS}


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    folder = tmp_path_factory.mktemp("pair")
    pack = random_pack(folder / "p.safetensors")
    save_pack(pack)
    return Pair(pack, folder)


FRAMES = st.integers(0, 2**32 - 1).map(lambda seed: np.random.default_rng(seed).integers(0, 256, (H, W, 3), np.uint8))
ALPHAS = st.lists(st.floats(-1, 2, width=32), min_size=3, max_size=3).map(lambda one: np.array(one, np.float32))
QUICK = settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])


@QUICK
@given(FRAMES, ALPHAS, st.sampled_from(BACKENDS), st.integers(0, 3))
def test_defaults_change_nothing(
    pair: Pair, frame: npt.NDArray[np.uint8], alpha: npt.NDArray[np.float32], backend: str, given_too: int
) -> None:
    values = {"frame": frame, "alpha": alpha}
    bare = pair.plain[backend].run(values).copy()
    named = {"mix": ONE} if given_too & 1 else {}
    named |= {"colour": ZERO} if given_too & 2 else {}
    out = np.empty_like(frame)
    assert np.array_equal(pair.plain[backend].run(values | named), bare)
    assert np.array_equal(pair.plain[backend].run(values | named, out=out), bare)
    assert apart(pair.masked[backend].run(values | named), bare) <= 1, "no mask is all inside"


@QUICK
@given(FRAMES, ALPHAS, st.integers(0, 2**16))
def test_all_inputs_are_the_same_in_both_engines(
    pair: Pair, frame: npt.NDArray[np.uint8], alpha: npt.NDArray[np.float32], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    names = ("mix", "colour", "mix_outside", "colour_outside")
    values: dict[str, Any] = {name: rng.random(1).astype(np.float32) for name in names}
    values |= {"frame": frame, "alpha": alpha, "alpha_outside": rng.uniform(-1, 2, 3).astype(np.float32)}
    values["mask"] = rng.integers(0, 256, (H, W), np.uint8)
    one, other = (pair.masked[backend].run(values) for backend in BACKENDS)
    assert apart(one, other) <= 2


@pytest.mark.parametrize(("places", "kind"), NETWORKS)
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_mask_puts_each_side_at_its_own_strengths(
    tmp_path: Path, picture: MakePicture, backend: str, places: tuple[str, ...], kind: NetworkKind
) -> None:
    pack = random_pack(tmp_path / "p.safetensors", places=places, kind=kind)
    count, frame, mask = len(places), picture(H, W), ellipse()
    strong, weak = np.linspace(0.4, 1, count, dtype=np.float32), np.full(count, -0.5, np.float32)
    with opened(pack, tmp_path, backend) as plain, opened(pack, tmp_path, backend, masked=True) as engine:
        alphas = {"alpha": strong, "alpha_outside": weak} if count else {}

        def run(**values: Any) -> npt.NDArray[np.uint8]:
            return engine.run({"frame": frame, "mix_outside": ONE} | alphas | values).copy()

        only = [plain.run({"frame": frame} | ({"alpha": one} if count else {})).copy() for one in (strong, weak)]
        assert apart(run(mask=np.full((H, W), 255, np.uint8)), only[0]) <= 1
        assert apart(run(mask=np.zeros((H, W), np.uint8)), only[1]) <= 1
        same = {"alpha_outside": strong} if count else {}
        assert apart(run(mask=mask, **same), only[0]) <= 1, "one strength on both sides"
        soft = run(mask=mask)
        if count:
            assert apart(soft, only[0]) > 5 and apart(soft, only[1]) > 5
        beside = engine.run({"frame": frame, "mask": mask} | alphas)
        assert np.array_equal(beside[mask == 0], frame[mask == 0]), "outside is the original by default"
        assert apart(beside[mask == 255], soft[mask == 255]) == 0


def test_strides_of_blocks_are_seen_on_the_network(tmp_path: Path) -> None:
    pack = random_pack(tmp_path / "p.safetensors", places=("conv1", "down2", "residual1", "up1", "up2", "output"))
    assert block_strides(pack.network()) == (1, 2, 4, 4, 2, 1)


def test_bf16_takes_a_mask_of_255_for_the_whole_picture(tmp_path: Path, picture: MakePicture) -> None:
    pack = random_pack(tmp_path / "p.safetensors")
    try:
        plain, engine = (
            opened(pack, tmp_path, "openvino", masked=masked, precision="bf16") for masked in (False, True)
        )
    except EngineError as error:
        pytest.skip(str(error))
    values = {"frame": picture(H, W), "alpha": np.array([0.3, 0.9, 1], np.float32)}
    mask = {"mask": np.full((H, W), 255, np.uint8), "alpha_outside": np.zeros(3, np.float32), "mix_outside": ONE}
    assert psnr_db(engine.run(values | mask), plain.run(values)) >= 50


def test_the_ranges_of_an_int8_form_hold_for_a_mask(tmp_path: Path, bunny_frame: npt.NDArray[np.uint8]) -> None:
    pack, (height, width, _) = PackFile(find_pack("great_wave_lite")), bunny_frame.shape
    engines = [
        open_engine(
            pack, height, width, backend="openvino", precision=precision, cache_dir=tmp_path, masked=True
        )[0] for precision in ("f32", "int8")
    ]  # fmt: skip
    half = np.zeros((height, width), np.uint8)
    half[:, : width // 2] = 255
    values = {
        "frame": bunny_frame, "mask": half, "alpha": np.ones(3, np.float32), "alpha_outside": np.zeros(3, np.float32),
        "mix_outside": ONE,
    }  # fmt: skip
    exact, rounded = (engine.run(values) for engine in engines)
    assert psnr_db(rounded, exact) >= 30


def test_a_mask_has_an_entry_of_its_own_in_the_cache(tmp_path: Path) -> None:
    pack = random_pack(tmp_path / "p.safetensors")
    for hit in (False, True):
        for masked in (False, True):
            with opened(pack, tmp_path, "openvino", masked=masked) as engine:
                assert engine.outcome and engine.outcome.hit is hit and engine.masked is masked
                assert ("mask" in [spec.name for spec in engine.inputs]) is masked


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"mask": np.zeros((H, W + 1), np.uint8)}, r"mask is uint8 \(21, 35\), expected uint8 \(21, 34\)"),
        ({"mask": np.zeros((H, W), np.float32)}, r"mask is float32 \(21, 34\), expected uint8 \(21, 34\)"),
        ({"mask": [[1]]}, "mask is list, expected an array"),
        ({"mix": ONE * 2}, "mix must be from 0 to 1, not 2"),
        ({"colour": -ONE}, "colour must be from 0 to 1, not -1"),
        ({"mask": ellipse(), "mix_outside": ONE * 1.5}, "mix_outside must be from 0 to 1, not 1.5"),
        ({"mix": ONE * np.nan}, "mix has a value that is not finite"),
        ({"mix": np.ones(2, np.float32)}, r"mix is float32 \(2,\), expected float32 \(1,\)"),
        ({"color": ONE}, r"no input 'color': did you mean colour"),
    ],
)
def test_what_does_not_fit_is_one_line(pair: Pair, values: dict[str, Any], said: str) -> None:
    frame = np.zeros((H, W, 3), np.uint8)
    with pytest.raises(EngineError, match=said) as caught:
        pair.masked["torch"].run({"frame": frame} | values)
    assert "\n" not in str(caught.value) and caught.value.exit_code == 2
    with pytest.raises(EngineError, match="no input 'mask'"):
        pair.plain["torch"].run({"frame": frame, "mask": ellipse()})


@pytest.mark.usefixtures("small_families")
def test_a_network_without_alpha_is_mixed_and_one_with_a_mask_keeps_its_own(tmp_path: Path) -> None:
    pack = small_pack(tmp_path / "mixer.safetensors", "mixer")
    frame = np.full((H, W, 3), 100, np.uint8)
    for masked in (False, True):
        with opened(pack, tmp_path, "torch", masked=masked) as engine:
            assert not engine.masked and [spec.name for spec in engine.finishing] == ["mix", "colour"]
            assert (engine.run({"frame": frame, "mix": ONE * 0.5}) == 75).all(), "halfway from 100 to 50"
            red = engine.run({"frame": frame, "mask": np.full((H, W), 255, np.uint8)})
            assert (red == [255, 0, 0]).all()
    generator = small_pack(tmp_path / "generator.safetensors", "generator")
    with open_engine(generator, backend="torch")[0] as engine:
        assert engine.finishing == ()


def test_a_gpu_engine_finishes_on_its_stream_and_only_where_it_is_asked_to(
    tmp_path: Path, picture: MakePicture, cpu_gpu: CpuGpu
) -> None:
    pack, frame, mask = random_pack(tmp_path / "p.safetensors"), picture(H, W), ellipse()
    alphas = {"alpha": np.ones(3, np.float32), "alpha_outside": np.zeros(3, np.float32)}
    calls: list[dict[str, Any]] = [
        {}, {"mix": ONE * 0.3}, {"colour": ONE}, {"mask": mask}, {"mask": mask, "mix_outside": ONE},
        {"mask": mask, "mix": ONE * 0.8, "colour_outside": ONE * 0.5, "mix_outside": ONE * 0.4},
    ]  # fmt: skip
    with (
        opened(pack, tmp_path, "torch", masked=True) as reference,
        CudaEngine(pack, H, W, precision="f32", masked=True) as engine,
    ):
        finishing = cpu_gpu.recordings[0]
        for values in calls:
            values = {"frame": frame} | alphas | values
            assert apart(engine.run(values), reference.run(values)) <= 2
            tensors = {name: torch.from_numpy(value) for name, value in values.items()}
            assert apart(engine.run_cuda(tensors).numpy(), reference.run(values)) <= 2
        finishing.reset()  # replaying it now would fail
        plain = {"frame": frame, "mix": ONE, "colour": ZERO} | alphas
        assert apart(engine.run(plain), reference.run(plain)) <= 1
    with pytest.raises(EngineError, match="mix must be from 0 to 1"), CudaEngine(pack, H, W) as engine:
        engine.run({"frame": frame, "mix": ONE * 2})
