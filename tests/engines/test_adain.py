"""AdaIN through the engines: the pictures of torch, styles that change at no cost, and new styles without torch."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import openvino as ov
import pytest
import torch

from stylefader.engines import open_engine
from stylefader.engines.backends.cuda_engine import CudaEngine
from stylefader.engines.graph.adain_encoder import style_of_picture
from stylefader.training.data.photographs import to_rgb01
from stylefader.training.errors import EngineError
from stylefader.training.networks.adain import style_of
from stylefader.training.networks.colours import normalise
from stylefader.training.packs.pack import StylePack, save_pack
from stylefader.training.packs.pack_file import PackFile
from tests.compare import F32_DB, psnr
from tests.engines.backends.gpu import CpuGpu
from tests.training.small_adain import adain_pack

MakePicture = Callable[[int, int], npt.NDArray[np.uint8]]


@pytest.fixture
def pack(tmp_path: Path) -> StylePack:
    made = adain_pack(tmp_path / "adain.safetensors")
    save_pack(made)
    return made


def values(frame: npt.NDArray[np.uint8], alpha: float, style: npt.NDArray[np.float32]) -> dict[str, Any]:
    return {"frame": frame, "alpha": np.array([alpha], np.float32), "style": style}


@pytest.mark.parametrize("size", [(16, 24), (7, 13), (1, 1)], ids=str)
def test_openvino_gives_the_picture_of_torch(pack: StylePack, picture: MakePicture, size: tuple[int, int]) -> None:
    rng, frame = np.random.default_rng(2), picture(*size)
    with (
        open_engine(pack, *size, backend="torch")[0] as reference,
        open_engine(pack, *size, backend="openvino", precision="f32")[0] as engine,
    ):
        seen = []
        for alpha in (0.0, 0.5, 1.0):
            given = values(frame, alpha, rng.uniform(0.2, 2, 512).astype(np.float32))
            seen.append(engine.run(given).copy())
            assert seen[-1].shape == (*size, 3)
            assert psnr(seen[-1], reference.run(given)) >= F32_DB, alpha
        assert (seen[0] != seen[1]).any() and (seen[1] != seen[2]).any()


def test_changing_the_style_compiles_nothing(
    pack: StylePack, picture: MakePicture, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled: list[object] = []
    compile_model = ov.Core.compile_model

    def counting(self: ov.Core, *args: Any, **words: Any) -> Any:
        compiled.append(args)
        return compile_model(self, *args, **words)

    monkeypatch.setattr(ov.Core, "compile_model", counting)
    with open_engine(PackFile(pack.file), 16, 16, backend="openvino", precision="f32")[0] as engine:
        opened = len(compiled)
        pictures = {engine.run(values(picture(16, 16), 1, style)).tobytes() for style in pack.style_vectors().values()}
        assert len(pictures) == 2 and len(compiled) == opened


def test_a_gpu_engine_computes_it_in_f32(pack: StylePack, picture: MakePicture, cpu_gpu: CpuGpu) -> None:
    given = values(picture(9, 14), 0.7, pack.style_vectors()["second"])
    with open_engine(pack, 9, 14, backend="torch")[0] as reference, CudaEngine(pack, 9, 14, precision="f32") as engine:
        assert psnr(engine.run(given), reference.run(given)) >= F32_DB
    with pytest.raises(EngineError, match="kind adain have no fp16 form"):
        CudaEngine(pack, 9, 14)


@pytest.mark.parametrize("size", [(40, 56), (37, 51)], ids=str)
def test_a_new_style_is_the_one_that_torch_finds(pack: StylePack, picture: MakePicture, size: tuple[int, int]) -> None:
    painting = picture(*size)
    expected = style_of(pack.network().encoder, normalise(to_rgb01(painting)))[0]
    found = style_of_picture(PackFile(pack.file), painting)
    assert found.dtype == np.float32
    torch.testing.assert_close(torch.from_numpy(found), expected, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("bad", [np.zeros((6, 8, 3), np.uint8), np.zeros((40, 40), np.uint8)], ids=["tiny", "grey"])
def test_what_is_no_picture_of_a_style_is_said(pack: StylePack, bad: npt.NDArray[np.uint8]) -> None:
    with pytest.raises(EngineError, match="a picture to take a style from is uint8"):
        style_of_picture(pack, bad)


def test_a_new_style_needs_no_torch(pack: StylePack) -> None:
    program = (
        "import sys; from pathlib import Path; import numpy as np\n"
        "from stylefader.engines.graph.adain_encoder import style_of_picture\n"
        "from stylefader.training.packs.pack_file import PackFile\n"
        f"style_of_picture(PackFile(Path({str(pack.file)!r})), np.zeros((16, 16, 3), np.uint8))\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)
