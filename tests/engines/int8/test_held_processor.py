"""int8 where kernels are held to AVX2, which is what most laptops have. It must be set before they are first used."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from stylefader.engines.machine.processor import held_to
from stylefader.training.packs.pack import save_pack
from tests.conftest import random_pack

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("architecture", ["johnson", "nano"])
def test_int8_is_made_and_plays_on_a_processor_held_to_avx2(tmp_path: Path, architecture: str) -> None:
    pack = random_pack(tmp_path / "small.safetensors", architecture=architecture, width=8)
    save_pack(pack)
    done = subprocess.run(
        [sys.executable, "-m", "tests.engines.int8.held_to_avx2", str(pack.file), str(tmp_path / "cache")],
        env={**os.environ, "ONEDNN_MAX_CPU_ISA": "AVX2"}, cwd=ROOT, capture_output=True, text=True, timeout=300,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["psnr"] >= 30 and found["form"] >= 30
    assert "no bf16 arithmetic" in found["bf16"], "no kernel of it may be used, whatever the processor has"
    assert "BF16" not in found["capabilities"]
    assert found["processor"].endswith("held to AVX2)"), "what is measured so is kept under another name"


def test_what_a_processor_is_held_to_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"):
        monkeypatch.delenv(name, raising=False)
    assert held_to() == ""
    monkeypatch.setenv("DNNL_MAX_CPU_ISA", "avx512_core")
    assert held_to() == "AVX512_CORE"
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "all")
    assert held_to() == "", "the newer name comes first"
