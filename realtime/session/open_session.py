"""`open_session`: a live session from its config, with everything that it is made of."""

from __future__ import annotations

import time
from contextlib import ExitStack, closing

from stylefader.realtime.automation.recorder import Takes
from stylefader.realtime.controls.controls import ControlOptions, Controls
from stylefader.realtime.controls.keyboard.keyboard import Keyboard
from stylefader.realtime.controls.mapping.live_learn import LiveLearner
from stylefader.realtime.controls.modulation import Modulators
from stylefader.realtime.controls.scenes.scene_controller import SceneController
from stylefader.realtime.display.window import Window
from stylefader.realtime.parameters.lfo import Lfos
from stylefader.realtime.parameters.tempo import BeatClock
from stylefader.realtime.pipeline.events import Note
from stylefader.realtime.pipeline.outputs import SessionOutputs
from stylefader.realtime.session.config import SessionConfig
from stylefader.realtime.session.connections import Connections
from stylefader.realtime.session.engine_loader import EngineLoader
from stylefader.realtime.session.events import Listener, Listeners
from stylefader.realtime.session.form_maker import FormMaker
from stylefader.realtime.session.heaps import keep_few_heaps
from stylefader.realtime.session.live_session import LiveSession, SessionOptions
from stylefader.realtime.session.mask_words import parameters_for_scenes
from stylefader.realtime.session.plan import plan_session
from stylefader.realtime.session.session import Parts, Session, modulated
from stylefader.realtime.session.status import NumbersFile, Screen
from stylefader.realtime.session.viewer import Viewer
from stylefader.realtime.sound.live_sound import LiveSound
from stylefader.realtime.sound.open_sound import follow, live_sound
from stylefader.realtime.sources.transform import TransformedSource


def open_session(config: SessionConfig, *, listener: Listener | None = None, screen: Screen | None = None) -> Session:
    """Open a live session: its source, its window and what plays it. Frames are taken from `Session.start` on.

    Args:
        config: What it is to be; checked before anything is opened.
        listener: Told every event, those of the opening as well, from any thread.
        screen: Where a line of its status is shown.

    Returns:
        The session, to be used with `with`.

    Raises:
        StylefaderError: Something is not available or fails, in one line; nothing stays open then.
    """
    keep_few_heaps()  # before any thread of the session is there
    listeners = Listeners(*([listener] if listener is not None else []))
    tell = listeners.tell

    def say(words: str) -> None:
        tell(Note(words=words))

    plan = plan_session(config)
    style, picture, sinks = config.style, config.picture, config.sinks
    for note in plan.source.notes:
        say(f"note: {note}")
    with ExitStack() as stack:
        source = stack.enter_context(plan.source.make())  # a source that is not there is told at once
        sound = None if config.sound is None else live_sound(config.sound, source.inner, say=say)
        if sound is not None:
            stack.callback(sound.close)
        connections = Connections(
            config, plan.source, source, listeners, followed=lambda newer: _follow(sound, newer)
        )  # fmt: skip
        window = stack.enter_context(closing(_window(config))) if plan.window else None
        outputs = SessionOutputs(connections.fan_out, view=window is not None)
        loader = EngineLoader(
            plan.packs, backend=style.backend, precision=style.precision, cache_dir=style.cache_dir, tell=tell
        )
        clock = BeatClock()
        modulators = Modulators(Lfos((), beat=clock.beat, zero_ns=time.monotonic_ns()), *([sound] if sound else []))
        takes: Takes
        live = LiveSession(
            connections.capture, outputs, loader,
            SessionOptions(
                height=picture.height, width=picture.width, fade_s=style.fade_s, adaptive_fps=picture.adaptive_fps,
                slew=style.slew, start=plan.start, fade_in=plan.fade_in, rate=connections.wanted_rate,
                expect=loader.expected_time, find_mask=config.find_mask, first=plan.first, weights=style.weights,
                corners=style.pad,
            ),
            tell=tell, played=lambda frame, name, values: takes.played(frame, name, values, live.mask.used()),
            modulation=modulators,
            forms=FormMaker(loader.folder, now_ns=time.monotonic_ns, tell=tell) if loader.makes_forms else None,
        )  # fmt: skip
        connections.play(live)
        if config.mask is not None:
            live.mask.change(config.mask)
            stack.callback(live.mask.end)
        modulators.muted = live.muted
        live.muted.update(style.muted)
        for event in plan.events:
            tell(event)
        scenes = None
        if style.scenes is not None:
            movable = parameters_for_scenes(config.mask)
            scenes = SceneController(style.scenes, live, loader, fade_s=style.fade_s, mask=movable, say=say)
        options = ControlOptions(
            mapping=config.controls.mapping, midi=config.controls.midi, osc=config.controls.osc
        )  # fmt: skip
        controls = Controls(live, options, sizes=plan.sizes, clock=clock, modulators=modulators, scenes=scenes, say=say)
        stack.callback(controls.close)
        learner = LiveLearner(controls, sizes=plan.sizes, say=say)
        # After all that may refuse its words, so that a start that fails touches no take.
        takes = Takes(config.take, plan.sizes, overwrite=sinks.overwrite, say=say)
        stack.callback(takes.close)
        keyboard = Keyboard(
            live, window=window, overlay=config.window.overlay, takes=takes, learner=learner, scenes=controls.scenes,
            clock=controls.clock, modulated=lambda: modulated(controls, sound), say=say,
            runner=controls.runner,
        )  # fmt: skip
        numbers = stack.enter_context(closing(NumbersFile(config.stats, tell))) if config.stats is not None else None
        viewer = None
        if window is not None and outputs.view is not None:
            viewer = Viewer(window, outputs.view, shown=live.stats.shown)
        parts = Parts(
            live=live, connections=connections, controls=controls, keyboard=keyboard, learner=learner, takes=takes,
            listeners=listeners, closing=stack.pop_all(), sound=sound, viewer=viewer, numbers=numbers,
        )  # fmt: skip
    return Session(config, plan, parts, screen=screen)


def _window(config: SessionConfig) -> Window:
    picture = config.picture
    # Text wants pixels: a small picture is shown larger.
    scale = max(1, -(-640 // picture.width), -(-360 // picture.height))
    window = Window("stylefader", picture.width * scale, picture.height * scale, monitor=config.window.monitor)
    window.full_screen = config.window.full_screen
    window.open()
    return window


def _follow(sound: LiveSound | None, source: TransformedSource) -> str | None:
    """Hear the sound of the source that comes, where the one before was heard; words where it has none."""
    if sound is None or follow(sound, source.inner):
        return None
    return f"{sound.name}: the new source is no file, so there is silence"
