"""A network whose inputs are no style's, played through a whole render and a whole session by what it declares."""

from __future__ import annotations

import time
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

import stylefader
from stylefader.realtime.media.frame import Frame
from stylefader.realtime.parameters.parameter import parameters_of
from stylefader.realtime.pipeline.frame_inputs import FrameInputs
from stylefader.realtime.session.render_job import RenderJob, run_job
from stylefader.training.packs.inputs import InputSpec
from stylefader.training.packs.pack_file import PackFile
from tests.engines.small_families import small_families, small_pack
from tests.realtime.clips import Clip

__all__ = ["small_families"]

GREY = np.full((48, 64, 3), 100, np.uint8)
WAIT_S = 60.0


@pytest.fixture
def pack(tmp_path: Path, small_families: None) -> PackFile:
    return PackFile(small_pack(tmp_path / "mixer.safetensors", "mixer").file)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Ten grey frames, ten a second."""
    return Clip(frames=10, rate=Fraction(10), size=(64, 48), image=GREY).make(tmp_path / "grey.mkv")


def test_its_live_inputs_are_its_parameters(pack: PackFile) -> None:
    live = [spec.name for spec in pack.header.inputs if spec.live]
    assert live and [one.name for one in parameters_of(pack.header) if one.size] == [
        *live,
        "mix",
        "colour",
        "steady",
        "stroke",
    ]


def test_a_render_moves_its_input_by_a_column(pack: PackFile, clip: Path, tmp_path: Path) -> None:
    (tmp_path / "gain.csv").write_text("time,gain\n0,0\n0.9,0.9\n")
    output = tmp_path / "out.mkv"
    run_job(RenderJob(source=str(clip), output=str(output), style=str(pack.file), automation=tmp_path / "gain.csv",
                      engine="torch", codec="ffv1"))  # fmt: skip
    with av.open(output) as written:
        means = [float(frame.to_ndarray(format="rgb24").mean()) for frame in written.decode(video=0)]
    assert means == pytest.approx([10 * number for number in range(10)], abs=2), "gain times 100"
    (tmp_path / "other.csv").write_text("time,gloom\n0,0\n")
    with pytest.raises(stylefader.StylefaderError, match="there is no gloom"):
        run_job(RenderJob(source=str(clip), output=str(output), style=str(pack.file),
                          automation=tmp_path / "other.csv", overwrite=True))  # fmt: skip


def test_a_session_moves_its_input_by_osc(pack: PackFile, clip: Path) -> None:
    import socket

    from stylefader.realtime.controls.osc.packet import message_bytes

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    frames: list[Frame] = []
    with (
        stylefader.live(
            clip, style=pack.file, size=(64, 48), engine="torch", loop=True, osc=port, on_frame=frames.append
        ) as session,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
    ):
        for gain, mean in ((0.25, 25), (0.75, 75)):
            until = time.monotonic() + WAIT_S
            while not frames or abs(float(frames[-1].image.mean()) - mean) > 2:
                assert time.monotonic() < until and not session.over
                sender.sendto(message_bytes("/stylefader/gain", gain), ("127.0.0.1", port))
                time.sleep(0.05)


def test_what_faders_stand_at_is_brought_to_its_constraint(pack: PackFile) -> None:
    inputs = FrameInputs(pack.header.inputs)
    for stand, kept in (([1, 1, 0], [0.5, 0.5, 0]), ([0.2, 0.2, 0.4], [0.25, 0.25, 0.5]), ([0, 0, 0], [1, 0, 0])):
        given = inputs(GREY, {"weights": np.array(stand, np.float32), "alpha": np.zeros(0, np.float32)})
        assert set(given) == {"frame", "weights"} and given["weights"].tolist() == pytest.approx(kept)
    sphere = InputSpec(name="latent", kind="vector", shape=(2,), dtype="float32", low=-3, high=3, constraint="sphere")
    given = FrameInputs([sphere])(GREY, {"latent": np.array([3, 0], np.float32)})
    assert given["latent"].tolist() == pytest.approx([2**0.5, 0])
    assert FrameInputs([sphere])(GREY, {"latent": np.zeros(2, np.float32)})["latent"].tolist() == [1, 1]
