"""All that plays a session from outside: mapping file, MIDI ports and OSC, made and ended together.

A session goes on without a MIDI system; a message says what is missing and what to do. An error in the mapping file at
the start is raised, and so is an OSC port that is in use.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from stylefader.realtime.controls.action_kinds import ActionRunner, Choice, Step, place_in
from stylefader.realtime.controls.actions import find, is_reserved
from stylefader.realtime.controls.events import ControlEvent
from stylefader.realtime.controls.mapping.mapping import ControlMap, Mapping, read_mapping
from stylefader.realtime.controls.mapping.sound_section import SoundMap
from stylefader.realtime.controls.mapping.watched_file import WatchedFile
from stylefader.realtime.controls.midi.feedback import Feedback
from stylefader.realtime.controls.midi.ports import MidiPorts
from stylefader.realtime.controls.modulation import Modulators
from stylefader.realtime.controls.osc.address import parse_osc_address
from stylefader.realtime.controls.osc.osc_control import OscControl
from stylefader.realtime.controls.player import Player
from stylefader.realtime.controls.router import Router
from stylefader.realtime.controls.scenes.scene_controller import SceneController
from stylefader.realtime.parameters.lfo import LfoMap
from stylefader.realtime.parameters.targets import Sizes, Target, labels_in, why_missing
from stylefader.realtime.parameters.tempo import FREE_BPM, BeatClock
from stylefader.training.errors import ControlError

_POLL_NS = 500_000_000


@dataclass(frozen=True, kw_only=True)
class ControlOptions:
    """mapping: the file. midi: parts of ports' names; those of the mapping where there are none. osc: [HOST:]PORT."""

    mapping: Path | None = None
    midi: Sequence[str] = ()
    osc: str | None = None


class Controls:
    """Made (files are read and OSC's port is taken), running after `start`, over after `close`.

    `tick` comes from the thread that owns the session, some times a second. scenes: those of the session; `tick` polls
    them. sizes: the parameters of the session's styles, each with the most components that it has in one of them.
    `runner` does the actions that any of them asks for.
    """

    def __init__(
        self,
        player: Player,
        options: ControlOptions,
        *,
        sizes: Sizes,
        clock: BeatClock | None = None,
        modulators: Modulators | None = None,
        scenes: SceneController | None = None,
        say: Callable[[str], None] = lambda words: None,
        now_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._options, self._say, self._now_ns = options, say, now_ns
        self._sizes, self.scenes = sizes, scenes
        self.clock = clock or BeatClock(now_ns=now_ns)
        self._file = WatchedFile(options.mapping, read_mapping, str, say=say) if options.mapping else None
        self._modulators = modulators or Modulators()
        self._bpm: float | None = None
        self.runner = ActionRunner(player, scenes=scenes, clock=self.clock, say=say, now_ns=now_ns)
        self._router = Router(player, self._maps(), runner=self.runner)
        self._feedback = Feedback(self._router)
        self._take_over_others()
        for name in (one for one in sizes if is_reserved(one) and not labels_in(sizes[one])):
            say(f"the parameter {name} cannot be played: {name} is an action")
        self._warn()
        self.osc: OscControl | None = None
        if options.osc is not None:
            self.osc = OscControl(player, *parse_osc_address(options.osc), runner=self.runner, say=say, now_ns=now_ns)
        self.midi: MidiPorts | None = None
        self._learner: Callable[[ControlEvent], None] | None = None
        self._outputs_seen = 0
        self._polled_ns = now_ns()
        if options.midi and self._file is None:
            say("MIDI: nothing is mapped: give --map FILE.toml, and see stylefader midi learn")

    def start(self) -> None:
        """Begin to listen."""
        if self.osc is not None:
            self.osc.start()
            self._say("OSC at {}:{}".format(*self.osc.address))
        self._open_midi_or_say()

    @property
    def mapping(self) -> Mapping:
        """What the mapping file says now."""
        return self._file.content if self._file is not None else Mapping()

    @property
    def path(self) -> Path | None:
        """The mapping file."""
        return self._options.mapping

    @property
    def inputs(self) -> list[str]:
        """Names of the MIDI inputs that are open."""
        return self.midi.playing if self.midi is not None else []

    def listen(self, take: Callable[[ControlEvent], None] | None) -> None:
        """Give what every MIDI input sends to `take` alone, from other threads; None: play by it again.

        Held controls are released, since their release would not be heard.

        Raises ControlError where there is no MIDI system.
        """
        self._learner = take
        try:
            self._open_midi()
            if take is not None and self.midi is not None and self.midi.why_not is not None:
                raise ControlError(self.midi.why_not)
        except ControlError:
            self._learner = None
            raise
        if take is not None:
            self._router.release()

    def declare(self, sizes: Sizes) -> None:
        """Other parameters than before can be moved: warn by these from now on."""
        self._sizes = sizes

    def use(self, path: Path) -> None:
        """Play by this mapping file, as it is now, from here on. Raises ControlError where it is not right."""
        self._file = WatchedFile(path, read_mapping, str, say=self._say)
        self._options = replace(self._options, mapping=path)
        self._take_over()

    def tick(self) -> None:
        """Apply an edited mapping, and send feedback. Raises the error that ended the MIDI thread, if any."""
        if self.midi is not None and self.midi.error is not None:
            raise self.midi.error
        now = self._now_ns()
        if now - self._polled_ns >= _POLL_NS:
            self._polled_ns = now
            others = self.scenes is not None and self.scenes.poll()
            if self._file is not None and self._file.poll():
                self._take_over()
            elif others:
                self._warn()
        if self.midi is not None:
            if self.midi.outputs_opened != self._outputs_seen:
                self._outputs_seen = self.midi.outputs_opened
                self._feedback.forget()
            for part, device, message in self._feedback.due():
                if part:
                    self.midi.send(part, message)
                else:
                    self.midi.answer(device, message)
        if self.osc is not None:
            self.osc.tick()

    def close(self) -> None:
        """Listen no more; harmless twice."""
        if self.midi is not None:
            self.midi.close()
        if self.osc is not None:
            self.osc.close()
        if self.scenes is not None:
            self.scenes.settle()  # what was saved a moment ago

    def _take_over(self) -> None:
        """Go on with what the mapping file says now."""
        self._router.take_over(self._maps())
        self._take_over_others()
        self._warn()
        self._open_midi_or_say()

    def _take_over_others(self) -> None:
        """What it says besides `maps`."""
        self._modulators.take_over(self.mapping)
        bpm = self.mapping.bpm
        if bpm != self._bpm:
            self._bpm = bpm
            self.clock.set_tempo(FREE_BPM if bpm is None else bpm, self._now_ns())

    def _open_midi_or_say(self) -> None:
        try:
            self._open_midi()
        except ControlError as error:
            self._say(f"without MIDI: {error}")

    def _open_midi(self) -> None:
        """Open the ports that are needed now. Raises ControlError if there is no MIDI system."""
        inputs, outputs = self._ports()
        if not (self._maps() or self._counts_beats or self._options.midi or self._learner is not None):
            if self.midi is not None:
                self.midi.close()
                self.midi = None
        elif self.midi is not None:
            self.midi.want(inputs=inputs, outputs=outputs)
        else:
            self.midi = MidiPorts(
                self._receive, inputs=inputs, outputs=outputs, gone=self._router.release, clock=self.clock,
                patient=self._learner is None, say=self._say, now_ns=self._now_ns,
            )  # fmt: skip
            self._outputs_seen = 0
            self.midi.start(wait=False)  # opening ports takes its time, which the picture has not

    def _receive(self, event: ControlEvent) -> None:
        """From the threads of MIDI."""
        (self._learner or self._router.handle)(event)

    def _maps(self) -> tuple[ControlMap, ...]:
        return self.mapping.maps

    @property
    def _counts_beats(self) -> bool:
        """Whether a MIDI clock has any effect."""
        return any(entry.beats is not None for entry in self.mapping.lfos)

    def _ports(self) -> tuple[list[str], list[str]]:
        """Parts of the names of inputs and outputs; mappings of any port, learning and beats open all inputs."""
        maps = self._maps()
        any_port = self._learner is not None or self._counts_beats or any(not entry.port for entry in maps)
        named = [] if any_port else sorted({entry.port for entry in maps})
        outputs = sorted({entry.port for entry in maps if entry.feedback and entry.port})
        return list(self._options.midi) or named, outputs

    def _warn(self) -> None:
        """Report mappings without effect in this session: parameters that no style has, missing scenes and sound."""
        mapping = self.mapping
        if mapping.bpm is not None and not mapping.counts_beats:
            self._say(f"{self._options.mapping}: bpm does nothing: no LFO has beats")
        if self._options.midi and self._file is not None and not (mapping.maps or mapping.counts_beats):
            self._say(f"{self._options.mapping}: no control is mapped, so MIDI moves nothing")
        heard = any(part.source == "sound" for part in self._modulators.parts)
        if self._file is not None and not heard and mapping == Mapping(bpm=mapping.bpm):
            self._say(f"{self._options.mapping}: nothing is mapped")
        if heard and not mapping.sounds:
            self._say("sound: nothing is mapped: give --map FILE.toml with [[sound]], see docs/control.md")
        if mapping.sounds and not heard:
            self._say(
                f"{self._options.mapping}, line {mapping.sounds[0].line}: [[sound]] moves nothing without --sound"
            )
        entries: list[ControlMap | LfoMap | SoundMap] = [*mapping.maps, *mapping.lfos, *mapping.sounds]
        for entry in entries:
            if entry.moves is not None:
                self._warn_of(entry.moves, entry.line)
            elif isinstance(entry, ControlMap) and isinstance(entry.action, Choice):
                self._warn_of_choice(entry.action, entry.to, entry.line)
        for word, line in mapping.lines.items():
            asked = find(word)
            if asked is not None and isinstance(asked.action, Step):
                self._warn_of(asked.action.target, line)

    def _warn_of(self, target: Target, line: int) -> None:
        why = why_missing(target, self._sizes, "the styles of this session have")
        if why is not None:
            self._say(f"{self._options.mapping}, line {line}: {why}")

    def _warn_of_choice(self, action: Choice, to: int | str | None, line: int) -> None:
        why = action.none(self.runner)
        if why is None and to is not None:
            try:
                place_in(action.names(self.runner), to, action.name)
            except ControlError as error:
                why = str(error)
        if why is not None:
            self._say(f"{self._options.mapping}, line {line}: {why}")
