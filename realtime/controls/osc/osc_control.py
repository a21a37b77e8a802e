"""Open Sound Control 1.0 over UDP: messages in, and the same addresses back to all who subscribed.

docs/control.md lists the addresses.

A packet that cannot be read, or an unknown address, is reported once and ignored: anything may come from a network.
Errors of the session are reported too, and the next message is handled as usual.
"""

from __future__ import annotations

import logging
import math
import socket
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from stylefader.realtime.controls.action_kinds import ActionRunner, Choice, NamedTrigger, Switch, Trigger
from stylefader.realtime.controls.actions import find_osc, remote
from stylefader.realtime.controls.log_limiter import LogLimiter
from stylefader.realtime.controls.osc.address import PORT, ROOT, SUBSCRIBING, Address, addresses, kind_of
from stylefader.realtime.controls.osc.packet import Value, message_bytes, read_packet
from stylefader.realtime.controls.osc.pattern import is_pattern, matching
from stylefader.realtime.controls.osc.subscribers import EXPIRES_S, Subscribers
from stylefader.realtime.controls.osc.time_tags import MOST_AHEAD_S, MOST_WAITING, Agenda, ahead_ns
from stylefader.realtime.controls.player import Player, check_source
from stylefader.realtime.controls.scenes.scene_controller import SceneController
from stylefader.realtime.parameters.parameter import sizes_of
from stylefader.realtime.parameters.targets import Target, parse_target, why_missing
from stylefader.training.errors import ControlError

_log = logging.getLogger(__name__)
_LARGEST = 65536
_WAIT_S, _LEAST_S = 0.2, 0.0005
_Asked = tuple[str, list[Value], Any]
"""An address, its values and who sent them."""


class OscControl:
    """Listens at `host` and `port` (0: any that is free). Made, running after `start`, over after `close`.

    `tick` sends what changed to the subscribers, from any thread, and raises the error that ended our own thread.
    `address` is where it listens. scenes: those that may be recalled and saved. runner: what does the actions, shared
    with the other controls; one of its own where it is not given.
    """

    def __init__(
        self,
        player: Player,
        host: str = "127.0.0.1",
        port: int = PORT,
        *,
        scenes: SceneController | None = None,
        runner: ActionRunner | None = None,
        say: Callable[[str], None] = lambda words: None,
        now_ns: Callable[[], int] = time.monotonic_ns,
        wall_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._runner = runner or ActionRunner(player, scenes=scenes, say=say, now_ns=now_ns)
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
        """Send every subscriber what has changed for it."""
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
        state: dict[str, float | str] = {}
        parameters = self._player.parameters
        for name, values in self._player.targets().items():
            state[name] = float(np.mean(values, dtype=np.float64)) if len(values) else 0.0
            state |= {f"{name}/{number}": float(value) for number, value in enumerate(values)}
            parameter = parameters.get(name)
            labels = () if parameter is None or parameter.size != len(values) else parameter.labels
            state |= {f"{name}/{label}": float(value) for label, value in zip(labels, values, strict=False)}
        names, style = self._player.style_names, self._player.style
        state["style"] = names[style]
        if self._runner.scenes is not None:
            state["scene"] = self._player.scene or ""
        for action in remote(osc=True):
            if isinstance(action, Switch) and action.keys is not None:
                state[action.osc] = int(action.is_on(self._runner))
        return {f"{ROOT}/{word}": value for word, value in state.items()}

    def _send(self, to: Any, address: str, value: float | str) -> None:
        try:
            self._sender.sendto(message_bytes(address, value), to)
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
        """Handle one message, for every address that it matches; errors are reported."""
        try:
            for one in self._matching(address):
                self._do_one_or_say(one, values, sender, at_ns)
        except ControlError as error:
            self._complain("address", f"OSC: {error}")

    def _do_one_or_say(self, address: str, values: Sequence[Any], sender: Any, at_ns: int) -> None:
        try:
            self._do(address, values, sender, at_ns)
        except ControlError as error:
            self._complain(self._kind_of(address), f"OSC: {error}")
        except Exception as error:  # a bug of ours must not end a session
            _log.error("OSC: %r", address, exc_info=error)
            self._complain(self._kind_of(address), f"OSC: {address}: {type(error).__name__}: {error}")

    def _matching(self, address: str) -> list[str]:
        """The addresses that one stands for. Raises ControlError for a pattern that stands for none."""
        if not is_pattern(address):
            return [address]
        found = matching(address, addresses(self._sizes()))
        if not found:
            raise ControlError(f"{address!r:.80} matches no address; they begin with {ROOT}/alpha, {ROOT}/style, ...")
        return found

    def _sizes(self) -> dict[str, int]:
        """The parameters of the style that was chosen last, with the components of each."""
        return sizes_of(self._player.parameters.values())

    def _kind_of(self, address: str) -> str:
        return kind_of(address, self._sizes())

    def _do(self, address: str, values: Sequence[Any], sender: Any, at_ns: int) -> None:
        """One message. Raises ControlError."""
        word = address.removeprefix(f"{ROOT}/") if address.startswith(f"{ROOT}/") else ""
        action, target = find_osc(word), _target(word)
        if isinstance(action, Switch):
            self._runner.turn(action, _number(*_one(values, address), address) >= 0.5)
        elif isinstance(action, Choice):
            self._choose(action, values, address)
        elif isinstance(action, Trigger):
            self._trigger(action, values, address)
        elif word.startswith("mute/"):
            check_source(word[5:])  # which none is, since those that there are have an action each
        elif word in SUBSCRIBING:
            self._subscribe(values, sender, address, at_ns, on=word == "subscribe")
        elif target is not None and self._is_parameter(target):
            self._move(target, values, address, at_ns)
        else:
            raise ControlError(f"{address!r:.80} means nothing; addresses begin with {ROOT}/alpha, {ROOT}/style, ...")

    def _is_parameter(self, target: Target) -> bool:
        """Whether there is such a parameter, with names where one is given."""
        parameter = self._player.parameters.get(target.name)
        return parameter is not None and (bool(parameter.labels) or not isinstance(target.component, str))

    def _move(self, target: Target, values: Sequence[object], address: str, at_ns: int) -> None:
        """A parameter, or its components in their order: all of them, or none where one value is not right."""
        several = target.component is None and len(values) > 1
        wanted = [_number(value, address) for value in (values if several else _one(values, address))]
        targets = [Target(target.name, number) for number in range(len(wanted))] if several else [target]
        why = why_missing(targets[-1], self._sizes())
        if why is not None:
            raise ControlError(f"{address}: {why}")
        for one, value in zip(targets, wanted, strict=True):
            self._player.move(one, value, at_ns, "osc")

    def _choose(self, action: Choice, values: Sequence[Any], address: str) -> None:
        """By a name, or a number from 1."""
        (given,) = _one(values, address)
        which = given if isinstance(given, str) else _number(given, address)
        try:
            self._runner.choose(action, which)
        except ControlError as error:
            raise ControlError(f"{address}: {error}") from error

    def _trigger(self, action: Trigger, values: Sequence[Any], address: str) -> None:
        """By nothing or a button: those send 1 when they are pressed and 0 when they are let go. Some take a name."""
        if isinstance(action, NamedTrigger) and len(values) > 1 and all(isinstance(one, str) for one in values):
            values = [",".join(values)]  # as the four styles of a pad
        name = _one(values, address)[0] if values else None
        if not isinstance(action, NamedTrigger) or not isinstance(name, str):
            if name is not None and _number(name, address) < 0.5:
                return
            name = None
        try:
            self._runner.trigger(action, name)
        except ControlError as error:
            raise ControlError(f"{address}: {error}") from error

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


def _target(word: str) -> Target | None:
    """`NAME`, `NAME/N` for one of its components, or `NAME/LABEL` for one that has a name."""
    name, slash, which = word.partition("/")
    if bool(slash) != bool(which):
        return None
    target = parse_target(name + which if which.isdecimal() else word)
    return target if target is not None and target.name == name else None


def _one(values: Sequence[Any], address: str) -> tuple[Any]:
    if len(values) != 1:
        raise ControlError(f"{address} takes one value, not {len(values)}")
    return (values[0],)


def _number(value: object, address: str) -> float:
    if not isinstance(value, bool | int | float) or not math.isfinite(value):
        raise ControlError(f"{address} takes a finite number, not {value!r:.80}")
    return float(value)
