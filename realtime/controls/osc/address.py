"""What OSC addresses there are, and where we listen for them."""

from __future__ import annotations

from stylefader.realtime.controls.actions import remote
from stylefader.realtime.parameters.targets import Sizes, labels_in
from stylefader.training.errors import ControlError

ROOT = "/stylefader"
PORT = 9000
Address = tuple[str, int]
"""Of a socket."""
SUBSCRIBING = ("subscribe", "unsubscribe")
"""Addresses that are about OSC itself."""


def parse_osc_address(text: str) -> Address:
    """`[HOST:]PORT`; the host is this machine alone where none is given. Raises ControlError."""
    host, _, port = text.rpartition(":")
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and int(port) <= 65535 and len(host) < 256):
        raise ControlError(f"{text!r:.80} is no address for OSC: write [HOST:]PORT, as in 9000 or 0.0.0.0:9000")
    return host.strip("[]") or "127.0.0.1", int(port)


def addresses(sizes: Sizes) -> list[str]:
    """All that mean something, for a style whose parameters have these sizes."""
    moved = [
        word for name, size in sizes.items()
        for word in (name, *(f"{name}/{one}" for one in (*range(size), *labels_in(size))))
    ]  # fmt: skip
    words = dict.fromkeys((*moved, *(action.osc for action in remote(osc=True)), *SUBSCRIBING))
    return [f"{ROOT}/{word}" for word in words]


def kind_of(address: str, sizes: Sizes) -> str:
    """Which kind of complaint one about this address is: its first word, where that means something."""
    word = address.removeprefix(f"{ROOT}/").partition("/")[0]
    known = {*sizes, *SUBSCRIBING, *(action.osc.partition("/")[0] for action in remote(osc=True))}
    return word if word in known else "address"
