"""The process behind `engines.int8.proof`: compiles an int8 form, runs it and compares its pictures with f32's.

Its one argument is JSON; it leaves a file `answer`: `{"psnr_db": number}` or `{"error": message}`. It ends with its
session, and by itself where it takes more processor time or memory than an honest form can need.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from stylefader.engines.subprocesses import end_with_the_session

_SIZE = (96, 160)
_MEMORY = 8 << 30


def main() -> None:
    """Check one int8 form, as the JSON in the first argument asks."""
    order = json.loads(sys.argv[1])
    end_with_the_session(Path(order["scratch"]))
    _limit(order["seconds"])
    if hasattr(os, "nice"):
        os.nice(5)  # frames come first
    from stylefader.training.errors import StylefaderError

    try:
        answer: dict[str, Any] = {"psnr_db": _worst_db(Path(order["pack"]))}
    except StylefaderError as error:
        answer = {"error": str(error)}
    except Exception as error:  # of any library: whatever it is, the form is not used
        answer = {"error": f"its int8 form cannot be used ({' '.join(str(error).split())[:200]})"}
    Path(order["answer"]).write_text(json.dumps(answer))
    os._exit(0)


def _limit(seconds: int) -> None:
    """Of processor time on each core, and of memory; where the system has no such limits the session's clock is all."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        cores = os.cpu_count() or 1
        resource.setrlimit(resource.RLIMIT_CPU, (seconds * cores, seconds * cores + 5))
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _worst_db(file: Path) -> float:
    import numpy as np
    import openvino as ov

    from stylefader.engines.example_inputs import even_vectors, example_inputs, spread_vectors
    from stylefader.engines.graph.families import graphs_of
    from stylefader.engines.int8.quantized import find_quantized
    from stylefader.engines.timing import bench_picture, psnr_db
    from stylefader.training.errors import EngineError
    from stylefader.training.packs.pack_file import PackFile

    pack = PackFile(file)
    found = find_quantized(pack)
    assert found is not None
    height, width = _SIZE
    core, frame = ov.Core(), bench_picture(height, width)
    header = pack.header
    graph = found.graph.model(header, height, width)
    output = graph.outputs[0]
    if output.element_type != ov.Type.u8 or list(output.get_partial_shape().to_shape()) != [height, width, 3]:
        raise EngineError(f"its int8 form gives {output.element_type} {output.partial_shape}, not the picture")
    int8 = core.compile_model(graph, "CPU")
    f32 = core.compile_model(
        graphs_of(header).openvino_model(pack, height, width), "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
    )
    specs, worst = header.inputs, 99.0
    values = example_inputs(specs, height, width, rng=np.random.default_rng(0), picture=frame)
    for vectors in (even_vectors(specs, 0), even_vectors(specs, 1), spread_vectors(specs)):
        expected, shown = (net({**values, **vectors})[0] for net in (f32, int8))
        worst = min(worst, psnr_db(shown, expected))
    return worst


if __name__ == "__main__":
    main()
