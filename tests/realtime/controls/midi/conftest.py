"""What tests of MIDI ports share: controllers in a JACK server, and who hears them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.realtime.controls.midi.hearing import Heard
from tests.realtime.controls.midi.jack import Controller


@pytest.fixture
def controllers() -> Iterator[Callable[[str], Controller]]:
    made = []

    def make(name: str) -> Controller:
        made.append(Controller(name))
        return made[-1]

    yield make
    for controller in made:
        controller.close()


@pytest.fixture
def heard() -> Heard:
    return Heard()
