"""A live performance as an automation file: what was played, at the source's own times, to be rendered again.

The file has a row where alpha begins to change and one for every frame while it does, so that between rows it stands
still or goes from one frame's to the next one's. Changes of style are comments.
"""

from __future__ import annotations

from collections import deque
from fractions import Fraction
from pathlib import Path

import numpy as np

from realtime.desk import Alpha, carried_over
from realtime.times import exact_time
from training.errors import ControlError

_AFTER_GAP = Fraction(1, 30)
_WAITING = 100_000


class TakeRecorder:
    """Writes `path` while it is played. The stylizer's thread calls `played`, another one `write` and `close`.

    columns: alphas a row; styles with fewer blocks give the others their mean. The file is written in place, since a
    performance must outlive a crash. Raises ControlError for a file that exists, unless `overwrite`, or cannot be made.
    """

    def __init__(self, path: Path, columns: int, *, overwrite: bool = False) -> None:
        if not columns:
            raise ControlError("there is no alpha to record: no style of this session has a tuning-block")
        self.path, self.columns = path, columns
        self.rows = 0
        try:
            self._file = path.open("w" if overwrite else "x", encoding="utf-8", newline="\n")
        except FileExistsError as error:
            raise ControlError(f"{path} exists: give --overwrite, or another name") from error
        except OSError as error:
            raise ControlError(f"cannot write {path}: {error.strerror or error}") from error
        self._file.write(",".join(["time", *(f"alpha{block}" for block in range(columns))]) + "\n")
        self._lines: deque[str] = deque(maxlen=_WAITING)
        self._last: tuple[Fraction, Alpha] | None = None
        self._written: Fraction | None = None
        self._style: str | None = None
        self._later = Fraction(0)

    def played(self, pts: Fraction, style: str, alpha: Alpha) -> None:
        """A frame of the source was stylized with these strengths, float32 (n_blocks,)."""
        alpha = carried_over(alpha, self.columns)
        if self._last is not None and pts + self._later <= self._last[0]:  # a source that began again
            self._later = self._last[0] - pts + _AFTER_GAP
        pts += self._later
        if style != self._style:
            self._style = style
            self._lines.append(f"# {exact_time(pts)} style {style}")
        if self._last is None:
            self._row(pts, alpha)
        elif not np.array_equal(alpha, self._last[1]):
            if self._written != self._last[0]:
                self._row(*self._last)  # it stood still until here
            self._row(pts, alpha)
        self._last = (pts, alpha)

    def write(self) -> None:
        """Bring what was played into the file."""
        if self._lines:
            lines = [self._lines.popleft() for _ in range(len(self._lines))]
            self._file.write("\n".join(lines) + "\n")
            self._file.flush()

    def close(self) -> None:
        """Write what is left, and the last frame; harmless twice. Nothing may be played any more."""
        if self._file.closed:
            return
        if self._last is not None and self._written != self._last[0]:
            self._row(*self._last)
        self.write()
        self._file.close()

    def _row(self, pts: Fraction, alpha: Alpha) -> None:
        self._written = pts
        self.rows += 1
        self._lines.append(",".join([exact_time(pts), *(f"{value:.9g}" for value in alpha)]))
