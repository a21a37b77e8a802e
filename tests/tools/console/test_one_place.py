"""Only tools/console prints: what is not printable is escaped there, and streams that are closed are met there."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.paths import ROOT

WORKERS = {
    "engines/int8/form_worker.py",
    "engines/selection/measuring_worker.py",
    "realtime/sinks/live/stream_process.py",
}
"""Processes whose standard streams are pipes to our own process, which prints what they say."""
FILES = [
    file
    for folder in ("engines", "realtime", "tools", "training")
    for file in sorted((ROOT / folder).rglob("*.py"))
    if not file.is_relative_to(ROOT / "tools" / "console")
]


def printing(tree: ast.AST) -> list[str]:
    """What writes to a standard stream, or could: `line: what`."""
    found = []
    for node in ast.walk(tree):
        what = ""
        if isinstance(node, ast.Name) and node.id == "print":
            what = "print"
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "input":
            what = "input"
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            what = next((name for name in names if name.split(".")[0] in ("rich", "click", "pprint")), "")
            if isinstance(node, ast.ImportFrom) and node.module == "sys":
                what = next((a.name for a in node.names if a.name.strip("_") in ("stdout", "stderr")), what)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            name = f"{node.value.id}.{node.attr}"
            streams = {"sys.stdout", "sys.stderr", "sys.__stdout__", "sys.__stderr__"}
            if name in {"typer.echo", "typer.secho", "traceback.print_exc", "traceback.print_exception", *streams}:
                what = name
        if what:
            found.append(f"{getattr(node, 'lineno', 0)}: {what}")
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_no_other_module_prints(file: Path) -> None:
    name = file.relative_to(ROOT).as_posix()
    found = printing(ast.parse(file.read_text(encoding="utf-8")))
    if name in WORKERS:
        found = [one for one in found if one.split(": ")[1] in ("rich", "typer.echo")]
    assert found == [], name


@pytest.mark.parametrize(
    "code",
    [
        "print(1)",
        "import sys\nsys.stdout.write('a')",
        "import sys\nout = sys.stderr",
        "from sys import stderr",
        "from rich.console import Console",
        "import rich",
        "import typer\ntyper.echo('a')",
        "import pprint",
        "say = print",
        "import traceback\ntraceback.print_exc()",
    ],
)
def test_the_test_sees_it(code: str) -> None:
    assert len(printing(ast.parse(code))) == 1


def test_there_is_something_to_look_at() -> None:
    assert len(FILES) > 150
