"""Several processes training together, started by torchrun as a user would."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from stylefader.training.packs.pack import load_pack, save_pack
from tests.conftest import random_pack
from tests.tools.forked import Forked
from tests.tools.program import PROGRAM, stylefader
from tests.training.given import QUICK, changes

pytestmark = pytest.mark.slow


def train(given: Path, output: Path, *words: str, recipe: str = "level", **more: Any) -> list[str]:
    """The words of `stylefader train`."""
    parts = {"fixed": ("main",)}.get(recipe, ("main", "blocks"))
    values = {"styles__painting__picture": given / "style.png", **{f"{part}__iterations": 4 for part in parts}, **more}
    settings = [word for change in changes(given, **values) for word in ("--set", change)]
    return ["train", recipe, "-o", str(output), "--device", "cpu", *settings, *words]


def in_two(words: list[str]) -> list[str]:
    """The command line that runs these words in two processes, as a user starts them."""
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    return [*launcher, "--no-python", str(PROGRAM), *words]


def run(line: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(line, capture_output=True, text=True, timeout=400, check=False)


def losses(output: Path) -> dict[str, list[float]]:
    """Content, style and temporal loss of each step, by part and number."""
    rows = [row.split(",") for row in output.with_suffix(".log.csv").read_text().splitlines()[1:]]
    return {f"{row[0]} {row[1]}": [float(number) for number in row[2:6]] for row in rows}


def weights(output: Path) -> dict[str, torch.Tensor]:
    """Those that the losses decide: what an instance norm takes away again is moved by rounding alone.

    That is each bias right before one, and the shifts at the ends of residual blocks, which reach one unchanged.
    """
    tensors = load_pack(output).tensors
    free = {f"{name.removesuffix('.norm.weight')}.conv.bias" for name in tensors if name.endswith(".norm.weight")}
    free |= {name for name in tensors if name.endswith(".second.norm.bias")}
    return {name: tensor.float() for name, tensor in tensors.items() if name not in free}


def test_two_processes_are_one_with_twice_the_batch(given: Path, tmp_path: Path) -> None:
    ours, theirs = tmp_path / "two.safetensors", tmp_path / "one.safetensors"
    together = run(in_two(train(given, ours, "--json", train__batch=1, train__temporal="strong")))
    assert together.returncode == 0, together.stderr
    alone = stylefader(*train(given, theirs, train__batch=2, train__temporal="strong"), cwd=tmp_path)
    assert alone.returncode == 0, alone.stderr
    expected = losses(theirs)
    assert len(expected) == 8
    found = losses(ours)
    assert found.keys() == expected.keys()
    for step, numbers in expected.items():  # blocks stand on a main network that was rounded to fp16
        assert found[step] == pytest.approx(numbers, rel=2e-5 if step.startswith("main") else 5e-4), step
    one, two = weights(theirs), weights(ours)
    for part, most in (("main", 1e-6), ("blocks", 1e-4)):  # steps of Adam are a thousandth each
        off = torch.cat([(tensor - two[name]).abs().reshape(-1) for name, tensor in one.items() if part in name])
        assert float(off.mean()) < most, part
    header = json.loads(together.stdout)["header"]  # one document: the leader alone speaks
    assert (header["training"]["main"]["processes"], header["training"]["main"]["batch"]) == (2, 1)
    assert "processes" not in load_pack(theirs).header.training["main"]
    assert together.stderr.count("training main at width 4 on 6 photographs in 2 processes, f32 on CPU") == 1


def test_a_student_in_two_processes_is_one_with_twice_the_batch(given: Path, tmp_path: Path) -> None:
    save_pack(random_pack(tmp_path / "teacher.safetensors"))
    ours, theirs = tmp_path / "two.safetensors", tmp_path / "one.safetensors"
    quick = {key: value for key, value in QUICK.items() if key not in ("style_size", "batch")}
    values = {"iterations": 4, "style_weight": 2, "temporal": "strong", **quick}
    common = [
        f"teacher={tmp_path / 'teacher.safetensors'}",
        f"photos={given / 'photos'}",
        "width=4",
        f"loss_network={given / 'vgg.safetensors'}",
        *(f"student.{key}={value}" for key, value in values.items()),
    ]

    def line(output: Path, batch: int) -> list[str]:
        settings = [word for change in (*common, f"student.batch={batch}") for word in ("--set", change)]
        return ["train", "nano", "-o", str(output), "--device", "cpu", *settings]

    with two(line(ours, 1), line(ours, 1)) as running:
        assert [process.wait() for process in running] == [0, 0], running[0].stderr
    alone = stylefader(*line(theirs, 2), cwd=tmp_path)
    assert alone.returncode == 0, alone.stderr
    expected, found = losses(theirs), losses(ours)
    assert len(expected) == 4 and found.keys() == expected.keys()
    for step, numbers in expected.items():
        # The temporal loss is of a difference of two pictures.
        assert found[step] == pytest.approx(numbers, rel=3e-4, abs=1e-6), step


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_all_and_one_process_with_their_batch_goes_on(
    given: Path, tmp_path: Path, number: signal.Signals
) -> None:
    output, steps = tmp_path / "p.safetensors", {"main__iterations": 3000, "recipe": "fixed"}
    checkpoint = tmp_path / "p.main.checkpoint.pt"
    line = in_two(train(given, output, "--checkpoint-every", "5", train__batch=1, **steps))
    with subprocess.Popen(line, stderr=subprocess.PIPE, text=True, start_new_session=True) as running:
        while not checkpoint.exists() and running.poll() is None:
            time.sleep(0.05)
        running.send_signal(number)  # as a terminal does: torchrun hands it on to its processes
        _, said = running.communicate(timeout=120)
    assert running.returncode != 0
    assert said.count("stopping after this step") == 1
    assert said.count("--resume goes on from there") == 1
    reached = torch.load(checkpoint, weights_only=True)["iteration"]
    assert 5 <= reached < 3000
    assert f"stopped at iteration {reached} of main" in said
    assert len(losses(output)) == reached, "no step is lost"
    assert not list(tmp_path.glob("*.lock"))

    shutil.copytree(tmp_path, tmp_path / "again")
    output, steps["main__iterations"] = tmp_path / "again" / "p.safetensors", reached + 2
    alone = stylefader(*train(given, output, "--resume", train__batch=1, **steps), cwd=tmp_path)
    assert alone.returncode == 2
    assert "other settings: batch, iterations" in alone.stderr


def test_two_processes_go_on_where_one_with_their_batch_stopped(given: Path, tmp_path: Path) -> None:
    whole, parts = tmp_path / "whole.safetensors", tmp_path / "parts.safetensors"
    steps = {"main__iterations": 12, "recipe": "fixed"}
    assert stylefader(*train(given, whole, train__batch=2, **steps), cwd=tmp_path).returncode == 0
    line = train(given, parts, "--checkpoint-every", "4", train__batch=2, **steps)
    with Forked(line) as running:
        running.until((tmp_path / "parts.main.checkpoint.pt").exists)
    line = train(given, parts, "--resume", train__batch=1, **steps)
    with two(line, line) as pair:
        assert [process.wait() for process in pair] == [0, 0], pair[0].stderr
    for step, numbers in losses(whole).items():
        assert losses(parts)[step] == pytest.approx(numbers, rel=1e-3), step


@contextlib.contextmanager
def two(first: list[str], second: list[str]) -> Iterator[list[Forked]]:
    """Two processes that train together, each with words of its own, and nobody to look after them."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1]), "WORLD_SIZE": "2",
                 "LOCAL_WORLD_SIZE": "2"}  # fmt: skip
    with contextlib.ExitStack() as stack:
        yield [
            stack.enter_context(Forked(words, {**place, "RANK": str(rank), "LOCAL_RANK": str(rank)}))
            for rank, words in enumerate((first, second))
        ]


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        ({}, {"photos": "nowhere"}, "process 1 of 2: no folder of photographs at nowhere"),
        ({"main__iteratons": 3}, {"main__iteratons": 3}, "did you mean 'iterations'"),
        ({}, {"photos": "others"}, "process 1 of 2: process 0 is of a run with other settings: photographs"),
        ({}, {"main__seed": 1}, "process 1 of 2: process 0 is of a run with other settings: seed"),
        ({"loss_network": "nothing.pth"}, {}, "no loss network at nothing.pth"),
        ({"photos": "broken", "held_out": "others"}, {"photos": "broken"}, "no picture in the folder can be read"),
    ],
)
def test_what_one_cannot_do_ends_both_and_is_said_once(
    given: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    first: dict[str, Any],
    second: dict[str, Any],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("others", "broken"):
        Path(folder).mkdir()
    cv2.imwrite("others/x.png", np.zeros((40, 40, 3), np.uint8))
    Path("broken/x.png").write_bytes(b"no picture")
    lines = [train(given, Path("p.safetensors"), recipe="fixed", **more) for more in (first, second)]
    with two(*lines) as (leader, other):
        assert [process.wait() for process in (leader, other)] == [2, 2]
        assert [line[:6] for line in leader.stderr.splitlines()] == ["error:"], leader.stderr
        assert said in leader.stderr
        assert (other.stdout, other.stderr) == ("", "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken", "others"]


@pytest.mark.parametrize("victim", [0, 1])
def test_a_process_that_dies_ends_the_other(given: Path, tmp_path: Path, victim: int) -> None:
    checkpoint = tmp_path / "p.main.checkpoint.pt"
    line = train(given, tmp_path / "p.safetensors", "--checkpoint-every", "5", recipe="fixed", main__iterations=9000)
    with two(line, line) as running:
        running[0].until(checkpoint.exists)
        running[victim].send_signal(signal.SIGKILL)
        other = running[1 - victim]
        assert other.wait() == 1
        last = other.stderr.strip().splitlines()[-1:]
    assert torch.load(checkpoint, weights_only=True)["iteration"] >= 5
    assert [line[:53] for line in last] == (["error: another process of this run ended or gave no a"] if victim else [])
