"""Learning a control while a session plays: the one that moves most for a few seconds goes into the mapping file.

Asked by a key, it waits for what is to be learned, then for the control. Errors are reported, and the session goes on.
While it listens, MIDI moves nothing else.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from stylefader.realtime.controls.actions import parameter_target
from stylefader.realtime.controls.events import ControlEvent
from stylefader.realtime.controls.mapping.learn import moved_most, write_learned
from stylefader.realtime.controls.midi.port_names import port_part
from stylefader.realtime.parameters.targets import Sizes, why_missing
from stylefader.training.errors import ControlError

LISTEN_S = 4.0
NOTICE_S = 4.0
"""How long the window shows the result."""
ASK_S = 8.0
DEFAULT_FILE = Path("controls.toml")
_MOST = 100_000


class Listens(Protocol):
    """`Controls`, as far as learning knows it."""

    @property
    def path(self) -> Path | None:
        """The mapping file that is in use; None where there is none."""

    @property
    def inputs(self) -> list[str]:
        """Names of the MIDI inputs that are open."""

    def listen(self, take: Callable[[ControlEvent], None] | None) -> None:
        """Give all MIDI events to `take` instead of the router; None gives them to the router again."""

    def use(self, path: Path) -> None:
        """Read a mapping file and use it from here on."""


class LiveLearner:
    """asks: waits to be told what to learn; target: what it learns; active: one of the two.

    sizes: the parameters of the session's styles, each with the most components that it has in one of them.

    `tick` comes from the thread that owns the session, some times a second, and so does all else.
    """

    def __init__(
        self,
        controls: Listens,
        *,
        sizes: Sizes,
        say: Callable[[str], None] = lambda words: None,
        now_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._controls, self._sizes = controls, sizes
        self._say, self._now_ns = say, now_ns
        self.asks = False
        self.target: str | None = None
        self._events: list[ControlEvent] = []
        self._until_ns = 0
        self._notice, self._notice_until_ns = "", 0

    @property
    def active(self) -> bool:
        """Whether it waits for a target or for a control."""
        return self.asks or self.target is not None

    @property
    def words(self) -> str | None:
        """What it waits for, in words; for some seconds after that, the result."""
        if self.asks:
            return "learn what? its key, or 0 to 9 for a block"
        if self.target is None:
            return self._notice if self._now_ns() < self._notice_until_ns else None
        return f"learning {self.target}: {'move a control' if self._controls.inputs else 'no MIDI input is there yet'}"

    def ask(self) -> None:
        """Open the ports, and wait to be told what to learn."""
        try:
            self._controls.listen(self._take)
        except ControlError as error:
            self._tell("nothing can be learned: there is no MIDI here", f"nothing can be learned: {error}")
            return
        self.asks, self._until_ns = True, self._now_ns() + round(ASK_S * 1e9)
        self._say("learn: press the key of what to learn, 0 to 9 for a block; esc ends it")

    def begin(self, target: str) -> None:
        """Listen for the control that is to move this."""
        moves = parameter_target(target)
        why = None if moves is None else why_missing(moves, self._sizes, "the styles of this session have")
        if why is not None:
            self._say(why)
            return
        self.asks, self.target = False, target
        self._events.clear()
        self._until_ns = self._now_ns() + round(LISTEN_S * 1e9)
        self._say(f"{self.words} ({LISTEN_S:g} s; an endless encoder one way and back)")

    def cancel(self) -> None:
        """Learn nothing."""
        if self.active:
            self._end()
            self._say("nothing is learned")

    def tick(self) -> None:
        """When the time is over, write down what was moved."""
        if not self.active or self._now_ns() < self._until_ns:
            return
        if self.target is not None:
            self._learn(self.target)
        else:
            self._tell("nothing is learned: nothing was chosen")
        self._end()

    def _learn(self, target: str) -> None:
        event = moved_most(self._events)
        if event is None:
            self._tell(f"{target} is not learned: nothing was moved")
            return
        path = self._controls.path or DEFAULT_FILE
        try:
            port = port_part(event.port, self._controls.inputs)
            coding = write_learned(path, target, event, port=port, heard=self._events, say=self._say)
            self._controls.use(path)
        except ControlError as error:
            self._tell(f"{target} is not learned", f"{target} is not learned: {error}")
            return
        number = "" if event.kind in ("pitchbend", "aftertouch") else f" {event.number}"
        encoder = "" if coding is None else f", an endless encoder ({coding})"
        words = f"{target} is {event.kind}{number} channel {event.channel} of {event.port}{encoder}"
        self._tell(words, f"{path}: {words}")

    def _tell(self, notice: str, words: str | None = None) -> None:
        """Report the result, in the window in fewer words."""
        self._notice, self._notice_until_ns = notice, self._now_ns() + round(NOTICE_S * 1e9)
        self._say(words or notice)

    def _take(self, event: ControlEvent) -> None:
        """From the MIDI thread."""
        if self.target is not None and len(self._events) < _MOST:
            self._events.append(event)

    def _end(self) -> None:
        self.asks, self.target = False, None
        try:
            self._controls.listen(None)
        except ControlError as error:
            self._say(f"without MIDI: {error}")
