"""What the options of `live` ask for, checked before anything is opened: styles, the picture, sinks, the source."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from stylefader.tools.parsing import parse_size, shown

if TYPE_CHECKING:
    from fractions import Fraction

    from stylefader.realtime.pipeline.fan_out import FanOut
    from stylefader.realtime.sources.options import LiveOptions
    from stylefader.realtime.sources.transform import TransformedSource
    from stylefader.training.packs.pack_file import PackFile

_CROP = re.compile(r"(-?[0-9]{1,6}),(-?[0-9]{1,6}),([0-9]{1,6}[xX][0-9]{1,6})")
Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """packs: the styles, those that scenes name at the end. muted: sources that move no alpha. width, height: of the
    picture. window: whether there is one. recordings: sinks that are files.
    """

    packs: tuple[PackFile, ...]
    muted: tuple[str, ...]
    width: int
    height: int
    window: bool
    recordings: tuple[str, ...]

    @property
    def sizes(self) -> dict[str, int]:
        """The parameters of the styles, each with the most components that it has in one of them."""
        from stylefader.realtime.parameters.parameter import most_of, parameters_of

        return most_of(parameters_of(pack.header) for pack in self.packs)


def asked(words: dict[str, Any], say: Say) -> Asked:
    """Raises errors of ours for what cannot be; says why there is no window where one was wanted."""
    from stylefader.engines.opening import check_engine_words
    from stylefader.realtime.controls.player import check_source
    from stylefader.training.errors import SinkError
    from stylefader.training.packs.library import find_pack
    from stylefader.training.packs.pack_file import PackFile

    check_engine_words(words["engine"], words["precision"])
    muted = [check_source(name) for name in words["mute"] or ()]
    packs = [PackFile(find_pack(name)) for name in words["style"] or ()]
    if words["scenes"] is not None:
        from stylefader.realtime.controls.scenes.scene_file import cast, read_scenes

        packs += cast(read_scenes(words["scenes"]), packs, words["scenes"]).added
    window = not words["no_window"]
    if window:
        from stylefader.realtime.display.sdl import check_monitor, why_no_display

        why = why_no_display()
        if why is not None:
            window = False
            say(f"no window: {why}")
        else:
            check_monitor(words["monitor"])
    if not window and not words["sink"]:
        raise SinkError("there is nothing to show the picture on: give --sink, such as --sink show.mkv")
    recordings = tuple(word for word in words["sink"] or [] if word.lower().endswith((".mkv", ".mp4")))
    if len({Path(word).resolve() for word in recordings}) < len(recordings):
        raise SinkError("two recordings cannot go into one file")
    width, height = words["size"]
    return Asked(
        packs=tuple(packs) or (PackFile(find_pack("great_wave_lite")),), muted=tuple(muted), width=width, height=height,
        window=window, recordings=recordings,
    )  # fmt: skip


def source_options(words: dict[str, Any], asked: Asked) -> LiveOptions:
    """Raises SourceError."""
    from stylefader.realtime.sources.deinterlacing import parse_deinterlace
    from stylefader.realtime.sources.options import LiveOptions
    from stylefader.training.errors import SourceError

    crop = None
    if words["crop"] is not None:
        found = _CROP.fullmatch(words["crop"])
        if found is None:
            raise SourceError(f"a crop is X,Y,WxH in pixels, not {shown(words['crop'])}")
        crop = (int(found[1]), int(found[2]), *parse_size(found[3]))
    return LiveOptions(
        size=(asked.width, asked.height), rate=words["rate"], loop=words["loop"], mirror=words["mirror"],
        rotate=words["rotate"], crop=crop, fit=words["fit"],
        deinterlace=parse_deinterlace(words["deinterlace"]), background=words["background"],
    )  # fmt: skip


def add_sinks(
    words: dict[str, Any], asked: Asked, fan_out: FanOut, rate: Fraction | None, source: TransformedSource
) -> None:
    """Raises SinkError."""
    from stylefader.realtime.sinks.open_live import LiveSinkOptions, live_sink

    options = LiveSinkOptions(overwrite=words["overwrite"], sound=_sound_of(source), exact_size=words["exact_size"])
    for word in words["sink"] or []:
        sink = live_sink(word, options)
        fan_out.add(
            sink.name, sink.make(asked.width, asked.height, rate), bound=sink.bound, drains=sink.drains,
            reconnects=sink.reconnects, packets=sink.packets,
        )  # fmt: skip


def numbers_file(path: Path | None) -> TextIO | None:
    """The file of --stats, open. Raises SinkError."""
    from stylefader.training.errors import SinkError

    try:
        return None if path is None else path.open("a", encoding="utf-8")
    except OSError as error:
        raise SinkError(f"--stats cannot be written to {path}: {error.strerror or error}") from error


def _sound_of(source: TransformedSource) -> Any:
    """The first audio track of a file, for recordings; None for sources without."""
    return next((track for track in getattr(source.inner, "tracks", ()) if track.type == "audio"), None)
