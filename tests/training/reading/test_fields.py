"""Files of outside are read to a limit, whatever they are: devices, links, pipes, files that say a wrong size."""

from __future__ import annotations

import os
import threading
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stylefader.realtime.automation.csv_file import read_automation_file
from stylefader.realtime.automation.midi_file import is_midi_file, read_midi_file
from stylefader.realtime.controls.events import ControlEvent
from stylefader.realtime.controls.mapping.learn import write_learned
from stylefader.realtime.controls.mapping.mapping import read_mapping
from stylefader.realtime.controls.scenes.saved_scenes import write_saved
from stylefader.realtime.controls.scenes.scene_file import Scene, read_scenes
from stylefader.training.errors import StylefaderError
from stylefader.training.files import TooLargeError, open_regular, read_at_most, read_whole
from stylefader.training.loop.recipe_reading import read_recipe


def test_exactly_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 1000)
    assert read_whole(path, limit=1000) == b"x" * 1000
    with pytest.raises(TooLargeError, match=r"^it is larger than the 999 bytes that are read$"):
        read_whole(path, limit=999)


def test_device_behind_a_link_ends_at_the_limit(tmp_path: Path) -> None:
    link = tmp_path / "endless.toml"
    link.symlink_to("/dev/zero")
    limit = 3 << 20
    tracemalloc.start()
    try:
        with pytest.raises(TooLargeError, match="larger than the 3 MiB"):
            read_whole(link, limit=limit)
        assert tracemalloc.get_traced_memory()[1] < 2.1 * limit  # its pieces, then the whole of them
    finally:
        tracemalloc.stop()
    with pytest.raises(OSError, match="a device or a pipe"):
        open_regular(link)


def test_pipes_do_not_hold_the_program(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(TimeoutError, match=r"nothing came from it for 0\.05 s"):  # nobody writes
        read_at_most(pipe, 10, wait_s=0.05)
    assert not is_midi_file(pipe)
    reading, writing = os.pipe()
    writer = threading.Thread(target=lambda: (os.write(writing, b"0123456789"), os.close(writing)), name="writer")
    writer.start()
    assert read_whole(Path(f"/dev/fd/{reading}"), limit=10) == b"0123456789"
    writer.join(10)
    os.close(reading)


def test_folders_are_refused(tmp_path: Path) -> None:
    for read in (lambda path: read_whole(path, limit=10), open_regular):
        with pytest.raises(IsADirectoryError):
            read(tmp_path)


MOVED = ControlEvent(kind="cc", channel=1, number=7, raw=64, at_ns=0)
READERS: dict[str, Callable[[Path], Any]] = {
    "recipe": read_recipe,
    "automation": read_automation_file,
    "MIDI file": read_midi_file,
    "mapping": read_mapping,
    "scenes": read_scenes,
    "a scene saved": lambda path: write_saved(path, Scene(name="a", alpha=1.0)),
    "a control learnt": lambda path: write_learned(path, "alpha", MOVED, port="p"),
}


@pytest.mark.parametrize("what", READERS)
def test_every_reader_ends_at_its_limit(tmp_path: Path, what: str) -> None:
    link = tmp_path / "endless"
    link.symlink_to("/dev/zero")
    with pytest.raises(StylefaderError, match=r"larger than (the )?\d+ MiB|a device or a pipe") as caught:
        READERS[what](link)
    assert "\n" not in str(caught.value) and caught.value.exit_code == 2
    assert os.readlink(link) == "/dev/zero"
