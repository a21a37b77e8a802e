"""`stylefader models`: what there is, and names that there are not. Fetching itself is tested with the masks."""

from __future__ import annotations

import json
from pathlib import Path

from tests.tools.program import stylefader


def test_what_is_not_here_yet_is_listed_as_such(tmp_path: Path) -> None:
    done = stylefader("models", "list", "--folder", tmp_path, "--json", cwd=tmp_path)
    (row,) = json.loads(done.stdout)
    assert (row["name"], row["file"], row["licence"]) == ("person", None, "Apache 2.0")
    assert "not here yet" in stylefader("models", "list", "--folder", tmp_path, cwd=tmp_path).stdout


def test_a_name_that_there_is_not_is_refused(tmp_path: Path) -> None:
    done = stylefader("models", "fetch", "cat", "--folder", tmp_path, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == "error: there is no network 'cat' to fetch; there is person\n"
    assert not list(tmp_path.iterdir())
