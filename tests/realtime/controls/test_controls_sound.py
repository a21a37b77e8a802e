"""The mapping file's `[[sound]]` on their way to what listens."""

from __future__ import annotations

from pathlib import Path

import pytest

from stylefader.realtime.controls.controls import ControlOptions, Controls
from stylefader.realtime.controls.modulation import Modulators
from stylefader.realtime.sound.playing_sound import PlayingSound
from tests.realtime.controls.player import FakePlayer
from tests.realtime.live import Clock

SOUND = '[[sound]]\ntarget = "alpha{}"\n'


class Stage:
    """Controls without MIDI: they are never started."""

    def __init__(self, path: Path, text: str, *parts: PlayingSound) -> None:
        self.path, self.clock, self.said = path / "c.toml", Clock(), list[str]()
        self.path.write_text(text)
        self.controls = Controls(
            FakePlayer(), ControlOptions(mapping=self.path), sizes={"alpha": 3}, modulators=Modulators(*parts),
            say=self.said.append, now_ns=self.clock,
        )  # fmt: skip


def test_an_edit_reaches_what_listens(tmp_path: Path) -> None:
    sound = PlayingSound()
    stage = Stage(tmp_path, SOUND.format(0), sound)
    assert [entry.target for entry in sound._maps] == ["alpha0"] and stage.said == []
    stage.path.write_text(SOUND.format(1) + "\n" + SOUND.format(7))
    stage.clock.ns += 500_000_000
    stage.controls.tick()
    assert [entry.target for entry in sound._maps] == ["alpha1", "alpha7"]
    assert stage.said[0].endswith("c.toml: 0 mappings, 2 of sound")
    assert stage.said[1].endswith(
        "c.toml, line 4: there is no alpha7: the styles of this session have alpha0 to alpha2"
    )
    stage.path.write_text("[[sound]]")
    stage.clock.ns += 500_000_000
    stage.controls.tick()
    assert len(sound._maps) == 2, "a broken edit keeps what was there"


@pytest.mark.parametrize(
    ("text", "parts", "said"),
    [
        ("", 1, ["sound: nothing is mapped: give --map FILE.toml with [[sound]], see docs/control.md"]),
        ("\n" + SOUND.format(0), 0, ["{}, line 2: [[sound]] moves nothing without --sound"]),
        (SOUND.format(0), 1, []),
        ("", 0, ["{}: nothing is mapped"]),
    ],
)
def test_what_moves_nothing_is_said(tmp_path: Path, text: str, parts: int, said: list[str]) -> None:
    stage = Stage(tmp_path, text, *[PlayingSound() for _ in range(parts)])
    assert stage.said == [words.format(stage.path) for words in said]
