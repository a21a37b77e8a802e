"""What the options of `live` ask for, as the config of a session."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from stylefader.tools.parsing import parse_size, shown

if TYPE_CHECKING:
    from stylefader.realtime.session.config import SessionConfig
    from stylefader.realtime.session.painting_lessons import LessonConfig

_CROP = re.compile(r"(-?[0-9]{1,6}),(-?[0-9]{1,6}),([0-9]{1,6}[xX][0-9]{1,6})")


def config_of(words: dict[str, Any]) -> SessionConfig:
    """Options by name, as typer gives them, put where they belong. Raises SourceError for one of a wrong form."""
    from stylefader.realtime.parameters.style_pad import parse_corners
    from stylefader.realtime.parameters.style_weights import parse_weights
    from stylefader.realtime.session.config import (
        FADE_S,
        ControlConfig,
        PictureConfig,
        SessionConfig,
        SinkConfig,
        SourceConfig,
        StyleConfig,
        WindowConfig,
    )
    from stylefader.realtime.session.mask_words import MaskWords, find_live_mask
    from stylefader.realtime.session.plan import source_options
    from stylefader.realtime.sources.deinterlacing import parse_deinterlace

    width, height = words["size"]
    source = SourceConfig(
        word=words["source"], rate=words["rate"], loop=words["loop"],
        deinterlace=parse_deinterlace(words["deinterlace"]), background=words["background"],
    )  # fmt: skip
    picture = PictureConfig(
        width=width, height=height, fps=words["fps"], adaptive_fps=words["adaptive"], fit=words["fit"],
        mirror=words["mirror"], rotate=words["rotate"], crop=_crop(words["crop"]), every=words["every"],
    )  # fmt: skip
    masks = MaskWords(where=words["where"], file=words["mask"], person_model=words["person_model"])
    find = find_live_mask(masks, source_options(source, picture))
    return SessionConfig(
        source=source, picture=picture, mask=find(masks.word), find_mask=find,
        style=StyleConfig(
            names=tuple(words["style"] or ()), images=tuple(words["style_image"] or ()), scenes=words["scenes"],
            fade_s=FADE_S if words["fade"] is None else words["fade"], alpha=words["alpha"], slew=words["slew"],
            mix=words["mix"], colour=words["colour"], fade_in=words["fade_in"], steady=words["steady"],
            alpha_outside=words["alpha_outside"], mix_outside=words["mix_outside"],
            colour_outside=words["colour_outside"], stroke=words["stroke"],
            weights=None if words["weights"] is None else parse_weights(words["weights"]), free=words["free"],
            pad=None if words["pad"] is None else parse_corners(words["pad"]), muted=tuple(words["mute"] or ()),
            backend=words["engine"], precision=words["precision"],
            cache_dir=words["cache_dir"],
        ),
        sinks=SinkConfig(
            words=tuple(words["sink"] or ()), exact_size=words["exact_size"], overwrite=words["overwrite"]
        ),
        window=WindowConfig(
            shown=not words["no_window"], overlay=words["overlay"], full_screen=words["full_screen"],
            monitor=words["monitor"],
        ),
        controls=ControlConfig(
            mapping=words["map"], midi=tuple(words["midi"] or ()), osc=words["osc"], terminal=True
        ),
        lessons=_lessons(words), sound=words["sound"],
        take=words["record_automation"], stats=words["stats"], seconds=words["seconds"],
    )  # fmt: skip


def _lessons(words: dict[str, Any]) -> LessonConfig | None:
    """How paintings are learnt beside the show, where that is asked for."""
    from stylefader.realtime.session.painting_lessons import LessonConfig
    from stylefader.training.errors import SourceError

    share, photos = words["adapt_share"], words["adapt_photos"]
    if share is None:
        without = [name for name in ("adapt_photos", "adapt_loss_network", "adapt_keep") if words[name] is not None]
        if without:
            raise SourceError(f"--{without[0].replace('_', '-')} has no effect without --adapt-share")
        return None
    if photos is None:
        raise SourceError("--adapt-share learns on photographs: name a folder of them, or a picture, by --adapt-photos")
    return LessonConfig(
        share=share, photos=photos, loss_network=words["adapt_loss_network"], keep=words["adapt_keep"]
    )  # fmt: skip


def _crop(text: str | None) -> tuple[int, int, int, int] | None:
    from stylefader.training.errors import SourceError

    if text is None:
        return None
    found = _CROP.fullmatch(text)
    if found is None:
        raise SourceError(f"a crop is X,Y,WxH in pixels, not {shown(text)}")
    width, height = parse_size(found[3])
    return int(found[1]), int(found[2]), width, height
