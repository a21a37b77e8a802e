from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import openvino as ov
import pytest

from stylefader.engines import EngineBuild, open_engine
from stylefader.engines.backends.openvino_engine import OpenVinoEngine
from stylefader.engines.example_inputs import random_vectors
from stylefader.engines.int8.form import Fidelity, Quantized, find_quantized, made_here_file, quantized_file
from stylefader.engines.int8.quantize import find_ranges, measure_fidelity, quantize
from stylefader.training.errors import EngineError
from stylefader.training.packs.families.dynamic_net import style_inputs
from stylefader.training.packs.library import gallery
from stylefader.training.packs.pack import StylePack, save_pack
from stylefader.training.packs.pack_file import PackFile
from tests.compare import psnr
from tests.conftest import random_pack

MakePicture = Callable[[int, int], npt.NDArray[np.uint8]]
LEAST_DB = 30.0
FIDELITY = Fidelity(photographs=1, size="32x32", alpha=(0.0, 1.0), psnr_db=(41.0, 36.5), worst_db=(40.0, 30.0))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[StylePack, Quantized]:
    """A small pack, written, and its form, made over noise; both are left as they are."""
    pack = random_pack(tmp_path_factory.mktemp("int8") / "small.safetensors")
    save_pack(pack)
    frames = np.random.default_rng(0).integers(0, 256, (8, 32, 40, 3), np.uint8)
    return pack, quantize(pack, list(frames), list(frames[:2]))


@pytest.fixture
def quantized(made: tuple[StylePack, Quantized], tmp_path: Path) -> StylePack:
    """A copy of the small pack with its int8 form beside it."""
    pack = replace(made[0], file=tmp_path / "small.safetensors")
    save_pack(pack)
    replace(made[1], fidelity=FIDELITY).save(quantized_file(pack))
    return pack


@pytest.mark.parametrize("size", [(32, 40), (33, 50), (64, 48), (4, 4), (1, 97)], ids=str)
def test_int8_gives_nearly_the_picture_of_torch_at_any_size(
    quantized: StylePack, picture: MakePicture, size: tuple[int, int], tmp_path: Path
) -> None:
    with (
        open_engine(quantized, *size, backend="torch")[0] as reference,
        open_engine(quantized, *size, backend="openvino", precision="int8", cache_dir=tmp_path)[0] as engine,
    ):
        assert engine.precision == "int8"
        pictures = []
        for values in ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), (0.2, 1.0, 0.5)):
            alpha = np.array(values, np.float32)
            found = engine.run({"frame": picture(*size), "alpha": alpha}).copy()
            assert found.shape == (*size, 3)
            if min(size) >= 32:  # ranges are of whole pictures; instance norms over a few pixels leave them
                assert psnr(found, reference.run({"frame": picture(*size), "alpha": alpha})) >= LEAST_DB
            pictures.append(found)
        assert not np.array_equal(pictures[0], pictures[1]), "alpha is still an input"


def test_int8_of_a_nano_network_gives_nearly_its_picture(tmp_path: Path, picture: MakePicture) -> None:
    pack = random_pack(tmp_path / "nano.safetensors", architecture="nano", width=16)
    save_pack(pack)
    frames = list(np.random.default_rng(0).integers(0, 256, (8, 32, 40, 3), np.uint8))
    quantize(pack, frames, frames[:2]).save(quantized_file(pack))
    with (
        open_engine(pack, 48, 64, backend="torch")[0] as reference,
        open_engine(pack, 48, 64, backend="openvino", precision="int8", cache_dir=tmp_path)[0] as engine,
    ):
        for value in (0.0, 1.0):
            values = {"frame": picture(48, 64), "alpha": np.full(3, value, np.float32)}
            assert psnr(engine.run(values), reference.run(values)) >= LEAST_DB


def test_the_convolutions_are_really_computed_in_int8(quantized: StylePack) -> None:
    found = find_quantized(quantized)
    assert found is not None
    types = [op.get_type_name() for op in found.model(quantized, 32, 40).get_ops()]
    convolutions = sum(name in ("Convolution", "ConvolutionBackpropData") for name in types)
    assert types.count("FakeQuantize") == len(found.ranges) >= 15, "two convolutions may have the same features"
    compiled = ov.Core().compile_model(found.model(quantized, 32, 40), "CPU")
    ran = [op.get_rt_info() for op in compiled.get_runtime_model().get_ops()]
    kinds = [info["runtimePrecision"].astype(str) for info in ran if "onvolution" in info["layerType"].astype(str)]
    assert sum(kind in ("u8", "i8") for kind in kinds) >= convolutions / 2


def test_fidelity_is_that_of_the_two_pictures(made: tuple[StylePack, Quantized], picture: MakePicture) -> None:
    pack, form = made
    frames = [picture(32, 40), picture(32, 40)[::-1].copy()]
    asked: list[float] = []

    def losses(photo: npt.NDArray[np.uint8], out: npt.NDArray[np.uint8]) -> tuple[float, float]:
        asked.append(float(out.mean()))
        return 1.0, 2.0

    measured = measure_fidelity(pack, form, frames, (0.0, 1.0), losses=losses)
    assert measured.photographs == 2 and measured.size == "40x32" and len(asked) == 8
    assert measured.content_change == measured.style_change == (0.0, 0.0)
    assert all(worst <= mean <= 99 for worst, mean in zip(measured.worst_db, measured.psnr_db, strict=True))
    worse = replace(form, ranges={name: (16 * low, 16 * high) for name, (low, high) in form.ranges.items()})
    assert max(measure_fidelity(pack, worse, frames, (0.0, 1.0)).psnr_db) < min(measured.psnr_db)


def test_every_gallery_pack_with_an_int8_form_holds_what_its_file_says(picture: MakePicture) -> None:
    found = [(file, find_quantized(PackFile(file))) for file, _ in gallery()]
    assert any(quantized for _, quantized in found)
    for file, quantized in found:
        if quantized is None:
            continue
        assert quantized.psnr_db >= 32, file
        frame, alpha = picture(96, 160), np.full(PackFile(file).n_blocks, 0.5, np.float32)
        with (
            open_engine(PackFile(file), 96, 160, backend="torch")[0] as reference,
            open_engine(PackFile(file), 96, 160, backend="openvino", precision="int8")[0] as engine,
        ):
            # A made-up picture is not a photograph: a few dB of leave.
            values = {"frame": frame, "alpha": alpha}
            assert psnr(engine.run(values), reference.run(values)) >= quantized.psnr_db - 6


def test_without_an_int8_form_the_command_that_makes_it_is_named(pack: StylePack) -> None:
    with pytest.raises(EngineError, match=r"no int8 form.*stylefader engine quantize random --photos"):
        open_engine(pack, 32, 32, backend="openvino", precision="int8")
    assert find_quantized(pack) is None


def test_an_int8_form_of_other_weights_is_refused(quantized: StylePack) -> None:
    other = replace(random_pack(quantized.file, seed=5), file=quantized.file)
    with pytest.raises(EngineError, match="other weights"):
        find_quantized(other)


@pytest.mark.parametrize("spoil", ["cut", "noise", "other", "format", "psnr", "range", "beyond"])
def test_a_file_that_is_no_int8_form_is_refused(quantized: StylePack, spoil: str) -> None:
    file = quantized_file(quantized)
    good = file.read_bytes()
    if spoil == "other":
        file.write_text("[1, 2]")
    else:
        file.write_bytes({
            "cut": good[: len(good) // 2],
            "noise": b"\x00" * 64,
            "format": good.replace(b'"format": 2', b'"format": 7'),
            "psnr": good.replace(b"41.0", b"NaN"),
            "range": re.sub(rb'("ranges": {\s*"[^"]+": \[\s*)', rb"\g<1>1.0, ", good),
            "beyond": re.sub(rb'("ranges": {\s*"[^"]+": \[\s*)[-.0-9e]+', rb"\g<1>-1e30", good),
        }[spoil])  # fmt: skip
    with pytest.raises(EngineError, match=r"quantise again|not known here"):
        find_quantized(quantized)


def test_another_int8_form_makes_another_engine(quantized: StylePack, tmp_path: Path) -> None:
    def outcome() -> str:
        with open_engine(quantized, 32, 32, backend="openvino", precision="int8", cache_dir=tmp_path / "c")[0] as e:
            assert isinstance(e, OpenVinoEngine) and e.outcome is not None
            return e.outcome.digest

    first = outcome()
    assert outcome() == first
    found = find_quantized(quantized)
    assert found is not None
    name, (low, high) = next(iter(found.ranges.items()))
    replace(found, ranges={**found.ranges, name: (low, high + 1)}).save(quantized_file(quantized))
    assert outcome() != first


def test_a_build_in_the_background_finds_the_int8_form(quantized: StylePack, tmp_path: Path) -> None:
    with EngineBuild(quantized, 32, 40, backend="openvino", precision="int8", cache_dir=tmp_path / "c") as build:
        assert build.wait(60)
        taken = build.take()
        assert taken is not None
        assert taken[0].precision == "int8"
        taken[0].close()


def test_alphas_reach_every_end_and_repeat() -> None:
    specs = style_inputs(["a", "b", "c"], low=-1, high=1)
    rows = random_vectors(specs)
    first = np.stack([next(rows)["alpha"] for _ in range(400)])
    assert first.min() == -1 and first.max() == 1 and first.dtype == np.float32
    together = (first == first[:, :1]).all(1)
    assert 0.5 < together.mean() < 0.7
    again = random_vectors(specs)
    np.testing.assert_array_equal(first[:5], np.stack([next(again)["alpha"] for _ in range(5)]))


def test_frames_of_several_sizes_are_refused(pack: StylePack) -> None:
    with pytest.raises(EngineError, match="one size"):
        find_ranges(pack, [np.zeros((32, 32, 3), np.uint8), np.zeros((32, 36, 3), np.uint8)])


def test_a_form_is_a_few_kilobytes_and_of_one_network(quantized: StylePack) -> None:
    found = find_quantized(quantized)
    assert found is not None
    assert quantized_file(quantized).stat().st_size < 10_000
    other = replace(found, ranges=dict(list(found.ranges.items())[1:]))
    with pytest.raises(EngineError, match="of another graph"):
        other.model(quantized, 32, 40)


def test_features_of_both_signs_keep_their_zero(made: tuple[StylePack, Quantized]) -> None:
    for low, high in made[1].ranges.values():
        zero = -low * 255 / (high - low)
        assert low <= 0 < high and zero == pytest.approx(round(zero), abs=1e-6)


def test_ranges_hold_what_the_strongest_alpha_reaches(pack: StylePack, picture: MakePicture) -> None:
    few, many = (find_ranges(pack, [picture(32, 40)] * count) for count in (1, 4))
    assert few.keys() == many.keys()
    assert all(many[name][1] >= few[name][1] for name in few)
    assert any(many[name][1] > few[name][1] for name in few)


def test_a_form_that_was_made_here_is_found_in_the_cache(quantized: StylePack, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir(mode=0o700)
    quantized_file(quantized).rename(made_here_file(quantized, cache))
    assert find_quantized(quantized) is None
    assert find_quantized(quantized, cache) is not None
    with open_engine(quantized, 32, 40, backend="openvino", precision="int8", cache_dir=cache)[0] as engine:
        assert engine.precision == "int8"
    made_here_file(quantized, cache).chmod(0o666)
    with pytest.raises(EngineError, match="others can write"):
        find_quantized(quantized, cache)
