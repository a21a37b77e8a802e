"""The one family of errors, in the lowest room so that every room can raise it.

StylefaderError
├── PackError         a style pack that cannot be read, does not fit, or is not there
├── EngineError       an engine that is not there, cannot run here, or failed
├── SourceError       something that should give pictures and does not
├── SinkError         somewhere pictures should go and cannot
├── MaskError         a mask that is not known, cannot be read or cannot be made
├── AutomationError   alpha over time that does not parse or does not fit
├── ControlError      keyboard, MIDI, OSC or scene input that does not fit
└── TrainingError     a training run that cannot start or cannot go on

A message says what failed, with what, and what to do. `exit_code` is what the command line ends with:
2 where the input was bad (the default), 1 where something failed while running.
"""

from __future__ import annotations


def first_line(error: BaseException) -> str:
    """The first line of what a library's error says; the rest is often pages of its own state."""
    return str(error).strip().partition("\n")[0]


def one_line(error: BaseException) -> str:
    """All that an error says, in one line; the name of its kind where it says nothing."""
    return " ".join(str(error).split()) or type(error).__name__


class StylefaderError(Exception):
    """Base of all errors that stylefader raises on purpose.

    `failure=True` marks something that broke while running, as opposed to input that was bad from the start.
    """

    def __init__(self, message: str, *, failure: bool = False) -> None:
        super().__init__(message)
        self.failure = failure

    @property
    def exit_code(self) -> int:
        """With which the command line ends: 1 for a failure, 2 for bad input."""
        return 1 if self.failure else 2


class PackError(StylefaderError):
    """A style pack, an int8 form or a header cannot be used."""


class EngineError(StylefaderError):
    """An engine cannot be opened or built, or failed while it ran."""


class SourceError(StylefaderError):
    """A source of frames cannot be opened or read."""


class SinkError(StylefaderError):
    """A sink cannot be opened or written to."""


class MaskError(StylefaderError):
    """A mask, its file or its segmenter cannot be used."""


class AutomationError(StylefaderError):
    """Keyframes or an automation file cannot be used."""


class ControlError(StylefaderError):
    """A mapping, a scene, a control, a port or a sound input cannot be used."""


class TrainingError(StylefaderError):
    """A recipe, photographs or a training run cannot be used or go on."""
