"""Sound inputs of this machine by number and name. PortAudio is asked through sounddevice (the extra `sound`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from stylefader.realtime.sources.open_container import reason
from stylefader.training.errors import ControlError

INSTALL = "pip install 'stylefader[sound]'"


@dataclass(frozen=True, kw_only=True)
class InputInfo:
    """A sound input: its number now, name, sound system, channels, samples a second, and whether it is the default."""

    number: int
    name: str
    system: str
    channels: int
    rate: int
    default: bool

    def __str__(self) -> str:
        return f"{self.number} {self.name} ({self.system})"


def sound_system() -> Any:
    """The module `sounddevice`. Raises ControlError with what to install."""
    try:
        import sounddevice
    except ImportError as error:
        raise ControlError(f"a sound input needs sounddevice ({reason(error)}); install it: {INSTALL}") from error
    except OSError as error:
        raise ControlError(
            f"a sound input needs the PortAudio library ({reason(error)}); Debian, Ubuntu: apt install libportaudio2"
        ) from error
    return sounddevice


def sound_inputs(system: Any | None = None) -> list[InputInfo]:
    """Everything that can be listened to, in the sound system's order. Raises ControlError."""
    system = system or sound_system()
    try:
        devices, apis = system.query_devices(), system.query_hostapis()
    except system.PortAudioError as error:
        raise ControlError(f"the sound system does not answer: {reason(error)}", failure=True) from error
    first = next((api["default_input_device"] for api in apis if api["default_input_device"] >= 0), -1)
    chosen = system.default.device[0]
    default = chosen if isinstance(chosen, int) and chosen >= 0 else first
    return [
        InputInfo(
            number=number, name=device["name"], system=apis[device["hostapi"]]["name"],
            channels=device["max_input_channels"], rate=round(device["default_samplerate"]), default=number == default,
        )
        for number, device in enumerate(devices)
        if device["max_input_channels"] > 0
    ]  # fmt: skip


def find_input(word: str, inputs: Sequence[InputInfo]) -> InputInfo:
    """The input that a word means: `default`, a number, a name, or a part of one. Raises ControlError."""
    found = None
    if word == "default":
        found = next((entry for entry in inputs if entry.default), None) or next(iter(inputs), None)
    elif word.isascii() and word.isdigit():
        found = next((entry for entry in inputs if str(entry.number) == (word.lstrip("0") or "0")), None)
    else:
        named = [entry for entry in inputs if word.lower() in entry.name.lower()]
        exact = [entry for entry in named if entry.name == word]
        found = next(iter(exact or named), None)
    if found is None:
        there = "; ".join(map(str, inputs)) or "none at all"
        raise ControlError(f"there is no sound input {word!r:.80}: there is {there}")
    return found
