"""The process behind `engines.selection.measuring`: makes the reference pictures, and measures or proves one engine.

Its one argument is JSON, and so is the file `answer` that it leaves: fields of a row, or `{"error": message}`. It ends
with the session that started it, and by itself where a proof takes more processor time or memory than it may.
"""

from __future__ import annotations

import importlib
import json
import math
import os
import shutil
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stylefader.engines.subprocesses import end_with_the_session
from stylefader.training.errors import one_line

if TYPE_CHECKING:
    from stylefader.engines.base import Engine


def main() -> None:
    """Measure one engine, or make the reference picture, as the JSON in the first argument asks."""
    order = json.loads(sys.argv[1])
    end_with_the_session(Path(order["scratch"]))
    _limit(order["timeout_s"], order["memory"])
    if order["behind"] and hasattr(os, "nice"):
        os.nice(10)  # frames come first; each engine is measured with as little as the others
    answer: dict[str, Any] = {}
    try:
        if order["reference"]:
            _make_reference(order)
        if order["engine"]:
            answer = _measure(order)
    except MemoryError:
        answer = {"error": "out of memory"}
    except Exception as error:  # any: a library's own errors are no reason to measure nothing else
        answer = {"error": one_line(error)}
    Path(order["answer"]).write_text(json.dumps(answer))
    os._exit(0)  # what libraries do at exit is not measured, and may hang


def _limit(seconds: float, memory: int | None) -> None:
    """Of processor time on each core, and of memory; where the system has no such limits the session's clock is all."""
    if memory is None:
        return
    with suppress(ImportError, OSError, ValueError):
        import resource

        most = math.ceil(seconds) * (os.cpu_count() or 1)
        resource.setrlimit(resource.RLIMIT_CPU, (most, most + 5))
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _make_reference(order: dict[str, Any]) -> None:
    """Leaves the frame and its pictures in the scratch folder."""
    import numpy as np

    from stylefader.engines.timing import bench_picture

    scratch = Path(order["scratch"])
    np.save(scratch / "frame.npy", bench_picture(order["height"], order["width"]))
    engine = _open(order, order["reference"], None)
    np.save(scratch / "reference.npy", np.stack([engine.run(one).copy() for one in _settings(order, engine)]))
    engine.close()


def _measure(order: dict[str, Any]) -> dict[str, Any]:
    import numpy as np

    from stylefader.engines.timing import psnr_db, time_engine

    began = time.perf_counter()
    importlib.import_module(order["engine"]["module"])
    facts: dict[str, Any] = {"import_s": time.perf_counter() - began}
    scratch, given, timed = Path(order["scratch"]), order["cache_dir"], order["seconds"] > 0
    cache = Path(given) if given else scratch / f"cache-{os.getpid()}"
    if timed and not given:
        importlib.import_module("stylefader.engines.graph.frame_graph")  # which building needs, and PyTorch with it
    frame, expected = np.load(scratch / "frame.npy"), np.load(scratch / "reference.npy")
    before = _memory("VmRSS")
    began = time.perf_counter()
    engine = _open(order, order["engine"], cache)
    seconds = time.perf_counter() - began
    if engine.outcome is not None and engine.outcome.hit:
        facts["open_cached_s"] = seconds
    elif not given:
        facts["open_s"] = seconds
    if timed and not given and engine.outcome is not None and engine.outcome.kept:
        engine.close()
        began = time.perf_counter()
        engine = _open(order, order["engine"], cache)
        facts["open_cached_s"] = time.perf_counter() - began
        shutil.rmtree(cache, ignore_errors=True)
    engine.warm_up()
    *first, last = _settings(order, engine)
    styles = _styles(order)
    worst = min(psnr_db(engine.run(one), picture) for one, picture in zip(first, expected, strict=False))
    if timed:
        facts.update(vars(time_engine(engine, frame, seconds=order["seconds"], styles=styles)))
    worst = min(worst, psnr_db(engine.run(last), expected[-1]))
    peak = _memory("VmHWM")
    if timed and peak is not None and before is not None:
        facts.update(peak_bytes=peak, growth_bytes=max(0, peak - before))
    return {**facts, "precision": engine.precision, "device": engine.device, "psnr_db": worst}


def _open(order: dict[str, Any], named: dict[str, str], cache_dir: Path | None) -> Engine:
    from stylefader.engines.cache.store import EngineCache
    from stylefader.training.packs.pack_file import PackFile

    kind: Any = getattr(importlib.import_module(named["module"]), named["class_name"])
    engine: Engine = kind(
        PackFile(Path(order["pack"])), order["height"], order["width"], precision=named["precision"],
        cache=cache_dir and EngineCache(cache_dir),
    )  # fmt: skip
    return engine


def _styles(order: dict[str, Any]) -> Any:
    """The styles of a palette; None of another pack."""
    from stylefader.engines.example_inputs import styles_of
    from stylefader.training.packs.pack_file import PackFile

    return styles_of(PackFile(Path(order["pack"])))


def _settings(order: dict[str, Any], engine: Engine) -> list[dict[str, Any]]:
    """Values of all inputs: vectors whose components are alike, and at last vectors whose components all differ.

    A palette is given styles of its own, and at last all of them mixed.
    """
    import numpy as np

    from stylefader.engines.example_inputs import even_vectors, example_inputs, spread_vectors

    specs, picture, styles = engine.inputs, np.load(Path(order["scratch"]) / "frame.npy"), _styles(order)
    values = example_inputs(specs, engine.height, engine.width, rng=np.random.default_rng(0), picture=picture)
    vectors = [
        *(even_vectors(specs, share, styles=styles) for share in order["shares"]), spread_vectors(specs, styles=styles)
    ]  # fmt: skip
    return [{**values, **one} for one in vectors]


def _memory(field: str) -> int | None:
    """What the process holds in bytes, now (`VmRSS`) or at most so far (`VmHWM`); else the most, where it is told."""
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith(f"{field}:"):
                return int(line.split()[1]) * 1024
    if sys.platform == "win32":
        return None
    import resource

    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return largest if sys.platform == "darwin" else largest * 1024


if __name__ == "__main__":
    main()
