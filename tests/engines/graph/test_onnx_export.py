"""The exported graph, run by ONNX Runtime, against the `torch` engine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from stylefader.engines import frame_and_alpha, open_engine
from stylefader.engines.backends.tensorrt_rtx_build import RTX_REWRITES
from stylefader.engines.graph.onnx_export import OnnxPrecision, export_onnx
from stylefader.engines.graph.rewrite import Rewrites
from stylefader.engines.graph.sizes import FrameSizes
from stylefader.training.errors import EngineError
from stylefader.training.packs.pack import StylePack
from tests.compare import F32_DB, FP16_DB, psnr
from tests.conftest import random_pack

ort = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")

MakePicture = Callable[[int, int], npt.NDArray[np.uint8]]
RANGE = FrameSizes(smallest=(1, 1), usual=(360, 640), largest=(2160, 3840))
ALPHAS = ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), (0.2, -0.7, 3.0))


def session(model: bytes) -> Any:
    return ort.InferenceSession(model, providers=["CPUExecutionProvider"])


def reference(pack: StylePack, frame: npt.NDArray[np.uint8], alpha: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    with open_engine(pack, *frame.shape[:2], backend="torch")[0] as engine:
        return engine.run(frame_and_alpha(frame, alpha)).copy()


@pytest.mark.parametrize(
    ("precision", "rewrites"), [("f32", None), ("f32", RTX_REWRITES), ("fp16", RTX_REWRITES)], ids=str
)
def test_one_dynamic_export_serves_every_size(
    pack: StylePack, picture: MakePicture, precision: OnnxPrecision, rewrites: Rewrites | None
) -> None:
    """Sizes that need no padding, padding in one or both directions, and less than the network's smallest."""
    model = session(export_onnx(pack, RANGE, precision=precision, rewrites=rewrites))
    frame_input, alpha_input = model.get_inputs()
    assert (frame_input.name, frame_input.type) == ("frame", "tensor(uint8)")
    assert (alpha_input.name, alpha_input.type, alpha_input.shape) == ("alpha", "tensor(float)", [3])
    assert [output.name for output in model.get_outputs()] == ["picture"]
    for size in [(64, 48), (8, 8), (37, 51), (45, 64), (96, 33), (4, 4), (1, 1), (1, 97), (3, 10)]:
        frame = picture(*size)
        for values in ALPHAS:
            alpha = np.array(values, np.float32)
            (found,) = model.run(["picture"], {"frame": frame, "alpha": alpha})
            expected = reference(pack, frame, alpha)
            assert found.shape == expected.shape
            if precision == "f32":
                assert np.abs(found.astype(int) - expected).max() <= 1, (size, values)
            elif min(size) >= 8:
                assert psnr(found, expected) >= FP16_DB, (size, values)
            else:  # too few pixels for a mean
                assert np.abs(found.astype(int) - expected).max() <= 2, (size, values)


@pytest.mark.parametrize(("precision", "rewrites"), [("f32", None), ("fp16", RTX_REWRITES)], ids=str)
def test_a_nano_network_is_exported_for_every_size(
    tmp_path: Path, picture: MakePicture, precision: OnnxPrecision, rewrites: Rewrites | None
) -> None:
    pack = random_pack(tmp_path / "nano.safetensors", architecture="nano")
    model = session(export_onnx(pack, RANGE, precision=precision, rewrites=rewrites))
    for size in [(64, 48), (37, 51), (8, 9)]:
        frame, alpha = picture(*size), np.array(ALPHAS[2], np.float32)
        (found,) = model.run(["picture"], {"frame": frame, "alpha": alpha})
        expected = reference(pack, frame, alpha)
        assert found.shape == expected.shape
        assert psnr(found, expected) >= (F32_DB if precision == "f32" else FP16_DB), size


def test_a_fixed_size_is_in_the_model(pack: StylePack, picture: MakePicture) -> None:
    model = session(export_onnx(pack, FrameSizes.only(33, 50), rewrites=Rewrites(up="transposed", colours=True)))
    assert model.get_inputs()[0].shape == [33, 50, 3]
    assert model.get_outputs()[0].shape == [33, 50, 3]
    for values in ALPHAS:
        alpha = np.array(values, np.float32)
        (found,) = model.run(None, {"frame": picture(33, 50), "alpha": alpha})
        assert np.abs(found.astype(int) - reference(pack, picture(33, 50), alpha)).max() <= 1


def test_a_pack_without_blocks_has_no_alpha(tmp_path: Path, picture: MakePicture) -> None:
    pack = random_pack(tmp_path / "fixed.safetensors", places=())
    model = session(export_onnx(pack, FrameSizes.only(16, 20)))
    assert [entry.name for entry in model.get_inputs()] == ["frame"]
    (found,) = model.run(None, {"frame": picture(16, 20)})
    assert np.abs(found.astype(int) - reference(pack, picture(16, 20), np.zeros(0, np.float32))).max() <= 1


@pytest.mark.parametrize("sizes", [((0, 8), (8, 8), (8, 8)), ((8, 8), (9, 7), (16, 16)), ((8, 8), (8, 8), (4, 8))])
def test_sizes_that_do_not_grow_are_refused(sizes: tuple[tuple[int, int], ...]) -> None:
    with pytest.raises(EngineError, match="frame sizes"):
        FrameSizes(smallest=sizes[0], usual=sizes[1], largest=sizes[2])


@pytest.mark.parametrize("sizes", [RANGE, FrameSizes.only(37, 51)], ids=["range", "fixed"])
def test_a_mask_is_an_input_of_the_export(pack: StylePack, picture: MakePicture, sizes: FrameSizes) -> None:
    model = session(export_onnx(pack, sizes, rewrites=RTX_REWRITES, masked=True))
    names = ["frame", "alpha", "alpha_outside", "mask"]
    assert [given.name for given in model.get_inputs()] == names
    for size in [(37, 51)] if sizes.fixed else [(64, 48), (37, 51), (3, 10)]:
        rng = np.random.default_rng(1)
        mask = rng.integers(0, 256, size, np.uint8)
        alphas = np.array([[1, 0.5, -0.2], [0, 0.3, 1]], np.float32)
        values = dict(zip(names, (picture(*size), *alphas, mask), strict=True))
        (found,) = model.run(["picture"], values)
        with open_engine(pack, *size, backend="torch", masked=True)[0] as engine:
            expected = engine.run(values | {"mix_outside": np.ones(1, np.float32)})
        assert np.abs(found.astype(int) - expected).max() <= 1, size


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("sizes", [RANGE, FrameSizes.only(37, 51)], ids=["range", "fixed"])
def test_the_style_of_a_palette_is_an_input_of_the_export(
    tmp_path: Path, picture: MakePicture, sizes: FrameSizes, masked: bool
) -> None:
    pack = random_pack(tmp_path / "hall.safetensors", kind="palette", architecture="nano")
    first, second = pack.style_vectors().values()
    model = session(export_onnx(pack, sizes, rewrites=RTX_REWRITES, masked=masked))
    inputs = {given.name: (given.type, given.shape) for given in model.get_inputs()}
    assert list(inputs)[:3] == ["frame", "alpha", "style"] and inputs["style"] == ("tensor(float)", [len(first)])
    assert list(inputs)[3:] == (["alpha_outside", "style_outside", "mask"] if masked else [])
    rng, alpha = np.random.default_rng(1), np.array([[1, 0.5, -0.2], [0, 0.3, 1]], np.float32)
    for size in [(37, 51)] if sizes.fixed else [(64, 48), (3, 10)]:
        values = {"frame": picture(*size), "alpha": alpha[0], "style": 0.3 * first + 0.7 * second}
        if masked:
            values |= {"alpha_outside": alpha[1], "style_outside": first, "mask": rng.integers(0, 256, size, np.uint8)}
        (found,) = model.run(["picture"], values)
        with open_engine(pack, *size, backend="torch", masked=masked)[0] as engine:
            expected = engine.run(values | ({"mix_outside": np.ones(1, np.float32)} if masked else {}))
        assert np.abs(found.astype(int) - expected).max() <= 1, size
