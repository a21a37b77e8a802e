"""All that plays a session from outside: mapping file, MIDI ports and OSC, made and ended together.

A session goes on without a MIDI system: what is missing is said, with what to do. What stands wrong in the mapping file
at the start is an error, and so is an OSC port that is taken.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from realtime.controls.clock import BeatClock
from realtime.controls.feedback import Feedback
from realtime.controls.mapping import ControlMap, MappingFile
from realtime.controls.midi import MidiPorts
from realtime.controls.osc import OscControl, parse_osc_address
from realtime.controls.player import Player
from realtime.controls.router import Router
from training.errors import ControlError

_POLL_NS = 500_000_000


@dataclass(frozen=True, kw_only=True)
class ControlOptions:
    """mapping: the file. midi: parts of ports' names; those of the mapping where there are none. osc: [HOST:]PORT."""

    mapping: Path | None = None
    midi: Sequence[str] = ()
    osc: str | None = None


class Controls:
    """Made (files are read and OSC's port is taken), running after `start`, over after `close`.

    `tick` comes from the thread that owns the session, some times a second.
    """

    def __init__(
        self,
        player: Player,
        options: ControlOptions,
        *,
        most_blocks: int,
        say: Callable[[str], None] = lambda words: None,
        now_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._options, self._say, self._now_ns = options, say, now_ns
        self._most_blocks = most_blocks
        self.clock = BeatClock(now_ns=now_ns)
        self._file = MappingFile(options.mapping, say=say) if options.mapping else None
        self._router = Router(player, self._maps())
        self._feedback = Feedback(player, self._router)
        self._warn()
        self.osc: OscControl | None = None
        if options.osc is not None:
            self.osc = OscControl(player, *parse_osc_address(options.osc), say=say, now_ns=now_ns)
        self.midi: MidiPorts | None = None
        self._outputs_seen = 0
        self._polled_ns = now_ns()
        if options.midi and self._file is None:
            say("MIDI: nothing is mapped: give --map FILE.toml, and see stylefader midi learn")

    def start(self) -> None:
        """Begin to listen."""
        if self.osc is not None:
            self.osc.start()
            self._say("OSC at {}:{}".format(*self.osc.address))
        if self._file is not None or self._options.midi:
            inputs, outputs = self._ports()
            try:
                self.midi = MidiPorts(
                    self._router.handle, inputs=inputs, outputs=outputs, clock=self.clock, patient=True, say=self._say,
                    now_ns=self._now_ns,
                )  # fmt: skip
            except ControlError as error:
                self._say(f"without MIDI: {error}")
                return
            self.midi.start()

    def tick(self) -> None:
        """Take an edited mapping over, and send back what was moved. Raises what the MIDI thread died of."""
        if self.midi is not None and self.midi.error is not None:
            raise self.midi.error
        now = self._now_ns()
        if self._file is not None and now - self._polled_ns >= _POLL_NS:
            self._polled_ns = now
            if self._file.poll():
                self._router.take_over(self._file.maps)
                self._warn()
                if self.midi is not None:
                    inputs, outputs = self._ports()
                    self.midi.want(inputs=inputs, outputs=outputs)
        if self.midi is not None:
            if self.midi.outputs_opened != self._outputs_seen:
                self._outputs_seen = self.midi.outputs_opened
                self._feedback.forget()
            for part, message in self._feedback.due():
                self.midi.send(part, message)
        if self.osc is not None:
            self.osc.tick()

    def close(self) -> None:
        """Listen no more; harmless twice."""
        if self.midi is not None:
            self.midi.close()
        if self.osc is not None:
            self.osc.close()

    def _maps(self) -> tuple[ControlMap, ...]:
        return self._file.maps if self._file is not None else ()

    def _ports(self) -> tuple[list[str], list[str]]:
        """Parts of the names of inputs and outputs; a mapping of any port opens all inputs."""
        maps = self._maps()
        named = [] if any(not entry.port for entry in maps) else sorted({entry.port for entry in maps})
        outputs = sorted({entry.port for entry in maps if entry.feedback})
        return list(self._options.midi) or named, outputs

    def _warn(self) -> None:
        """Say which mappings move nothing in any style of this session."""
        for entry in self._maps():
            if isinstance(entry.block, int) and entry.block >= self._most_blocks:
                self._say(
                    f"{self._options.mapping}, line {entry.line}: there is no {entry.target}: "
                    f"the styles of this session have {self._most_blocks} blocks at most"
                )
