"""Engines: a style pack made callable for one device, size and precision. Start at `open_engine`."""

from engines.base import Engine, Precision
from engines.registry import REGISTRY, open_engine

__all__ = ["REGISTRY", "Engine", "Precision", "open_engine"]
