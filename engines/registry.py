"""All engines by name, and the choice between them.

An engine is imported only when it is asked for: their libraries are heavy and some are optional.
"""

from __future__ import annotations

import ctypes
import importlib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from engines.base import Engine, Goal, Precision, Report, quiet
from engines.cache import EngineCache
from training.errors import EngineError

if TYPE_CHECKING:
    from training.pack import StylePack
    from training.pack_file import PackFile


@dataclass(frozen=True, kw_only=True)
class EngineEntry:
    """One line of the registry: where the engine's class lives, and how to get what it needs.

    gpu: needs an NVIDIA GPU; looked for before anything heavy is imported.
    proved: has given the right pictures on a real device. `auto` leaves the others to those who ask by name.
    """

    module: str
    class_name: str
    install: str
    gpu: bool = False
    proved: bool = True


INSTALL_RTX = "pip install tensorrt-rtx-cu13-libs tensorrt-rtx-cu13-bindings onnx onnxscript"

REGISTRY = {
    "tensorrt": EngineEntry(
        module="engines.tensorrt_engine",
        class_name="TensorRtEngine",
        install="pip install 'stylefader[tensorrt]'",
        gpu=True,
        proved=False,
    ),
    "tensorrt-rtx": EngineEntry(
        module="engines.tensorrt_rtx", class_name="TensorRtRtxEngine", install=INSTALL_RTX, gpu=True, proved=False
    ),
    "cuda": EngineEntry(
        module="engines.cuda_engine", class_name="CudaEngine", install="pip install torch", gpu=True, proved=False
    ),
    "openvino": EngineEntry(
        module="engines.openvino_engine", class_name="OpenVinoEngine", install="pip install openvino"
    ),
    "torch": EngineEntry(module="engines.torch_engine", class_name="TorchEngine", install="pip install torch"),
}
"""In the order in which `auto` tries them: the fastest kind first."""


def open_engine(
    pack: StylePack | PackFile,
    height: int,
    width: int,
    *,
    backend: str = "auto",
    precision: Precision = "auto",
    goal: Goal = "latency",
    cache_dir: Path | None = None,
    report: Report = quiet,
) -> tuple[Engine, str]:
    """Open an engine for frames of one size; returns it with a line that says which and why, and how it came.

    pack: a PackFile reads its weights only where the engine is not in the cache, and needs no torch then.
    backend: a name in the registry, or `auto` for the first that works here.
    precision: `auto` is the engine's fastest that keeps 45 dB to the reference.
    goal: `throughput` for a render, where several frames may be under way at once (`Engine.slots`).
    cache_dir: where finished engines are kept; None is the user's cache folder. One that cannot be written costs
    only the keeping, and the line says so.
    report: told in words before something that takes long.
    Raises EngineError: unknown name, not installed (with the command that installs it), cannot run here; for
    `auto`, every engine's reason.
    """
    if height < 1 or width < 1:
        raise EngineError(f"an engine's size must be 1x1 or more, not {width}x{height}")
    if precision not in get_args(Precision):
        raise EngineError(f"no precision named {precision!r}: there are {', '.join(get_args(Precision))}")
    cache = EngineCache(cache_dir)
    if backend != "auto":
        if backend not in REGISTRY:
            raise EngineError(f"no engine named {backend!r}: there are auto, {', '.join(REGISTRY)}")
        engine = _open(backend, pack, height, width, precision, goal, cache, report)
        return engine, "; ".join([f"{backend}, as asked", *_how_it_came(engine)])
    without_gpu = [] if _has_nvidia_driver() else [name for name, entry in REGISTRY.items() if entry.gpu]
    reasons = [f"no NVIDIA GPU for {', '.join(without_gpu)}"] if without_gpu else []
    for name, entry in REGISTRY.items():
        if name in without_gpu:
            continue
        if not entry.proved:
            reasons.append(f"{name} has not been proved on a device yet: ask for it by name")
            continue
        try:
            engine = _open(name, pack, height, width, precision, goal, cache, report)
        except EngineError as error:
            reasons.append(f"{name} {str(error).removeprefix(f'engine {name} ')}")
            continue
        return engine, "; ".join([f"{name}, the first that works here", *_how_it_came(engine), *reasons])
    raise EngineError("no engine works here: " + "; ".join(reasons))


def _has_nvidia_driver() -> bool:
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return False
    return True


def _how_it_came(engine: Engine) -> list[str]:
    return [engine.outcome.words] if engine.outcome else []


def _open(
    name: str,
    pack: StylePack | PackFile,
    height: int,
    width: int,
    precision: Precision,
    goal: Goal,
    cache: EngineCache,
    report: Report,
) -> Engine:
    entry = REGISTRY[name]
    try:
        module = importlib.import_module(entry.module)
    except ImportError as error:
        raise EngineError(f"engine {name} is not installed ({error}): {entry.install}") from error
    kind: Any = getattr(module, entry.class_name)
    engine: Engine = kind(pack, height, width, precision=precision, goal=goal, cache=cache, report=report)
    return engine
