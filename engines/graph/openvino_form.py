"""The form of Dynamic-Net in OpenVINO's graph: names and numbers, without what is needed to write a graph."""

from __future__ import annotations

from typing import Any

OPENVINO_REWRITES: dict[str, Any] = {"up": "transposed", "output_stride": 2}
"""As `Rewrites` in `rewrite.py` names them. The fastest on a CPU with AVX-512, in bf16 and f32, at width 32 and 16: a
fifth to a quarter less time than the network as trained. Folding the colours gained no time there."""
LAST_CONVOLUTION = "main.output"
"""The name of the convolution that makes the picture."""
