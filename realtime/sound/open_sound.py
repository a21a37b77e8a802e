"""One `--sound` word to what a live session listens to."""

from __future__ import annotations

from collections.abc import Callable

from stylefader.realtime.sound.input import SoundInput
from stylefader.realtime.sound.live_sound import LiveSound
from stylefader.realtime.sound.playing_sound import PlayingSound
from stylefader.realtime.sources.base import Source
from stylefader.realtime.sources.files.paced_file import PacedSource
from stylefader.training.errors import ControlError

FILE = "file"


def live_sound(word: str, source: Source, *, say: Callable[[str], None]) -> LiveSound:
    """`file`: the sound of the files that `source` plays; else an input, as `find_input` has it.

    An input is opened here and heard from `start` on. Raises ControlError where there is nothing to listen to.
    """
    if word == FILE:
        if not isinstance(source, PacedSource):
            raise ControlError("--sound file is for a file or a folder as --source: name a sound input, or default")
        playing = PlayingSound(say=say)
        follow(playing, source)
        return playing
    sound = SoundInput(word, say=say)
    sound.open()
    return sound


def follow(sound: LiveSound, source: Source) -> bool:
    """Hear the files of another source from now on, where the sound is that of files.

    Returns:
        False where it is, and the source plays no files.
    """
    if not isinstance(sound, PlayingSound):
        return True
    if not isinstance(source, PacedSource):
        sound.stopped()
        return False
    source.shown = sound.shown
    return True
