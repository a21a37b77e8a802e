"""A live session that others hold: a command, a program, a test. Made by `open_session`.

    with open_session(config) as session:      # from here on frames are taken
        session.alpha = 0.8
        session.run()                          # in this thread, until it ends

or `session.run_in_background()`, or `session.step()` in a loop of one's own. What one thread may do is said at each
method; everything else may come from any thread.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self

import numpy as np

from stylefader.realtime.controls.action_kinds import place_in
from stylefader.realtime.controls.controls import Controls
from stylefader.realtime.controls.keyboard.keyboard import Keyboard
from stylefader.realtime.controls.keyboard.terminal_keys import TerminalKeys, open_terminal_keys
from stylefader.realtime.controls.mapping.live_learn import LiveLearner
from stylefader.realtime.parameters.parameter import ALPHA, Values, sizes_of
from stylefader.realtime.parameters.targets import Target, parse_target, why_missing
from stylefader.realtime.pipeline.events import Note
from stylefader.realtime.session.config import SessionConfig
from stylefader.realtime.session.connections import Connections
from stylefader.realtime.session.dropped_packs import palette_for_paintings, play_painting, take_dropped
from stylefader.realtime.session.events import Listener, Listeners, SessionStarted, SourceEnded
from stylefader.realtime.session.live_session import LiveSession
from stylefader.realtime.session.mask_words import parameters_for_scenes
from stylefader.realtime.session.painting_lessons import PaintingLessons
from stylefader.realtime.session.plan import SessionPlan, sizes_with
from stylefader.realtime.session.snapshot import SinkState, Snapshot, mixed, moved
from stylefader.realtime.session.stats import Percentiles
from stylefader.realtime.session.status import NumbersFile, Screen, Status, overlay_lines, sign_of
from stylefader.realtime.session.style_images import StyleImages
from stylefader.realtime.session.viewer import Text, Viewer
from stylefader.realtime.sound.live_sound import LiveSound
from stylefader.training.errors import ControlError, SinkError, SourceError
from stylefader.training.packs.added_inputs import COLOUR, MIX

if TYPE_CHECKING:
    from stylefader.realtime.automation.recorder import Takes
    from stylefader.realtime.masks.base import MaskChoice

_log = logging.getLogger(__name__)
_IDLE_S = 0.02
_END_S, _LEAST_S = 2.0, 0.5
_LINE_EVERY_S = 10
_JOIN_S = 1.0


@dataclass(kw_only=True)
class Parts:
    """What `open_session` has put together. closing: what is closed at the end, the last first."""

    live: LiveSession
    connections: Connections
    controls: Controls
    keyboard: Keyboard
    learner: LiveLearner
    takes: Takes
    listeners: Listeners
    closing: ExitStack
    sound: LiveSound | None
    viewer: Viewer | None
    numbers: NumbersFile | None


class Session:
    """Opened, running after `start`, over after `close`; `close` twice is harmless. `with` starts and closes it.

    config, plan: what it was opened with. live: its inner part, which controls play. screen: where a line of its status
    is shown.
    """

    def __init__(self, config: SessionConfig, plan: SessionPlan, parts: Parts, *, screen: Screen | None = None) -> None:
        self.config, self.plan, self.live = config, plan, parts.live
        self._parts = parts
        parts.live.mask.followed = self._follow_mask
        self.status = Status(self, screen=screen)
        self._state: Literal["opened", "running", "over"] = "opened"
        self._ends = False  # plain, since a signal may set it at any moment
        self._images = StyleImages()
        self._lessons: PaintingLessons | None = None
        if config.lessons is not None:
            self._lessons = PaintingLessons(config.lessons, self.live.learn, tell=parts.listeners.tell)
        self._terminal: TerminalKeys | None = None
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None
        self._began = self._told = time.monotonic()

    # -- playing it ------------------------------------------------------------------------------------------------

    @property
    def alpha(self) -> Values:
        """Where the strengths stand, one a block: float32 (n_blocks,). Set one number for all, or one for each."""
        return self.live.targets()[ALPHA]

    @alpha.setter
    def alpha(self, value: float | Sequence[float] | Values) -> None:
        values, size = np.asarray(value, np.float64), len(self.alpha)
        if values.shape not in ((), (size,)) or not np.isfinite(values).all():
            raise ControlError(f"alpha is one finite number, or {size} of them for this style, not {value!r:.80}")
        now = time.monotonic_ns()
        if values.shape == ():
            self.live.move(Target(ALPHA), float(values), now)
        else:
            self.live.move_each(ALPHA, values, now)

    @property
    def mix(self) -> float:
        """From the original picture (0) to the stylized one (1); set it."""
        return self.value(MIX)

    @mix.setter
    def mix(self, value: float) -> None:
        self.move(MIX, value)

    @property
    def colour(self) -> float:
        """From the style's colours (0) to those of the original picture (1); set it."""
        return self.value(COLOUR)

    @colour.setter
    def colour(self, value: float) -> None:
        self.move(COLOUR, value)

    def value(self, name: str) -> float:
        """Where a parameter stands, the mean of several components, or one, as in `style/starry_night`.

        Raises ControlError for no such one.
        """
        targets, parameters = self.live.targets(), self.live.parameters
        target = parse_target(name) or Target(name)
        parameter = parameters.get(target.name)
        place = None if parameter is None else parameter.place(target.component)
        if place is None or not len(targets.get(target.name, ())):
            raise ControlError(str(why_missing(target, sizes_of(parameters.values())) or f"there is no {name!r:.60}"))
        return float(targets[target.name][place].mean())

    def move(self, target: str, value: float) -> None:
        """Move a parameter, or a component, as `mix_outside`, `alpha_outside0` or `style/NAME`. Raises ControlError."""
        found, sizes = parse_target(target), sizes_of(self.live.parameters.values())
        if found is None or (why := why_missing(found, sizes)) is not None:
            raise ControlError(f"there is no {target!r:.60}" if found is None else str(why))
        if not isinstance(value, int | float | np.number) or not np.isfinite(value):
            raise ControlError(f"{target} is a finite number, not {value!r:.80}")
        self.live.move(found, float(value), time.monotonic_ns())

    def change_mask(self, choice: MaskChoice | None) -> None:
        """Part the inside and the outside by another source of masks from now on, or by none.

        Args:
            choice: What gives the masks; None: all is inside.

        Raises:
            StylefaderError: It cannot be opened (the present one stays), or the session is over.
        """
        self.live.mask.change(choice)

    def _follow_mask(self, choice: MaskChoice | None) -> None:
        """Let controls and takes know the parameters of another source of masks."""
        parts = self._parts
        sizes = sizes_with(self.live.loader.packs, choice)
        parts.controls.declare(sizes)
        parts.takes.sizes = sizes
        if parts.controls.scenes is not None:
            parts.controls.scenes.mask = parameters_for_scenes(choice)

    @property
    def style(self) -> str:
        """The name of the style that was chosen last. Set it to change over to another one of the session.

        A palette's are `PALETTE/STYLE`; `STYLE` alone does where that is one.
        """
        return self.live.style_names[self.live.style]

    @style.setter
    def style(self, name: str) -> None:
        self.live.go(place_in(self.live.style_names, name, "style"))

    def add_sink(self, word: str) -> str:
        """Send frames to one more sink from now on; `word` as `--sink` has it.

        Returns:
            The sink's name, for `remove_sink`.

        Raises:
            SinkError: It cannot be opened, or the session is over.
        """
        return self._parts.connections.add_sink(word)

    def remove_sink(self, name: str) -> None:
        """End a sink; a recording is finished first, in two seconds at most. Raises SinkError for no such sink."""
        self._parts.connections.remove_sink(name)

    def play_painting(self, painting: Path) -> None:
        """Change to the style of a painting once a palette of the session has said its vector, within about a second.

        It becomes one more style of the session; an event says how it went. Frames go on meanwhile.

        Args:
            painting: A picture.

        Raises:
            PackError: No palette of the session says style vectors.
            SourceError: Too many paintings wait already.
        """
        self._images.ask(palette_for_paintings(self.live, self.live.loader), painting)

    def change_source(self, word: str) -> None:
        """Take the frames of another source from now on, brought to the session's size by its fit.

        Waits until the new source is open; the present one gives frames until then.

        Raises:
            SourceError: It cannot be opened (the present one goes on), or the session is over.
        """
        if self._state != "running":
            raise SourceError(f"{word} is not taken: the session does not run")
        self._parts.connections.change_source(word)

    # -- its state -------------------------------------------------------------------------------------------------

    def snapshot(self) -> Snapshot:
        """The state at this moment; any number of readers, none of which changes it."""
        sinks = tuple(
            SinkState(
                name=one.name, state=one.state, written=one.written, dropped=one.dropped, waiting=one.waiting,
                latency=Percentiles(**dict(zip(("p50", "p95", "p99"), _ms(one.latency_ns(50, 95, 99)), strict=False))),
            )
            for one in self._parts.connections.fan_out.stats()
        )  # fmt: skip
        sound = self._parts.sound
        return self.refreshed(replace(self.live.snapshot(), sinks=sinks, sound=sound.reading() if sound else None))

    def refreshed(self, snapshot: Snapshot) -> Snapshot:
        """The same with strengths, style, flags, tempo and notes as they are now, and all else as it was."""
        live, parts = self.live, self._parts
        show, muted = live.show, frozenset(live.muted)
        counts_beats = parts.controls.mapping.counts_beats
        return replace(
            snapshot,
            style=self.style, plays=live.plays, scene=live.scene, state=live.capture.state,
            alpha=tuple(map(float, live.targets()[ALPHA])), alpha_now=tuple(map(float, live.latest()[ALPHA])),
            others=moved(live.targets(), live.parameters), mask=live.mask.words,
            weights=mixed(live.targets(), live.parameters),
            **vars(show), muted=muted,
            bpm=round(parts.controls.clock.bpm, 2) if counts_beats else None,
            modulated=tuple(name for name in modulated(parts.controls, parts.sound) if name not in muted),
            notes=tuple(parts.keyboard.notes), lesson=self._lessons.state if self._lessons is not None else None,
        )  # fmt: skip

    def listen(self, listener: Listener) -> None:
        """Have a function told every event from now on, from any thread; it must return soon."""
        self._parts.listeners.add(listener)

    @property
    def over(self) -> bool:
        """Whether it has ended or is about to: it was asked to, or its source is at its end."""
        return self._state == "over" or self._ends or self._parts.keyboard.quits or self._parts.connections.over

    @property
    def idle(self) -> bool:
        """Whether no frame is under way at this moment."""
        return self.live.idle

    # -- its life --------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Open the sinks and take frames. If that fails, raises the error and closes the session."""
        if self._state != "opened":
            raise RuntimeError(f"the session is {self._state}")
        parts = self._parts
        try:
            parts.connections.fan_out.open()
            self._state = "running"
            picture = self.config.picture
            parts.listeners.tell(
                SessionStarted(source=self.live.capture.name, width=picture.width, height=picture.height)
            )
            if parts.sound is not None:
                parts.sound.start()
            self.live.start()
            parts.controls.start()
            if self.config.controls.terminal and parts.viewer is None:
                self._terminal = open_terminal_keys()
        except BaseException:
            self.close()
            raise
        self._began = self._told = time.monotonic()
        self._learn_first_paintings()

    def _learn_first_paintings(self) -> None:
        """Have the paintings learnt that the session begins with."""
        if self._lessons is not None and self.config.style.images:
            palette = self.plan.packs[self.plan.first].network_pack
            for style, painting in zip(palette.added_styles, self.config.style.images, strict=True):
                self._lessons.ask(palette, style, painting)

    def step(self, wait_s: float = _IDLE_S) -> bool:
        """See to everything once: engines, controls, the window, keys, numbers.

        Call it some fifty times a second, always from one thread: with a window, from the main one.

        Args:
            wait_s: How long it may wait for a frame, in seconds.

        Returns:
            False once the session has ended.

        Raises:
            StylefaderError: No sink is left, or an engine that was asked for is not available.
        """
        parts = self._parts
        if self.over:
            return False
        if parts.sound is not None and parts.sound.error is not None:
            raise parts.sound.error
        self.live.tick()
        parts.controls.tick()
        for found in self._images.done():
            style = play_painting(found, self.live, self.live.loader, say=self._say)
            if style is not None and self._lessons is not None:
                self._lessons.ask(style.network_pack, style.chosen, found.painting)
        if self._lessons is not None:
            self._lessons.tick(time.monotonic_ns())
        parts.learner.tick()
        parts.keyboard.take_over(parts.controls.mapping.keys)
        if parts.viewer is not None:
            keys = parts.viewer.step(wait_s, self._text)
            for path in parts.viewer.window.take_dropped():
                take_dropped(path, self.live, self.live.loader, self._images, say=self._say)
        else:
            if parts.connections.fan_out.failed:
                raise SinkError("no sink is left to show the picture on", failure=True)
            time.sleep(wait_s)
            keys = self._terminal.poll() if self._terminal is not None else ()
        if keys:
            parts.keyboard.press(keys)
            self.status.refresh()
        now = time.monotonic()
        if now - self._told >= 1:
            self._told = now
            parts.takes.write()
            self.status.tell(parts.numbers, every_s=_LINE_EVERY_S)
        return self.config.seconds is None or now - self._began < self.config.seconds

    def run(self) -> None:
        """Go on in this thread until it ends: by `end`, a key, the source's end, or after `seconds`.

        Raises:
            StylefaderError: What ended it.
        """
        while self.step():
            pass
        if time.monotonic() - self._told > 0.5:
            self.status.tell(self._parts.numbers, every_s=0)
        capture = self.live.capture
        if capture.error is not None and capture.state == "failed":
            raise capture.error

    def run_in_background(self) -> None:
        """The same in a thread of its own, until `close`. Raises SinkError where there is a window."""
        if self._parts.viewer is not None:
            raise SinkError("a window belongs to the main thread: open the session without one, or run it there")
        if self._thread is not None:
            raise RuntimeError("the session runs in the background already")
        self._thread = threading.Thread(target=self._run_and_keep, name="live-session", daemon=True)
        self._thread.start()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait for a session in the background; whether it has ended. Raises the error that ended it, once."""
        if self._thread is not None:
            self._thread.join(timeout_s)
        error, self._error = self._error, None
        if error is not None:
            raise error
        return self._thread is None or not self._thread.is_alive()

    def end(self) -> None:
        """Ask it to end; takes no lock and does not wait, so a signal handler may call it."""
        self._ends = True

    def restore_terminal(self) -> None:
        """Put the terminal back as it was; harmless twice, and may come from a signal handler."""
        if self._terminal is not None:
            self._terminal.restore()

    def close(self) -> None:
        """End everything within two seconds, and finish recordings; harmless twice."""
        state, self._state = self._state, "over"
        if state == "over":
            return
        self._ends = True
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(_JOIN_S)
        self._images.close()
        if self._lessons is not None:
            self._lessons.close()
        parts, began = self._parts, time.monotonic()
        with parts.closing:
            try:
                self.restore_terminal()
                self.live.close()
                parts.takes.close()
            finally:  # recordings are finished whatever else went wrong
                parts.connections.close(max(_LEAST_S, _END_S - (time.monotonic() - began)))
        if self.live.capture.state == "ended":
            stylized = bool(self.live.stylizer.counts.stylized or self.live.show.bypass)
            parts.listeners.tell(SourceEnded(source=self.live.capture.name, stylized=stylized))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        if kind is None:
            self.wait(0)

    def _run_and_keep(self) -> None:
        try:
            self.run()
        except BaseException as error:
            _log.error("the session died", exc_info=error)
            self._error = error
        finally:
            self._ends = True

    def _say(self, words: str) -> None:
        self._parts.listeners.tell(Note(words=words))

    def _text(self) -> Text:
        """What stands on the window's picture now."""
        keyboard, now = self._parts.keyboard, self.status.now()
        # Black is black, without a word on it, where the performer has taken the numbers away.
        return Text(
            lines=tuple(overlay_lines(now)) if keyboard.overlay and self.status.told else (),
            sign=sign_of(now) if keyboard.overlay or not now.blackout else None,
            help_rows=tuple(keyboard.help_rows),
        )


def modulated(controls: Controls, sound: LiveSound | None) -> list[str]:
    """What moves alpha by itself in a session, muted or not."""
    there = {"lfo": controls.mapping.lfos, "sound": controls.mapping.sounds if sound is not None else ()}
    return [source for source, entries in there.items() if entries]


def _ms(times_ns: list[int]) -> list[float]:
    return [round(ns / 1e6, 3) for ns in times_ns]
