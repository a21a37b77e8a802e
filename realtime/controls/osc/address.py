"""What OSC addresses there are, and where we listen for them."""

from __future__ import annotations

from stylefader.realtime.controls.mapping.mapping import SWITCHES, TRIGGERS
from stylefader.realtime.controls.player import SOURCES
from stylefader.training.errors import ControlError

ROOT = "/stylefader"
PORT = 9000
Address = tuple[str, int]
"""Of a socket."""
_KINDS = ("alpha", "style", "scene", "mute", "subscribe", "unsubscribe", *SWITCHES, *TRIGGERS)
"""Of complaints: the first word of an address, where it is one of these."""


def parse_osc_address(text: str) -> Address:
    """`[HOST:]PORT`; the host is this machine alone where none is given. Raises ControlError."""
    host, _, port = text.rpartition(":")
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and int(port) <= 65535 and len(host) < 256):
        raise ControlError(f"{text!r:.80} is no address for OSC: write [HOST:]PORT, as in 9000 or 0.0.0.0:9000")
    return host.strip("[]") or "127.0.0.1", int(port)


def addresses(blocks: int) -> list[str]:
    """All that mean something, for a style of so many blocks."""
    words = [
        "alpha", *(f"alpha/{block}" for block in range(blocks)), "style", "scene", "scene/save", *SWITCHES, *TRIGGERS,
        *(f"mute/{source}" for source in SOURCES), "subscribe", "unsubscribe",
    ]  # fmt: skip
    return [f"{ROOT}/{word}" for word in words]


def kind_of(address: str) -> str:
    """Which kind of complaint one about this address is."""
    word = address.removeprefix(f"{ROOT}/").partition("/")[0]
    return word if word in _KINDS else "address"
