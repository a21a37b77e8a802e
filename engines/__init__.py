"""Engines: a style pack made callable for one device, size and precision. Start at `open_engine`."""

from engines.base import Engine, Precision
from engines.build import EngineBuild
from engines.registry import REGISTRY, open_engine

__all__ = ["REGISTRY", "Engine", "EngineBuild", "Precision", "open_engine"]
