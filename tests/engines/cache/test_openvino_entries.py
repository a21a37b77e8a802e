"""OpenVINO's engines in the cache: the same picture from it, and what makes another engine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from stylefader.engines import frame_and_alpha, open_engine
from stylefader.engines.cache.entries import keep
from stylefader.engines.cache.folder import default_folder
from stylefader.engines.cache.key import EngineKey
from stylefader.training.packs.pack import StylePack
from tests.conftest import random_pack

MakePicture = Callable[[int, int], npt.NDArray[np.uint8]]
ALPHA = np.array([0.2, 1.0, 0.5], np.float32)


@pytest.mark.parametrize("places", [("residual3", "up1", "output"), ()], ids=["three blocks", "no blocks"])
def test_openvino_from_the_cache_gives_the_same_bytes(
    tmp_path: Path, picture: MakePicture, places: tuple[str, ...]
) -> None:
    pack = random_pack(tmp_path / "p.safetensors", places=places)
    cache_dir = tmp_path / "engines"
    alphas = [np.full(pack.n_blocks, value, np.float32) for value in (0.0, 0.4, 1.0)]
    pictures = []
    for hit in (False, True, True):
        engine, why = open_engine(pack, 33, 51, backend="openvino", cache_dir=cache_dir)
        with engine:
            assert engine.outcome is not None
            assert engine.outcome.hit is hit
            assert engine.outcome.words in why
            pictures.append([engine.run(frame_and_alpha(picture(33, 51), alpha)).copy() for alpha in alphas])
    for others in pictures[1:]:
        for first, other in zip(pictures[0], others, strict=True):
            assert np.array_equal(first, other)


def test_openvino_engines_of_other_packs_sizes_and_precisions_are_others(tmp_path: Path) -> None:
    pack, other = (random_pack(tmp_path / "p.safetensors", width=4, seed=seed) for seed in (0, 1))
    for given, height, width, precision in (
        (pack, 16, 16, "f32"),
        (other, 16, 16, "f32"),
        (pack, 16, 20, "f32"),
        (pack, 20, 16, "f32"),
    ):
        for hit in (False, True):
            engine, _ = open_engine(
                given, height, width, backend="openvino", precision=precision, cache_dir=tmp_path / "c"
            )  # type: ignore[arg-type]
            assert engine.outcome is not None
            assert engine.outcome.hit is hit
    auto, _ = open_engine(pack, 16, 16, backend="openvino", cache_dir=tmp_path / "c")
    assert auto.outcome is not None
    assert auto.outcome.hit is (auto.precision == "f32")
    engine, why = open_engine(pack, 16, 16, backend="torch", cache_dir=tmp_path / "c")
    assert (engine.outcome, why) == (None, "torch f32, as asked")


def test_a_cached_openvino_engine_that_does_not_load_is_built_anew(pack: StylePack, tmp_path: Path) -> None:
    """Bytes with a good checksum that OpenVINO refuses, as after a change that the key missed."""
    engine, _ = open_engine(pack, 16, 16, backend="openvino", cache_dir=tmp_path)
    assert engine.outcome is not None
    key_file = tmp_path / f"{engine.outcome.digest}.json"
    document = json.loads(key_file.read_text())
    key = EngineKey(**{**document["key"], "places": tuple(document["key"]["places"])})
    assert key.digest == engine.outcome.digest
    keep(tmp_path, key, b"no model", {})
    again, why = open_engine(pack, 16, 16, backend="openvino", cache_dir=tmp_path)
    assert "corrupt (engine openvino cannot load at 16x16" in why
    assert "\n" not in why
    assert again.outcome is not None
    assert again.outcome.kept
    assert open_engine(pack, 16, 16, backend="openvino", cache_dir=tmp_path)[1].endswith("from the cache")


def test_an_unwritable_cache_is_in_the_line(pack: StylePack, tmp_path: Path, picture: MakePicture) -> None:
    (tmp_path / "file").touch()
    engine, why = open_engine(pack, 16, 16, backend="openvino", cache_dir=tmp_path / "file" / "cache")
    assert "cannot be written (Not a directory)" in why
    assert engine.run(frame_and_alpha(picture(16, 16), ALPHA)).shape == (16, 16, 3)


def test_the_default_folder_is_the_users(pack: StylePack) -> None:
    assert default_folder() == Path(os.environ["XDG_CACHE_HOME"]) / "stylefader" / "engines"
    engine, _ = open_engine(pack, 8, 8, backend="openvino")
    assert engine.outcome is not None
    assert (default_folder() / f"{engine.outcome.digest}.json").is_file()


WITHOUT_TORCH = """
import sys
from pathlib import Path
from stylefader.engines import frame_and_alpha, open_engine
from stylefader.training.packs.pack_file import PackFile
sys.modules["torch"] = None
engine, why = open_engine(PackFile(Path(sys.argv[1])), 16, 16, cache_dir=Path(sys.argv[2]))
engine.warm_up()
print(why)
"""


def test_a_cached_engine_needs_no_torch(pack: StylePack, tmp_path: Path) -> None:
    open_engine(pack, 16, 16, backend="openvino", cache_dir=tmp_path)[0].close()
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, str(pack.file), str(tmp_path)], capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert ", from the cache" in done.stdout
