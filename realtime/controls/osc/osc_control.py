"""Open Sound Control 1.0 over UDP: messages in, the same addresses back to whoever subscribed. docs/control.md lists
them.

A packet that cannot be read, or an address that means nothing, is said once and left alone: anything may come out of a
network. What a session raises is said as well, and the next message is heard.
"""

from __future__ import annotations

import logging
import math
import re
import socket
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from stylefader.realtime.controls.log_limiter import LogLimiter
from stylefader.realtime.controls.mapping.mapping import SWITCHES, TRIGGERS
from stylefader.realtime.controls.osc.address import PORT, ROOT, Address, addresses, kind_of
from stylefader.realtime.controls.osc.packet import Value, read_packet
from stylefader.realtime.controls.osc.pattern import is_pattern, matching
from stylefader.realtime.controls.osc.subscribers import EXPIRES_S, Subscribers
from stylefader.realtime.controls.osc.time_tags import MOST_AHEAD_S, MOST_WAITING, Agenda, ahead_ns
from stylefader.realtime.controls.player import Player, check_source, is_on, turn
from stylefader.realtime.controls.scenes.scene_controller import NO_SCENES, SceneController
from stylefader.realtime.parameters.alpha_desk import Block
from stylefader.training.errors import ControlError

_log = logging.getLogger(__name__)
_LARGEST = 65536
_WAIT_S, _LEAST_S = 0.2, 0.0005
_Asked = tuple[str, list[Value], Any]
"""An address, its values and who sent them."""


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
        scenes: SceneController | None = None,
        say: Callable[[str], None] = lambda words: None,
        now_ns: Callable[[], int] = time.monotonic_ns,
        wall_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._scenes = scenes
        self._player, self._now_ns, self._wall_ns = player, now_ns, wall_ns
        self._complain = LogLimiter(say, now_ns=now_ns)
        self.error: BaseException | None = None
        try:
            family, *_, where = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
            self._socket = socket.socket(family, socket.SOCK_DGRAM)
        except (OSError, ValueError) as error:
            raise ControlError(f"OSC cannot listen at {host}:{port}: {error}") from error
        try:
            self._socket.bind(where)
        except OSError as error:
            self._socket.close()
            raise ControlError(f"OSC cannot listen at {host}:{port}: {error.strerror or error}") from error
        self._sender = self._socket.dup()
        self._sender.setblocking(False)  # the session's thread waits for no network
        self.address: Address = self._socket.getsockname()[:2]
        self._subscribers = Subscribers()
        self._agenda: Agenda[_Asked] = Agenda()
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
        self._sender.close()

    def tick(self) -> None:
        """Tell every subscriber what is not as it was told."""
        if self.error is not None:
            raise self.error
        if not self._subscribers:
            return
        for host, port, *_ in self._subscribers.expired(self._now_ns()):
            self._complain(
                "expired", f"OSC: {host}:{port} was not heard of for {EXPIRES_S // 60} minutes and is told no more"
            )
        for subscriber, address, value in self._subscribers.news(self._state()):
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
            self._sender.sendto(build_msg(address, [value]).dgram, to)
        except OSError as error:
            self._complain("send", f"OSC: cannot send to {to[0]}:{to[1]}: {error.strerror or error}")

    def _run(self) -> None:
        try:
            self._listen()
        except BaseException as error:
            _log.error("the OSC thread died", exc_info=error)
            self.error = error

    def _listen(self) -> None:
        while not self._stop.is_set():
            self.do_what_is_due()
            self._socket.settimeout(max(_LEAST_S, self._agenda.wait_s(self._now_ns(), _WAIT_S)))
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
        at_ns, wall_ns = self._now_ns(), self._wall_ns()
        self._subscribers.heard(sender[0], at_ns)
        try:
            messages = read_packet(packet)
        except ControlError:
            self._complain("packet", f"OSC: a packet of {sender[0]} cannot be read")
            return
        for tag, address, values in messages:
            ahead = ahead_ns(tag, wall_ns)
            if ahead <= 0:
                self._do_or_say(address, values, sender, at_ns)
            elif ahead > MOST_AHEAD_S * 10**9:
                self._complain(
                    "time",
                    f"OSC: {sender[0]} asks for a time that is more than {MOST_AHEAD_S} s ahead: it is left alone; "
                    "are both clocks right?",
                )
            elif not self._agenda.put(at_ns + ahead, (address, values, sender), len(packet) // len(messages)):
                self._complain("time", f"OSC: {MOST_WAITING} messages wait for their time; more are left alone")

    def do_what_is_due(self) -> None:
        """Do what waited for its time."""
        for at_ns, asked in self._agenda.due(self._now_ns()):
            self._do_or_say(*asked, at_ns)

    def _do_or_say(self, address: str, values: Sequence[Any], sender: Any, at_ns: int) -> None:
        """One message, for every address that it matches; what is wrong with it is said."""
        try:
            for one in self._matching(address):
                self._do_one_or_say(one, values, sender, at_ns)
        except ControlError as error:
            self._complain("address", f"OSC: {error}")

    def _do_one_or_say(self, address: str, values: Sequence[Any], sender: Any, at_ns: int) -> None:
        try:
            self._do(address, values, sender, at_ns)
        except ControlError as error:
            self._complain(kind_of(address), f"OSC: {error}")
        except Exception as error:  # a fault of ours must not end a show
            _log.error("OSC: %r", address, exc_info=error)
            self._complain(kind_of(address), f"OSC: {address}: {type(error).__name__}: {error}")

    def _matching(self, address: str) -> list[str]:
        """The addresses that one stands for. Raises ControlError for a pattern that stands for none."""
        if not is_pattern(address):
            return [address]
        found = matching(address, addresses(len(self._player.targets())))
        if not found:
            raise ControlError(f"{address!r:.80} matches no address; they begin with {ROOT}/alpha, {ROOT}/style, ...")
        return found

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
            self._subscribe(values, sender, address, at_ns, on=word == "subscribe")
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

    def _subscribe(self, values: Sequence[Any], sender: Any, address: str, at_ns: int, *, on: bool) -> None:
        """Feedback goes to the sender's machine, at its port or another."""
        if values:
            port = _number(*_one(values, address), address)
            if not (port.is_integer() and 1 <= port <= 65535):
                raise ControlError(f"{address}: a port is from 1 to 65535, not {port:g}")
            sender = (sender[0], int(port), *sender[2:])
        if not on:
            self._subscribers.remove(sender)
            return
        try:
            self._subscribers.add(sender, at_ns)
        except ControlError as error:
            raise ControlError(f"{address}: {error}") from error


def _one(values: Sequence[Any], address: str) -> tuple[Any]:
    if len(values) != 1:
        raise ControlError(f"{address} takes one value, not {len(values)}")
    return (values[0],)


def _number(value: object, address: str) -> float:
    if not isinstance(value, bool | int | float) or not math.isfinite(value):
        raise ControlError(f"{address} takes a finite number, not {value!r:.80}")
    return float(value)
