"""Engines: a style pack made callable for one device, size and precision. Start at `open_engine`."""

from engines.base import Engine, Goal, Pending, Precision
from engines.build import EngineBuild
from engines.opening import open_engine
from engines.registry import REGISTRY

__all__ = ["REGISTRY", "Engine", "EngineBuild", "Goal", "Pending", "Precision", "open_engine"]
