"""`stylefader live`: stylize a camera, a stream, the screen or a file as it comes."""

from __future__ import annotations

import math
import signal
import sys
import time
from contextlib import ExitStack, closing, suppress
from fractions import Fraction
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tools.render import parse_size
from tools.signals import end_at_once
from tools.words import say as say_or_fail

if TYPE_CHECKING:
    from typing import TextIO

    from realtime.controls.clock import BeatClock
    from realtime.controls.controls import Controls
    from realtime.controls.live_learn import LiveLearner
    from realtime.controls.modulation import Modulators
    from realtime.keyboard import Keyboard
    from realtime.live import LiveSession
    from realtime.mailbox import NewestMailbox
    from realtime.sinks.fan_out import FanOut
    from realtime.sinks.window import Window
    from realtime.sound.live import LiveSound
    from realtime.sources.transform import TransformedSource
    from realtime.take import Takes
    from realtime.terminal_keys import TerminalKeys

_FADE_S = 1.0
_IDLE_S = 0.02
_END_S = 2.0
_LINE_EVERY_S = 10


def command(
    style: Annotated[list[str] | None, typer.Option(help="A style or a pack file; may be given again.")] = None,
    source: Annotated[str, typer.Option(help="testcard, a camera's number or name, a URL, screen, or a file.")] = "0",
    sink: Annotated[
        list[str] | None, typer.Option(help="virtualcam, ndi, FILE.mkv, a URL, hls:FOLDER, null; may be given again.")
    ] = None,
    no_window: Annotated[bool, typer.Option("--no-window", help="Show no window.")] = False,
    size: Annotated[str, typer.Option(metavar="WxH", help="Size of the picture.")] = "640x360",
    rate: Annotated[float | None, typer.Option(help="Frames a second asked of the source.")] = None,
    fit: Annotated[str, typer.Option(help="How it is brought to the size: cover, contain, stretch.")] = "cover",
    mirror: Annotated[bool, typer.Option("--mirror", help="Left and right exchanged.")] = False,
    rotate: Annotated[int, typer.Option(help="0, 90, 180 or 270 degrees.")] = 0,
    crop: Annotated[str | None, typer.Option(metavar="X,Y,WxH", help="A part of the source's picture.")] = None,
    loop: Annotated[bool, typer.Option("--loop", help="Files begin again at their end.")] = False,
    every: Annotated[int, typer.Option(min=1, help="Take only every so-manieth frame.")] = 1,
    adaptive: Annotated[
        float | None, typer.Option(metavar="FPS", min=1, max=240, help="Hold this rate by a smaller network size.")
    ] = None,
    alpha: Annotated[float | None, typer.Option(help="Strength at first. [default: the style's own]")] = None,
    slew: Annotated[
        float | None, typer.Option(metavar="PER_SECOND", min=0.001, max=1e6, help="The most that alpha moves a second.")
    ] = None,
    mute: Annotated[
        list[str] | None, typer.Option(metavar="SOURCE", help="keys, midi, osc, scene, lfo or sound move no alpha.")
    ] = None,
    fade: Annotated[float, typer.Option(min=0, max=60, help="Seconds of a cross-fade between styles.")] = _FADE_S,
    scenes: Annotated[
        Path | None, typer.Option(metavar="FILE.toml", help="Scenes to be recalled while it runs.")
    ] = None,
    map: Annotated[
        Path | None,
        typer.Option("--map", metavar="FILE.toml", help="What MIDI controls, keys, LFOs, sound move; tempo."),
    ] = None,
    midi: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="A part of a MIDI port's name. [default: the mapping's]")
    ] = None,
    sound: Annotated[
        str | None, typer.Option(metavar="INPUT", help="Hear an input: default, number, name; file: the source's own.")
    ] = None,
    osc: Annotated[str | None, typer.Option(metavar="[HOST:]PORT", help="Listen to OSC; this machine alone.")] = None,
    engine: Annotated[str, typer.Option(help="auto, or an engine's name.")] = "auto",
    precision: Annotated[str, typer.Option(help="auto, f32, bf16, fp16 or int8.")] = "auto",
    cache_dir: Annotated[Path | None, typer.Option(help="Folder of finished engines.")] = None,
    record_automation: Annotated[
        Path | None, typer.Option(metavar="TAKE.csv", help="Keep what is played from the first, for render.")
    ] = None,
    stats: Annotated[Path | None, typer.Option(metavar="FILE.jsonl", help="Numbers, a line a second.")] = None,
    overlay: Annotated[bool, typer.Option("--overlay/--no-overlay", help="Numbers on the window's picture.")] = True,
    full_screen: Annotated[bool, typer.Option("--full-screen", help="Begin with a full-screen window.")] = False,
    background: Annotated[str, typer.Option(metavar="COLOUR", help="Behind transparent places of files.")] = "black",
    deinterlace: Annotated[str, typer.Option(metavar="auto|off", help="Deinterlace files that say so.")] = "auto",
    exact_size: Annotated[bool, typer.Option("--exact-size", help="Recordings keep an odd size, in 4:4:4.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace recordings that exist.")] = False,
    seconds: Annotated[float | None, typer.Option(min=0.1, help="End after so long. [default: never]")] = None,
) -> None:
    """Stylize a camera as it comes: newest frame first, in a window and to any number of sinks.

    Until the first engine is ready the original passes through. Keys in the window, or without one in the terminal: h
    shows them all; up and down move alpha, left and right change the style, r records a take, q quits.
    """
    words = {**locals()}
    Live(words).run()


def say(words: str) -> None:
    """A line for people; a terminal that is gone is no reason to end a show."""
    with suppress(OSError):
        # On a terminal it takes the place of the status line, which comes again below.
        say_or_fail(f"\r\x1b[K{words}" if sys.stderr.isatty() else words)


class Live:
    """One run of the command: what was asked for, opened, played, and put in order again."""

    def __init__(self, words: dict[str, Any]) -> None:
        from engines.opening import check_engine_words
        from realtime.controls.player import check_source
        from training.errors import ControlError, SinkError
        from training.gallery import find_pack
        from training.pack_file import PackFile

        self._words = words
        check_engine_words(words["engine"], words["precision"])
        self._muted = [check_source(name) for name in words["mute"] or ()]
        if words["alpha"] is not None and not math.isfinite(words["alpha"]):
            raise ControlError(f"--alpha is a finite number, not {words['alpha']}")
        self._packs = [PackFile(find_pack(name)) for name in words["style"] or ()]
        if words["scenes"] is not None:
            from realtime.controls.scenes import cast, read_scenes

            self._packs += cast(read_scenes(words["scenes"]), self._packs, words["scenes"]).added
        self._packs = self._packs or [PackFile(find_pack("great_wave_lite"))]
        self._width, self._height = parse_size(words["size"])
        self._ends = False  # plain, since a signal may set it at any moment
        self._terminal: TerminalKeys | None = None
        self._most_blocks = max(pack.n_blocks for pack in self._packs)
        self._window_wanted = not words["no_window"]
        if self._window_wanted:
            from realtime.sinks.window import why_no_display

            why = why_no_display()
            if why is not None:
                self._window_wanted = False
                say(f"no window: {why}")
        if not self._window_wanted and not words["sink"]:
            raise SinkError("there is nothing to show the picture on: give --sink, such as --sink show.mkv")

    def run(self) -> None:
        from realtime.capture import Capture
        from realtime.controls.clock import BeatClock
        from realtime.controls.inlet import SWITCH_S
        from realtime.controls.lfo import Lfos
        from realtime.controls.live_learn import LiveLearner
        from realtime.controls.modulation import Modulators
        from realtime.live import LiveSession, SessionOptions
        from realtime.outlet import SessionOutlet
        from realtime.rack import Rack
        from realtime.sinks.fan_out import FanOut
        from realtime.sources.live import live_source
        from realtime.take import Takes

        words = self._words
        sys.setswitchinterval(SWITCH_S)  # MIDI comes in threads of its own, which else wait 5 ms for the one that draws
        choice = live_source(words["source"], self._source_options())
        for note in choice.notes:
            say(f"note: {note}")
        with ExitStack() as stack:
            first = stack.enter_context(choice.make())  # a source that is not there is said at once
            rate = first.rate / words["every"] if first.rate else None
            fan_out = FanOut(say=say)
            self._add_sinks(fan_out, rate, first)
            window = stack.enter_context(self._window()) if self._window_wanted else None
            outlet = SessionOutlet(fan_out, view=window is not None)
            rack = Rack(
                self._packs, backend=words["engine"], precision=words["precision"], cache_dir=words["cache_dir"],
                say=say,
            )  # fmt: skip
            options = SessionOptions(
                height=self._height, width=self._width, fade_s=words["fade"], adaptive_fps=words["adaptive"],
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
                outlet, rack, options, say=say,
                played=lambda frame, style, alpha: takes.played(frame, style, alpha), modulation=modulators,
            )  # fmt: skip
            modulators.muted = session.muted
            if words["alpha"] is not None:
                low, high = self._packs[0].header.alpha.low, self._packs[0].header.alpha.high
                if not low <= words["alpha"] <= high:
                    say(f"alpha is kept within this style's range, {low:g} to {high:g}")
            session.muted.update(self._muted)
            self._say_what_has_no_effect()
            controls = stack.enter_context(closing(self._controls(session, clock, modulators)))
            learner = LiveLearner(controls, most_blocks=self._most_blocks, say=say)
            # After all that may refuse its words, so that a start that fails touches no take.
            takes = Takes(words["record_automation"], self._most_blocks, overwrite=words["overwrite"], say=say)
            stack.callback(takes.close)
            keyboard = self._keyboard(session, window, takes, learner, controls)
            numbers = self._numbers()
            if numbers is not None:
                stack.callback(_close, numbers)
            fan_out.open()
            try:
                self._listen_to_signals()
                say(f"{choice.name} at {self._width}x{self._height}; Ctrl-C or q ends")
                if sound is not None:
                    sound.start()
                session.start()
                controls.start()
                self._play(session, fan_out, outlet.view, window, keyboard, controls, takes, learner, sound, numbers)
            finally:
                began = time.monotonic()
                session.close()
                takes.close()
                fan_out.close(max(0.5, _END_S - (time.monotonic() - began)))
            if session.capture.error is not None and session.capture.state == "failed":
                raise session.capture.error

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
        from realtime.status import Status
        from realtime.terminal_keys import open_terminal_keys
        from training.errors import SinkError

        status = Status(session, fan_out, lambda: keyboard.notes, sound, lambda: _tempo(controls))
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
                        window.show(frame, lines, status.sign, keyboard.help_rows)
                    if newest is not None:
                        session.stats.shown(newest.captured_ns, time.monotonic_ns())
                    keys = window.poll()
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
            status.end()
            self._restore_terminal()

    def _say_what_has_no_effect(self) -> None:
        """Options that do nothing in this session."""
        words = self._words
        if len(self._packs) == 1 and words["scenes"] is None and words["fade"] != _FADE_S:
            say("note: --fade does nothing: there is one style")
        if words["overwrite"] and words["record_automation"] is None and not self._recordings:
            say("note: --overwrite does nothing: nothing is recorded into a file")
        if words["full_screen"] and not self._window_wanted:
            say("note: --full-screen does nothing: there is no window")

    @property
    def _recordings(self) -> list[str]:
        """Sinks that are files."""
        return [word for word in self._words["sink"] or [] if word.lower().endswith((".mkv", ".mp4"))]

    def _numbers(self) -> TextIO | None:
        """The file of --stats."""
        from training.errors import SinkError

        path: Path | None = self._words["stats"]
        try:
            return None if path is None else path.open("a", encoding="utf-8")
        except OSError as error:
            raise SinkError(f"--stats cannot be written to {path}: {error.strerror or error}") from error

    def _restore_terminal(self) -> None:
        if self._terminal is not None:
            self._terminal.restore()

    def _source_options(self) -> Any:
        from realtime.sources.deinterlacing import parse_deinterlace
        from realtime.sources.options import LiveOptions
        from realtime.transparency import parse_colour
        from training.errors import SourceError

        words = self._words
        crop = None
        if words["crop"] is not None:
            try:
                x, y, sides = words["crop"].split(",")
                crop = (int(x), int(y), *parse_size(sides))
            except ValueError as error:
                raise SourceError(f"a crop is X,Y,WxH in pixels, not {words['crop']!r}") from error
        if words["rate"] is not None and not (math.isfinite(words["rate"]) and words["rate"] > 0):
            raise SourceError(f"a rate is a number of frames a second above 0, not {words['rate']}")
        return LiveOptions(
            size=(self._width, self._height), rate=Fraction(words["rate"]).limit_denominator(1001)
            if words["rate"] is not None else None, loop=words["loop"], mirror=words["mirror"], rotate=words["rotate"],
            crop=crop, fit=words["fit"], deinterlace=parse_deinterlace(words["deinterlace"]),
            background=parse_colour(words["background"]),
        )  # fmt: skip

    def _add_sinks(self, fan_out: FanOut, rate: Fraction | None, source: TransformedSource) -> None:
        from realtime.sinks.live import LiveSinkOptions, live_sink
        from training.errors import SinkError

        files = [Path(word).resolve() for word in self._recordings]
        if len(set(files)) < len(files):
            raise SinkError("two recordings cannot go into one file")
        options = LiveSinkOptions(
            overwrite=self._words["overwrite"], sound=_sound_of(source), exact_size=self._words["exact_size"]
        )
        for word in self._words["sink"] or []:
            sink = live_sink(word, options)
            fan_out.add(
                sink.name, sink.make(self._width, self._height, rate), bound=sink.bound, drains=sink.drains,
                reconnects=sink.reconnects, packets=sink.packets,
            )  # fmt: skip

    def _keyboard(
        self, session: LiveSession, window: Window | None, takes: Takes, learner: LiveLearner, controls: Controls
    ) -> Keyboard:
        from realtime.keyboard import Keyboard

        return Keyboard(
            session, window=window, overlay=self._words["overlay"], takes=takes, learner=learner,
            scenes=controls.scenes, clock=controls.clock,
            modulated=lambda: _modulated(controls, self._words["sound"] is not None), say=say,
        )  # fmt: skip

    def _sound(self, source: TransformedSource) -> LiveSound | None:
        """What --sound names, not yet listened to."""
        from realtime.sound.opening import live_sound

        word = self._words["sound"]
        return None if word is None else live_sound(word, source.inner, say=say)

    def _controls(self, session: LiveSession, clock: BeatClock, modulators: Modulators) -> Controls:
        from realtime.controls.controls import ControlOptions, Controls
        from realtime.controls.recall import Scenes

        words = self._words
        scenes = None
        if words["scenes"] is not None:
            scenes = Scenes(words["scenes"], session, session.rack, fade_s=words["fade"], say=say)
        options = ControlOptions(mapping=words["map"], midi=words["midi"] or (), osc=words["osc"])
        return Controls(
            session, options, most_blocks=self._most_blocks, clock=clock, modulators=modulators, scenes=scenes, say=say
        )

    def _window(self) -> Any:
        from realtime.sinks.window import Window

        # Text wants pixels: a small picture is shown larger.
        scale = max(1, -(-640 // self._width), -(-360 // self._height))
        window = Window("stylefader", self._width * scale, self._height * scale)
        window.open()
        window.full_screen = self._words["full_screen"]
        return closing(window)

    def _listen_to_signals(self) -> None:
        """The first signal asks for an end in good order, the second ends at once."""

        def ask(number: int, _: FrameType | None) -> None:
            end_at_once(self._restore_terminal)
            self._ends = True

        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), ask)


def _tempo(controls: Controls) -> float | None:
    """Beats a minute, where anything counts them."""
    return round(controls.clock.bpm, 2) if controls.mapping.counts_beats else None


def _modulated(controls: Controls, hears: bool) -> list[str]:
    """What moves alpha by itself in this session."""
    there = {"lfo": controls.mapping.lfos, "sound": hears and controls.mapping.sounds}
    return [source for source, entries in there.items() if entries]


def _close(file: TextIO) -> None:
    with suppress(OSError):  # a full disk was said before
        file.close()


def _sound_of(source: TransformedSource) -> Any:
    """The first audio track of a file, for recordings; None for sources without."""
    return next((track for track in getattr(source.inner, "tracks", ()) if track.type == "audio"), None)
