"""Which engine a live session plays: the one for the style, the size, the member of a family and the mask of now.

    style chosen, mask changed --+
    other strokes ---------------+
    engine broken ---------------+--> EnginePlay --EngineRequest--> engine loader
    frames too slow -------------+        |     <--LoadedEngine----
                                          +--ActiveStyle--> stylizer

The thread that owns the session asks it ten times a second or so. What plays goes on until another engine is there.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from stylefader.realtime.parameters.parameter import has_strokes
from stylefader.realtime.parameters.stroke import stroke_of
from stylefader.realtime.pipeline.active_style import ActiveStyle
from stylefader.realtime.pipeline.capture import Capture
from stylefader.realtime.pipeline.events import Tell
from stylefader.realtime.pipeline.style_mixer import Vectors
from stylefader.realtime.pipeline.stylizer import NowNs, Stylizer
from stylefader.realtime.session.adaptive_size import Size
from stylefader.realtime.session.engine_loader import EngineLoader, EngineRequest, LoadedEngine
from stylefader.realtime.session.events import (
    EngineFailed,
    EngineStage,
    EngineTaken,
    StyleComing,
    StyleRefused,
    WeightsEmpty,
)
from stylefader.realtime.session.family_play import FamilyPlay
from stylefader.realtime.session.network_size import NetworkSize
from stylefader.realtime.session.performance import Performance
from stylefader.realtime.session.session_mask import SessionMask
from stylefader.realtime.session.stats import LiveStats
from stylefader.training.errors import EngineError, StylefaderError
from stylefader.training.packs.pack_file import PackFile

_log = logging.getLogger(__name__)
_PATIENCE_NS = 1_000_000_000
"""A style that is there sooner needs no word."""


@dataclass(frozen=True, kw_only=True)
class EngineParts:
    """What it is put together with, all of one session. capture: the one of now."""

    loader: EngineLoader
    stylizer: Stylizer
    performance: Performance
    families: FamilyPlay
    mask: SessionMask
    stats: LiveStats
    capture: Callable[[], Capture]


class _Played(NamedTuple):
    style: int
    size: Size
    stroke: float
    pack: PackFile | None
    masked: bool


class EnginePlay:
    """Orders engines and takes them over. All but `failed` comes from the thread that owns the session.

    size: of the session's frames, at which it begins. fade_s: of the cross-fade to another member or kind of engine.
    rate: the frame rate that a family's member must hold, given the one that comes in.
    adaptive_fps: the rate to hold by the network's size, or None.
    """

    def __init__(
        self,
        parts: EngineParts,
        *,
        size: Size,
        fade_s: float,
        rate: Callable[[float | None], float],
        adaptive_fps: float | None,
        tell: Tell,
        now_ns: NowNs,
    ) -> None:
        self._loader, self._stylizer, self._performance = parts.loader, parts.stylizer, parts.performance
        self._families, self._mask, self._stats = parts.families, parts.mask, parts.stats
        self._capture, self._fade_s, self._rate = parts.capture, fade_s, rate
        self._tell, self._now_ns = tell, now_ns
        self._network = NetworkSize(size.height, size.width, adaptive_fps)
        self._looked_ns = now_ns()
        self._lock = threading.Lock()  # over _broken
        self._broken: list[tuple[str, EngineError]] = []
        self._played: ActiveStyle | None = None
        self._ever_played = False
        self._ordered_masked = False
        self._empty = False  # whether it was told that every weight is 0
        packs, style = parts.loader.packs, parts.performance.style
        self._plays = _Played(
            style=style, size=self.size, stroke=1.0, pack=packs[style].network_pack if packs else None, masked=False
        )
        self._stage_told = ""
        self._ordered_ns: int | None = None  # when a style was ordered that does not play, until it is told

    def failed(self, playing: ActiveStyle, error: EngineError) -> None:
        """An engine broke while it played: another one is ordered in a moment. Any thread."""
        with self._lock:
            self._broken.append((playing.engine.name, error))

    @property
    def size(self) -> Size:
        """The size that the network computes at, or will."""
        return self._network.size

    @property
    def settled(self) -> PackFile | None:
        """The pack of what plays, where no other engine is on its way; else None."""
        return self._plays.pack if self._played is not None and not self._loader.busy else None

    def learn(self, palette: PackFile, style: str, vector: Vectors) -> None:
        """Exchange the vector of a style that was added to a palette, float32 (d,): also in what plays.

        A painting that came later made a further palette, which has the style as well. Raises ValueError for a vector
        of another length.
        """
        networks = {id(pack.network_pack): pack.network_pack for pack in (palette, *self._loader.packs)}.values()
        having = [pack for pack in networks if pack.file == palette.file and style in pack.added_styles]
        for pack in having:
            pack.learn_vector(style, vector)
        plays = any(pack is self._plays.pack for pack in having)
        mixer = self._played.inputs.mixer if self._played is not None and plays else None
        if mixer is not None:
            mixer.learn(style, vector)

    def begin(self) -> None:
        """Order the first engine."""
        self._network.choose(self._asked_stroke())
        self._families.begin(self._performance.style, self.size, self._wanted_rate())
        self._order(self._performance.style)

    def tick(self) -> None:
        """Order what is wanted now, and take over what has come. Raises the error of the very first engine."""
        with self._lock:
            broken, self._broken = self._broken, []
        for name, error in broken:
            self._tell(EngineFailed(engine=name, why=str(error)))
            self._loader.failed(name)
            self._played = None
            self._order(self._performance.style)
        self._follow_mask()
        order = self._performance.next_order()
        if order is not None:
            self._ordered_ns = None if order.plays else self._now_ns()
            if self._network.choose(self._asked_stroke()) or not order.plays:
                self._families.begin(order.style, self.size, self._wanted_rate())
            self._order(order.style, order.fade_s)
        self._follow_stroke()
        self._name_what_plays()
        self._watch_weights()
        self._adapt()
        self._receive()

    # -- what is wanted --------------------------------------------------------------------------------------------

    def _order(self, style: int, fade_s: float = 0.0) -> None:
        """Have an engine built, or found."""
        masked = self._ordered_masked = self._mask.wanted  # which another thread may change
        network = self._network
        self._loader.request(
            EngineRequest(style=style, size=network.size, fade_s=fade_s, masked=masked, stroke=network.stroke)
        )

    def _asked_stroke(self) -> float:
        """The size of the strokes that the controls ask for, for the style that was chosen last."""
        style, values = self._performance.standing()
        return stroke_of(self._loader.packs[style].header, values)

    def _follow_stroke(self) -> None:
        """Order an engine of another size, where the controls ask for other strokes."""
        now = self._now_ns()
        if self._network.follow(self._asked_stroke(), now):
            style = self._performance.style
            self._ordered_ns = now
            self._families.begin(style, self.size, self._wanted_rate())
            self._order(style, self._fade_s)

    def _follow_mask(self) -> None:
        """Give what plays the desk with the parameters of a new source of masks, and order the other kind of engine."""
        if self._mask.changed() and self._played is not None:
            self._played.desk = self._performance.desk
        if self._ordered_masked != self._mask.wanted:
            self._ordered_ns = self._now_ns()
            self._order(self._performance.style, self._fade_s)

    def _adapt(self) -> None:
        """Order another member of the family or another size, where what plays is too slow or could be better."""
        now, style = self._now_ns(), self._performance.style
        fading = len(self._stylizer.desks) > 1
        if self._played is None or self._loader.busy or fading:
            return
        if self._other_member(now):
            return
        if not self._network.adaptive or now - self._looked_ns < 1e9 or not self._families.smallest(style):
            return
        self._looked_ns = now
        median_ms = self._stats.recent_engine_ms()
        if median_ms is None:
            return
        changed = self._network.adapt(median_ms, now)
        if changed is not None:
            self._tell(changed)
            self._order(style)

    def _other_member(self, now_ns: int) -> bool:
        """Change to another size of the style, where this one does not hold the rate or a larger one does."""
        style = self._performance.style
        if self._loader.packs[style].family is None:
            return False
        whole = self._network.whole  # a larger network only at the size that the strokes ask for
        seen, wanted = self._stylizer.rate.per_second(now_ns), self._wanted_rate()
        show = self._stylizer.show
        shows = not (show.bypass or show.freeze or show.blackout or show.mask_shown)
        if self._capture().state != "running" or not whole or not shows:
            return False
        if not self._families.look(style, self.size, seen=seen, wanted=wanted):
            return False
        self._order(style, self._fade_s)
        return True

    def _wanted_rate(self) -> float:
        return self._rate(self._capture().counts.rate.per_second(self._now_ns()))

    # -- what has come ---------------------------------------------------------------------------------------------

    def _receive(self) -> None:
        """Take an engine over that has come."""
        self._tell_of_waiting()
        try:
            loaded = self._loader.take()
            styles = {} if loaded is None else _styles_of(loaded)
        except StylefaderError as error:
            style = self._performance.style
            if self._families.refuse(style, self._loader.packs[style], self._wanted_rate()):
                _log.warning("a size of a style cannot be had", exc_info=error)
                self._order(style)
                return
            if not self._ever_played:
                raise
            _log.warning("a style cannot be had", exc_info=error)
            self._give_up(error)
            return
        if loaded is not None:
            self._take_over(loaded, styles)

    def _tell_of_waiting(self) -> None:
        """Say what is being done, at the very first and where a style takes long to come."""
        stage = self._loader.stage
        if self._played is None and stage and stage != self._stage_told:
            self._stage_told = stage
            self._tell(EngineStage(stage=stage))
        since_ns = self._ordered_ns
        if self._played and self._loader.busy and since_ns is not None and self._now_ns() - since_ns >= _PATIENCE_NS:
            self._ordered_ns = None
            playing = self._stylizer.playing
            style = self._loader.packs[self._performance.style].style
            self._tell(StyleComing(style=style, plays=playing.name if playing else None))

    def _name_what_plays(self) -> None:
        """A style of the palette that plays was chosen: it goes by that one's name from now on."""
        style = self._performance.style
        pack = self._loader.packs[style]
        if self._played is None or style == self._plays.style or pack.network_pack is not self._plays.pack:
            return
        self._played.name = pack.style
        self._plays = self._plays._replace(style=style)

    def _watch_weights(self) -> None:
        """Say once where every weight of a palette is 0."""
        mixer = self._played.inputs.mixer if self._played is not None else None
        empty = mixer is not None and mixer.empty
        if empty and not self._empty:
            self._tell(WeightsEmpty(palette=self._loader.packs[self._plays.style].network_pack.style))
        self._empty = empty

    def _take_over(self, loaded: LoadedEngine, styles: Mapping[str, Vectors]) -> None:
        """Have the stylizer play an engine that has come. styles: the vectors of a palette's."""
        self._ordered_ns = None
        request, pack, header = loaded.request, loaded.pack, loaded.pack.header
        desk, fade_s = self._performance.begin(request.style, request.fade_s)
        self._tell(EngineTaken(style=header.name, title=header.title, size=request.size, account=loaded.account))
        packs, style = self._loader.packs, self._performance.style
        if packs[style].network_pack is not pack:  # another one was chosen meanwhile
            style = request.style
        self._played = ActiveStyle(
            header=header, engine=loaded.engine, desk=desk, name=packs[style].style, styles=styles,
            stroke=request.stroke if has_strokes(header) else None,
        )  # fmt: skip
        self._ever_played = True
        self._plays = _Played(style=style, size=request.size, stroke=request.stroke, pack=pack, masked=request.masked)
        for one in [*self._families.others(pack), pack] if pack.family else []:
            self._loader.measure(one, request.size)  # what is asked for last comes first
        self._stats.forget_engine()
        self._stylizer.play(self._played, fade_s=fade_s)

    def _give_up(self, error: StylefaderError) -> None:
        """The requested engine is not available: what plays goes on, and counts as requested."""
        style, size, stroke, pack, self._mask.wanted = self._plays
        self._network.restore(stroke, size, self._now_ns())
        self._ordered_masked = self._mask.wanted
        if pack is not None:
            self._families.restore(style, pack)
        name = self._loader.packs[style].style
        self._tell(StyleRefused(why=str(error), plays=name if self._played else None))
        self._performance.give_up(style)
        self._ordered_ns = None


def _styles_of(loaded: LoadedEngine) -> dict[str, Vectors]:
    """The style vectors of a palette; none for other packs. Raises PackError for a file that is spoilt."""
    try:
        return loaded.pack.style_vectors()
    except BaseException:
        loaded.engine.close()
        raise
