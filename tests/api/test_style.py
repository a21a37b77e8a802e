"""`stylefader.open`: a style that is called with frames."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import metadata

import numpy as np
import numpy.typing as npt
import pytest
import torch

import stylefader
from stylefader.engines import open_engine
from stylefader.training.packs.pack import StylePack
from tests.conftest import random_pack
from tests.engines.backends.gpu import needs_cuda

Picture = Callable[[int, int], npt.NDArray[np.uint8]]


@pytest.fixture
def style(pack: StylePack) -> Iterator[stylefader.Style]:
    with stylefader.open(pack.file, size=(48, 32), engine="torch") as opened:
        yield opened


def test_the_picture_is_the_engines(style: stylefader.Style, pack: StylePack, picture: Picture) -> None:
    frame = picture(32, 48)
    engine, _ = open_engine(pack, 32, 48, backend="torch")
    with engine:
        for alpha, meant in ((0.7, [0.7] * 3), ([0.2, 1.0, 0.5], [0.2, 1.0, 0.5]), (None, [0.0] * 3), (7, [1.0] * 3)):
            wanted = engine.run({"frame": frame, "alpha": np.array(meant, np.float32)})
            assert np.array_equal(style(frame, alpha), wanted), f"alpha {alpha}"


def test_strengths_by_label(style: stylefader.Style) -> None:
    first, second, third = style.blocks
    assert style.strengths({second: 0.25}).tolist() == [0.0, 0.25, 0.0]
    assert style.strengths({third: 2, first: -1}).tolist() == [0.0, 0.0, 1.0]
    assert style.strengths(np.array([0.5])).tolist() == [0.5] * 3
    for alpha in ({"stroke": 1.0}, [0.5, 0.5], float("nan"), [[0.5, 0.5, 0.5]]):
        with pytest.raises(stylefader.StylefaderError, match=r"there are|blocks|not finite"):
            style.strengths(alpha)  # type: ignore[arg-type]


def test_pictures_are_the_callers(style: stylefader.Style, picture: Picture) -> None:
    frame = picture(32, 48)
    first = style(frame, 1.0)
    kept = first.copy()
    out = np.zeros_like(frame)
    assert style(frame[::-1], 0.0, out=out) is out and np.array_equal(first, kept) and out.any()


def test_frames_of_other_kinds(style: stylefader.Style, picture: Picture) -> None:
    frame = picture(32, 48)
    wanted = style(frame, 0.5)
    assert np.array_equal(style(torch.from_numpy(frame.copy()), 0.5), wanted), "a tensor on the CPU"
    assert np.array_equal(style(frame[:, ::-1][:, ::-1], 0.5), wanted), "a view"
    for bad in (frame[..., :2], frame.astype(np.float32), frame[0]):
        with pytest.raises(stylefader.StylefaderError, match=r"uint8 \(H, W, 3\)"):
            style(bad, 0.5)
    with pytest.raises(stylefader.StylefaderError, match="opened for 48x32, and this frame is 24x16"):
        style(picture(16, 24), 0.5)


def test_without_a_size_it_takes_any(pack: StylePack, picture: Picture) -> None:
    with stylefader.open(str(pack.file), engine="torch") as style:
        assert style.engine == ""
        sizes = [(16, 24), (32, 48), (17, 9), (8, 8), (40, 8), (16, 24)]
        for height, width in sizes:
            assert style(picture(height, width), 0.5).shape == (height, width, 3)
        assert len(style._engines) == 4 and next(iter(style._engines)) == (17, 9, False), "the four used last"
        assert style.engine == "torch f32"
    with pytest.raises(stylefader.StylefaderError, match="is closed"):
        style(picture(16, 24))


def test_names(tmp_path_factory: pytest.TempPathFactory) -> None:
    assert {"great_wave", "great_wave_lite", "starry_night"} <= set(stylefader.styles())
    with pytest.raises(stylefader.StylefaderError, match="did you mean great_wave"):
        stylefader.open("great_wav")
    with pytest.raises(stylefader.StylefaderError, match="no engine named 'warp'"):
        stylefader.open("great_wave", size=(64, 36), engine="warp")
    with pytest.raises(AttributeError, match="no attribute 'opne'"):
        _ = stylefader.opne  # type: ignore[attr-defined]
    assert set(stylefader.__all__) <= set(dir(stylefader))
    assert stylefader.__version__ == metadata.version("stylefader")


def test_a_style_without_blocks(tmp_path_factory: pytest.TempPathFactory, picture: Picture) -> None:
    from stylefader.training.packs.pack import save_pack

    fixed = random_pack(tmp_path_factory.mktemp("fixed") / "fixed.safetensors", places=())
    save_pack(fixed)
    with stylefader.open(fixed.file, engine="torch") as style:
        assert style.blocks == () and style(picture(16, 16)).shape == (16, 16, 3)


def test_importing_it_is_light() -> None:
    """The command line imports the package each time it starts."""
    heavy = "{'numpy', 'torch', 'cv2', 'av', 'openvino'}"
    code = f"import sys, stylefader; print({heavy} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("set()\n", "")


@needs_cuda
def test_tensors_on_a_gpu_stay_there(pack: StylePack, picture: Picture) -> None:
    frame = torch.from_numpy(picture(32, 48)).cuda()
    with (
        stylefader.open(pack.file, engine="cuda") as style,
        stylefader.open(pack.file, engine="torch") as reference,
    ):
        out = style(frame, 0.5)
        assert out.is_cuda and out.data_ptr() != frame.data_ptr()
        wanted = reference(frame.cpu().numpy(), 0.5).astype(int)
        assert np.abs(out.cpu().numpy().astype(int) - wanted).mean() < 1
        with pytest.raises(stylefader.StylefaderError, match="not on the GPU"):
            reference(frame, 0.5)
