"""The contract of named inputs, on networks whose inputs are others than a style's, through torch and OpenVINO."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import openvino as ov
import pytest

from stylefader.engines import Engine, open_engine
from stylefader.engines.backends.cuda_engine import CudaEngine
from stylefader.engines.example_inputs import even_vectors, example_inputs, random_vectors, spread_vectors
from stylefader.engines.inputs import BoundInputs
from stylefader.engines.timing import time_engine
from stylefader.training.errors import EngineError
from stylefader.training.packs.inputs import InputSpec, constraint_problem
from stylefader.training.packs.pack_file import PackFile
from tests.engines.backends.gpu import CpuGpu
from tests.engines.small_families import SIZE, small_families, small_pack

__all__ = ["small_families"]

MakePicture = Callable[[int, int], npt.NDArray[np.uint8]]
H, W = 9, 14
BACKENDS = ("torch", "openvino")
SIMPLEX = ([0.0, 0.0, 1.0], [0.5, 0.25, 0.25], [0.2, 0.8, 0.0])
GREY = np.full((H, W, 3), 100, np.uint8)


def opened(tmp_path: Path, backend: str, kind: str = "mixer") -> Engine:
    pack = small_pack(tmp_path / f"{kind}.safetensors", kind)
    size = (H, W) if kind == "mixer" else (None, None)
    return open_engine(PackFile(pack.file), *size, backend=backend, precision="f32", cache_dir=tmp_path / "c")[0]


def mixed(
    frame: npt.NDArray[np.uint8], gain: float = 0.5, weights: Any = (1, 0, 0), mask: Any = 0
) -> npt.NDArray[np.float64]:
    inside = np.broadcast_to(np.asarray(mask, np.float64), frame.shape[:2])[..., None] / 255
    return np.clip(frame * gain * (1 - inside) + 255 * np.asarray(weights, np.float64) * inside, 0, 255)


@pytest.mark.usefixtures("small_families")
@pytest.mark.parametrize("backend", BACKENDS)
class TestInputs:
    def test_what_is_given_is_used_and_the_rest_has_its_default(
        self, tmp_path: Path, backend: str, picture: MakePicture
    ) -> None:
        frame = picture(H, W)
        mask = np.arange(H * W, dtype=np.uint8).reshape(H, W)
        with opened(tmp_path, backend) as engine:
            assert [spec.name for spec in engine.inputs] == ["frame", "gain", "weights", "mask"]
            given: list[dict[str, Any]] = [{}, {"gain": 1.5}, {"mask": mask}]
            given += [{"mask": mask, "weights": weights, "gain": 0.25} for weights in SIMPLEX]
            for values in given:
                types = {"gain": np.float32, "weights": np.float32, "mask": np.uint8}
                arrays = {name: np.array(value, types[name]).reshape(-1) if name != "mask" else value
                          for name, value in values.items()}  # fmt: skip
                found = engine.run({"frame": frame, **arrays})
                assert np.abs(found - mixed(frame, **values)).max() <= 0.51, values

    def test_strided_and_read_only_values_do_not_matter(
        self, tmp_path: Path, backend: str, picture: MakePicture
    ) -> None:
        mask = np.arange(H * W, dtype=np.uint8).reshape(W, H).T
        weights = np.array([0.25, 9, 0.25, 9, 0.5, 9], np.float32)[::2]
        weights.flags.writeable = False
        with opened(tmp_path, backend) as engine:
            found = engine.run({"frame": picture(H, W), "mask": mask, "weights": weights})
            assert np.abs(found - mixed(picture(H, W), weights=weights, mask=mask)).max() <= 0.51

    @pytest.mark.parametrize(
        ("values", "said"),
        [
            ({"frame": GREY, "weight": np.ones(3)}, r"no input 'weight': did you mean weights\?"),
            ({"frame": GREY, "qqq": 1}, "no input 'qqq': it has frame, gain, weights, mask"),
            ({"mask": GREY[..., 0]}, r"must be given frame, expected uint8 \(9, 14, 3\)"),
            ({"frame": GREY[1:]}, r"frame is uint8 \(8, 14, 3\), expected uint8 \(9, 14, 3\)"),
            ({"frame": GREY, "mask": GREY}, r"mask is uint8 \(9, 14, 3\), expected uint8 \(9, 14\)"),
            ({"frame": GREY, "mask": GREY[..., 0].astype(bool)}, "mask is bool"),
            ({"frame": GREY, "gain": 0.5}, r"gain is float, expected an array, float32 \(1,\)"),
            ({"frame": GREY, "gain": np.ones(1)}, "gain is float64"),
            ({"frame": GREY, "gain": np.full(1, np.inf, np.float32)}, r"gain has a value that is not finite: \[inf\]"),
            ({"frame": GREY, "weights": np.full(3, 0.5, np.float32)}, r"weights must have no component below 0"),
            ({"frame": GREY, "weights": np.array([2, -1, 0], np.float32)}, r"sum 1 \(simplex\): \[2.0, -1.0, 0.0\]"),
        ],
    )  # fmt: skip
    def test_what_does_not_fit_is_said(self, tmp_path: Path, backend: str, values: dict[str, Any], said: str) -> None:
        with opened(tmp_path, backend) as engine:
            with pytest.raises(EngineError, match=said) as caught:
                engine.run(values)
            assert caught.value.exit_code == 2 and "\n" not in str(caught.value)
            assert np.abs(engine.run({"frame": GREY}) - mixed(GREY)).max() <= 0.51, "the next call is as good as ever"

    def test_a_vector_beyond_its_range_is_computed(self, tmp_path: Path, backend: str) -> None:
        with opened(tmp_path, backend) as engine:
            assert (engine.run({"frame": GREY, "gain": np.array([2.5], np.float32)}) == 250).all()

    def test_a_generator_has_a_size_of_its_own(self, tmp_path: Path, backend: str) -> None:
        pack = small_pack(tmp_path / "generator.safetensors", "generator")
        weights = pack.tensors["weights"].float().numpy()
        with opened(tmp_path, backend, "generator") as engine:
            assert (engine.height, engine.width) == SIZE
            for latent in (np.ones(4), np.array([2, 0, 0, 0]), np.array([-1, 1, -1, 1])):
                expected = np.clip(weights @ latent * 60 + 128, 0, 255).reshape(*SIZE, 3)
                values = {} if (latent == 1).all() else {"latent": latent.astype(np.float32)}
                assert np.abs(engine.run(values) - expected).max() <= 0.51
            with pytest.raises(EngineError, match=r"latent must have the mean square 1 \(sphere\), not 4"):
                engine.run({"latent": np.full(4, 2, np.float32)})
            engine.warm_up()
        open_engine(pack, *SIZE, backend=backend)[0].close()
        with pytest.raises(EngineError, match="generator makes pictures of 20x12 alone, not of 12x20"):
            open_engine(pack, 20, 12, backend=backend)

    def test_an_engine_without_a_size_of_its_own_needs_one(self, tmp_path: Path, backend: str) -> None:
        pack = small_pack(tmp_path / "mixer.safetensors", "mixer")
        with pytest.raises(EngineError, match="mixer has no size of its own: an engine needs a height and a width"):
            open_engine(pack, backend=backend)

    def test_it_is_timed_by_its_declarations(self, tmp_path: Path, backend: str) -> None:
        with opened(tmp_path, backend) as engine:
            assert time_engine(engine, GREY, seconds=0, least=5).calls == 5


@pytest.mark.usefixtures("small_families")
def test_both_engines_give_the_same_pictures(tmp_path: Path, picture: MakePicture) -> None:
    rng = np.random.default_rng(4)
    for kind in ("mixer", "generator"):
        with opened(tmp_path, "torch", kind) as reference, opened(tmp_path, "openvino", kind) as engine:
            size = engine.height, engine.width
            for _ in range(20):
                values = example_inputs(engine.inputs, *size, rng=rng, picture=picture(*size))
                assert np.abs(engine.run(values).astype(int) - reference.run(values)).max() <= 1


@pytest.mark.usefixtures("small_families")
def test_changing_values_compiles_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[object] = []
    compile_model, requests = ov.Core.compile_model, []

    def counting(self: ov.Core, *args: Any, **words: Any) -> Any:
        compiled.append(args)
        return compile_model(self, *args, **words)

    monkeypatch.setattr(ov.Core, "compile_model", counting)
    with opened(tmp_path, "openvino") as engine:
        assert len(compiled) == 1
        monkeypatch.setattr(
            ov.CompiledModel, "create_infer_request", lambda self: requests.append(self)  # type: ignore[func-returns-value]
        )  # fmt: skip
        first = engine.run({"frame": GREY})
        for number in range(200):
            values = example_inputs(engine.inputs, H, W, rng=np.random.default_rng(number))
            assert engine.run(values) is not None
            assert engine.run({"frame": GREY}).ctypes.data == first.ctypes.data, "the same buffer"
    assert (len(compiled), requests) == (1, [])


@pytest.mark.usefixtures("small_families")
def test_an_engine_of_the_cache_is_found_again(tmp_path: Path) -> None:
    for hit in (False, True):
        with opened(tmp_path, "openvino") as engine:
            assert engine.outcome and engine.outcome.hit is hit
            assert (engine.run({"frame": GREY, "mask": np.full((H, W), 255, np.uint8)}) == [255, 0, 0]).all()


@pytest.mark.usefixtures("small_families")
def test_a_gpu_engine_takes_named_tensors_and_defaults(tmp_path: Path, cpu_gpu: CpuGpu) -> None:
    import torch

    pack = small_pack(tmp_path / "mixer.safetensors", "mixer")
    with CudaEngine(pack, H, W, precision="f32") as engine:
        mask = np.full((H, W), 255, np.uint8)
        assert (engine.run({"frame": GREY, "mask": mask}) == [255, 0, 0]).all()
        assert (engine.run({"frame": GREY}) == 50).all(), "the default again, not what was given before"
        on_gpu = {"frame": torch.tensor(GREY), "mask": torch.tensor(mask)}
        assert (engine.run_cuda(on_gpu).numpy() == [255, 0, 0]).all()
        assert (engine.run_cuda({"frame": torch.tensor(GREY)}).numpy() == 50).all()
        with pytest.raises(EngineError, match=r"no input 'masks': did you mean mask\?"):
            engine.run_cuda({"frame": torch.tensor(GREY), "masks": torch.tensor(mask)})
        with pytest.raises(EngineError, match="must be given frame"):
            engine.run_cuda({"mask": torch.tensor(mask)})
    with pytest.raises(EngineError, match="kind mixer have no fp16 form"):
        CudaEngine(pack, H, W)


def test_labels_are_places_in_a_table_and_may_not_lie_beyond_it() -> None:
    spec = InputSpec(name="labels", kind="labels", shape=("H", "W"), dtype="int32", low=0.0, high=11.0)
    bound = BoundInputs([spec], 2, 3)
    good = np.arange(6, dtype=np.int32).reshape(2, 3) * 2
    assert bound.checked({"labels": good}, "e")["labels"] is good
    for bad in (good + 2, good - 1):
        with pytest.raises(EngineError, match=f"labels from {bad.min()} to {bad.max()}, expected 0 to 11"):
            bound.checked({"labels": bad}, "e")


@pytest.mark.parametrize("constraint", ["none", "simplex", "sphere"])
@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-2.0, 3.0), (-1.0, 0.0)])
def test_made_up_vectors_keep_the_constraint(constraint: str, low: float, high: float) -> None:
    spec = InputSpec(
        name="v", kind="vector", shape=(5,), dtype="float32", low=low, high=high, constraint=constraint
    )  # fmt: skip
    rows = random_vectors([spec])
    made = [next(rows) for _ in range(40)] + [even_vectors([spec], share) for share in (0, 0.5, 1)]
    made += [spread_vectors([spec]), example_inputs([spec], 1, 1)]
    for values in made:
        assert constraint_problem(constraint, values["v"].tolist()) == ""
        BoundInputs([spec], 1, 1).checked(values, "e")
