"""The words for people of everything that happens in a live session: one line an event, made here and nowhere else.

What is not printable in them is escaped by whoever shows them.
"""

from __future__ import annotations

from stylefader.engines.selection.expected_time import ExpectedTime
from stylefader.realtime.parameters.parameter import ALPHA
from stylefader.realtime.pipeline import events as pipeline
from stylefader.realtime.pipeline.events import Event
from stylefader.realtime.session import events as session


def words_of(event: Event) -> str:
    """One line that says what happened."""
    match event:
        case pipeline.Note():
            return event.words
        case pipeline.SourceNote():
            return f"note: {event.note}"
        case pipeline.SourceLost():
            return f"{event.source} is lost ({event.why}): the last picture holds, trying again"
        case pipeline.SourceBack():
            return f"{event.source} is back"
        case pipeline.SinkConnected():
            return f"{event.sink}: connected"
        case pipeline.SinkNote():
            return f"{event.sink}: {event.note}"
        case pipeline.SinkLost(again_s=None):
            return f"{event.why}; {event.sink} is dropped, everything else goes on"
        case pipeline.SinkLost():
            return f"{event.why}; trying again in {event.again_s:g} s"
        case pipeline.SinkNotClosed():
            return event.why
        case pipeline.FramesNotWritten():
            return f"{event.sink}: the last {event.frames} frames were not written in time"
        case pipeline.SinkHung():
            return f"{event.sink}: did not end within {event.after_s:g} s; it was left"
        case _:
            return _of_session(event)


def _of_session(event: Event) -> str:
    match event:
        case session.NoWindow():
            return f"no window: {event.why}"
        case session.NoEffect():
            return f"note: --{event.setting.replace('_', '-')} does nothing: {event.why}"
        case session.ValueOutOfRange():
            whose = "this style's" if event.name == ALPHA else "its"
            return f"note: {event.name} is kept within {whose} range, {event.low:g} to {event.high:g}"
        case session.SessionStarted():
            return f"{event.source} at {event.width}x{event.height}; Ctrl-C or q ends"
        case session.SourceEnded():
            early = "" if event.stylized else "; no frame of it was stylized, since no engine was ready yet"
            return f"{event.source} is at its end (--loop begins it again){early}"
        case session.SourceChanged():
            return f"the source is {event.source} now"
        case session.MaskFailed():
            return f"{event.why}; the mask before holds where there is none"
        case session.SinkAdded():
            return f"{event.sink}: added"
        case session.SinkRemoved():
            return f"{event.sink}: removed"
        case session.NumbersNotWritten():
            return f"the numbers are not written any more: {event.why}"
        case session.PicturesSpoilt():
            return f"a picture cannot be made into RGB ({event.why}); such ones are left out"
        case _:
            return _of_engines(event)


def _of_engines(event: Event) -> str:
    match event:
        case session.EngineStage():
            return f"the original passes through: {event.stage}"
        case session.MemberChosen():
            return _of_member(event)
        case session.EngineTaken():
            return f"{event.title}: {event.size.width}x{event.size.height}, engine: {event.account.line}"
        case session.EngineFailed():
            return f"engine {event.engine} failed: {event.why}; another one takes over, the original passes through"
        case session.EngineRefused(trying=None):
            return f"{event.why}; the engine that plays goes on"
        case session.EngineRefused():
            return f"{event.why}; trying {event.trying}"
        case session.StyleComing() if event.style == event.plays:
            return f"building another engine for {event.style}, which goes on until then"
        case session.StyleComing():
            return f"building {event.style}: {event.plays or 'the original'} goes on"
        case session.StyleRefused(plays=None):
            return f"{event.why}; the original passes through"
        case session.StyleRefused():
            return f"{event.why}; {event.plays} goes on"
        case session.WeightsEmpty():
            return f"every weight of {event.palette} is 0: the mix before holds"
        case session.LessonStarted():
            return f"learning {event.style} beside the show, with {event.share:.0%} of one processor at most"
        case session.LessonDone(kept=None):
            return f"{event.style} is learnt: {event.steps} steps"
        case session.LessonDone():
            return f"{event.style} is learnt: {event.steps} steps; {event.kept} has it"
        case session.LessonFailed():
            return f"{event.style} is not learnt any further: {event.why}"
        case session.LessonStarved():
            return (f"no time left on this machine to learn {event.style}: no step in {event.seconds} s, "
                    f"{event.step} so far; the show goes on, and learning when there is time")  # fmt: skip
        case session.SizeChanged():
            way = "larger" if event.larger else "smaller"
            size = f"{event.size.width}x{event.size.height}"
            return f"{event.ms:.0f} ms a frame: on to the {way} size {size}"
        case _:
            raise TypeError(f"there are no words for {type(event).__name__}")


def _of_member(event: session.MemberChosen) -> str:
    """Which size of a style plays, and why."""
    reason, rate = event.reason, f"{event.reason.rate:.3g} frames/s"
    which = f"{event.style}: {event.size} ({event.member})"
    if reason.seen is not None:
        return f"{which} from now on: {event.larger} reached {reason.seen:.3g} of {rate}"
    took = _expected(reason.time)
    if not reason.holds:
        return f"{which}, the smallest there is{took}: {rate} may not be reached"
    if event.larger is None:
        return f"{which}, the largest, which should hold {rate}{took}"
    beyond = _expected(reason.larger).removeprefix(", ") if reason.larger is not None else ""
    return f"{which}, the largest that should hold {rate} with some room{took}" + (
        f"; {event.larger} {beyond}" if beyond else ""
    )


def _expected(time: ExpectedTime | None) -> str:
    """What is expected of a frame, behind a comma."""
    if time is None or time.ms is None:
        return ""
    return f", {'measured' if time.measured else 'estimated'} {time.ms:.0f} ms a frame"
