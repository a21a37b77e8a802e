"""Fetching a segmenter: from a real server of this machine, checked, whole or not at all."""

from __future__ import annotations

import hashlib
import io
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from stylefader.realtime.masks.person.installed import Fetchable, fetch, installed, person_model
from stylefader.training.errors import MaskError

DATA = b"a network, so to say" * 50


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Fetchable]:
    """An archive on a server."""
    folder = tmp_path / "served"
    folder.mkdir()
    with tarfile.open(folder / "archive.tgz", "w:gz") as tar:
        for name, data in (("package/readme", b"hello"), ("package/net.tflite", DATA)):
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    http = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    thread = threading.Thread(target=http.serve_forever, name="test-server", daemon=True)
    thread.start()
    yield Fetchable(
        name="net.tflite", url=f"http://127.0.0.1:{http.server_port}/archive.tgz", member="package/net.tflite",
        sha256=hashlib.sha256(DATA).hexdigest(), archive_limit=1 << 20, limit=1 << 16, licence="none",
    )  # fmt: skip
    http.shutdown()
    http.server_close()
    thread.join(5)


def test_what_was_fetched_is_installed(server: Fetchable, tmp_path: Path) -> None:
    folder = tmp_path / "a" / "models"
    assert installed(server, folder) is None
    path = fetch(server, folder)
    assert path.read_bytes() == DATA
    assert installed(server, folder) == path
    path.write_bytes(DATA + b"!")
    assert installed(server, folder) is None, "a file that was changed is another one"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"sha256": "0" * 64}, "its hash is another one"),
        ({"member": "package/gone"}, "has no package/gone"),
        ({"limit": 10}, "larger"),
        ({"archive_limit": 10}, "is larger than"),
        ({"url": "http://127.0.0.1:9/archive.tgz"}, "cannot be read"),
        ({"url": "nonsense"}, "cannot be read"),
    ],
)
def test_what_is_not_the_known_file_leaves_nothing(
    server: Fetchable, tmp_path: Path, change: dict[str, object], says: str
) -> None:
    with pytest.raises(MaskError, match=says) as caught:
        fetch(replace(server, **change), tmp_path / "models")  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.glob("models/*"))


def test_a_missing_page_is_said(server: Fetchable, tmp_path: Path) -> None:
    with pytest.raises(MaskError, match="cannot be read: File not found"):
        fetch(replace(server, url=f"{server.url}x"), tmp_path)


def test_without_a_segmenter_the_exact_command_is_said(tmp_path: Path) -> None:
    with pytest.raises(MaskError, match="stylefader models fetch person"):
        person_model(tmp_path)
