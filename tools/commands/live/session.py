"""One run of `stylefader live`: what was asked for, opened, played, and put in order again.

Until the sinks are open a signal ends the process at once; from then on it sets a flag, which the loop sees within
one round, and the second one ends it at once.
"""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack, closing, suppress
from typing import TYPE_CHECKING, Any

from stylefader.tools.commands.live.options import add_sinks, asked, numbers_file, source_options
from stylefader.tools.commands.live.words import modulated, out_of_range, tempo, without_effect
from stylefader.tools.console.signals import ask
from stylefader.tools.console.status_line import StatusLine
from stylefader.tools.console.verbose import say_more

if TYPE_CHECKING:
    from typing import TextIO

    from stylefader.realtime.automation.recorder import Takes
    from stylefader.realtime.controls.controls import Controls
    from stylefader.realtime.controls.keyboard.keyboard import Keyboard
    from stylefader.realtime.controls.keyboard.terminal_keys import TerminalKeys
    from stylefader.realtime.controls.mapping.live_learn import LiveLearner
    from stylefader.realtime.controls.modulation import Modulators
    from stylefader.realtime.display.window import Window
    from stylefader.realtime.parameters.tempo import BeatClock
    from stylefader.realtime.pipeline.fan_out import FanOut
    from stylefader.realtime.pipeline.queues import NewestMailbox
    from stylefader.realtime.session.live_session import LiveSession
    from stylefader.realtime.sound.live_sound import LiveSound
    from stylefader.realtime.sources.transform import TransformedSource

_IDLE_S = 0.02
_END_S = 2.0
_LINE_EVERY_S = 10


class Live:
    """words: the options by name. Raises errors of ours for what cannot be."""

    def __init__(self, words: dict[str, Any]) -> None:
        self._words = words
        self._line = StatusLine()
        self._say = self._line.say
        self._asked = asked(words, self._say)
        self._ends = False  # plain, since a signal may set it at any moment
        self._terminal: TerminalKeys | None = None

    def run(self) -> None:
        """Until somebody ends it. Raises what the session died of."""
        from stylefader.realtime.automation.recorder import Takes
        from stylefader.realtime.controls.mapping.live_learn import LiveLearner
        from stylefader.realtime.controls.midi.midi_input import SWITCH_S
        from stylefader.realtime.controls.modulation import Modulators
        from stylefader.realtime.parameters.lfo import Lfos
        from stylefader.realtime.parameters.tempo import BeatClock
        from stylefader.realtime.pipeline.capture import Capture
        from stylefader.realtime.pipeline.fan_out import FanOut
        from stylefader.realtime.pipeline.outputs import SessionOutputs
        from stylefader.realtime.session.engine_loader import EngineLoader
        from stylefader.realtime.session.live_session import LiveSession, SessionOptions
        from stylefader.realtime.sources.open_live import live_source

        words, wanted, say = self._words, self._asked, self._say
        sys.setswitchinterval(SWITCH_S)  # MIDI comes in threads of its own, which else wait 5 ms for the one that draws
        choice = live_source(words["source"], source_options(words, wanted))
        for note in choice.notes:
            say(f"note: {note}")
        with ExitStack() as stack:
            first = stack.enter_context(choice.make())  # a source that is not there is said at once
            rate = first.rate / words["every"] if first.rate else None
            fan_out = FanOut(say=say)
            add_sinks(words, wanted, fan_out, rate, first)
            window = stack.enter_context(self._window()) if wanted.window else None
            outputs = SessionOutputs(fan_out, view=window is not None)
            loader = EngineLoader(
                wanted.packs, backend=words["engine"], precision=words["precision"], cache_dir=words["cache_dir"],
                say=say,
            )  # fmt: skip
            options = SessionOptions(
                height=wanted.height, width=wanted.width, fade_s=words["fade"], adaptive_fps=words["adaptive"],
                slew=words["slew"], alpha=words["alpha"],
            )  # fmt: skip
            sound = self._sound(first)
            if sound is not None:
                stack.callback(sound.close)
            clock = BeatClock()
            modulators = Modulators(Lfos((), beat=clock.beat, zero_ns=time.monotonic_ns()), *([sound] if sound else []))
            session = LiveSession(
                lambda mailbox: Capture(
                    choice.make, mailbox, name=choice.name, reconnects=choice.reconnects, first=first,
                    every=words["every"], put_packet=fan_out.put_packet, say=say,
                ),
                outputs, loader, options, say=say, say_more=say_more,
                played=lambda frame, style, alpha: takes.played(frame, style, {"alpha": alpha}), modulation=modulators,
            )  # fmt: skip
            modulators.muted = session.muted
            session.muted.update(wanted.muted)
            for line in [
                *out_of_range(words["alpha"], wanted.packs[0].header.alpha),
                *without_effect(words, styles=len(wanted.packs), recordings=bool(wanted.recordings),
                                window=wanted.window),
            ]:  # fmt: skip
                say(line)
            controls = stack.enter_context(closing(self._controls(session, clock, modulators)))
            learner = LiveLearner(controls, sizes=wanted.sizes, say=say)
            # After all that may refuse its words, so that a start that fails touches no take.
            takes = Takes(words["record_automation"], wanted.sizes, overwrite=words["overwrite"], say=say)
            stack.callback(takes.close)
            keyboard = self._keyboard(session, window, takes, learner, controls)
            numbers = numbers_file(words["stats"])
            if numbers is not None:
                stack.callback(_close, numbers)
            ask(self._end, self._restore_terminal)
            fan_out.open()
            try:
                say(f"{choice.name} at {wanted.width}x{wanted.height}; Ctrl-C or q ends")
                if sound is not None:
                    sound.start()
                session.start()
                controls.start()
                self._play(session, fan_out, outputs.view, window, keyboard, controls, takes, learner, sound, numbers)
            finally:
                began = time.monotonic()
                session.close()
                takes.close()
                fan_out.close(max(0.5, _END_S - (time.monotonic() - began)))
            if session.capture.error is not None and session.capture.state == "failed":
                raise session.capture.error
            if session.capture.state == "ended":
                none = not session.stylizer.counts.stylized and not session.show.bypass
                early = "; no frame of it was stylized, since no engine was ready yet" if none else ""
                say(f"{choice.name} is at its end (--loop begins it again){early}")

    def _play(
        self,
        session: LiveSession,
        fan_out: FanOut,
        view: NewestMailbox[Any] | None,
        window: Window | None,
        keyboard: Keyboard,
        controls: Controls,
        takes: Takes,
        learner: LiveLearner,
        sound: LiveSound | None,
        numbers: TextIO | None,
    ) -> None:
        """Until somebody ends it: show the newest picture, hear the keys, see to the session, tell once a second."""
        from stylefader.realtime.controls.keyboard.terminal_keys import open_terminal_keys
        from stylefader.realtime.session.dropped_packs import take_dropped
        from stylefader.realtime.session.status import Status
        from stylefader.training.errors import SinkError

        status = Status(
            session, fan_out, lambda: keyboard.notes, sound, lambda: tempo(controls),
            lambda: [name for name in modulated(controls, hears=sound is not None) if name not in session.muted],
            screen=self._line,
        )  # fmt: skip
        began = told = time.monotonic()
        frame = None
        self._terminal = open_terminal_keys() if window is None else None
        try:
            while not (self._ends or session.capture.over or keyboard.quits):
                session.tick()
                controls.tick()
                learner.tick()
                keyboard.take_over(controls.mapping.keys)
                keys: list[str] = []
                if window is not None and view is not None:
                    newest = view.take(_IDLE_S)
                    frame = newest or frame
                    if frame is not None:
                        lines = status.lines if keyboard.overlay else []
                        # Black is black, without a word on it, where the performer has taken the numbers away.
                        sign = status.sign if keyboard.overlay or not session.show.blackout else None
                        window.show(frame, lines, sign, keyboard.help_rows)
                    if newest is not None:
                        session.stats.shown(newest.captured_ns, time.monotonic_ns())
                    keys = window.poll()
                    for path in window.take_dropped():
                        take_dropped(path, session, session.loader, say=self._say)
                else:
                    if not fan_out.alive:
                        raise SinkError("no sink is left to show the picture on", failure=True)
                    time.sleep(_IDLE_S)
                    if self._terminal is not None:
                        keys = self._terminal.poll()
                if keys:
                    keyboard.press(keys)
                    status.refresh()
                now = time.monotonic()
                if now - told >= 1:
                    told = now
                    takes.write()
                    status.tell(numbers, every_s=_LINE_EVERY_S)
                if self._words["seconds"] is not None and now - began >= self._words["seconds"]:
                    break
            if time.monotonic() - told > 0.5:
                status.tell(numbers, every_s=0)
        finally:
            self._line.end()
            self._restore_terminal()

    def _end(self, number: int) -> None:
        self._ends = True

    def _restore_terminal(self) -> None:
        if self._terminal is not None:
            self._terminal.restore()

    def _keyboard(
        self, session: LiveSession, window: Window | None, takes: Takes, learner: LiveLearner, controls: Controls
    ) -> Keyboard:
        from stylefader.realtime.controls.keyboard.keyboard import Keyboard

        hears = self._words["sound"] is not None
        return Keyboard(
            session, window=window, overlay=self._words["overlay"], takes=takes, learner=learner,
            scenes=controls.scenes, clock=controls.clock, modulated=lambda: modulated(controls, hears=hears),
            say=self._say, runner=controls.runner,
        )  # fmt: skip

    def _sound(self, source: TransformedSource) -> LiveSound | None:
        """What --sound names, not yet listened to."""
        from stylefader.realtime.sound.open_sound import live_sound

        word = self._words["sound"]
        return None if word is None else live_sound(word, source.inner, say=self._say)

    def _controls(self, session: LiveSession, clock: BeatClock, modulators: Modulators) -> Controls:
        from stylefader.realtime.controls.controls import ControlOptions, Controls
        from stylefader.realtime.controls.scenes.scene_controller import SceneController

        words, say = self._words, self._say
        scenes = None
        if words["scenes"] is not None:
            scenes = SceneController(words["scenes"], session, session.loader, fade_s=words["fade"], say=say)
        options = ControlOptions(mapping=words["map"], midi=words["midi"] or (), osc=words["osc"])
        return Controls(
            session, options, sizes=self._asked.sizes, clock=clock, modulators=modulators, scenes=scenes,
            say=say,
        )  # fmt: skip

    def _window(self) -> Any:
        from stylefader.realtime.display.window import Window

        # Text wants pixels: a small picture is shown larger.
        scale = max(1, -(-640 // self._asked.width), -(-360 // self._asked.height))
        window = Window(
            "stylefader", self._asked.width * scale, self._asked.height * scale, monitor=self._words["monitor"]
        )  # fmt: skip
        window.full_screen = self._words["full_screen"]
        window.open()
        return closing(window)


def _close(file: TextIO) -> None:
    with suppress(OSError):  # a full disk was said before
        file.close()
