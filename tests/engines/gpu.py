"""Tests that need an NVIDIA GPU: skipped where there is none, and failing where REQUIRE_CUDA=1 promises one."""

from __future__ import annotations

import os

import pytest
import torch

needs_cuda = pytest.mark.skipif(
    not torch.cuda.is_available() and os.environ.get("REQUIRE_CUDA") != "1", reason="no CUDA GPU here"
)
ON_CUDA = {"tensorrt-rtx"}
"""The engines of the registry that need one."""
