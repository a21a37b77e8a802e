"""All engines by name, and the choice between them.

An engine is imported only when it is asked for: their libraries are heavy and some are optional.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import get_args

from engines.base import Engine, Precision
from training.errors import EngineError
from training.pack import StylePack


@dataclass(frozen=True, kw_only=True)
class EngineEntry:
    """One line of the registry: where the engine's class lives, and how to get what it needs."""

    module: str
    class_name: str
    install: str


REGISTRY = {
    "tensorrt": EngineEntry(
        module="engines.tensorrt_engine", class_name="TensorRtEngine", install="pip install 'stylefader[tensorrt]'"
    ),
    "cuda": EngineEntry(module="engines.cuda_engine", class_name="CudaEngine", install="pip install torch"),
    "openvino": EngineEntry(
        module="engines.openvino_engine", class_name="OpenVinoEngine", install="pip install openvino"
    ),
    "torch": EngineEntry(module="engines.torch_engine", class_name="TorchEngine", install="pip install torch"),
}
"""In the order in which `auto` tries them: the fastest kind first."""


def open_engine(
    pack: StylePack, height: int, width: int, *, backend: str = "auto", precision: Precision = "auto"
) -> tuple[Engine, str]:
    """Open an engine for frames of one size; returns it with a line that says which and why.

    backend: a name in the registry, or `auto` for the first that works here.
    precision: `auto` is the engine's fastest that keeps 45 dB to the reference.
    Raises EngineError: unknown name, not installed (with the command that installs it), cannot run here; for
    `auto`, every engine's reason.
    """
    if height < 1 or width < 1:
        raise EngineError(f"an engine's size must be 1x1 or more, not {width}x{height}")
    if precision not in get_args(Precision):
        raise EngineError(f"no precision named {precision!r}: there are {', '.join(get_args(Precision))}")
    if backend != "auto":
        if backend not in REGISTRY:
            raise EngineError(f"no engine named {backend!r}: there are auto, {', '.join(REGISTRY)}")
        return _open(backend, pack, height, width, precision), f"{backend}, as asked"
    reasons: list[str] = []
    for name in REGISTRY:
        try:
            engine = _open(name, pack, height, width, precision)
        except EngineError as error:
            reasons.append(f"not {name}: {error}")
            continue
        return engine, "; ".join([f"{name}, the first that works here", *reasons])
    raise EngineError("no engine works here: " + "; ".join(reasons))


def _open(name: str, pack: StylePack, height: int, width: int, precision: Precision) -> Engine:
    entry = REGISTRY[name]
    try:
        module = importlib.import_module(entry.module)
    except ImportError as error:
        raise EngineError(f"engine {name} is not installed ({error}): {entry.install}") from error
    engine: Engine = getattr(module, entry.class_name)(pack, height, width, precision=precision)
    return engine
