"""Palettes in engines: all at hand agree over random styles and strengths, and a change of style costs nothing."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import numpy as np
import numpy.typing as npt
import pytest
import torch

from stylefader.engines import Engine, open_engine
from stylefader.engines.backends.cuda_engine import CudaEngine
from stylefader.engines.backends.openvino_engine import OpenVinoEngine
from stylefader.engines.base import Precision
from stylefader.engines.example_inputs import mixed, random_vectors, styles_of
from stylefader.engines.graph.families import graphs_of
from stylefader.engines.graph.frame_graph import FrameGraph
from stylefader.engines.graph.rewrite import Rewrites, UpForm
from stylefader.engines.int8.form import find_quantized, made_here_file, quantized_file
from stylefader.engines.int8.quantize import find_ranges, quantize
from stylefader.engines.selection.measuring_worker import _settings
from stylefader.training.errors import EngineError
from stylefader.training.networks.architectures import ArchitectureName
from stylefader.training.packs.pack import StylePack, save_pack
from stylefader.training.packs.pack_file import PackFile
from tests.compare import psnr
from tests.conftest import random_pack
from tests.engines.backends.gpu import CpuGpu

MakePicture = Callable[[int, int], npt.NDArray[np.uint8]]
Array = npt.NDArray[Any]
H, W = 45, 66
NAMES = ("one", "two", "three")
ONE = np.ones(1, np.float32)
NETWORKS: tuple[tuple[ArchitectureName, int], ...] = (("johnson", 8), ("nano", 16))


def palette(folder: Path, architecture: ArchitectureName = "johnson", width: int = 8) -> StylePack:
    made = random_pack(
        folder / f"{architecture}.safetensors", architecture=architecture, width=width, kind="palette", styles=NAMES
    )
    save_pack(made)
    return made


def opened(pack: StylePack, backend: str, precision: Precision = "f32", *, masked: bool = False) -> Engine:
    if precision == "int8":  # without the proof, which takes seconds
        return OpenVinoEngine(pack, H, W, precision=precision, masked=masked)
    return open_engine(
        pack, H, W, backend=backend, precision=precision, cache_dir=pack.file.parent / "cache", masked=masked
    )[0]  # fmt: skip


def moments(pack: StylePack, count: int) -> list[dict[str, Array]]:
    """Strengths and styles: each of the palette's, mixtures, and at last a vector of any numbers."""
    styles, rng = styles_of(pack), np.random.default_rng(3)
    assert styles is not None
    chosen = [*styles, *(mixed(styles, rng) for _ in range(count))][: max(count - 1, 2)]
    chosen.append(rng.normal(0, 0.4, styles.shape[1]).astype(np.float32))
    return [{"alpha": rng.uniform(-0.5, 1.5, 3).astype(np.float32), "style": style} for style in chosen[:count]]


def apart(one: Array, other: Array) -> int:
    return int(np.abs(one.astype(int) - other).max())


@pytest.mark.parametrize(("architecture", "width"), NETWORKS)
@pytest.mark.parametrize(("precision", "least_db"), [("f32", 58.0), ("bf16", 34.0)])
def test_openvino_gives_the_picture_of_torch_for_any_style(
    tmp_path: Path, picture: MakePicture, architecture: ArchitectureName, width: int, precision: Precision,
    least_db: float,
) -> None:  # fmt: skip
    pack = palette(tmp_path, architecture, width)
    try:
        engine = opened(pack, "openvino", precision)
    except EngineError as error:
        pytest.skip(str(error))
    with engine, opened(pack, "torch") as reference:
        for values in moments(pack, 7):
            values |= {"frame": picture(H, W)}
            assert psnr(engine.run(values), reference.run(values)) >= least_db


@pytest.mark.parametrize(("architecture", "width"), NETWORKS)
def test_every_rewrite_and_half_precision_give_the_picture_of_torch(
    tmp_path: Path, picture: MakePicture, architecture: ArchitectureName, width: int
) -> None:
    pack = palette(tmp_path, architecture, width)
    forms = [Rewrites(up=up, output_stride=2, colours=up == "wide") for up in get_args(UpForm)]
    graphs = [(FrameGraph(pack.network(), H, W, rewrites=form), 1) for form in forms]
    graphs.append((FrameGraph(pack.network(), H, W, half=True), 6))
    frame = torch.from_numpy(picture(H, W))
    with opened(pack, "torch") as reference, torch.inference_mode():
        for values in moments(pack, 4):
            expected = reference.run({"frame": frame.numpy()} | values)
            for graph, most in graphs:
                found = graph.eval()(frame, torch.from_numpy(values["alpha"]), torch.from_numpy(values["style"]))
                assert apart(found.numpy(), expected) <= most


@pytest.mark.parametrize("masked", [False, True])
def test_the_form_for_tensorrt_gives_the_picture_of_torch(tmp_path: Path, picture: MakePicture, masked: bool) -> None:
    pack, frame = palette(tmp_path), picture(48, 64)
    graph = graphs_of(pack.header).padded_graph(pack, "f32", Rewrites(up="wide", output_stride=2), masked=masked)
    values = moments(pack, 2)
    tensors = [torch.from_numpy(frame).float(), *(torch.from_numpy(values[0][name]) for name in ("alpha", "style"))]
    given = values[0] | {"frame": frame}
    if masked:
        mask = np.tile(np.linspace(0, 255, 64).astype(np.uint8), (48, 1))
        tensors += [*(torch.from_numpy(values[1][name]) for name in ("alpha", "style"))]
        tensors.append(torch.from_numpy(mask).float())
        given |= {f"{name}_outside": value for name, value in values[1].items()} | {"mask": mask, "mix_outside": ONE}
    with open_engine(pack, 48, 64, backend="torch", masked=masked)[0] as reference, torch.inference_mode():
        assert apart(graph(*tensors).numpy(), reference.run(given)) <= 1


@pytest.mark.parametrize(("architecture", "width"), NETWORKS)
def test_int8_holds_for_every_style_of_the_palette_and_mixtures(
    tmp_path: Path, picture: MakePicture, architecture: ArchitectureName, width: int
) -> None:
    pack = palette(tmp_path, architecture, width)
    frames = list(np.random.default_rng(0).integers(0, 256, (4, 32, 40, 3), np.uint8))
    quantize(pack, [*frames, picture(32, 40)], frames[:2]).save(quantized_file(pack))
    with opened(pack, "openvino", "int8") as engine, opened(pack, "torch") as reference:
        for values in moments(pack, 6)[:-1]:
            values |= {"frame": picture(H, W), "alpha": values["alpha"].clip(0, 1)}
            assert psnr(engine.run(values), reference.run(values)) >= 30


def test_ranges_are_as_wide_as_the_widest_style_needs(tmp_path: Path, picture: MakePicture) -> None:
    pack = palette(tmp_path)
    wide = random_pack(tmp_path / "wide.safetensors", kind="palette", styles=NAMES)
    wide.tensors["styles"][2] *= 8
    (narrow, reaching) = (find_ranges(one, [picture(32, 40)]) for one in (pack, wide))
    assert sum(reaching[name][1] > 2 * narrow[name][1] for name in narrow) > len(narrow) / 3


def test_each_style_meets_all_strengths_in_turn(tmp_path: Path) -> None:
    pack = palette(tmp_path)
    styles = styles_of(pack)
    assert styles is not None
    rows, met = random_vectors(pack.header.inputs, styles=styles), set()
    for number in range(80):
        values = next(rows)
        same = [place for place, style in enumerate(styles) if np.array_equal(style, values["style"])]
        met.add((same[0] if same else None, number % 4))
    assert met == {(style, kind) for style in (0, 1, 2, None) for kind in range(4)}


def test_engines_are_measured_and_proved_with_styles_of_the_palette(tmp_path: Path, picture: MakePicture) -> None:
    pack = palette(tmp_path)
    styles = list(pack.style_vectors().values())
    np.save(tmp_path / "frame.npy", picture(H, W))
    order = {"pack": str(pack.file), "scratch": str(tmp_path), "shares": [0.0, 1.0]}
    with opened(pack, "openvino") as engine:
        *one_style, mixture = (values["style"] for values in _settings(order, engine))
    assert np.array_equal(one_style[0], styles[0]) and np.array_equal(one_style[1], styles[-1])
    np.testing.assert_allclose(mixture, np.mean(styles, 0), atol=1e-6)


def test_an_int8_form_is_refused_with_styles_that_it_was_not_made_with(tmp_path: Path) -> None:
    pack = palette(tmp_path)
    frames = [np.zeros((32, 32, 3), np.uint8)]
    quantize(pack, frames, frames).save(quantized_file(pack))
    assert find_quantized(pack) is not None and find_quantized(PackFile(pack.file)) is not None
    before = made_here_file(pack, tmp_path)
    pack.tensors["styles"][1, 0] += 0.5
    assert made_here_file(pack, tmp_path) != before, "behind a session another one is made"
    with pytest.raises(EngineError, match=r"was made without the style two of johnson\.safetensors: quantise again"):
        find_quantized(pack)


@pytest.mark.parametrize("backend", ["torch", "openvino"])
def test_a_mask_puts_each_side_into_its_own_style(tmp_path: Path, picture: MakePicture, backend: str) -> None:
    pack, frame = palette(tmp_path), picture(H, W)
    inside, outside = moments(pack, 2)
    other = {f"{name}_outside": value for name, value in outside.items()} | {"mix_outside": ONE}
    with opened(pack, backend) as plain, opened(pack, backend, masked=True) as engine:
        only = [plain.run({"frame": frame} | one).copy() for one in (inside, outside)]

        def run(mask: Array, **values: Array) -> Array:
            return engine.run({"frame": frame, "mask": mask} | inside | other | values).copy()

        full, none = np.full((H, W), 255, np.uint8), np.zeros((H, W), np.uint8)
        assert apart(run(full), only[0]) <= 1
        assert apart(run(none), only[1]) <= 1
        half = none.copy()
        half[:, W // 2 :] = 255
        parted = run(half)
        assert apart(parted, only[0]) > 5 and apart(parted, only[1]) > 5
        assert apart(run(half, alpha_outside=inside["alpha"], style_outside=inside["style"]), only[0]) <= 1


def test_outside_of_a_mask_is_the_style_of_the_inside_by_default(tmp_path: Path, picture: MakePicture) -> None:
    pack, mask = palette(tmp_path), np.tile(np.linspace(0, 255, W).astype(np.uint8), (H, 1))
    values = moments(pack, 2)[1] | {"frame": picture(H, W), "mask": mask, "mix_outside": ONE}
    for backend in ("torch", "openvino"):
        with opened(pack, backend, masked=True) as engine:
            assert [spec.name for spec in engine.inputs][-3:] == ["alpha_outside", "style_outside", "mask"]
            found = engine.run(values).copy()
            assert np.array_equal(found, engine.run(values | {"style_outside": values["style"]}))
            plain = np.zeros_like(values["style"])
            assert apart(found, engine.run(values | {"style_outside": plain})) > 5


@pytest.mark.parametrize("precision", ["f32", "int8"])
def test_both_engines_agree_on_two_styles_and_a_soft_mask(
    tmp_path: Path, picture: MakePicture, precision: Precision
) -> None:
    pack, mask = palette(tmp_path), np.tile(np.linspace(0, 255, W).astype(np.uint8), (H, 1))
    if precision == "int8":
        frames = [picture(32, 40), np.random.default_rng(0).integers(0, 256, (32, 40, 3), np.uint8)]
        quantize(pack, frames, frames).save(quantized_file(pack))
    inside, outside = moments(pack, 2)
    values = {"frame": picture(H, W), "mask": mask, "mix_outside": ONE} | inside
    values |= {f"{name}_outside": value for name, value in outside.items()}
    with opened(pack, "torch", masked=True) as one, opened(pack, "openvino", precision, masked=True) as other:
        found = [engine.run(values) for engine in (one, other)]
        assert psnr(*found) >= (58 if precision == "f32" else 28)


def test_changing_the_style_compiles_and_allocates_nothing(
    tmp_path: Path, picture: MakePicture, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack, frame = palette(tmp_path), picture(4 * H, 4 * W)
    values = [one | {"frame": frame} for one in moments(pack, 8)]
    with OpenVinoEngine(pack, 4 * H, 4 * W, precision="f32") as engine:
        address = engine.run(values[0]).ctypes.data
        monkeypatch.setattr("openvino.Core.compile_model", None)
        for one in values:
            engine.run(one)
        tracemalloc.start()
        try:
            for one in values * 3:
                assert engine.run(one).ctypes.data == address
            kept, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < frame.nbytes / 5 and kept < frame.nbytes / 10, "a few Python objects, and no picture"


def test_one_recording_on_a_gpu_plays_every_style(tmp_path: Path, picture: MakePicture, cpu_gpu: CpuGpu) -> None:
    """The engine's own code, with the processor in the place of the GPU."""
    pack, frame = palette(tmp_path), picture(H, W)
    with (
        CudaEngine(pack, H, W, precision="f32", masked=True) as engine,
        opened(pack, "torch", masked=True) as reference,
    ):
        recordings = len(cpu_gpu.recordings)
        for values in moments(pack, 5):
            given = values | {"frame": frame, "mask": np.full((H, W), 255, np.uint8)}
            assert apart(engine.run(given), reference.run(given)) <= 2
            tensors = {name: torch.from_numpy(value) for name, value in given.items()}
            waits = cpu_gpu.waits
            found = engine.run_cuda(tensors)
            assert cpu_gpu.waits == waits
            assert apart(found.numpy(), reference.run(given)) <= 2
        assert len(cpu_gpu.recordings) == recordings
