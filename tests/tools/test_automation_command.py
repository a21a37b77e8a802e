"""`stylefader automation`, and MIDI files in `stylefader render`, from end to end."""

from __future__ import annotations

import json
import shutil
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from stylefader.realtime.automation.csv_file import read_csv
from stylefader.realtime.automation.difference import largest_difference
from stylefader.training.packs.pack import save_pack
from tests.conftest import random_pack
from tests.realtime.automation.test_midi_file import by_mido, cc, smf, tempo
from tests.realtime.clips import Clip, read
from tests.tools.program import stylefader

MAPPING = '[[map]]\nport="nano"\nkind="cc"\nnumber=1\ntarget="alpha"\n[[map]]\nkind="program"\ntarget="style"\n'


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A take of 600 rows, a MIDI file, a mapping, and what a render needs."""
    folder = tmp_path_factory.mktemp("automations")
    rows = [f"{n / 30:.9f},{0.5 + 0.5 * np.sin(n / 60):.6f},0.25" for n in range(600)]
    rows.insert(300, "# 10 style second")
    (folder / "take.csv").write_text("\n".join(["time,alpha0,alpha1", "# 0 style first", *rows, ""]))
    (folder / "take.mid").write_bytes(by_mido([tempo(600_000), *(cc(n, 20) for n in range(128))]))
    (folder / "controls.toml").write_text(MAPPING)
    (folder / "program.mid").write_bytes(smf(b"\0\xc0\x01"))
    (folder / "cut.mid").write_bytes((folder / "take.mid").read_bytes()[:-3])
    picture = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    Clip(frames=30, rate=Fraction(10), image=picture).make(folder / "clip.mp4")
    save_pack(random_pack(folder / "small.safetensors", width=4))
    return folder


@pytest.fixture
def folder(given: Path, tmp_path: Path) -> Path:
    for path in given.iterdir():
        shutil.copy(path, tmp_path)
    return tmp_path


def automation(folder: Path, *words: str) -> dict[str, object]:
    """A command that works, with what it says on standard output."""
    done = stylefader("automation", *words, "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[-1].startswith(f"wrote {words[words.index('-o') + 1]}: ")
    assert not list(folder.glob(".stylefader-*"))
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found


def test_thin(folder: Path) -> None:
    found = automation(folder, "thin", "take.csv", "-o", "thin.csv", "--tolerance", "0.01")
    before, after = (read_csv(folder / name).keyframes for name in ("take.csv", "thin.csv"))
    assert found == {
        "output": "thin.csv", "rows_before": 600, "rows": len(after),
        "difference": pytest.approx(largest_difference(before, after)),
    }  # fmt: skip
    assert len(after) < 60 and 0 < largest_difference(before, after) <= 0.01
    assert "\n# 10 style second\n" in (folder / "thin.csv").read_text()


def test_shift_and_scale_onto_the_file_itself(folder: Path) -> None:
    done = stylefader("automation", "shift", "take.csv", "-o", "take.csv", "--by", "2s", cwd=folder)
    assert done.returncode == 2 and "take.csv exists already" in done.stderr
    assert automation(folder, "shift", "take.csv", "-o", "take.csv", "--by", "-0:10", "--overwrite")["rows"] == 300
    assert (folder / "take.csv").read_text().startswith("time,alpha0,alpha1\n# 0 style second\n0,")
    words = ("scale", "take.csv", "-o", "slow.csv", "--time", "3/2", "--alpha", "0.5", "--offset", "0.1")
    assert automation(folder, *words)["seconds"] == pytest.approx((599 / 30 - 10) * 1.5)
    assert read_csv(folder / "slow.csv").keyframes[7].values[1] == pytest.approx(0.225)


@pytest.mark.parametrize("name", ["plot.png", "plot.svg"])
def test_plot(folder: Path, name: str) -> None:
    assert automation(folder, "plot", "take.csv", "-o", name) == {"output": name, "rows": 600, "lines": 2}
    if name.endswith("png"):
        assert cv2.imread(str(folder / name)).shape == (840, 1920, 3)
    else:
        assert "starry" not in (folder / name).read_text() and ">second<" in (folder / name).read_text()


def test_a_midi_file_as_csv_renders_to_the_same_picture(folder: Path) -> None:
    found = automation(folder, "convert", "take.mid", "--map", "controls.toml", "-o", "mine.csv")
    assert found["rows"] < 60 and "no track of take.mid has 'nano' in its name" in str(found["notes"])  # type: ignore[operator]
    words = ("clip.mp4", "--style", "small.safetensors", "--engine", "torch", "--codec", "ffv1")
    done = stylefader(
        "render", *words, "--automation", "take.mid", "--map", "controls.toml", "-o", "a.mkv", "--json", cwd=folder
    )
    assert done.returncode == 0, done.stderr
    assert "note: no track of take.mid has 'nano' in its name" in done.stderr
    assert "no track of take.mid has 'nano'" in json.loads(done.stdout)["notes"][0]
    assert stylefader("render", *words, "--automation", "mine.csv", "-o", "b.mkv", cwd=folder).returncode == 0
    part = stylefader("render", *words, "--automation", "take.mid", "--map", "controls.toml", "--from", "1.5s", "-o",
                      "part.mkv", cwd=folder)  # fmt: skip
    assert part.returncode == 0, part.stderr
    midi, csv, later = (read(folder / name)[1].images for name in ("a.mkv", "b.mkv", "part.mkv"))
    apart = [np.abs(a.astype(int) - b).max() for a, b in zip(midi, csv, strict=True)]
    assert max(apart) <= 3 and np.abs(midi[0].astype(int) - midi[-1]).max() > 10
    assert max(np.abs(a.astype(int) - b).max() for a, b in zip(midi[15:], later, strict=True)) <= 2
    with_style = ("convert", "take.mid", "--map", "controls.toml", "--style", "small.safetensors", "-o", "c.csv")
    assert automation(folder, *with_style)["rows"] == found["rows"]


RENDER = ("render", "clip.mp4", "-o", "out.mp4", "--style", "small.safetensors")
BAD: dict[str, tuple[tuple[str, ...], str]] = {
    "nothing to thin": (("automation", "thin", "none.csv", "-o", "o.csv"), "no automation file at none.csv"),
    "tolerance": (("automation", "thin", "take.csv", "-o", "o.csv", "--tolerance", "2"), "from 0 to 1, not 2"),
    "midi to thin": (("automation", "thin", "take.mid", "-o", "o.csv"), "stylefader automation convert"),
    "no csv": (("automation", "thin", "take.csv", "-o", "o.txt"), "the output is a .csv file, not 'o.txt'"),
    "no folder": (("automation", "shift", "take.csv", "-o", "no/o.csv", "--by", "1"), "the folder no is not there"),
    "shift": (("automation", "shift", "take.csv", "-o", "o.csv", "--by", "--1"), "is not a time"),
    "no scale": (("automation", "scale", "take.csv", "-o", "o.csv"), "give --time, --alpha or --offset"),
    "scale": (("automation", "scale", "take.csv", "-o", "o.csv", "--time", "0"), "'0' is no factor for times"),
    "scale alpha": (("automation", "scale", "take.csv", "-o", "o.csv", "--alpha", "inf"), "a finite number"),
    "picture": (("automation", "plot", "take.csv", "-o", "o.jpg"), "the output is a .png or .svg file"),
    "no mapping": (("automation", "convert", "take.mid", "--map", "no.toml", "-o", "o.csv"), "no mapping file"),
    "csv to convert": (("automation", "convert", "take.csv", "--map", "controls.toml", "-o", "o.csv"), "MThd"),
    "map alone": ((*RENDER, "--map", "controls.toml"), "its [[map]] are for a MIDI file, with --automation FILE.mid"),
    "map with csv": ((*RENDER, "--automation", "take.csv", "--map", "controls.toml"), "has no [[lfo]] or [[sound]]"),
    "midi alone": ((*RENDER, "--automation", "take.mid"), "say with --map FILE.toml"),
    "cut": ((*RENDER, "--automation", "cut.mid", "--map", "controls.toml"), "cut short or damaged"),
    "no midi": ((*RENDER, "--automation", "none.mid", "--map", "controls.toml"), "no MIDI file at none.mid"),
    "moves nothing": ((*RENDER, "--automation", "program.mid", "--map", "controls.toml"), "it has program (1 times)"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input_ends_in_one_clear_line(folder: Path, case: str) -> None:
    words, message = BAD[case]
    before = sorted(path.name for path in folder.iterdir())
    done = stylefader(*words, cwd=folder)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert [line.split(":")[0] for line in done.stderr.splitlines()] == ["error"]
    assert sorted(path.name for path in folder.iterdir()) == before
