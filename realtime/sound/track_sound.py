"""Sound in a render: what `[[sound]]` mappings add to alpha, from the clip's own track, at the frames' own times.

The track is followed from its very beginning whatever part is rendered, so that a part looks as it does in the whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt

from stylefader.realtime.controls.mapping.mapping import Mapping
from stylefader.realtime.controls.mapping.sound_section import SoundMap
from stylefader.realtime.parameters.parameter import Layout
from stylefader.realtime.sound.bands import Floats
from stylefader.realtime.sound.envelope import Envelopes, bands_of, offsets
from stylefader.realtime.sound.track import Levels, open_track
from stylefader.realtime.sources.files.video_file import VideoFileSource
from stylefader.realtime.sources.open_file import FileSource
from stylefader.training.errors import ControlError, SourceError


class TrackSound:
    """A timed modulation. Raises SourceError for a file without sound. Not for two threads at once.

    clock_zero: the file's timestamp of t = 0. A time always gives the same value, independent of earlier calls; going
    back in time costs as much as starting again.
    """

    def __init__(self, path: Path, maps: Sequence[SoundMap], *, clock_zero: Fraction) -> None:
        self._path, self._maps, self._zero = path, tuple(maps), clock_zero
        self._times: Floats
        self._values: Floats
        self._before: Floats
        self._asked: float
        self._begin()

    def offsets_at(self, seconds: Fraction, layout: Layout) -> npt.NDArray[np.float64]:
        """What the sound adds at a time of the clip: float64 (layout.size,)."""
        at = float(seconds)
        if at < self._asked:
            self.close()
            self._begin()
        self._asked = at
        while True:
            place = int(np.searchsorted(self._times, at, side="right"))
            if place < len(self._times):
                break
            if place:
                self._before = self._values[-1]
            heard: Levels = next(self._levels)
            self._times, self._values = heard.times, self._envelopes.follow(heard.levels)
        return offsets(self._maps, self._values[place - 1] if place else self._before, layout)

    def close(self) -> None:
        """Release the file; harmless twice."""
        self._track.close()

    def _begin(self) -> None:
        self._track, meter = open_track(self._path, bands_of(self._maps), clock_zero=self._zero)
        self._levels = self._track.levels(meter)
        self._envelopes = Envelopes(self._maps, meter.step_s)
        self._times = np.empty(0)
        self._values = np.empty((0, len(self._maps)))
        self._before = np.zeros(len(self._maps))
        self._asked = float("-inf")


def sound_of(mapping: Mapping, source: FileSource, *, origin: str) -> TrackSound | None:
    """What the `[[sound]]` of a mapping add in a render of an open source; None where there are none.

    origin: the mapping file. Raises ControlError for a source without sound.
    """
    if not mapping.sounds:
        return None
    try:
        if not isinstance(source, VideoFileSource):
            raise SourceError(f"{source.path} has no sound")
        return TrackSound(source.path, mapping.sounds, clock_zero=source.clock_zero)
    except SourceError as error:
        raise ControlError(
            f"{error}, but {origin}, line {mapping.sounds[0].line}, moves alpha by it: take a mapping without [[sound]]"
        ) from error
