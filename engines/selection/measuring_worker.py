"""The process behind `engines.selection.measuring`: measures one engine, or makes the reference picture.

Its one argument is JSON, and so is the file `answer` that it leaves: `{"measured": row}` or `{"error": message}`.
It ends with the session that started it.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stylefader.engines.subprocesses import end_with_the_session

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from stylefader.engines.base import Engine

SHARE = 0.7


def main() -> None:
    """Measure one engine, or make the reference picture, as the JSON in the first argument asks."""
    order = json.loads(sys.argv[1])
    end_with_the_session(Path(order["scratch"]))
    if order["behind"] and hasattr(os, "nice"):
        os.nice(10)  # frames come first; each engine is measured with as little as the others
    try:
        answer = {"measured": _measure(order)} if order["seconds"] else _make_reference(order)
    except MemoryError:
        answer = {"error": "out of memory"}
    except Exception as error:  # any: a library's own errors are no reason to measure nothing else
        answer = {"error": " ".join(str(error).split()) or type(error).__name__}
    Path(order["answer"]).write_text(json.dumps(answer))
    os._exit(0)  # what libraries do at exit is not measured, and may hang


def _make_reference(order: dict[str, Any]) -> dict[str, Any]:
    """Leaves the frame and its two pictures in the scratch folder."""
    import numpy as np

    from stylefader.engines.timing import bench_picture

    scratch = Path(order["scratch"])
    frame = bench_picture(order["height"], order["width"])
    engine = _open(order, None)
    pictures = [engine.run(values).copy() for values in _settings(engine, frame)]
    np.save(scratch / "frame.npy", frame)
    np.save(scratch / "reference.npy", np.stack(pictures))
    return {"done": True}


def _measure(order: dict[str, Any]) -> dict[str, Any]:
    import numpy as np

    from stylefader.engines.timing import psnr_db, time_engine

    began = time.perf_counter()
    importlib.import_module(order["module"])
    facts: dict[str, Any] = {"import_s": time.perf_counter() - began}
    scratch = Path(order["scratch"])
    given = order["cache_dir"]
    cache = Path(given) if given else scratch / f"cache-{os.getpid()}"
    if not given:
        importlib.import_module("stylefader.engines.graph.frame_graph")  # which building needs, and PyTorch with it
    frame, expected = np.load(scratch / "frame.npy"), np.load(scratch / "reference.npy")
    before = _resident_bytes()
    began = time.perf_counter()
    engine = _open(order, cache)
    seconds = time.perf_counter() - began
    if engine.outcome is not None and engine.outcome.hit:
        facts["open_cached_s"] = seconds
    elif not given:
        facts["open_s"] = seconds
    if not given and engine.outcome is not None and engine.outcome.kept:
        engine.close()
        began = time.perf_counter()
        engine = _open(order, cache)
        facts["open_cached_s"] = time.perf_counter() - began
        shutil.rmtree(cache, ignore_errors=True)
    engine.warm_up()
    first, last = _settings(engine, frame)
    worst = psnr_db(engine.run(first), expected[0])
    timing = time_engine(engine, frame, seconds=order["seconds"])
    worst = min(worst, psnr_db(engine.run(last), expected[1]))
    peak = _peak_bytes()
    facts.update(precision=engine.precision, device=engine.device, psnr_db=worst, **vars(timing))
    if peak is not None and before is not None:
        facts.update(peak_bytes=peak, growth_bytes=max(0, peak - before))
    return facts


def _open(order: dict[str, Any], cache_dir: Path | None) -> Engine:
    from dataclasses import replace

    from stylefader.engines.opening import open_engine
    from stylefader.engines.registry import REGISTRY
    from stylefader.training.packs.pack_file import PackFile

    name = order["engine"]
    # As the registry of whoever asks has it.
    REGISTRY[name] = replace(REGISTRY["torch"], module=order["module"], class_name=order["class_name"])
    return open_engine(
        PackFile(Path(order["pack"])), order["height"], order["width"], backend=name, precision=order["precision"],
        cache_dir=cache_dir,
    )[0]  # fmt: skip


def _settings(engine: Engine, picture: npt.NDArray[np.uint8]) -> list[dict[str, npt.NDArray[Any]]]:
    """Values of all inputs: vectors whose components are alike, and vectors whose components all differ."""
    import numpy as np

    from stylefader.engines.example_inputs import even_vectors, example_inputs, spread_vectors

    specs = engine.inputs
    values = example_inputs(specs, engine.height, engine.width, rng=np.random.default_rng(0), picture=picture)
    return [{**values, **vectors} for vectors in (even_vectors(specs, SHARE), spread_vectors(specs))]


def _status_bytes(field: str) -> int | None:
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith(f"{field}:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return None


def _resident_bytes() -> int | None:
    """What the process holds in memory now; where only a peak is told, that."""
    now = _status_bytes("VmRSS")
    return now if now is not None else _peak_bytes()


def _peak_bytes() -> int | None:
    """The most that the process has held so far, where the system tells."""
    peak = _status_bytes("VmHWM")
    if peak is None and sys.platform != "win32":
        import resource

        largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        peak = largest if sys.platform == "darwin" else largest * 1024
    return peak


if __name__ == "__main__":
    main()
