"""A file of scenes, and the packs that it names."""

from __future__ import annotations

from pathlib import Path

from stylefader.realtime.controls.scenes.scene_controller import SceneController
from stylefader.training.packs.pack_file import PackFile

FILE = """
[[scene]]
name = "verse"
style = "second"
alpha = 0.25
fade = 4

[[scene]]
name = "chorus"
alpha = [0.5, 1, 0.75]

[[scene]]
name = "pause"
blackout = true
freeze = false
"""


def packs(folder: Path, *names: str) -> list[PackFile]:
    return [PackFile(folder / f"{name}.safetensors") for name in names]


def current(scenes: SceneController) -> int | None:
    """The scene that was recalled last, from 0."""
    name, names = scenes._player.scene, scenes.names
    return names.index(name) if name in names else None
