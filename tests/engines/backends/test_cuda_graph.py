"""What the `cuda` engine has a GPU compute, computed on the CPU."""

from __future__ import annotations

import shutil
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from stylefader.engines.backends.cuda_engine import (
    FORMS,
)
from stylefader.engines.backends.gpu_engine import bytes_needed
from stylefader.engines.graph.frame_graph import FrameGraph
from stylefader.engines.graph.half import FloatStatisticsNorm
from stylefader.training.packs.pack import StylePack
from tests.conftest import random_pack

MakePicture = Callable[[int, int], npt.NDArray[np.uint8]]
EAGER = [name for name, form in FORMS.items() if not form.compiled]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_norms_of_half_precision_keep_their_statistics_in_f32(dtype: torch.dtype) -> None:
    """Against float64, on features whose squares add up far beyond fp16 and whose mean is far from zero."""
    generator = torch.Generator().manual_seed(3)
    x_NCHW = (torch.randn(1, 2, 300, 400, generator=generator) * 500 + 2000).to(dtype)
    norm = nn.InstanceNorm2d(2, affine=True)
    expected = norm.double()(x_NCHW.double())
    found = FloatStatisticsNorm(norm.float())(x_NCHW)
    assert found.dtype == dtype
    rounding = torch.finfo(dtype).eps * expected.abs().max()
    assert (found.double() - expected).abs().max() <= rounding
    x_summed_in_half = x_NCHW.sum((2, 3), dtype=dtype)
    assert not x_summed_in_half.isfinite().all() or dtype == torch.bfloat16


@pytest.mark.parametrize("form", FORMS)
def test_every_norm_of_the_graph_works_in_f32_and_every_convolution_in_fp16(
    pack: StylePack, form: str, picture: MakePicture
) -> None:
    graph = FrameGraph(pack.network(), 16, 24, rewrites=FORMS[form].rewrites, half=True)
    seen: dict[str, set[torch.dtype]] = {"norm": set(), "conv": set()}
    for module in graph.modules():
        if isinstance(module, nn.InstanceNorm2d):
            module.register_forward_pre_hook(lambda _, args: seen["norm"].add(args[0].dtype))
        elif isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            module.register_forward_pre_hook(lambda _, args: seen["conv"].add(args[0].dtype))
    graph(torch.tensor(picture(16, 24)), torch.ones(3))
    assert seen == {"norm": {torch.float32}, "conv": {torch.float16}}


@pytest.mark.parametrize("form", FORMS)
def test_each_form_compiles_as_one_graph_in_which_alpha_is_an_input(
    pack: StylePack, form: str, picture: MakePicture
) -> None:
    """As the compiled form is traced, with another backend: one graph, no break, nothing made anew for an alpha."""
    graph = FrameGraph(pack.network(), 13, 18, rewrites=FORMS[form].rewrites, half=True)
    graphs = 0

    def count(module: torch.fx.GraphModule, inputs: Any) -> Any:
        nonlocal graphs
        graphs += 1
        return module.forward

    with torch.no_grad():
        compiled = torch.compile(graph, backend=count, fullgraph=True, dynamic=False)
        for value in (0.0, 0.5, -3.0):
            frame, alpha = torch.tensor(picture(13, 18)), torch.full((3,), value)
            assert torch.equal(compiled(frame, alpha), graph(frame, alpha))
    assert graphs == 1


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="Inductor needs a C++ compiler")
@pytest.mark.filterwarnings("ignore")
def test_inductor_makes_the_compiled_form(
    pack: StylePack, picture: MakePicture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For the CPU: all of its lowering and fusion is what a GPU gets, but the kernels are C++ instead of Triton."""
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    graph = FrameGraph(pack.network(), 13, 18, rewrites=FORMS["compiled"].rewrites, half=True)
    with torch.no_grad():
        compiled = torch.compile(graph, fullgraph=True, dynamic=False)
        for value in (0.0, -0.5, 2.0):
            frame, alpha = torch.tensor(picture(13, 18)), torch.full((3,), value)
            assert (compiled(frame, alpha).int() - graph(frame, alpha).int()).abs().max() <= 1


class LiveBytes(TorchDispatchMode):
    """Counts the bytes of all tensors that live at once."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.peak = 0
        self._seen: set[int] = set()

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = function(*args, **(kwargs or {}))
        for tensor in tree_leaves(out):
            if isinstance(tensor, torch.Tensor) and tensor.untyped_storage()._cdata not in self._seen:
                storage = tensor.untyped_storage()
                self._seen.add(storage._cdata)
                self.now += storage.nbytes()
                self.peak = max(self.peak, self.now)
                weakref.finalize(storage, self._drop, storage._cdata, storage.nbytes())
        return out

    def _drop(self, key: int, size: int) -> None:
        self.now -= size
        self._seen.discard(key)


@pytest.mark.parametrize("form", EAGER)
@pytest.mark.parametrize("half", [True, False], ids=["fp16", "f32"])
@pytest.mark.parametrize(("channels", "size"), [(8, (128, 192)), (8, (250, 90)), (32, (64, 96))])
def test_the_estimate_of_memory_is_above_what_lives_at_once_but_not_far(
    tmp_path: Path, form: str, half: bool, channels: int, size: tuple[int, int]
) -> None:
    pack = random_pack(tmp_path / "p.safetensors", width=channels)
    graph = FrameGraph(pack.network(), *size, rewrites=FORMS[form].rewrites, half=half)
    with torch.no_grad(), LiveBytes() as live:
        graph(torch.zeros(*size, 3, dtype=torch.uint8), torch.ones(3))
    estimate = bytes_needed(*size, channels) - bytes_needed(1, 1, 0)
    assert 1.4 * live.peak <= estimate <= 2.5 * live.peak


def test_the_estimate_grows_with_pixels_and_width() -> None:
    base = bytes_needed(1, 1, 0)
    hd, uhd = bytes_needed(1080, 1920, 32) - base, bytes_needed(2160, 3840, 32) - base
    assert uhd == 4 * hd == 8 * (bytes_needed(1080, 1920, 16) - base)
    assert 5 << 30 < uhd < 8 << 30
