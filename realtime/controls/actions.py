"""The table of actions: what keyboard, OSC, MIDI and a panel may ask of a session, each in one row.

A row is all that an action needs: its keys, the help, the documents, its OSC address and the mapping's `target` come
from here. Parameters have no rows of their own but for default keys: `NAME up`, `NAMEN down`, `/NAME`, `/NAME/N` and
`target = "NAMEN"` are there for whatever a style declares.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from stylefader.realtime.controls.action_kinds import (
    BIG_STEP,
    FINE_STEP,
    STEP,
    Action,
    ActionRunner,
    Choice,
    NamedTrigger,
    Step,
    Surface,
    Switch,
    Trigger,
)
from stylefader.realtime.controls.player import SOURCES
from stylefader.realtime.parameters.alpha_desk import MODULATIONS
from stylefader.realtime.parameters.flags import FLAGS
from stylefader.realtime.parameters.parameter import ALPHA, STEADY, STROKE, STYLE_FREE
from stylefader.realtime.parameters.stroke import next_stroke
from stylefader.realtime.parameters.targets import Target, parse_target
from stylefader.training.errors import ControlError
from stylefader.training.packs.added_inputs import COLOUR, MIX, STYLE

NO_SCENES = "there are no scenes: give --scenes FILE.toml"
_NUMBERED = re.compile(r"(.+) ([1-9][0-9]?)")
_PAIR = re.compile(r"([a-z_]+(?:[0-9]*|/[a-z0-9_]+)) (up|down)")


# -- what rows are made of ---------------------------------------------------------------------------------------------


def _step(name: str, keys: tuple[str, ...], help: str, target: Target, by: float, *, fine: float = FINE_STEP) -> Step:
    return Step(name=name, keys=keys, help=help, target=target, by=by, fine=fine if by > 0 else -fine)


def _pair(
    target: Target, up: tuple[str, ...] = (), down: tuple[str, ...] = (), *, help: str = ""
) -> tuple[Step, Step]:  # fmt: skip
    """A parameter, or a component of it, up and down."""
    help = help or f"{target} up, down"
    return _step(f"{target} up", up, help, target, STEP), _step(f"{target} down", down, help, target, -STEP)


def _at_the_surface(
    name: str, keys: tuple[str, ...], help: str, does: Callable[[Surface], None], *, window: bool = False
) -> Trigger:
    def run(runner: ActionRunner) -> None:
        if runner.surface is not None:
            does(runner.surface)

    return Trigger(name=name, keys=keys, help=help, run=run, window=window, owner=True)


def _player(name: str, keys: tuple[str, ...], help: str, does: Callable[[ActionRunner], None]) -> Trigger:
    def run(runner: ActionRunner) -> None:
        does(runner)

    return Trigger(name=name, keys=keys, help=help, run=run, osc=name, midi=True)


def _flag(name: str, keys: tuple[str, ...], help: str) -> Switch:
    assert name in FLAGS
    return Switch(
        name=name, keys=keys, help=help, osc=name, midi=True,
        is_on=lambda runner: bool(getattr(runner.player.show, name)),
        turn=lambda runner, on: setattr(runner.player.show, name, on),
    )  # fmt: skip


def _mute(source: str) -> Switch:
    return Switch(
        name=f"mute {source}", keys=None, help="that source moves nothing, or does again", osc=f"mute/{source}",
        is_on=lambda runner: source in runner.player.muted,
        turn=lambda runner, on: (runner.player.muted.add if on else runner.player.muted.discard)(source),
    )  # fmt: skip


def _turn_modulation(runner: ActionRunner, on: bool) -> None:
    if on:
        runner.player.muted.difference_update(MODULATIONS)
    else:
        runner.player.muted.update(MODULATIONS)


def _save(runner: ActionRunner, name: str | None = None) -> str:
    if runner.scenes is None:
        raise ControlError(NO_SCENES)
    return f"scene {runner.scenes.save() if name is None else runner.scenes.save(name)!r} added"


def _no_word(runner: ActionRunner) -> str:
    raise ControlError("say which mask: person, background, ellipse, or another word of --where")


def _no_corners(runner: ActionRunner) -> str:
    raise ControlError("say which styles of the palette: A,B,C,D")


def _is_free_now(runner: ActionRunner) -> bool:
    values = runner.player.targets().get(STYLE_FREE)
    return values is not None and bool(values[0] >= 0.5)


def _turn_free(runner: ActionRunner, on: bool) -> None:
    if STYLE_FREE in runner.player.parameters:
        runner.player.move(Target(STYLE_FREE), float(on), runner.now_ns())


def _recall(runner: ActionRunner, number: int) -> None:
    if runner.scenes is not None:
        runner.scenes.recall(number)


def _tap(runner: ActionRunner) -> str | None:
    clock = runner.clock
    if clock is None:
        return None
    if clock.tap(runner.now_ns()):
        return f"tempo: {clock.bpm:.1f} bpm"
    return f"a tap changes nothing: the tempo, {clock.bpm:.1f} bpm, is {clock.source}'s"


# -- the table ---------------------------------------------------------------------------------------------------------

_ALL = Target(ALPHA)
_ALL_HELP, _BIG_HELP = "alpha of all blocks up, down", "the same by a quarter"
_MIX_HELP = "mix, colour, steady, stroke up, down"
_SWITCH_HELP = "LFOs and sound: off, on; weights of a palette: free"
_STILL_HELP, _MASK_HELP = "freeze the picture; black-out", "mask: off; inside and outside exchanged; shown"
_STROKE = _pair(Target(STROKE), (")",), ("(",), help=_MIX_HELP)
TABLE: tuple[Action, ...] = (
    _step("stronger", ("up", "+", "="), _ALL_HELP, _ALL, STEP),
    _step("weaker", ("down", "-"), _ALL_HELP, _ALL, -STEP),
    _step("much stronger", ("pageup",), _BIG_HELP, _ALL, BIG_STEP, fine=BIG_STEP),
    _step("much weaker", ("pagedown",), _BIG_HELP, _ALL, -BIG_STEP, fine=BIG_STEP),
    *_pair(Target(ALPHA, 0), ("s",), ("x",)),
    *_pair(Target(ALPHA, 1), ("e",), ("d",)),
    *_pair(Target(ALPHA, 2), ("u",), ("j",)),
    *_pair(Target(ALPHA, 3), ("i",), ("k",)),
    *_pair(Target(MIX), (".",), (",",), help=_MIX_HELP),
    *_pair(Target(COLOUR), ("]",), ("[",), help=_MIX_HELP),
    *_pair(Target(STEADY), ("*",), ("/",), help=_MIX_HELP),
    *(replace(one, goes=partial(next_stroke, by=by)) for one, by in zip(_STROKE, (1, -1), strict=True)),
    _at_the_surface("fine", ("c",), "coarse or fine steps", lambda surface: surface.toggle_fine()),
    Choice(
        name="scene", keys=tuple("123456789"), help="scenes; without any, styles", osc="scene", midi=True,
        names=lambda runner: runner.scenes.names if runner.scenes is not None else [],
        none=lambda runner: NO_SCENES if runner.scenes is None else None, choose=_recall, instead="style",
    ),
    NamedTrigger(
        name="save scene", keys=("a",), help="add what plays as a scene", osc="scene/save",
        run=_save, run_named=_save, refused="no scene is added",
    ),
    Choice(
        name="style", keys=tuple(f"f{number}" for number in range(1, 10)), help="styles", osc="style", midi=True,
        names=lambda runner: runner.player.style_names, choose=lambda runner, number: runner.player.go(number),
    ),
    _player("previous", ("left",), "style before, next style", lambda runner: runner.player.step_style(-1)),
    _player("next", ("right", "n"), "style before, next style", lambda runner: runner.player.step_style(1)),
    _flag("bypass", ("b",), "bypass: the original"),
    _flag("freeze", ("f",), _STILL_HELP),
    _flag("blackout", ("0",), _STILL_HELP),
    NamedTrigger(
        name="where", keys=None, help="another mask, as --where has it", osc="where",
        run=_no_word, run_named=lambda runner, word: runner.player.choose_where(word), refused="the mask stays",
    ),
    NamedTrigger(
        name="pad", keys=None, help="the four styles of a palette's pad, as --pad has them", osc="pad",
        run=_no_corners, run_named=lambda runner, word: runner.player.choose_pad(word), refused="the pad stays",
    ),
    _flag("mask_off", ("g",), _MASK_HELP),
    _flag("mask_inverted", ("y",), _MASK_HELP),
    _flag("mask_shown", ("z",), _MASK_HELP),
    _player(
        "panic", ("p",), "panic: first style, default alpha, all else off", lambda runner: runner.player.panic()
    ),
    Switch(
        name="modulation", keys=("m",), help=_SWITCH_HELP, osc="modulation", midi=True,
        is_on=lambda runner: runner.player.muted.isdisjoint(MODULATIONS), turn=_turn_modulation,
    ),
    Switch(
        name="free", keys=(";",), help=_SWITCH_HELP, osc="free", midi=True,
        is_on=_is_free_now, turn=_turn_free,
    ),
    Trigger(name="tap", keys=("t",), help="tap the tempo", run=_tap),
    _at_the_surface("record", ("r",), "begin a take, end it", lambda surface: surface.toggle_take()),
    _at_the_surface("learn", ("l",), "learn: then the key of what to learn", lambda surface: surface.toggle_learning()),
    _at_the_surface(
        "view", ("v",), "view: stylized, split, original", lambda surface: surface.next_view(), window=True
    ),
    _at_the_surface(
        "full screen", ("w", "f11"), "full screen", lambda surface: surface.toggle_full_screen(), window=True
    ),
    _at_the_surface(
        "overlay", ("o",), "numbers on the picture", lambda surface: surface.toggle_overlay(), window=True
    ),
    _at_the_surface("help", ("h", "?"), "this help", lambda surface: surface.show_help()),
    _at_the_surface("back", ("esc",), "leave learning, help, full screen", lambda surface: surface.back()),
    _at_the_surface("quit", ("q",), "quit", lambda surface: surface.quit()),
    *map(_mute, SOURCES),
)  # fmt: skip


# -- finding actions ---------------------------------------------------------------------------------------------------


class Asked(NamedTuple):
    """An action that a key asks for. number: which of a choice, from 1."""

    action: Action
    number: int | None = None


def key_words(action: Action) -> dict[str, tuple[str, ...]]:
    """The words of an action in `[keys]`, each with the keys that it has by itself."""
    if action.keys is None:
        return {}
    if isinstance(action, Choice):
        return {f"{action.name} {number}": (key,) for number, key in enumerate(action.keys, 1)}
    return {action.name: action.keys}


def find(word: str) -> Asked | None:
    """The action of a word of `[keys]`; choices go on beyond the table's keys, to 99, and parameters have theirs."""
    named = {action.name: action for action in TABLE if action.keys is not None}
    action = named.get(word)
    if action is not None and not isinstance(action, Choice):
        return Asked(action)
    numbered = _NUMBERED.fullmatch(word)
    if numbered is not None and isinstance(choice := named.get(numbered[1]), Choice):
        return Asked(choice, int(numbered[2]))
    pair = _PAIR.fullmatch(word)
    target = parse_target(pair[1]) if pair is not None else None
    if pair is None or target is None or not _is_free(target):
        return None
    return Asked(_pair(target)[pair[2] == "down"])


def find_osc(address: str) -> Action | None:
    """The action of an OSC address behind the root."""
    return next((action for action in TABLE if action.osc and action.osc == address), None)


def find_mapped(target: str) -> Action | None:
    """The action that a mapping's `target` names; None for parameters."""
    return next((action for action in TABLE if action.midi and action.name == target), None)


def parameter_target(text: object) -> Target | None:
    """The parameter that a target names; None for actions, and for what no parameter could be called."""
    target = parse_target(text)
    return target if target is not None and _is_free(target) else None


def _is_free(target: Target) -> bool:
    """Whether no action is meant: `style` is one, and `style0` and `style/NAME` are weights of a palette's styles."""
    return not is_reserved(target.name) or (target.name == STYLE and target.component is not None)


def is_reserved(name: str) -> bool:
    """Whether an action has this name, or an OSC address begins with it, so that no parameter can be meant."""
    return any(name == action.name or name == action.osc.partition("/")[0] for action in TABLE)


def remote(*, osc: bool = False, midi: bool = False) -> list[Action]:
    """The actions that have an OSC address, or that controls are mapped to: choices first, then switches, triggers.

    Mutes come last, and a choice that others stand in for comes after these.
    """
    rank = {Choice: 0, NamedTrigger: 1, Switch: 2, Trigger: 3}
    there = [action for action in TABLE if (osc and action.osc) or (midi and action.midi)]

    def order(action: Action) -> tuple[bool, int, bool]:
        return action.keys is None, rank[type(action)], isinstance(action, Choice) and action.instead != ""

    return sorted(there, key=order)
