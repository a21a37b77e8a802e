"""Engines: a pack's network made callable for one device, size and precision. Start at `open_engine`."""

from stylefader.engines.base import Engine, Goal, Pending, Precision
from stylefader.engines.building.background_build import EngineBuild
from stylefader.engines.inputs import components, frame_and_alpha
from stylefader.engines.opening import open_engine
from stylefader.engines.registry import REGISTRY

__all__ = [
    "REGISTRY", "Engine", "EngineBuild", "Goal", "Pending", "Precision", "components", "frame_and_alpha", "open_engine",
]  # fmt: skip
