"""Automation files as they are written: keyframes in rows, comments where they were."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace

from stylefader.realtime.automation.csv_file import AutomationFile, Comment
from stylefader.realtime.automation.keyframes import Automation, Keyframe
from stylefader.realtime.media.timecode import exact_time
from stylefader.realtime.parameters.parameter import ALPHA
from stylefader.realtime.parameters.targets import Target


def file_of(keyframes: Sequence[Keyframe], *, origin: str) -> AutomationFile:
    """A file for keyframes of alpha that have as many values each."""
    size = len(keyframes[0].values)
    columns = (ALPHA,) if size == 1 else tuple(str(Target(ALPHA, component)) for component in range(size))
    return AutomationFile(automation=Automation(keyframes, columns=columns, origin=origin))


def with_keyframes(file: AutomationFile, keyframes: Sequence[Keyframe], places: Sequence[int]) -> AutomationFile:
    """The file with other keyframes. places: for each, the number of the old keyframe; comments move with them."""
    comments = [
        comment if comment.before < 0 else Comment(bisect_left(places, comment.before), comment.text)
        for comment in file.comments
    ]
    automation = Automation(keyframes, columns=file.columns, origin=file.automation.origin)
    return replace(file, automation=automation, comments=tuple(comments))


def file_text(file: AutomationFile) -> str:
    """What is in the file, with a column for the ease where any way but the last is not straight."""
    keyframes = file.automation.keyframes
    eased = any(keyframe.ease != "linear" for keyframe in keyframes[:-1])
    comments = list(file.comments)
    lines: list[str] = []

    def comments_before(place: int) -> None:
        while comments and comments[0].before <= place:
            lines.append(comments.pop(0).text)

    comments_before(-1)
    lines.append(",".join(["time", *file.columns, *(["ease"] if eased else [])]))
    for place, keyframe in enumerate(keyframes):
        comments_before(place)
        row = [exact_time(keyframe.time), *map(_number, keyframe.values), *([keyframe.ease] if eased else [])]
        lines.append(",".join(row))
    comments_before(len(keyframes))
    return "\n".join(lines) + "\n"


def _number(value: float) -> str:
    """As short as reads back the same."""
    short = f"{value:.9g}"
    return short if float(short) == value else repr(value)
