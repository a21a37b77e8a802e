"""The cache's folder and files where others can write to them, or made them."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from stylefader.engines.cache.folder import default_folder
from stylefader.engines.cache.store import EngineCache
from stylefader.engines.selection.measured import Measured, Measurements
from stylefader.training.packs.pack import StylePack
from tests.engines.cache.maker import KEY, Maker, names, only_file


def _foreign(patch: pytest.MonkeyPatch) -> None:
    """As if another user had made all that is there."""
    mine = os.geteuid()
    patch.setattr("stylefader.engines.cache.folder.os.geteuid", lambda: mine + 1)


class TestNobodyElses:
    """Engines are compiled code: whoever writes to the folder runs code in our name."""

    def test_the_folder_is_made_for_us_alone(self, cache: EngineCache) -> None:
        before = os.umask(0)
        try:
            Maker().open(cache)
        finally:
            os.umask(before)
        assert {path.stat().st_mode & 0o777 for path in (cache.folder, cache.folder.parent)} == {0o700}

    def test_the_users_folder_of_an_earlier_version_is_closed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        folder = default_folder()
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
        assert EngineCache().problem() == ""
        assert folder.stat().st_mode & 0o777 == 0o700

    def test_a_folder_that_others_can_write_to(self, cache: EngineCache) -> None:
        Maker().open(cache)
        cache.folder.chmod(0o770)
        maker = Maker()
        _, outcome = maker.open(cache)
        assert (outcome.hit, outcome.kept, maker.builds, cache.entries()) == (False, False, 1, [])
        assert f"others can write to the cache folder {cache.folder}: chmod go-w" in outcome.words
        cache.folder.chmod(0o750)
        assert Maker().open(cache)[1].hit, "that others can read is no harm"

    def test_a_folder_of_another_user(self, cache: EngineCache, monkeypatch: pytest.MonkeyPatch) -> None:
        Maker().open(cache)
        _foreign(monkeypatch)
        _, outcome = Maker().open(cache)
        assert (outcome.hit, cache.entries()) == (False, [])
        assert "belongs to another user" in outcome.words

    def test_a_folder_that_is_a_link(self, cache: EngineCache, tmp_path: Path) -> None:
        Maker().open(cache)
        (tmp_path / "link").symlink_to(cache.folder)
        linked = EngineCache(tmp_path / "link")
        _, outcome = Maker().open(linked)
        assert not outcome.hit and "is a link" in outcome.words

    @pytest.mark.parametrize("pattern", ["*.engine", "*.json"])
    def test_links_are_not_followed(self, cache: EngineCache, tmp_path: Path, pattern: str) -> None:
        Maker().open(cache)
        path = only_file(cache, pattern)
        path.rename(tmp_path / "elsewhere")
        path.symlink_to(tmp_path / "elsewhere")
        _, outcome = Maker().open(cache)
        assert (outcome.hit, outcome.kept) == (False, True)
        assert Maker().open(cache)[1].hit
        assert (tmp_path / "elsewhere").is_file() and not only_file(cache, pattern).is_symlink()

    @pytest.mark.parametrize("pattern", ["*.engine", "*.json"])
    def test_a_file_that_others_can_write_to(self, cache: EngineCache, pattern: str) -> None:
        Maker().open(cache)
        only_file(cache, pattern).chmod(0o666)
        _, outcome = Maker().open(cache)
        assert not outcome.hit and "corrupt" in outcome.words

    @pytest.mark.parametrize("pattern", ["*.engine", "*.json"])
    def test_a_pipe_in_place_of_a_file_is_not_waited_for(self, cache: EngineCache, pattern: str) -> None:
        Maker().open(cache)
        path = only_file(cache, pattern)
        path.unlink()
        os.mkfifo(path)
        assert not Maker().open(cache)[1].hit

    def test_a_description_without_end_is_not_read(self, cache: EngineCache) -> None:
        Maker().open(cache)
        path = only_file(cache, "*.json")
        os.truncate(path, 1 << 34)
        assert "cannot be read" in Maker().open(cache)[1].words

    def test_a_compilers_file_that_is_a_link_is_taken_away(self, cache: EngineCache, tmp_path: Path) -> None:
        own = cache.side_file("timings")
        assert own
        (tmp_path / "of another").write_text("precious")
        own.symlink_to(tmp_path / "of another")
        assert cache.side_file("timings") == own and not os.path.lexists(own)
        assert (tmp_path / "of another").read_text() == "precious"
        own.write_text("ours")
        assert cache.side_file("timings") == own and own.read_text() == "ours"

    def test_a_lock_that_is_a_link_makes_no_file_elsewhere(self, cache: EngineCache, tmp_path: Path) -> None:
        cache.folder.mkdir(parents=True, mode=0o700)
        (cache.folder / f"{KEY.digest}.lock").symlink_to(tmp_path / "made")
        assert Maker().open(cache)[1].kept
        assert not (tmp_path / "made").exists()

    def test_measurements_are_not_read_from_where_others_write(self, pack: StylePack, tmp_path: Path) -> None:
        kept = Measurements(tmp_path / "c")
        row = Measured(engine="openvino", asked="f32", precision="f32", height=8, width=8, median_ms=1, p99_ms=1,
                       fps=1, psnr_db=50)  # fmt: skip
        assert kept.remember(pack, [row]) == ""
        assert kept.recall(pack, "openvino", "f32", height=8, width=8) == row
        (tmp_path / "c").chmod(0o777)
        assert kept.recall(pack, "openvino", "f32", height=8, width=8) is None
        assert "others can write" in kept.remember(pack, [row])


def test_trying_the_folder_leaves_nothing_and_what_was_left_is_swept(cache: EngineCache) -> None:
    assert cache.problem() == "" and names(cache) == set()
    probe = cache.folder / ".probe-77-12345"
    probe.touch()
    Maker().open(cache)
    assert probe.exists(), "another program may be trying the folder just now"
    os.utime(probe, (0, 0))
    Maker().open(cache, replace(KEY, size="1x1"))
    assert not probe.exists()
