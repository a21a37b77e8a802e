"""Engines: a style pack made callable for one device, size and precision. Start at `open_engine`."""

from engines.base import Engine, Goal, Pending, Precision
from engines.build import EngineBuild
from engines.registry import REGISTRY, open_engine

__all__ = ["REGISTRY", "Engine", "EngineBuild", "Goal", "Pending", "Precision", "open_engine"]
