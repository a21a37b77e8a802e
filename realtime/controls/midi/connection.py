"""The connection to the MIDI system: made, lost with the system or with the library's process, and made again.

On Linux the library runs in a process of its own (`midi_link.py`), since RtMidi was seen to crash under JACK there;
elsewhere in this program. `MidiPorts` looks after one of these from its thread.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from typing import Any, Protocol

from stylefader.realtime.controls.midi.midi_link import MidiLink, ProcessGone
from stylefader.realtime.controls.midi.system import drain, is_jack, jack_servers, open_system, quiet, signs
from stylefader.training.errors import ControlError

logger = logging.getLogger(__name__)

_ENDED = "the process of the MIDI library ended"
_NOTHING: tuple[bool, frozenset[bytes]] = (False, frozenset())
_BEGINS_NS = 5_000_000_000
"""How long a MIDI system may take until it answers, from its first sign on."""
_FIRST_NS, _MOST_NS = 500_000_000, 30_000_000_000
"""Until a process that ended is started again: the first time, and at most, after it ended again and again."""
_WELL_NS = 60_000_000_000
"""A process that ran so long has not failed again and again."""


class Library(Protocol):
    """rtmidi, here or in a process. ended: why it is there no more, None while it is; trace: what a crash left."""

    ended: str | None
    trace: str

    def MidiIn(self, api: int, name: str, most_queued: int = ...) -> Any:  # noqa: N802  # rtmidi's name
        """A client that hears."""

    def MidiOut(self, api: int, name: str) -> Any:  # noqa: N802  # rtmidi's name
        """A client that sends."""

    def drain(self, client: Any) -> None:
        """Throw away what an input has queued whose callback was called off."""

    def close(self) -> None:
        """Let it go; harmless twice."""


class OwnLibrary:
    """rtmidi in this program."""

    def __init__(self) -> None:
        import rtmidi

        quiet()
        self._rtmidi = rtmidi
        self.ended: str | None = None
        self.trace = ""

    def MidiIn(self, api: int, name: str, most_queued: int = 1024) -> Any:  # noqa: N802  # rtmidi's name
        """A client that hears."""
        return self._rtmidi.MidiIn(api, name, most_queued)

    def MidiOut(self, api: int, name: str) -> Any:  # noqa: N802  # rtmidi's name
        """A client that sends."""
        return self._rtmidi.MidiOut(api, name)

    def drain(self, client: Any) -> None:
        """Throw away what an input has queued whose callback was called off."""
        drain(client)

    def close(self) -> None:
        """Nothing: it stays as long as the program."""


def open_library(on_end: Callable[[], None]) -> Library:
    """The library as it is used on this platform. on_end: told when it ends by itself."""
    return MidiLink(on_end) if sys.platform == "linux" else OwnLibrary()


class Connection:
    """A client that lists inputs, and one that lists outputs. Open after `open`, which may come again after `close`.

    on_end: told, from another thread, that it is worth asking `lost`.
    """

    def __init__(self, on_end: Callable[[], None], now_ns: Callable[[], int]) -> None:
        self._on_end, self._now_ns = on_end, now_ns
        self.inputs: Any = None
        self.outputs: Any = None
        self.library: Library | None = None
        self.api = 0
        self._servers: frozenset[bytes] = frozenset()
        self._signs = signs()
        self._try_until_ns = 0
        self._aborted = False
        self._opened_ns = 0
        self._pause_ns = _FIRST_NS
        self._again_ns: int | None = None  # when the library's process is to be started again

    @property
    def is_open(self) -> bool:
        """Whether there is a MIDI system, as far as is known."""
        return self.inputs is not None

    @property
    def restarts(self) -> bool:
        """Whether it is the library's process alone that is missing."""
        return self._again_ns is not None

    def open(self) -> None:
        """Start the library, and find the MIDI system. Raises ControlError where there is none."""
        servers = jack_servers()
        library = open_library(self._on_end)
        try:
            self.inputs, self.outputs, self.api = open_system(library)
        except ProcessGone as error:
            library.close()
            self._later()
            raise ControlError(f"{_ENDED} ({error})", failure=True) from error
        except ControlError:
            library.close()
            if self.restarts:  # the system has gone as well
                self._again_ns, self._signs = None, _NOTHING
            raise
        self.library = library
        self._servers = servers if is_jack(self.api) else frozenset()
        self._opened_ns = self._now_ns()
        self._again_ns = None

    def lost(self) -> str | None:
        """Why the connection is over, None while it stands."""
        if not self._servers <= jack_servers():
            return "the MIDI system has gone; waiting for it"
        if self.library is not None and self.library.ended is not None:
            return f"{_ENDED} ({self.library.ended}); it is started again"
        return None

    def close(self) -> None:
        """Let everything go; harmless twice."""
        library, gone = self.library, self.lost() is not None
        for client in (self.inputs, self.outputs):
            self.free(client)
        if gone and not self._aborted:
            self._signs = _NOTHING
            if library is not None and library.ended is not None:
                logger.error("%s (%s) %s", _ENDED, library.ended, library.trace)
                if self._servers <= jack_servers():
                    self._later()
        if library is not None:
            library.close()
        self.inputs = self.outputs = self.library = None
        self._servers = frozenset()

    def abort(self) -> None:
        """End the library's process, whoever waits for it; `close` is still to come."""
        self._aborted = True
        if self.library is not None:
            self.library.close()

    def free(self, client: Any) -> None:
        """Let a client go. Where the system has gone, its library would break: its process is ended instead."""
        if client is not None and self.lost() is None:
            client.close_port()
            client.delete()

    def worth_opening(self) -> bool:
        """Whether it is time to try again."""
        if self._again_ns is not None:
            return self._now_ns() >= self._again_ns
        now = signs()
        if now != self._signs:
            self._signs, self._try_until_ns = now, self._now_ns() + _BEGINS_NS
        return self._now_ns() < self._try_until_ns and any(now)

    def _later(self) -> None:
        """Start the process again, later each time that it did not run well before."""
        now = self._now_ns()
        if self._again_ns is None and now - self._opened_ns >= _WELL_NS:
            self._pause_ns = _FIRST_NS
        self._again_ns = now + self._pause_ns
        self._pause_ns = min(2 * self._pause_ns, _MOST_NS)
