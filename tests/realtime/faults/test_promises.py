"""Every fault that docs/live.md promises something for is tried here, and none is tried that it does not name."""

from __future__ import annotations

import re
from pathlib import Path

from tests.realtime.faults.stage import promises

FAULTS = {
    "camera gone", "camera hangs", "stream gone", "stream hangs", "sender restarted", "engine raises",
    "engine gives garbage", "sink full", "sink slow", "MIDI system gone", "MIDI library crashes", "OSC or MIDI flood",
    "clock jump", "size change",
    "SIGTERM while a style is built", "SIGKILL of a recording",
}  # fmt: skip


def test_what_is_promised_is_what_is_tried() -> None:
    assert promises().keys() == FAULTS
    tried = set()
    for file in Path(__file__).parent.glob("test_*.py"):
        tried |= set(re.findall(r'promise\(\s*"([^"]+)"', file.read_text(encoding="utf-8")))
    assert tried == FAULTS
