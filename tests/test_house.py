"""The house: which room and folder may import which. docs/design.md draws it."""

from __future__ import annotations

import ast
import functools
import graphlib

from tests.paths import ROOT

LAYERS = (
    {"tools"},
    {"realtime.session"},
    {"realtime.pipeline"},
    {"realtime.automation", "realtime.sound", "realtime.masks"},
    {"realtime.controls", "realtime.sinks"},
    {"realtime.sources", "realtime.display", "realtime.parameters", "engines"},
    {"realtime.media", "training"},
)
"""From the top: a folder imports from those below it, and from its own layer where that closes no circle."""


@functools.cache
def imports() -> dict[str, frozenset[str]]:
    """Every module of ours, and those that it imports: anywhere in it, also for types alone."""
    files = {}
    for room in ("engines", "realtime", "tools", "training"):
        for file in sorted((ROOT / room).rglob("*.py")):
            parts = file.relative_to(ROOT).with_suffix("").parts
            files[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    found = {}
    for module, file in files.items():
        names: set[str] = set()
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
            elif isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
        ours = {name.removeprefix("stylefader.") for name in names if name.startswith("stylefader.")}
        whole = {name for name in ours if name in files}
        packages = {name for name in whole if any(other.startswith(f"{name}.") for other in whole)}
        found[module] = frozenset(whole - packages - {module})
    return found


def folder(module: str) -> str:
    """The folder that the layers speak of."""
    parts = module.split(".")
    return ".".join(parts[:2]) if parts[0] == "realtime" else parts[0]


def test_every_module_is_found_and_the_arrows_run_down() -> None:
    heights = {name: height for height, layer in enumerate(LAYERS) for name in layer}
    modules = {module: folder(module) for module in imports() if module != "realtime"}
    assert len(modules) > 250 and set(modules.values()) == set(heights)
    up = [
        f"{module} -> {other}"
        for module, others in imports().items()
        for other in others
        if module in modules and other in modules and heights[modules[module]] > heights[modules[other]]
    ]
    assert up == []


def test_folders_close_no_circle() -> None:
    arrows: dict[str, set[str]] = {}
    for module, others in imports().items():
        for other in others:
            if module != "realtime" and folder(module) != folder(other):
                arrows.setdefault(folder(module), set()).add(folder(other))
    assert list(graphlib.TopologicalSorter(arrows).static_order())


def test_modules_close_no_circle() -> None:
    assert list(graphlib.TopologicalSorter(imports()).static_order())
