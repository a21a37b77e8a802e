"""What goes into TensorRT's compiler: exported programs of operators that it converts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from stylefader.engines.backends.tensorrt_build import (
    TENSORRT_REWRITES,
    export_padded,
    padded_sizes,
)
from stylefader.engines.backends.tensorrt_engine import fill
from stylefader.engines.graph.frame_graph import FrameGraph, PaddedGraph
from stylefader.engines.graph.sizes import FrameSizes, padded
from stylefader.training.errors import EngineError
from stylefader.training.packs.pack import StylePack
from tests.conftest import random_pack

MakePicture = Callable[[int, int], npt.NDArray[np.uint8]]
CPU = torch.device("cpu")
RANGE = FrameSizes(smallest=(8, 8), usual=(64, 64), largest=(480, 640))
CONVERTED = {
    "_to_copy.default", "_assert_tensor_metadata.default", "add.Tensor", "clamp.default", "conv2d.default",
    "div.Tensor", "instance_norm.default", "mul.Tensor", "pad.default", "permute.default", "pixel_shuffle.default",
    "relu.default", "round.default", "select.int", "squeeze.dim", "sub.Tensor", "to.dtype", "unsqueeze.default",
    "view.default",
}  # fmt: skip
"""Operators that Torch-TensorRT 2.13 converts or lowers to such, for dynamic sizes as well (its sources)."""
OF_STYLES = {"slice.Tensor", "reshape.default"}
OF_MASKS = {"avg_pool2d.default", "rsub.Scalar"}
"""More of them: what cuts a style vector into its parts, and what makes maps of a mask."""


@pytest.mark.parametrize("size", [(8, 8), (12, 20), (64, 48)], ids=str)
def test_the_padded_graph_is_the_frame_graph_without_its_ends(
    pack: StylePack, picture: MakePicture, size: tuple[int, int]
) -> None:
    frame, alpha = torch.tensor(picture(*size)), torch.tensor([0.2, -0.5, 1.0])
    for precision, half in (("f32", False), ("fp16", True)):
        expected = FrameGraph(pack.network(), *size, rewrites=TENSORRT_REWRITES, half=half)(frame, alpha)
        graph = PaddedGraph(pack.network(), precision, rewrites=TENSORRT_REWRITES)
        found = graph(frame.to(graph.picture_type), alpha)
        assert found.dtype == graph.picture_type
        assert torch.equal(found.to(torch.uint8), expected)
        assert torch.equal(found, found.round())


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (5, 97), (9, 12), (12, 9)], ids=str)
def test_a_frame_fills_its_canvas_by_repeating_the_edge(picture: MakePicture, size: tuple[int, int]) -> None:
    height, width = size
    canvas = torch.full((padded(height), padded(width), 3), -1, dtype=torch.float16)
    fill(canvas, torch.tensor(picture(*size)))
    around = ((0, padded(height) - height), (0, padded(width) - width), (0, 0))
    assert np.array_equal(canvas.numpy(), np.pad(picture(*size), around, mode="edge"))


@pytest.mark.parametrize("precision", ["fp16", "f32"])
@pytest.mark.parametrize("sizes", [FrameSizes.only(13, 18), RANGE], ids=["fixed", "range"])
def test_the_exported_program_has_two_inputs_and_only_operators_that_are_converted(
    pack: StylePack, sizes: FrameSizes, precision: str
) -> None:
    program = export_padded(pack, sizes, precision=precision, device=CPU)
    inputs = [node.meta["val"] for node in program.graph.nodes if node.name in program.graph_signature.user_inputs]
    numbers = torch.float16 if precision == "fp16" else torch.float32
    assert [value.dtype for value in inputs] == [numbers, torch.float32]
    assert [isinstance(side, torch.SymInt) for side in inputs[0].shape] == [not sizes.fixed] * 2 + [False]
    called = {node.target for node in program.graph.nodes if node.op == "call_function"}
    names = {str(target).removeprefix("aten.") for target in called if isinstance(target, torch._ops.OpOverload)}
    assert names <= CONVERTED
    assert not any(value.dtype == torch.uint8 for value in _values(program))


@pytest.mark.parametrize("sizes", [FrameSizes.only(16, 24), RANGE], ids=str)
def test_a_nano_network_is_of_operators_that_are_converted_and_gives_its_picture(
    tmp_path: Path, picture: MakePicture, sizes: FrameSizes
) -> None:
    pack = random_pack(tmp_path / "nano.safetensors", architecture="nano")
    program = export_padded(pack, sizes, precision="f32", device=CPU)
    called = {node.target for node in program.graph.nodes if node.op == "call_function"}
    names = {str(target).removeprefix("aten.") for target in called if isinstance(target, torch._ops.OpOverload)}
    assert names <= CONVERTED
    frame, alpha = torch.tensor(picture(16, 24)), torch.tensor([0.2, -0.5, 1.0])
    found = program.module()(frame.float(), alpha)
    assert (found - FrameGraph(pack.network(), 16, 24)(frame, alpha).float()).abs().max() <= 1


@pytest.mark.parametrize(
    ("sizes", "masked"), [(FrameSizes.only(16, 24), False), (FrameSizes.only(16, 24), True), (RANGE, False)], ids=str
)
def test_a_palette_has_its_style_as_an_input_and_gives_its_picture(
    tmp_path: Path, picture: MakePicture, sizes: FrameSizes, masked: bool
) -> None:
    pack = random_pack(tmp_path / "hall.safetensors", kind="palette")
    program = export_padded(pack, sizes, precision="f32", device=CPU, masked=masked)
    called = {node.target for node in program.graph.nodes if node.op == "call_function"}
    names = {str(target).removeprefix("aten.") for target in called if isinstance(target, torch._ops.OpOverload)}
    assert names <= CONVERTED | OF_STYLES | (OF_MASKS if masked else set())
    first, second = map(torch.from_numpy, pack.style_vectors().values())
    frame, alpha = torch.tensor(picture(16, 24)), torch.tensor([0.2, -0.5, 1.0])
    given = [alpha, first]
    expected = FrameGraph(pack.network(), 16, 24, masked=masked)
    if masked:
        mask = torch.arange(16 * 24).view(16, 24) % 256
        found = program.module()(frame.float(), *given, alpha.flip(0), second, mask.float())
        given += [alpha.flip(0), second, mask.byte()]
    else:
        found = program.module()(frame.float(), *given)
    assert (found - expected(frame, *given).float()).abs().max() <= 1


def test_norms_and_colours_are_f32_in_the_exported_program_and_convolutions_fp16(pack: StylePack) -> None:
    program = export_padded(pack, FrameSizes.only(16, 24), precision="fp16", device=CPU)
    types_of: dict[str, set[torch.dtype]] = {"instance_norm": set(), "conv2d": set(), "round": set()}
    for node in program.graph.nodes:
        for name, seen in types_of.items():
            if node.op == "call_function" and str(node.target).startswith(f"aten.{name}."):
                seen.add(node.args[0].meta["val"].dtype)
    assert types_of == {"instance_norm": {torch.float32}, "conv2d": {torch.float16}, "round": {torch.float32}}


def test_a_program_for_a_range_gives_the_picture_at_every_size_of_it(pack: StylePack, picture: MakePicture) -> None:
    run = export_padded(pack, RANGE, precision="f32", device=CPU).module()
    alpha = torch.tensor([0.3, 1.0, -0.2])
    for size in ((8, 8), (8, 96), (64, 64), (40, 36)):
        frame = torch.tensor(picture(*size))
        expected = FrameGraph(pack.network(), *size)(frame, alpha)
        assert (run(frame.float(), alpha).int() - expected.int()).abs().max() <= 1, size


@pytest.mark.parametrize(
    ("smallest", "usual", "largest", "dynamic"),
    [
        ((64, 64), (64, 64), (64, 128), [False, True]),
        ((64, 64), (128, 64), (128, 64), [True, False]),
        ((61, 64), (64, 64), (64, 64), [False, False]),
    ],
)
def test_only_sides_that_vary_are_dynamic(
    pack: StylePack,
    smallest: tuple[int, int],
    usual: tuple[int, int],
    largest: tuple[int, int],
    dynamic: list[bool],
) -> None:
    sizes = FrameSizes(smallest=smallest, usual=usual, largest=largest)
    program = export_padded(pack, sizes, precision="f32", device=CPU)
    name = program.graph_signature.user_inputs[0]
    shape = next(node.meta["val"].shape for node in program.graph.nodes if node.name == name)
    assert [isinstance(side, torch.SymInt) for side in shape] == [*dynamic, False]


def test_sizes_must_grow() -> None:
    assert padded_sizes(FrameSizes(smallest=(1, 9), usual=(10, 9), largest=(11, 13))) == ((8, 12), (12, 12), (12, 16))
    with pytest.raises(EngineError, match="grow from smallest to usual to largest"):
        FrameSizes(smallest=(9, 9), usual=(8, 9), largest=(10, 10))


def _values(program: Any) -> list[torch.Tensor]:
    values = [node.meta.get("val") for node in program.graph.nodes]
    return [value for value in values if isinstance(value, torch.Tensor)]
