"""`stylefader train` where something is wrong, or goes wrong at any moment: a clear line, and nothing lost that was
saved before."""

from __future__ import annotations

import contextlib
import resource
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from stylefader.training.errors import PackError
from stylefader.training.loop.run import Run
from stylefader.training.packs.pack import load_pack
from tests.tools.forked import Forked
from tests.tools.program import stylefader
from tests.training.given import changes, recipe_of

_LONG = ("--set", "main.iterations=9000")


@pytest.fixture(scope="module")
def given(given: Path) -> Path:
    """With some more to hold: pictures to be wrong about, and enough photographs that measuring takes a while."""
    for number in range(1, 16):
        shutil.copy(given / "held_out" / "0.png", given / "held_out" / f"{number}.png")
    for name in ("empty", "broken", "small"):
        (given / name).mkdir()
    for number in range(3):
        (given / "broken" / f"{number}.jpg").write_bytes(b"no picture")
        cv2.imwrite(str(given / "small" / f"{number}.png"), np.full((20, 24, 3), 80 * number, np.uint8))
    save_file({"conv1.weight": torch.zeros(3)}, given / "other.safetensors")
    torch.save({"features.0.weight": torch.zeros(3)}, given / "other.pth")
    return given


def arguments(given: Path, output: Path, *more: str) -> list[str]:
    settings = changes(given, styles__painting__picture=given / "style.png", main__iterations=6)
    return ["train", "fixed", "-o", str(output), "--checkpoint-every", "5",
            *(word for change in settings for word in ("--set", change)), *more]  # fmt: skip


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("photos", "empty", "no pictures in"),
        ("photos", "nowhere", "no folder of photographs at"),
        ("photos", "style.png", "no folder of photographs at"),
        ("photos", "broken", "pictures cannot be read"),
        ("held_out", "empty", "no pictures in"),
        ("held_out", "broken", "pictures cannot be read"),
        ("styles.painting.picture", "other.pth", "not a picture that can be read"),
        ("styles.painting.picture", "nothing.jpg", "picture not found"),
        ("styles.painting.picture", "photos", "cannot read the picture"),
        ("loss_network", "other.safetensors", "is no loss network that is known here"),
        ("loss_network", "other.pth", "is no loss network that is known here"),
        ("loss_network", "style.png", "cannot read the loss network"),
        ("loss_network", "photos", "no loss network at"),
        ("train.precision", "fp16", "precision fp16 needs a GPU"),
    ],
)
def test_what_is_missing_or_of_another_kind_is_said_and_nothing_written(
    given: Path, tmp_path: Path, key: str, value: str, said: str
) -> None:
    changed = ("--set", f"{key}={value if key == 'train.precision' else given / value}")
    done = stylefader(*arguments(given, tmp_path / "p.safetensors", "--device", "cpu", *changed), cwd=tmp_path)
    assert done.returncode == 2
    assert [line[:6] for line in done.stderr.splitlines()] == ["error:"]
    assert said in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_pictures_smaller_than_the_crop_are_counted(given: Path, tmp_path: Path) -> None:
    changed = ("--set", f"photos={given / 'small'}", "--set", f"held_out={given / 'photos'}")
    done = stylefader(*arguments(given, tmp_path / "p.safetensors", *changed), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "note: 3 of 3 pictures are smaller than the crop and were enlarged" in done.stderr


@pytest.mark.parametrize(
    "spoil",
    [
        lambda state: {**state, "settings": "no JSON"},
        lambda state: {**state, "settings": "[1]"},
        lambda state: {key: value for key, value in state.items() if key != "plateau"},
        lambda state: {**state, "network": {}},
        lambda state: {**state, "optimizer": {}},
        lambda state: {**state, "plateau": []},
        lambda state: list(state),
    ],
)
def test_a_checkpoint_that_does_not_fit_is_refused_and_kept(
    given: Path, tmp_path: Path, spoil: Callable[[dict[str, object]], object]
) -> None:
    first = Run(recipe_of(given, tmp_path / "p.safetensors", "fixed", main__iterations=3))
    first.begin(first.recipe.parts[0])
    assert not first.train(report=lambda now: None, should_stop=lambda: first.trainer.iteration == 2)
    checkpoint = tmp_path / "p.main.checkpoint.pt"
    torch.save(spoil(torch.load(checkpoint, weights_only=True)), checkpoint)
    kept = checkpoint.read_bytes()
    again = Run(first.recipe, resume=True)
    with pytest.raises(Exception, match="not a checkpoint of stylefader that fits") as caught:
        again.begin(first.recipe.parts[0])
    assert caught.value.exit_code == 2  # type: ignore[attr-defined]
    assert checkpoint.read_bytes() == kept


@pytest.fixture
def begun() -> Iterator[Callable[[list[str]], Forked]]:
    """begun(words): the command under way; ended with the test."""
    with contextlib.ExitStack() as stack:
        yield lambda words: stack.enter_context(Forked(words))


def until_said(training: Forked, words: str) -> None:
    training.until(lambda: words in training.stderr)
    assert words in training.stderr, training.stderr


def assert_goes_on(given: Path, folder: Path, steps: int) -> None:
    """The same command with --resume makes the pack, `steps` iterations in all."""
    (words := arguments(given, folder / "p.safetensors", "--resume")).extend(("--set", f"main.iterations={steps}"))
    done = stylefader(*words, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert load_pack(folder / "p.safetensors").header.training["main"]["iterations"] == steps


@pytest.mark.parametrize(
    "moment",
    ["step", *(pytest.param(one, marks=pytest.mark.slow) for one in ("lock", "training main", "measuring on"))],
)
def test_ctrl_c_at_any_moment_loses_nothing_that_was_saved(
    given: Path, tmp_path: Path, begun: Callable[[list[str]], Forked], moment: str
) -> None:
    steps = 6 if moment == "measuring on" else 9000
    output, checkpoint = tmp_path / "p.safetensors", tmp_path / "p.main.checkpoint.pt"
    training = begun(arguments(given, output, "--set", f"main.iterations={steps}"))
    if moment in ("lock", "step"):
        training.until((output.with_suffix(".lock") if moment == "lock" else checkpoint).exists)
    else:
        until_said(training, moment)
    training.send_signal(signal.SIGINT)
    if moment == "step":
        until_said(training, "stopping after this step")
        training.send_signal(signal.SIGINT)  # has had enough
    assert training.wait() == 130, training.stderr
    assert "Traceback" not in training.stderr
    assert not output.exists()
    left = {path.name for path in tmp_path.iterdir()} - {"p.lock"}
    assert left <= {"p.main.checkpoint.pt", "p.log.csv", "p.preview.png"}, "nothing half written"
    if moment == "lock" and not checkpoint.exists():
        return
    state = torch.load(checkpoint, weights_only=True)
    assert state["iteration"] >= {"lock": 0, "training main": 0, "step": 5, "measuring on": 6}[moment]
    if moment == "measuring on":
        assert_goes_on(given, tmp_path, 6)


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="files of a running program cannot be limited here")
def test_a_full_disk_keeps_the_last_checkpoint(
    given: Path, tmp_path: Path, begun: Callable[[list[str]], Forked]
) -> None:
    checkpoint = tmp_path / "p.main.checkpoint.pt"
    training = begun(arguments(given, tmp_path / "p.safetensors", *_LONG))
    training.until(checkpoint.exists)
    resource.prlimit(training.pid, resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))
    assert training.wait() == 1, training.stderr
    assert [line for line in training.stderr.splitlines() if line.startswith("error:")] == [
        line for line in training.stderr.splitlines() if f"cannot write the checkpoint {checkpoint}" in line
    ]
    reached = torch.load(checkpoint, weights_only=True)["iteration"]
    assert reached >= 5
    assert reached % 5 == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["p.log.csv", "p.main.checkpoint.pt"]


def test_a_disk_too_full_for_the_pack_keeps_what_it_is_made_of(given: Path, tmp_path: Path) -> None:
    recipe = recipe_of(given, tmp_path / "p.safetensors", "fixed", main__iterations=2, held_out=None)
    making = Run(recipe)
    making.begin(recipe.parts[0])
    assert making.train(report=lambda now: None, should_stop=lambda: False)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(PackError, match="cannot write the style pack") as caught:
            making.finish()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert caught.value.exit_code == 1
    assert not recipe.output.exists()
    assert not list(tmp_path.glob(".*"))
    again = Run(recipe, resume=True)
    again.begin(recipe.parts[0])
    assert again.train(report=lambda now: None, should_stop=lambda: False)
    assert again.finish().file.exists()


def test_two_runs_do_not_write_one_pack(given: Path, tmp_path: Path, begun: Callable[[list[str]], Forked]) -> None:
    output = tmp_path / "p.safetensors"
    first = begun(arguments(given, output, *_LONG))
    until_said(first, "training main")
    for more in ((), ("--resume",)):
        second = stylefader(*arguments(given, output, *_LONG, *more), cwd=tmp_path)
        assert second.returncode == 2
        assert second.stderr.startswith(f"error: another run is training into {output}")
    small = ("--set", f"held_out={given / 'small'}")
    other = stylefader(*arguments(given, tmp_path / "other.safetensors", *small), cwd=tmp_path)
    assert other.returncode == 0, other.stderr
    first.send_signal(signal.SIGINT)
    assert first.wait() == 130, first.stderr
    assert not list(tmp_path.glob("*.lock"))
