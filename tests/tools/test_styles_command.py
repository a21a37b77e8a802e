from __future__ import annotations

import json
from pathlib import Path

from stylefader.training.packs.pack import StylePack
from tests.tools.program import stylefader


def test_list_names_the_gallery(tmp_path: Path) -> None:
    rows = json.loads(stylefader("styles", "list", "--json", cwd=tmp_path).stdout)
    by_name = {row["name"]: row for row in rows}
    wave = by_name["great_wave"]
    assert {"name", "network", "width", "blocks", "range", "file"} <= wave.keys()
    assert (wave["network"], wave["width"], wave["range"]) == ("single", 32, [0, 1])
    assert len(wave["blocks"]) == 3
    assert Path(wave["file"]).is_file()
    assert "great_wave" in stylefader("styles", "list", cwd=tmp_path).stdout


def test_show_tells_meaning_provenance_and_losses(tmp_path: Path) -> None:
    words = stylefader("styles", "show", "great_wave", cwd=tmp_path).stdout
    for said in ("Hokusai", "at 0: lightly stylized", "at 1: strongly stylized", "held-out photographs", "licence MIT"):
        assert said in words
    header = json.loads(stylefader("styles", "show", "starry_night", "--json", cwd=tmp_path).stdout)
    assert header["width"] == 16
    assert header["losses"]["style"][0] > header["losses"]["style"][-1]


def test_check_reads_the_whole_file(pack: StylePack, tmp_path: Path) -> None:
    done = stylefader("styles", "check", pack.file, "--json", cwd=tmp_path)
    assert json.loads(done.stdout)["sha256"] == pack.weights_hash()
    pack.file.write_bytes(pack.file.read_bytes()[:-1])
    done = stylefader("styles", "check", pack.file, "--json", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")


def test_unknown_styles(tmp_path: Path) -> None:
    done = stylefader("styles", "show", "stary_nigth", cwd=tmp_path)
    assert done.returncode == 2
    assert "did you mean starry_night" in done.stderr
