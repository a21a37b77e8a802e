"""Engines of one size that take frames of another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from stylefader.engines import Engine, frame_and_alpha, open_engine
from stylefader.engines.scaling.scaled_engine import ScaledEngine
from stylefader.training.errors import EngineError
from stylefader.training.packs.inputs import InputSpec
from tests.conftest import random_pack
from tests.engines.small_families import small_families, small_pack

__all__ = ["small_families"]

H, W = 48, 64
ONE, ZERO = np.ones(1, np.float32), np.zeros(1, np.float32)
LEFT = np.zeros((H, W), np.uint8)
LEFT[:, : W // 2] = 255
FRAME = InputSpec(name="frame", kind="image", shape=("H", "W", 3), dtype="uint8", low=0.0, high=255.0)


@pytest.fixture
def frame() -> npt.NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (H, W, 3), np.uint8)


@pytest.fixture
def engines(tmp_path: Path) -> dict[str, Engine]:
    """Plain and masked, at half the size."""
    pack = random_pack(tmp_path / "random.safetensors")
    return {
        name: ScaledEngine(open_engine(pack, H // 2, W // 2, backend="torch", masked=masked)[0], H, W)
        for name, masked in (("plain", False), ("masked", True))
    }


def test_pictures_have_the_frames_size_and_the_strokes_of_the_inner_one(
    engines: dict[str, Engine], frame: npt.NDArray[np.uint8]
) -> None:
    engine = engines["plain"]
    values = frame_and_alpha(frame, np.full(3, 0.5, np.float32))
    picture = engine.run(values).copy()
    assert picture.shape == frame.shape and (engine.name, engine.precision) == ("torch", "f32")
    small = np.asarray(cv2.resize(frame, (W // 2, H // 2), interpolation=cv2.INTER_AREA), np.uint8)
    inner = engine.inner.run(frame_and_alpha(small, np.full(3, 0.5, np.float32)))  # type: ignore[attr-defined]
    up = np.asarray(cv2.resize(inner, (W, H), interpolation=cv2.INTER_CUBIC), float)
    assert np.abs(up - picture).mean() < 0.5 * np.abs(up - frame).mean()
    engine.warm_up()
    assert np.array_equal(engine.run(values, out=np.empty_like(frame)), picture), "nothing is left of another frame"


def test_the_original_comes_back_byte_for_byte(engines: dict[str, Engine], frame: npt.NDArray[np.uint8]) -> None:
    alpha = {"alpha": np.full(3, 0.5, np.float32)}
    assert np.array_equal(engines["plain"].run({"frame": frame, "mix": ZERO, **alpha}), frame)
    masked = engines["masked"]
    parted = masked.run({"frame": frame, "mask": LEFT, **alpha})
    whole = engines["plain"].run({"frame": frame, **alpha})
    assert np.array_equal(parted[:, W // 2 :], frame[:, W // 2 :])
    assert np.array_equal(masked.run({"frame": frame, **alpha}), whole), "without a mask all is inside"
    outside = {"mix_outside": ONE, "alpha_outside": alpha["alpha"]}
    everywhere = masked.run({"frame": frame, "mask": LEFT, **alpha, **outside})
    assert np.abs(everywhere.astype(int) - whole).max() <= 2, "both sides alike"


def test_the_networks_own_picture_is_looked_at(engines: dict[str, Engine], frame: npt.NDArray[np.uint8]) -> None:
    seen: list[tuple[int, ...]] = []
    values = frame_and_alpha(frame, np.zeros(3, np.float32))
    engines["plain"].start(values, look=lambda picture: seen.append(picture.shape)).result()
    assert seen == [(H // 2, W // 2, 3)]


def test_closing_it_closes_the_inner_one(engines: dict[str, Engine], frame: npt.NDArray[np.uint8]) -> None:
    engine = engines["plain"]
    inner = engine.inner  # type: ignore[attr-defined]
    engine.close()
    engine.close()
    for one in (engine, inner):
        with pytest.raises(EngineError, match="closed"):
            one.run(frame_and_alpha(frame, np.zeros(3, np.float32)))


class Labelled(Engine):
    """Two slots; keeps what it is given, and gives the frame back."""

    name, device, precision = "labelled", "none", "exact"

    def __init__(self, *more: InputSpec) -> None:
        super().__init__(inputs=(FRAME, *more), height=12, width=16, slots=2)
        self.given: list[dict[str, Any]] = []
        self.frames: dict[int, npt.NDArray[np.uint8]] = {}

    def _begin(self, slot: int, values: dict[str, npt.NDArray[Any]]) -> None:
        self.given.append(values)
        self.frames[slot] = values["frame"].copy()

    def _finish(self, slot: int) -> npt.NDArray[np.uint8]:
        return self.frames.pop(slot)


def test_all_inputs_of_the_pictures_size_follow(frame: npt.NDArray[np.uint8]) -> None:
    what = InputSpec(name="what", kind="labels", shape=("H", "W"), dtype="int32", low=0, high=9)
    inner = Labelled(what)
    labels = np.where(np.arange(W) < W // 2, 2, 9) * np.ones((H, 1), np.int32)
    ScaledEngine(inner, H, W).run({"frame": frame, "what": labels.astype(np.int32)})
    (given,) = inner.given
    assert given["frame"].shape == (12, 16, 3) and given["what"].shape == (12, 16)
    assert set(np.unique(given["what"])) == {2, 9}, "labels are no amounts: there is nothing between them"


def test_frames_under_way_do_not_mix() -> None:
    engine = ScaledEngine(Labelled(), 24, 32)
    frames = [np.full((24, 32, 3), value, np.uint8) for value in (10, 200)]
    pending = [engine.start({"frame": one}) for one in frames]
    assert [int(one.result()[0, 0, 0]) for one in pending] == [10, 200]


def test_what_cannot_be_scaled_is_refused(tmp_path: Path, small_families: None) -> None:
    generator = open_engine(small_pack(tmp_path / "generator.safetensors", "generator"), backend="torch")[0]
    with pytest.raises(EngineError, match="takes no frame"):
        ScaledEngine(generator, H, W)
    state = InputSpec(name="memory", kind="state", shape=("H", "W"), dtype="float32", low=0, high=1, default=0.0)
    with pytest.raises(EngineError, match="state of the picture's size"):
        ScaledEngine(Labelled(state), H, W)
