from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import openvino as ov
import pytest

from stylefader.engines import REGISTRY, frame_and_alpha, open_engine
from stylefader.engines.example_inputs import styles_of
from stylefader.engines.registry import EngineEntry
from stylefader.training.errors import EngineError
from stylefader.training.packs.library import gallery
from stylefader.training.packs.pack import StylePack, load_pack
from tests.compare import BF16_DB, F32_DB, psnr, resident_bytes
from tests.conftest import random_pack
from tests.engines.backends.gpu import ON_CUDA, needs_cuda, needs_rtx

MakePicture = Callable[[int, int], npt.NDArray[np.uint8]]
HAS_BF16 = "BF16" in ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
PRECISIONS = [
    ("f32", F32_DB),
    pytest.param("bf16", BF16_DB, marks=pytest.mark.skipif(not HAS_BF16, reason="this CPU has no bf16 arithmetic")),
]
MARKS = dict.fromkeys(ON_CUDA, needs_cuda) | {"tensorrt-rtx": needs_rtx}
BACKENDS = [pytest.param(name, marks=MARKS.get(name, ())) for name in REGISTRY]
ALPHAS = ((0.0, 0.0, 0.0), (0.3, 0.3, 0.3), (1.0, 1.0, 1.0), (0.2, 1.0, 0.5))


def style_given(pack: StylePack) -> dict[str, npt.NDArray[np.float32]]:
    """Of a palette one of its styles."""
    styles = styles_of(pack)
    return {} if styles is None else {"style": styles[len(styles) // 2]}


@pytest.mark.parametrize(("precision", "least"), PRECISIONS)
@pytest.mark.parametrize("file", [file for file, _ in gallery()], ids=lambda file: file.stem)
def test_openvino_gives_the_picture_of_torch(
    file: object, precision: str, least: float, picture: MakePicture, bunny_frame: npt.NDArray[np.uint8]
) -> None:
    """Of a real frame; a made-up one of glaring colours may be a little further off in bf16 at strong alphas."""
    pack = load_pack(file)  # type: ignore[arg-type]
    frames = ((bunny_frame, least), (picture(90, 160), least if precision == "f32" else least - 2))
    with (
        open_engine(pack, 90, 160, backend="torch")[0] as reference,
        open_engine(pack, 90, 160, backend="openvino", precision=precision)[0] as engine,  # type: ignore[arg-type]
    ):
        assert engine.precision == precision
        for values in ALPHAS:
            alpha = np.array(values[: pack.n_blocks], np.float32)
            for frame, enough in frames:
                given = frame_and_alpha(frame, alpha) | style_given(pack)
                expected = reference.run(given).copy()
                assert psnr(engine.run(given), expected) >= enough, values


@pytest.mark.parametrize("size", [(1, 1), (4, 4), (1, 97), (33, 51), (7, 8), (64, 48)], ids=str)
@pytest.mark.parametrize("backend", BACKENDS)
def test_any_size_comes_back_at_that_size(
    pack: StylePack, picture: MakePicture, size: tuple[int, int], backend: str
) -> None:
    alpha = np.array([0.1, 0.9, 0.4], np.float32)
    with open_engine(pack, *size, backend="torch")[0] as reference:
        expected = reference.run({"frame": picture(*size), "alpha": alpha})
        with open_engine(pack, *size, backend=backend, precision="f32")[0] as engine:
            found = engine.run({"frame": picture(*size), "alpha": alpha})
            assert found.shape == (*size, 3)
            assert found.dtype == np.uint8
            assert psnr(found, expected) >= F32_DB


@pytest.mark.parametrize("backend", BACKENDS)
class TestEveryEngine:
    def test_the_same_input_gives_the_same_bytes(self, pack: StylePack, picture: MakePicture, backend: str) -> None:
        frame, alpha = picture(32, 48), np.array([0.3, 0.6, 0.9], np.float32)
        with open_engine(pack, 32, 48, backend=backend)[0] as engine:
            first = engine.run({"frame": frame, "alpha": alpha}).copy()
            other = engine.run({"frame": frame, "alpha": np.zeros(3, np.float32)}).copy()
            assert not np.array_equal(first, other), "alpha changes the picture"
            assert np.array_equal(engine.run({"frame": frame, "alpha": alpha}), first)

    def test_strides_and_read_only_frames_do_not_matter(
        self, pack: StylePack, picture: MakePicture, backend: str
    ) -> None:
        frame, alpha = picture(32, 48), np.ones(3, np.float32)
        flipped = np.ascontiguousarray(frame[:, ::-1])
        frame.flags.writeable = False
        with open_engine(pack, 32, 48, backend=backend)[0] as engine:
            expected = engine.run({"frame": frame, "alpha": alpha}).copy()
            assert np.array_equal(engine.run({"frame": flipped[:, ::-1], "alpha": alpha}), expected)

    def test_out_is_written_and_returned(self, pack: StylePack, picture: MakePicture, backend: str) -> None:
        out = np.zeros((32, 48, 3), np.uint8)
        with open_engine(pack, 32, 48, backend=backend)[0] as engine:
            expected = engine.run({"frame": picture(32, 48), "alpha": np.ones(3, np.float32)}).copy()
            assert engine.run({"frame": picture(32, 48), "alpha": np.ones(3, np.float32)}, out=out) is out
            assert np.array_equal(out, expected)

    def test_bad_calls_say_what_came_and_what_was_expected(self, pack: StylePack, backend: str) -> None:
        frame, alpha = np.zeros((32, 48, 3), np.uint8), np.zeros(3, np.float32)
        engine, _ = open_engine(pack, 32, 48, backend=backend)
        for bad in (frame[:-1], frame.astype(np.float32), frame[..., :2]):
            with pytest.raises(EngineError, match=r"expected uint8 \(32, 48, 3\)"):
                engine.run({"frame": bad, "alpha": alpha})  # type: ignore[arg-type]
        with pytest.raises(EngineError, match="out is"):
            engine.run({"frame": frame, "alpha": alpha}, out=frame[:5])
        for bad_alpha in (alpha[:2], alpha.astype(np.float64)):
            with pytest.raises(EngineError, match="expected float32"):
                engine.run({"frame": frame, "alpha": bad_alpha})  # type: ignore[arg-type]
        with pytest.raises(EngineError, match="not finite"):
            engine.run({"frame": frame, "alpha": np.array([0, np.nan, 0], np.float32)})
        engine.close()
        engine.close()
        with pytest.raises(EngineError, match="closed"):
            engine.run({"frame": frame, "alpha": alpha})

    @pytest.mark.parametrize("places", [(), ("residual3",)])
    def test_packs_with_fewer_blocks(
        self, picture: MakePicture, backend: str, places: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        pack = random_pack(tmp_path_factory.mktemp("p") / "p.safetensors", places=places)
        alpha = np.full(len(places), 0.5, np.float32)
        with (
            open_engine(pack, 16, 16, backend="torch")[0] as reference,
            open_engine(pack, 16, 16, backend=backend, precision="f32")[0] as engine,
        ):
            values = frame_and_alpha(picture(16, 16), alpha)
            expected = reference.run(values).copy()
            assert psnr(engine.run(values), expected) >= F32_DB
            if not places:
                with pytest.raises(EngineError, match=r"has no input 'alpha': it has frame"):
                    engine.run({"frame": picture(16, 16), "alpha": alpha})


def test_a_real_frame_at_alphas_inside_and_outside_the_range(bunny_frame: npt.NDArray[np.uint8]) -> None:
    height, width, _ = bunny_frame.shape
    for file, header in gallery():
        with (
            open_engine(load_pack(file), height, width, backend="torch")[0] as reference,
            open_engine(load_pack(file), height, width, backend="openvino", precision="f32")[0] as f32,
            open_engine(load_pack(file), height, width, backend="openvino")[0] as usual,
        ):
            for value in (header.alpha.low - 0.5, 0.6, header.alpha.high + 0.5):
                alpha = np.full(len(header.blocks), value, np.float32)
                given = frame_and_alpha(bunny_frame, alpha) | style_given(load_pack(file))
                expected = reference.run(given).copy()
                assert psnr(f32.run(given), expected) >= F32_DB, (header.name, value)
                assert psnr(usual.run(given), expected) >= BF16_DB, (header.name, value)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_thousand_calls_neither_drift_nor_grow(pack: StylePack, picture: MakePicture, backend: str) -> None:
    frame, alphas = picture(32, 48), np.random.default_rng(3).uniform(-0.5, 1.5, (1000, 3)).astype(np.float32)
    with open_engine(pack, 32, 48, backend=backend)[0] as engine:
        first = [engine.run({"frame": frame, "alpha": alpha}).copy() for alpha in alphas[:20]]
        before = resident_bytes()
        for alpha in alphas:
            engine.run({"frame": frame, "alpha": alpha})
        assert resident_bytes() - before < 16 << 20
        for alpha, expected in zip(alphas, first, strict=False):
            assert np.array_equal(engine.run({"frame": frame, "alpha": alpha}), expected)


def test_frames_under_way_come_back_in_order(pack: StylePack, picture: MakePicture) -> None:
    frames = [np.roll(picture(32, 48), shift, axis=1) for shift in range(12)]
    alphas = np.random.default_rng(4).random((12, 3), np.float32)
    with open_engine(pack, 32, 48, backend="openvino")[0] as engine:
        expected = [
            engine.run({"frame": frame, "alpha": alpha}).copy() for frame, alpha in zip(frames, alphas, strict=True)
        ]
    with open_engine(pack, 32, 48, backend="openvino", goal="throughput")[0] as engine:
        found, under_way = [], []
        for frame, alpha in zip(frames, alphas, strict=True):
            if len(under_way) == engine.slots:
                found.append(under_way.pop(0).result().copy())
            under_way.append(engine.start({"frame": frame, "alpha": alpha}))
        assert len(under_way) == engine.slots
        with pytest.raises(EngineError, match=f"{engine.slots} frames under way"):
            engine.start({"frame": frames[0], "alpha": alphas[0]})
        found += [pending.result().copy() for pending in under_way]
        last = engine.start({"frame": frames[0], "alpha": alphas[0]})
    for picture_, wanted in zip(found, expected, strict=True):
        assert psnr(picture_, wanted) >= BF16_DB
    with pytest.raises(EngineError, match="closed"):
        last.result()


def test_dual_packs_run_on_both_sides_of_zero(picture: MakePicture, tmp_path_factory: pytest.TempPathFactory) -> None:
    pack = random_pack(tmp_path_factory.mktemp("p") / "p.safetensors", kind="dual")
    with (
        open_engine(pack, 24, 24, backend="torch")[0] as reference,
        open_engine(pack, 24, 24, backend="openvino", precision="f32")[0] as engine,
    ):
        for value in (-1.0, -0.3, 0.0, 0.6):
            alpha = np.full(3, value, np.float32)
            expected = reference.run({"frame": picture(24, 24), "alpha": alpha}).copy()
            assert psnr(engine.run({"frame": picture(24, 24), "alpha": alpha}), expected) >= F32_DB


def test_auto_takes_the_first_that_works_and_says_why(pack: StylePack, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ON_CUDA:
        monkeypatch.delitem(REGISTRY, name, raising=False)
    engine, why = open_engine(pack, 16, 16)
    assert engine.name == "openvino"
    assert why.startswith("openvino")
    gone = EngineEntry(module="stylefader.engines.not_there", class_name="X", install="pip install not-there")
    monkeypatch.setitem(REGISTRY, "openvino", gone)
    engine, _ = open_engine(pack, 16, 16)
    assert engine.name == "torch"
    assert any("openvino f32 is not installed" in why and "pip install not-there" in why for why in engine.reasons), (
        engine.reasons
    )
    monkeypatch.setitem(REGISTRY, "torch", gone)
    with pytest.raises(
        EngineError, match=r"no engine works here: .*openvino f32 is not installed.*torch f32 is not installed"
    ):
        open_engine(pack, 16, 16)


def test_engines_that_cannot_be_had_are_refused(pack: StylePack) -> None:
    with pytest.raises(EngineError, match=r"no engine named 'warp': there are auto, .*openvino, torch"):
        open_engine(pack, 16, 16, backend="warp")
    with pytest.raises(EngineError, match="f32 only"):
        open_engine(pack, 16, 16, backend="torch", precision="bf16")
    with pytest.raises(EngineError, match="1x1 or more"):
        open_engine(pack, 0, 16)
