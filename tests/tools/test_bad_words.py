"""Words on the command line that no option takes: one line of ours, exit code 2, whatever they are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import typer

from stylefader.tools.cli import app
from stylefader.training.packs.pack import save_pack
from tests.conftest import random_pack
from tests.tools.program import stylefader

DIGITS = "9" * 5000
"""More than Python converts to an integer."""
RENDER = ["render", "in.png", "-o", "out.png", "--style", "small.safetensors", "--engine", "torch"]
LIVE = ["live", "--style", "small.safetensors", "--no-window", "--source", "testcard", "--sink", "null", "--size",
        "16x16", "--seconds", "0.1"]  # fmt: skip
LEARN = ["midi", "learn", "alpha", "--map", "m.toml"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("words")
    save_pack(random_pack(folder / "small.safetensors"))
    cv2.imwrite(str(folder / "in.png"), np.zeros((8, 8, 3), np.uint8))
    return folder


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ([*RENDER, "--size", f"{DIGITS}x1"], "is not a size: write WxH"),
        ([*RENDER, "--size", "100000x1"], "sides go from 1 to 16384 pixels"),
        ([*RENDER, "--size", "\u0661x\u0661"], "is not a size"),
        ([*RENDER, "--rate", DIGITS], "is not a frame rate"),
        ([*RENDER, "--rate", "1e999999999"], "is not a frame rate"),
        ([*RENDER, "--rate", f"1/{DIGITS}"], "is not a frame rate"),
        ([*RENDER, "--rate", "1/0"], "is not a frame rate"),
        ([*RENDER, "--rate", "0.0000001"], "is not a frame rate"),
        ([*RENDER, "--from", DIGITS], "is not a time"),
        ([*RENDER, "--to", f"{DIGITS}:00"], "is not a time"),
        ([*RENDER, "--alpha", DIGITS], "is not a number"),
        ([*RENDER, "--alpha", "nan"], "is not a number"),
        ([*RENDER, "--alpha", f"{DIGITS}s:1 2s:0"], "is not a time"),
        ([*RENDER, "--alpha", "\x1b[2J"], "is not a number"),
        ([*RENDER, "--crf", DIGITS], "'--crf'"),
        ([*RENDER, "--crf", "9" * 4000], "'--crf'"),
        ([*RENDER, "--style", DIGITS], "no style named"),
        ([*LIVE, "--alpha", "nan"], "'--alpha': it is a finite number"),
        ([*LIVE, "--alpha", "1e400"], "finite number"),
        ([*LIVE, "--fade", "nan"], "'--fade'"),
        ([*LIVE, "--every", "9" * 4000], "it is a number up to 1e+09"),
        ([*LIVE, "--seconds", "1e300"], "finite number up to 1e+09"),
        ([*LIVE, "--rate", "inf"], "is not a frame rate"),
        ([*LIVE, "--crop", f"{DIGITS},0,1x1"], "a crop is X,Y,WxH in pixels"),
        ([*LIVE, "--osc", DIGITS], "is no address for OSC"),
        ([*LIVE, "--osc", f"127.0.0.1:{DIGITS}"], "is no address for OSC"),
        ([*LIVE, "--osc", "70000"], "is no address for OSC"),
        ([*LIVE, "--osc", f"{'a' * 300}:9000"], "is no address for OSC"),
        ([*LIVE, "--osc", "999.1.1.1:9000"], "OSC cannot listen at 999.1.1.1:9000"),
        ([*LIVE, "--source", "http://[::1"], "the address of that stream cannot be read"),
        ([*LIVE, "--source", f"screen:{DIGITS}"], "is no part of the screen"),
        ([*LIVE, "--source", DIGITS], "no camera"),
        ([*LIVE, "--sink", "rtmp://[::1"], "the address of that stream cannot be read"),
        ([*LIVE, "--sink", f"ndi:{DIGITS}"], "is no name for NDI"),
        ([*LIVE, "--sound", DIGITS], "sound"),
        (["train", "level", "--set", f"main.iterations={DIGITS}"], "a number of thousands of digits"),
        (["train", "level", "--set", f"a={'[' * 20000}"], "values are nested deeper than 24"),
        (["train", "level", "--set", DIGITS], "a change to a recipe is KEY=VALUE"),
        ([*LEARN, "--to", DIGITS], "to"),
        (["automation", "scale", "a.csv", "-o", "b.csv", "--time", "1e999999999"], "is no factor for times"),
        (["automation", "shift", "a.csv", "-o", "b.csv", "--by", f"-{DIGITS}"], "is not a time"),
    ],
    ids=lambda value: " ".join(value[-2:])[:40].encode("ascii", "backslashreplace").decode() if isinstance(value, list)
    else "",
)  # fmt: skip
def test_one_line_and_exit_code_2(folder: Path, line: list[str], said: str) -> None:
    done = stylefader(*line, cwd=folder)
    assert done.returncode == 2
    *before, last = done.stderr.splitlines()
    assert done.stdout == "" and last.startswith("error: ") and said in last
    assert last.isprintable() and len(last) < 2100 and not any("error" in line for line in before)
    assert not (folder / "out.png").exists()


def commands(group: Any, *names: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, *names, name)
        else:
            yield (*names, name), command


EVIL = [DIGITS, f"-{DIGITS}", "1e400", "1e999999999", "nan", "-inf", "", "\u0661\u0662", f"1x{DIGITS}", f"{DIGITS}:0",
        "1/0", "\udcff", "\x1b[31m", "9" * 4000, "1e-320"]  # fmt: skip


@pytest.mark.parametrize(
    ("names", "command"), list(commands(typer.main.get_command(app))), ids=lambda value: str(value)[:40]
)
def test_every_option_of_every_command_takes_it_or_refuses_it(names: tuple[str, ...], command: Any) -> None:
    """Parsing alone: nothing is run. Any other exception, or a wait, is a failure."""
    tried = 0
    for parameter in command.params:
        if parameter.param_type_name != "option" or parameter.is_flag:
            continue
        for evil in EVIL:
            needed: list[str] = []
            for other in command.params:
                if other is not parameter and other.required:
                    needed += [other.opts[0]] if other.param_type_name == "option" else []
                    needed.append("1x1" if "size" in other.name else "1")
            try:
                context = command.make_context(names[-1], [*needed, parameter.opts[0], evil])
            except typer.TyperException:
                tried += 1
                continue
            values = context.params.values()
            assert all(abs(value) <= 1e9 for value in values if isinstance(value, int | float)), evil
            tried += 1
    options = [p for p in command.params if p.param_type_name == "option" and not p.is_flag]
    assert tried == len(EVIL) * len(options)
