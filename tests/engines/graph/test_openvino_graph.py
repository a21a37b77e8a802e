"""The model that is written straight from the weights is the network that training has."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import openvino as ov
import pytest

from stylefader.engines import frame_and_alpha, open_engine
from stylefader.engines.graph.openvino_form import LAST_CONVOLUTION
from stylefader.engines.graph.openvino_graph import convert
from stylefader.engines.inputs import Values
from stylefader.training.errors import PackError
from stylefader.training.networks.architectures import JOHNSON, NANO
from stylefader.training.packs.families.dynamic_net import architecture_of
from stylefader.training.packs.library import find_pack
from stylefader.training.packs.pack import StylePack, save_pack
from stylefader.training.packs.pack_file import PackFile
from stylefader.training.packs.pack_tensors import expected_shapes
from tests.compare import F32_DB, psnr
from tests.conftest import random_pack
from tests.paths import ROOT

MakePicture = Callable[[int, int], npt.NDArray[np.uint8]]
KINDS = {
    "three blocks": {},
    "one block": {"places": ("residual3",), "width": 4},
    "no blocks": {"places": ()},
    "blocks everywhere": {"places": JOHNSON.names, "width": 4},
    "dual": {"kind": "dual"},
    "nano": {"architecture": "nano"},
    "nano, blocks everywhere": {"architecture": "nano", "places": NANO.names, "width": 4},
    "nano, dual": {"architecture": "nano", "kind": "dual", "width": 4},
    "nano, no blocks": {"architecture": "nano", "places": ()},
    "palette": {"kind": "palette"},
    "palette, blocks everywhere": {"kind": "palette", "places": JOHNSON.names, "width": 4},
    "nano palette": {"kind": "palette", "architecture": "nano", "width": 4},
}
SIZES = [(8, 8), (1, 1), (3, 21), (33, 51), (32, 48)]


def _run(pack: StylePack | PackFile, frame: npt.NDArray[np.uint8], alpha: npt.NDArray[np.float32]) -> object:
    model = convert(pack, *frame.shape[:2])
    compiled = ov.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return compiled(_values(pack, frame, alpha))[0]


def _values(pack: StylePack | PackFile, frame: npt.NDArray[np.uint8], alpha: npt.NDArray[np.float32]) -> Values:
    """For a palette with one of its styles."""
    vectors = list(pack.style_vectors().values())
    return {**frame_and_alpha(frame, alpha), **({"style": vectors[0]} if vectors else {})}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[1]}x{size[0]}")
def test_the_picture_is_that_of_the_network(
    tmp_path: Path, picture: MakePicture, kind: str, size: tuple[int, int]
) -> None:
    pack = random_pack(tmp_path / "p.safetensors", **KINDS[kind])  # type: ignore[arg-type]
    save_pack(pack)
    frame = picture(*size)
    with open_engine(pack, *size, backend="torch")[0] as reference:
        for value in (0.0, 1.0, -0.6):
            alpha = np.linspace(value, value / 2, pack.n_blocks, dtype=np.float32)
            expected = reference.run(_values(pack, frame, alpha))
            found = _run(PackFile(pack.file), frame, alpha)
            assert isinstance(found, np.ndarray) and found.dtype == np.uint8 and found.shape == frame.shape
            assert np.abs(found.astype(int) - expected).max() <= 1
            assert psnr(found, expected) >= F32_DB or frame.size == 3  # of one pixel, a level is too much


@pytest.mark.parametrize("name", ["great_wave_lite", "wave_or_scream"])
def test_a_gallery_pack_gives_the_picture_of_the_network(picture: MakePicture, name: str) -> None:
    pack, frame = PackFile(find_pack(name)), picture(60, 92)
    alpha = np.array([0.3, 1.0, -0.4], np.float32)
    with open_engine(pack, 60, 92, backend="torch")[0] as reference:
        assert psnr(_run(pack, frame, alpha), reference.run({"frame": frame, "alpha": alpha})) >= F32_DB  # type: ignore[arg-type]


def test_one_written_at_one_size_is_good_for_others(pack: StylePack, picture: MakePicture) -> None:
    """What int8 is made from: the quantised graph is given other sizes."""
    model = convert(pack, 16, 24)
    model.reshape({0: ov.PartialShape([32, 40, 3])})
    compiled = ov.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    frame, alpha = picture(32, 40), np.full(3, 0.5, np.float32)
    assert np.array_equal(compiled([frame, alpha])[0], _run(pack, frame, alpha))  # type: ignore[arg-type]
    names = [op.get_friendly_name() for op in model.get_ordered_ops() if op.get_type_name() == "Convolution"]
    assert names.count(LAST_CONVOLUTION) == 1, "quantising leaves it in floating point"


@pytest.mark.parametrize("kind", KINDS)
def test_the_shapes_are_those_of_the_network(tmp_path: Path, kind: str) -> None:
    pack = random_pack(tmp_path / "p.safetensors", **KINDS[kind])  # type: ignore[arg-type]
    network = pack.network()
    shapes = expected_shapes(pack.header)
    shapes.pop("styles", None)  # of a palette, and no part of its network
    assert shapes == {name: tuple(t.shape) for name, t in network.state_dict().items()}
    architecture = architecture_of(pack.header)
    assert (network.architecture, tuple(network.main)) == (architecture.name, architecture.names)
    # Width 64 tells channels from colours; what a stage takes, the one before it gives.
    for stage, following in pairwise(architecture.stages):
        assert stage.channels(64)[1] == following.channels(64)[0]


def _spoil(pack: StylePack, how: str) -> None:
    tensors = pack.tensors
    name = "main.conv1.conv.bias"
    if how == "missing":
        del tensors[name]
    elif how == "extra":
        tensors["more"] = tensors[name].clone()
    elif how == "misshapen":
        tensors[name] = tensors[name][:-1].contiguous()
    elif how == "float32":
        tensors[name] = tensors[name].float()
    elif how == "bfloat16":  # which NumPy does not have
        tensors[name] = tensors[name].bfloat16()
    elif how == "infinite":
        tensors[name][0] = float("inf")
    save_pack(pack)


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("missing", "tensor main.conv1.conv.bias is missing"), ("extra", "tensor more does not belong"),
        ("misshapen", r"is \(7,\), expected \(8,\)"), ("float32", "is F32, expected F16"),
        ("bfloat16", "is BF16, expected F16"), ("infinite", "has NaN or Inf"),
    ],
)  # fmt: skip
def test_weights_that_do_not_fit_are_refused(pack: StylePack, how: str, said: str) -> None:
    _spoil(pack, how)
    with pytest.raises(PackError, match=f"{pack.file.name} is not a style pack that fits: .*{said}"):
        PackFile(pack.file).arrays()


def test_a_file_that_changes_meanwhile_is_refused(pack: StylePack) -> None:
    file = PackFile(pack.file)
    file.weights_hash()
    save_pack(random_pack(pack.file, seed=3))
    with pytest.raises(PackError, match="has changed while it was being opened"):
        file.arrays()


BUILDS = """
import sys
from pathlib import Path
sys.modules["torch"] = None
from stylefader.engines import open_engine
from stylefader.training.packs.pack_file import PackFile
engine, why = open_engine(PackFile(Path(sys.argv[1])), 16, 16, backend="openvino", cache_dir=Path(sys.argv[2]))
engine.warm_up()
print(engine.outcome.hit)
"""


def test_an_engine_is_built_without_torch(pack: StylePack, tmp_path: Path) -> None:
    line = [sys.executable, "-c", BUILDS, str(pack.file), str(tmp_path / "c")]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (0, "False\n"), done.stderr
