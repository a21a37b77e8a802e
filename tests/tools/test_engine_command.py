from __future__ import annotations

import json
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from stylefader.engines.backends.tensorrt_rtx_build import known_capabilities
from stylefader.training.packs.pack import save_pack
from tests.conftest import random_pack
from tests.realtime.clips import Clip
from tests.tools.program import stylefader


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with small.safetensors and `c`, a cache with its engines at two sizes."""
    folder = tmp_path_factory.mktemp("built")
    save_pack(random_pack(folder / "small.safetensors", width=4))
    sizes = ("--size", "32x24", "--size", "64x48")
    words = ("small.safetensors", "--engine", "openvino", *sizes, "--cache-dir", "c", "--json")
    for hit in (False, True):
        done = stylefader("engine", "build", *words, cwd=folder)
        assert done.returncode == 0, done.stderr
        rows = json.loads(done.stdout)
        assert [(row["size"], row["from_cache"]) for row in rows] == [("32x24", hit), ("64x48", hit)]
        assert {row["style"] for row in rows} == {"small"}
        assert ("converting the network" in done.stderr) is not hit
    return folder


def test_list(built: Path) -> None:
    rows = json.loads(stylefader("engine", "list", "--cache-dir", "c", "--json", cwd=built).stdout)
    assert {row["size"] for row in rows} == {"32x24", "64x48"}
    assert all((built / row["file"]).stat().st_size == row["bytes"] for row in rows)
    words = stylefader("engine", "list", "--cache-dir", "c", cwd=built).stdout
    assert "64x48" in words and "openvino" in words


def test_info_tells_every_field_and_checks_the_file(built: Path) -> None:
    rows = json.loads(stylefader("engine", "list", "--cache-dir", "c", "--json", cwd=built).stdout)
    document = json.loads(stylefader("engine", "info", rows[0]["id"], "--cache-dir", "c", "--json", cwd=built).stdout)
    assert document["key"]["size"] == rows[0]["size"]
    assert {"weights", "network", "places", "rewrites", "driver", "libraries", "stylefader"} <= document["key"].keys()
    assert document["problem"] is None
    words = stylefader("engine", "info", rows[0]["id"], "--cache-dir", "c", cwd=built).stdout
    assert "whole" in words and "libraries: openvino 20" in words
    file = built / rows[0]["file"]
    whole = file.read_bytes()
    file.write_bytes(whole[:-1])
    words = stylefader("engine", "info", rows[0]["id"], "--cache-dir", "c", cwd=built).stdout
    assert "corrupt: its checksum does not fit" in words
    file.write_bytes(whole)


def test_render_uses_the_cache(built: Path) -> None:
    Clip(frames=3, rate=Fraction(10)).make(built / "clip.mp4")
    words = ("clip.mp4", "--style", "small.safetensors", "--engine", "openvino", "--overwrite")
    for folder, word in (("c", "from the cache"), ("clip.mp4/c", "cannot be written")):
        done = stylefader("render", *words, "-o", "out.mp4", "--cache-dir", folder, cwd=built)
        assert done.returncode == 0, done.stderr
        assert word in done.stderr


@pytest.mark.slow
@pytest.mark.skipif(find_spec("tensorrt_rtx_bindings") is None, reason="TensorRT for RTX is not installed")
@pytest.mark.skipif(torch.cuda.is_available(), reason="here a GPU decides what is built")
def test_plans_for_other_machines(built: Path) -> None:
    size = ("--size", "8x8..64x48")
    words = ("build", "small.safetensors", "--engine", "tensorrt-rtx", *size, "--cache-dir", "plans", "--json")
    for hit in (False, True):
        done = stylefader("engine", *words, "--capability", "8.9", "--capability", "12.0", cwd=built)
        assert done.returncode == 0, done.stderr
        rows = json.loads(done.stdout)
        assert [row["size"] for row in rows] == ["8x8..64x48"] * 2
        assert {(row["engine"], row["precision"], row["from_cache"]) for row in rows} == {("tensorrt-rtx", "fp16", hit)}
        assert "compute capability 12.0" in rows[1]["words"]
    rows = json.loads(stylefader("engine", "list", "--cache-dir", "plans", "--json", cwd=built).stdout)
    assert sorted(row["capability"] for row in rows) == ["12.0", "8.9"]
    assert "any 8.9" in stylefader("engine", "list", "--cache-dir", "plans", cwd=built).stdout
    done = stylefader("engine", *words[:4], "--size", "9x9", "--cache-dir", "all", "--json", cwd=built)
    assert len(json.loads(done.stdout)) == len(known_capabilities()), "without a GPU, all that the library knows"


def test_clear(built: Path) -> None:
    rows = json.loads(stylefader("engine", "list", "--cache-dir", "c", "--json", cwd=built).stdout)
    done = stylefader("engine", "clear", rows[0]["id"], "--cache-dir", "c", "--json", cwd=built)
    document = json.loads(done.stdout)
    assert document["removed"] == 1
    assert document["bytes"] > rows[0]["bytes"]
    assert "removed 1 engine," in stylefader("engine", "clear", "--cache-dir", "c", cwd=built).stderr
    assert list((built / "c").iterdir()) == []
    assert json.loads(stylefader("engine", "list", "--cache-dir", "c", "--json", cwd=built).stdout) == []
    assert "no engines" in stylefader("engine", "list", "--cache-dir", "c", cwd=built).stderr


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("info", "f00d", "--cache-dir", "none"), 2, "no engine with id f00d"),
        (("clear", "f00d", "--cache-dir", "none"), 2, "no engine with id f00d"),
        (("build", "small.safetensors", "--size", "8x8", "--engine", "torch"), 2, "nothing to build"),
        (("build", "small.safetensors", "--size", "8x8", "--engine", "warp"), 2, "no engine named 'warp'"),
        (("build", "small.safetensors", "--size", "8x8", "--precision", "f8"), 2, "no precision named 'f8'"),
        (("build", "small.safetensors", "--size", "9x9..8x8"), 2, "is no range of sizes"),
        (
            ("build", "small.safetensors", "--size", "8x8..9x9", "--engine", "openvino"),
            2,
            "only tensorrt and tensorrt-rtx",
        ),
        (
            ("build", "small.safetensors", "--size", "8x8", "--capability", "8.9"),
            2,
            "--capability is for --engine tensorrt",
        ),
        (("build", "none.safetensors", "--size", "8x8"), 2, "no style pack at"),
        (("build", "small.safetensors", "--size", "8"), 2, "is not a size"),
        (("build", "small.safetensors", "--size", "8x8", "--cache-dir", "small.safetensors"), 2, "cannot be written"),
    ],
)
def test_what_does_not_fit_is_one_line(built: Path, words: tuple[str, ...], code: int, said: str) -> None:
    done = stylefader("engine", *words, "--json", cwd=built)
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert said in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
