"""What tests of engines share: a stand-in for the GPU."""

from __future__ import annotations

import pytest

from tests.engines.backends.gpu import CpuGpu


@pytest.fixture
def cpu_gpu(monkeypatch: pytest.MonkeyPatch) -> CpuGpu:
    """A stand-in that the engines opened in this test find instead of a GPU."""
    gpu = CpuGpu()
    monkeypatch.setattr("stylefader.engines.backends.gpu.Gpu.find", lambda engine: gpu)
    return gpu
