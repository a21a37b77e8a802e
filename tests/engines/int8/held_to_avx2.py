"""Run by a test in a process held to AVX2: prints what a pack's pictures in int8 are like, as JSON.

Arguments: the pack, a folder for built engines.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from stylefader.engines import open_engine
from stylefader.engines.int8.quantize import quantize
from stylefader.engines.machine import identity, processor
from stylefader.training.errors import EngineError
from stylefader.training.packs.pack_file import PackFile
from tests.compare import psnr


def main() -> None:
    """Quantise the pack there, and compare int8 with f32."""
    pack, cache = PackFile(Path(sys.argv[1])), Path(sys.argv[2])
    frames = list(np.random.default_rng(0).integers(0, 256, (8, 32, 40, 3), np.uint8))
    form = quantize(pack, frames, frames[:2])
    form.save(pack.file.with_suffix(".int8"))
    values = {"frame": frames[0], "alpha": np.ones(pack.n_blocks, np.float32)}
    pictures = []
    for precision in ("f32", "int8"):
        with open_engine(pack, 32, 40, backend="openvino", precision=precision, cache_dir=cache)[0] as engine:
            pictures.append(engine.run(values).copy())
    try:
        open_engine(pack, 32, 40, backend="openvino", precision="bf16", cache_dir=cache)[0].close()
        refused = ""
    except EngineError as error:
        refused = str(error)
    print(json.dumps({
        "psnr": float(psnr(*pictures)), "form": form.psnr_db, "bf16": refused, "processor": identity.cpu_name(),
        "capabilities": sorted(processor.capabilities()),
    }))  # fmt: skip


if __name__ == "__main__":
    main()
