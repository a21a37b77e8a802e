"""What tests of the commands share: a stage for live sessions, with an engine that is built once."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from stylefader.engines import open_engine
from stylefader.training.packs.pack import save_pack
from stylefader.training.packs.pack_file import PackFile
from tests.conftest import random_pack
from tests.realtime.controls.midi.jack import Controller, jack_server


@pytest.fixture(scope="session")
def _built_stage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stage")
    save_pack(random_pack(folder / "small.safetensors"))
    pack = PackFile(folder / "small.safetensors")
    open_engine(pack, 64, 96, backend="openvino", cache_dir=folder / "c")[0].close()
    picture = cv2.resize(np.random.default_rng(1).integers(0, 256, (4, 6, 3), np.uint8), (96, 64))
    cv2.imwrite(str(folder / "picture.png"), picture)
    return folder


@pytest.fixture(scope="module")
def stage(_built_stage: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small pack, its engine at 96x64 in the cache `c`, and a picture; each module has its own copy."""
    return shutil.copytree(_built_stage, tmp_path_factory.mktemp("stage"), dirs_exist_ok=True)


@pytest.fixture(scope="module")
def jack() -> Iterator[None]:
    """A JACK server without hardware."""
    with jack_server():
        yield


@pytest.fixture
def nano(jack: None) -> Iterator[Controller]:
    """A MIDI controller in that server."""
    controller = Controller("nano")
    yield controller
    controller.close()
