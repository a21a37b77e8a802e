"""Open Sound Control over UDP: messages in, the same addresses back to whoever subscribed. docs/control.md lists them.

A packet that cannot be read, or an address that means nothing, is said once and left alone: anything may come out of a
network. What a session raises is said as well, and the next message is heard.
"""

from __future__ import annotations

import math
import re
import socket
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from realtime.controls.complaints import Complaints
from realtime.controls.mapping import SWITCHES, TRIGGERS
from realtime.controls.osc_packet import read_packet
from realtime.controls.player import Player, check_source, is_on, turn
from realtime.controls.recall import NO_SCENES, Scenes
from realtime.desk import Block
from training.errors import ControlError

ROOT = "/stylefader"
PORT = 9000
_MOST_SUBSCRIBERS = 16
_LARGEST = 65536
_WAIT_S = 0.2
_KINDS = ("alpha", "style", "scene", "mute", "subscribe", "unsubscribe", *SWITCHES, *TRIGGERS)
"""Of complaints: the first word of an address, where it is one of these."""
Address = tuple[str, int]


def parse_osc_address(text: str) -> Address:
    """`[HOST:]PORT`; the host is this machine alone where none is given. Raises ControlError."""
    host, _, port = text.rpartition(":")
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and int(port) <= 65535 and len(host) < 256):
        raise ControlError(f"{text!r:.80} is no address for OSC: write [HOST:]PORT, as in 9000 or 0.0.0.0:9000")
    return host.strip("[]") or "127.0.0.1", int(port)


class OscControl:
    """Listens at `host` and `port` (0: any that is free). Made, running after `start`, over after `close`.

    `tick` sends what changed to the subscribers, from whichever thread, and raises what our own thread died of.
    `address` is where it listens. scenes: those that may be recalled and saved.
    """

    def __init__(
        self,
        player: Player,
        host: str = "127.0.0.1",
        port: int = PORT,
        *,
        scenes: Scenes | None = None,
        say: Callable[[str], None] = lambda words: None,
        now_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._scenes = scenes
        self._player, self._now_ns = player, now_ns
        self._complain = Complaints(say, now_ns=now_ns)
        self.error: BaseException | None = None
        try:
            family, *_, where = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
            self._socket = socket.socket(family, socket.SOCK_DGRAM)
        except (OSError, UnicodeError) as error:
            raise ControlError(f"OSC cannot listen at {host}:{port}: {error}") from error
        try:
            self._socket.bind(where)
        except OSError as error:
            self._socket.close()
            raise ControlError(f"OSC cannot listen at {host}:{port}: {error.strerror or error}") from error
        self._socket.settimeout(_WAIT_S)
        self.address: Address = self._socket.getsockname()[:2]
        self._lock = threading.Lock()  # over the subscribers and what each was told
        self._subscribers: dict[Any, dict[str, object]] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="controls-osc", daemon=True)

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def close(self) -> None:
        """Listen no more; harmless twice."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(2)
        self._socket.close()

    def tick(self) -> None:
        """Tell every subscriber what is not as it was told."""
        if self.error is not None:
            raise self.error
        if not self._subscribers:
            return
        state = self._state()
        news: list[tuple[Any, str, float | str]] = []
        with self._lock:
            for subscriber, told in self._subscribers.items():
                news += [(subscriber, *item) for item in state.items() if told.get(item[0]) != item[1]]
                told.update(state)
        for subscriber, address, value in news:  # a network may take its time: our thread does not wait for it
            self._send(subscriber, address, value)

    def _state(self) -> dict[str, float | str]:
        targets = [float(value) for value in self._player.targets()]
        names, style = self._player.style_names, self._player.style
        return {
            f"{ROOT}/alpha": sum(targets) / len(targets) if targets else 0.0,
            **{f"{ROOT}/alpha/{block}": value for block, value in enumerate(targets)},
            f"{ROOT}/style": names[style],
            **({f"{ROOT}/scene": self._player.scene or ""} if self._scenes is not None else {}),
            **{f"{ROOT}/{switch}": int(is_on(self._player, switch)) for switch in SWITCHES},
        }

    def _send(self, to: Any, address: str, value: float | str) -> None:
        from pythonosc.osc_message_builder import build_msg

        try:
            self._socket.sendto(build_msg(address, [value]).dgram, to)
        except OSError as error:
            self._complain("send", f"OSC: cannot send to {to[0]}:{to[1]}: {error.strerror or error}")

    def _run(self) -> None:
        try:
            self._listen()
        except BaseException as error:
            self.error = error

    def _listen(self) -> None:
        while not self._stop.is_set():
            try:
                packet, sender = self._socket.recvfrom(_LARGEST)
            except TimeoutError:
                continue
            except OSError as error:  # Windows: a subscriber has gone
                if not self._stop.is_set():
                    self._complain("receive", f"OSC: {error.strerror or error}")
                    self._stop.wait(_WAIT_S)
                continue
            self.take(packet, sender)

    def take(self, packet: bytes, sender: Any) -> None:
        """Do what a packet asks for."""
        at_ns = self._now_ns()
        try:
            messages = read_packet(packet)
        except ControlError:
            self._complain("packet", f"OSC: a packet of {sender[0]} cannot be read")
            return
        for address, values in messages:
            try:
                self._do(address, values, sender, at_ns)
            except ControlError as error:
                self._complain(_kind(address), f"OSC: {error}")
            except Exception as error:  # a fault of ours must not end a show
                self._complain(_kind(address), f"OSC: {address}: {type(error).__name__}: {error}")

    def _do(self, address: str, values: Sequence[Any], sender: Any, at_ns: int) -> None:
        """One message. Raises ControlError."""
        word = address.removeprefix(f"{ROOT}/") if address.startswith(f"{ROOT}/") else ""
        if word == "alpha" and len(values) > 1:
            self._move_each(values, address, at_ns)
        elif word == "alpha":
            self._move("all", *_one(values, address), address, at_ns)
        elif re.fullmatch(r"alpha/(0|[1-9][0-9]?)", word):
            self._move(int(word[6:]), *_one(values, address), address, at_ns)
        elif word == "style":
            self._player.go(self._style(*_one(values, address), address))
        elif word in ("scene", "scene/save"):
            self._scene(word, values, address)
        elif word in SWITCHES:
            turn(self._player, word, _number(*_one(values, address), address) >= 0.5)
        elif word.startswith("mute/"):
            source, on = check_source(word[5:]), _number(*_one(values, address), address) >= 0.5
            (self._player.muted.add if on else self._player.muted.discard)(source)
        elif word in TRIGGERS:
            # Buttons send 1 when they are pressed and 0 when they are let go.
            if not values or _number(*_one(values, address), address) >= 0.5:
                self._trigger(word)
        elif word in ("subscribe", "unsubscribe"):
            self._subscribe(values, sender, address, on=word == "subscribe")
        else:
            raise ControlError(f"{address!r:.80} means nothing; addresses begin with {ROOT}/alpha, {ROOT}/style, ...")

    def _move(self, block: Block, value: object, address: str, at_ns: int) -> None:
        alpha = _number(value, address)
        self._check_block(block, address)
        self._player.move(block, alpha, at_ns, "osc")

    def _move_each(self, values: Sequence[object], address: str, at_ns: int) -> None:
        """The blocks in their order: all of them, or none where one value is not right."""
        alphas = [_number(value, address) for value in values]
        self._check_block(len(alphas) - 1, address)
        for block, alpha in enumerate(alphas):
            self._player.move(block, alpha, at_ns, "osc")

    def _check_block(self, block: Block, address: str) -> None:
        blocks = len(self._player.targets())
        if block != "all" and block >= blocks:
            raise ControlError(f"{address}: there is no block {block}: this style has {blocks}")

    def _style(self, value: object, address: str) -> int:
        names = self._player.style_names
        if isinstance(value, str) and value in names:
            return names.index(value)
        if isinstance(value, str):
            raise ControlError(f"{address}: there is no style {value!r:.80}; there are {', '.join(names)}")
        number = _number(value, address)
        if not (number.is_integer() and 1 <= number <= len(names)):
            raise ControlError(f"{address}: a style's name, or its number from 1 to {len(names)}, not {number:g}")
        return int(number) - 1

    def _scene(self, word: str, values: Sequence[Any], address: str) -> None:
        """Recall a scene by name or number, or save one by a name or a new one."""
        if self._scenes is None:
            raise ControlError(f"{address}: {NO_SCENES}")
        which = _one(values, address)[0] if values or word == "scene" else 1
        if not isinstance(which, str):
            which = _number(which, address)
        try:
            if word == "scene":
                self._scenes.recall(self._scenes.find(which))
            elif isinstance(which, str):
                self._scenes.save(which)
            elif which >= 0.5:  # a button, as those of triggers
                self._scenes.save()
        except ControlError as error:
            raise ControlError(f"{address}: {error}") from error

    def _trigger(self, word: str) -> None:
        if word == "panic":
            self._player.panic()
        else:
            self._player.step_style(1 if word == "next" else -1)

    def _subscribe(self, values: Sequence[Any], sender: Any, address: str, *, on: bool) -> None:
        """Feedback goes to the sender's machine, at its port or another."""
        if values:
            port = _number(*_one(values, address), address)
            if not (port.is_integer() and 1 <= port <= 65535):
                raise ControlError(f"{address}: a port is from 1 to 65535, not {port:g}")
            sender = (sender[0], int(port), *sender[2:])
        with self._lock:
            if not on:
                self._subscribers.pop(sender, None)
                return
            if sender not in self._subscribers and len(self._subscribers) >= _MOST_SUBSCRIBERS:
                raise ControlError(f"{address}: there are {_MOST_SUBSCRIBERS} subscribers, no more can be had")
            self._subscribers[sender] = {}  # told everything anew, also who asks again


def _kind(address: str) -> str:
    """Which kind of complaint one about this address is."""
    word = address.removeprefix(f"{ROOT}/").partition("/")[0]
    return word if word in _KINDS else "address"


def _one(values: Sequence[Any], address: str) -> tuple[Any]:
    if len(values) != 1:
        raise ControlError(f"{address} takes one value, not {len(values)}")
    return (values[0],)


def _number(value: object, address: str) -> float:
    if not isinstance(value, bool | int | float) or not math.isfinite(value):
        raise ControlError(f"{address} takes a finite number, not {value!r:.80}")
    return float(value)
