"""The MIDI system of this machine: which there is, its ports by name, and whether it is still the one that was opened.

Whose rtmidi is asked, the caller says: this program's own, or that of another process (`midi_link.py`).

rtmidi does not tell when a JACK server ends: clients go on listing what there was, and closing them after another was
opened breaks the program, since libjack has closed them by then. So the server's socket is looked at instead.
"""

from __future__ import annotations

import ctypes
import gc
import os
import re
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from stylefader.realtime.controls.midi.port_names import CLIENT, Numbering, is_ours
from stylefader.training.errors import ControlError

_HOW = (
    "on Linux: sudo modprobe snd-seq, or start JACK (jackd2, for tests without sound: jackd -d dummy); "
    "macOS and Windows have one built in"
)
_SOCKETS = Path("/proc/net/unix")
_SEQUENCER = Path("/dev/snd/seq")
_LISTENS = b"00010000"
MOST_QUEUED = 4096
"""Messages of an input without a callback."""


def midi_apis() -> list[tuple[str, int]]:
    """The kinds of MIDI system that can be asked for, by name and rtmidi's number. Raises ControlError."""
    try:
        import rtmidi
    except ImportError as error:
        raise ControlError("MIDI needs python-rtmidi: pip install python-rtmidi") from error
    return [(rtmidi.get_api_name(api), api) for api in rtmidi.get_compiled_api()]


def open_system(library: Any = None) -> tuple[Any, Any, int]:
    """A client that lists inputs, one that lists outputs, and the system they are of: the first that answers.

    library: rtmidi, or what stands for it; None for that of this program. Raises ControlError where none answers.
    """
    reasons = []
    apis = midi_apis()
    if library is None:
        import rtmidi

        library = rtmidi
        quiet()
    for name, api in apis:
        try:
            return library.MidiIn(api, CLIENT), library.MidiOut(api, CLIENT), api
        except (OSError, RuntimeError, SystemError) as error:
            reasons.append(f"{name}: {error}")
    raise ControlError(f"there is no MIDI system here ({'; '.join(reasons) or 'none is compiled in'}): {_HOW}")


@cache
def quiet() -> None:
    """Keep ALSA and JACK from writing to the terminal: rtmidi raises what they would say, and we say it.

    Their handlers are set to a function of C that does nothing, for the whole program. One of Python would want its
    lock from threads of theirs, for which rtmidi waits while it has that lock.
    """
    with suppress(ImportError, OSError, AttributeError, TypeError):
        from rtmidi import _rtmidi

        library = ctypes.CDLL(_rtmidi.__file__)  # finds what it was linked to, which need not be the system's own
        nothing = ctypes.cast(ctypes.CDLL(None).abs, ctypes.c_void_p)
        for name in ("snd_lib_error_set_handler", "jack_set_error_function", "jack_set_info_function"):
            with suppress(AttributeError):  # built without that system
                handler = getattr(library, name)
                handler.argtypes, handler.restype = [ctypes.c_void_p], None
                handler(nothing)


def keep_callback(client: Any, take: Any) -> list[tuple[Any, ...]]:
    """Have an input of rtmidi call `take`. What is given must live as long as the input.

    rtmidi gives its thread a bare pointer to a tuple, and would free it while the thread may still use it.
    """
    client.set_callback(take)
    return [held for held in gc.get_referents(client) if isinstance(held, tuple)]


def drain(client: Any) -> None:
    """Throw away what an input without a callback has queued: rtmidi complains when the queue is full."""
    for _ in range(MOST_QUEUED):
        if client.get_message() is None:
            break


def port_names() -> tuple[list[str], list[str]]:
    """Names of inputs and of outputs, but our own. Raises ControlError where there is no MIDI system."""
    inputs, outputs, _ = open_system()
    try:
        return names(inputs, Numbering()), names(outputs, Numbering())
    finally:
        inputs.delete()
        outputs.delete()


def names(client: Any, numbering: Numbering) -> list[str]:
    """All ports of a client's system but our own, each by a name that no other has."""
    return [name for name in numbering.names(client.get_ports()) if not is_ours(name)]


def jack_servers() -> frozenset[bytes]:
    """The sockets at which our JACK server listens, others after a restart; none where that cannot be seen."""
    server = re.escape(os.environ.get("JACK_DEFAULT_SERVER") or "default").encode()
    with suppress(OSError):
        line = rb"^\S+ \S+ \S+ %s \S+ \S+ +(\d+) \S*/jack_%s_\d+_\d+$" % (_LISTENS, server)
        return frozenset(re.findall(line, _SOCKETS.read_bytes(), re.MULTILINE))
    return frozenset()


def is_jack(api: int) -> bool:
    """Whether that is rtmidi's number for JACK."""
    import rtmidi

    return bool(api == rtmidi.API_UNIX_JACK)


def signs() -> tuple[bool, frozenset[bytes]]:
    """What shows from outside of the MIDI systems of Linux: when it changes, it is worth trying again."""
    return _SEQUENCER.exists(), jack_servers()
