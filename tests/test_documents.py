"""Documents name files, pages and parts of pages that exist."""

import functools
import re
from collections.abc import Set
from pathlib import Path

import pytest

from tests.paths import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
ROOMS = ("engines", "realtime", "training", "tools")
_FILE = re.compile(r"(?<![\w./-])[\w.-]+(?:/[\w.-]+)*\.(?:py|toml|yml)\b")
_FOLDER = re.compile(r"(?<![\w./-])(?:engines|realtime|training|tools|tests|docs|stylefader)/(?:\w+/)*(?=[`\s,])")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_OF_USERS = re.compile(r"NAME|controls\.toml|scenes\.toml|FILE\.toml|mine\.toml|show\.toml")


@functools.cache
def _files() -> frozenset[str]:
    """Every file and folder of the repository; folders end in a slash."""
    folders = [ROOT / name for name in (*ROOMS, "stylefader", "tests", "docs", ".github", ".ci")]
    there = [*ROOT.glob("*.*"), *folders, *(path for folder in folders for path in folder.rglob("*"))]
    return frozenset(path.relative_to(ROOT).as_posix() + "/" * path.is_dir() for path in there)


def _missing(text: str, files: Set[str]) -> list[str]:
    """The files that a text names and that are not there: by their path from the repository or a room, or by name."""
    there = files | {file.removeprefix(f"{room}/") for room in ROOMS for file in files}
    names = {Path(file).name for file in files}
    text = _LINK.sub("]", text)  # links are from the page's own folder, and have a test of their own
    named = sorted({*_FILE.findall(text), *_FOLDER.findall(text)})
    return [file for file in named if not _OF_USERS.search(file) and file not in (there if "/" in file else names)]


def _anchor(heading: str) -> str:
    """A heading's anchor, as it is made where Markdown is shown."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


def _broken_links(page: Path) -> list[str]:
    broken = []
    for link in _LINK.findall(page.read_text(encoding="utf-8")):
        if "://" in link:
            continue
        place, _, anchor = link.partition("#")
        target = page.parent / place if place else page
        headings = (
            re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.M)
            if target.suffix == ".md" and target.exists()
            else []
        )
        if not target.exists() or (anchor and anchor not in map(_anchor, headings)):
            broken.append(link)
    return broken


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_files_that_a_page_names_exist(page: Path) -> None:
    assert _missing(page.read_text(encoding="utf-8"), _files()) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_of_a_page_lead_somewhere(page: Path) -> None:
    assert _broken_links(page) == []


def test_a_file_that_moved_is_found() -> None:
    text = (
        "`engines/old.py`, `base.py`, `media/frame.py`, `realtime/media/frame.py`, `gone.py`, `NAME.py`, `engines/x/`"
    )
    files = {"engines/base.py", "realtime/media/frame.py"}
    assert _missing(text, files) == ["engines/old.py", "engines/x/", "gone.py"]


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A `--title`, here\n[a](#a---title-here) [b](#b) [c](page.md#a---title-here) [d](gone.md)\n")
    assert _broken_links(page) == ["#b", "gone.md"]
