"""A live performance as an automation file: what was played, at the source's own times, to be rendered again.

The file has a row where a value begins to change and one for every frame while it does, so that between rows it stands
still or goes from one frame's to the next one's. Changes of style and of the mask are comments (`take_words.py`).
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from fractions import Fraction
from itertools import count
from pathlib import Path

import numpy as np

from stylefader.realtime.automation.take_words import STYLE, TakeWord, mask_changes
from stylefader.realtime.masks.base import NO_MASK, MaskUse
from stylefader.realtime.media.frame import Frame
from stylefader.realtime.media.timecode import exact_time
from stylefader.realtime.parameters.parameter import ALPHA, Values, carried_over
from stylefader.realtime.parameters.targets import Sizes, Target, labels_in
from stylefader.training.errors import ControlError

_AFTER_GAP = Fraction(1, 30)
_WAITING = 100_000


class AutomationRecorder:
    """Writes `path` while it is played. The stylizer's thread calls `played`, another one `write` and `close`.

    sizes: the components of each parameter, which have a column each, by their own names where they have some, else by
    number; alpha's are numbered even where it has one. A
    style with fewer components gives the others their mean; columns of parameters that it does not have stay as
    they were. Parameters that come later, with a mask, get columns by another header. The file is written in place,
    since a performance must outlive a crash. Raises ControlError for a file that exists, unless `overwrite`, or cannot
    be made.
    """

    def __init__(self, path: Path, sizes: Sizes, *, overwrite: bool = False) -> None:
        sizes = _single(sizes)
        if not any(sizes.values()):
            raise ControlError("there is nothing to record: no style of this session has anything that moves")
        self.path, self._sizes = path, dict(sizes)
        self.rows = 0
        if path.is_dir():
            raise ControlError(f"{path} is a folder: give the name of a file")
        try:
            self._file = path.open("w" if overwrite else "x", encoding="utf-8", newline="\n")
        except FileExistsError as error:
            raise ControlError(f"{path} exists: give --overwrite, or another name") from error
        except OSError as error:
            raise ControlError(f"cannot write {path}: {error.strerror or error}") from error
        self._file.write(_header(self._sizes) + "\n")
        self._lines: deque[str] = deque(maxlen=_WAITING)
        self._values = {name: np.zeros(size, np.float32) for name, size in sizes.items()}
        self._last: tuple[Fraction, Values] | None = None
        self._written: Fraction | None = None
        self._style: str | None = None
        self._mask: MaskUse | None = None
        self._later = Fraction(0)

    def played(self, pts: Fraction, style: str, values: Mapping[str, Values], mask: MaskUse = NO_MASK) -> None:
        """A frame of the source was stylized with these values.

        Args:
            pts: Of the frame.
            style: By which it was.
            values: float32 (size,) by parameter, or (1,) by the name of a component that has one.
            mask: Which one there was.
        """
        if self._last is not None and pts + self._later <= self._last[0]:  # a source that began again
            self._later = self._last[0] - pts + _AFTER_GAP
        pts += self._later
        new = {name: len(value) for name, value in values.items() if name not in self._sizes and len(value)}
        for name, value in values.items():
            self._values[name] = carried_over(value, self._sizes.get(name, len(value)))
        row = np.concatenate(list(self._values.values()))
        moved = self._last is None or not np.array_equal(row, self._last[1])
        if self._last is not None and moved:
            if self._written != self._last[0]:
                self._row(*self._last)  # it stood still until here
            if mask != self._mask:
                self._row(pts, self._last[1])  # another mask's values are a jump
        if style != self._style:
            self._style = style
            self._lines.append(TakeWord(pts, STYLE, style).line)
        if mask != self._mask:
            self._lines.extend(word.line for word in mask_changes(pts, self._mask, mask))
            self._mask = mask
        if new:
            self._sizes |= new
            self._lines.append(_header(self._sizes))
        if moved:
            self._row(pts, row)
        self._last = (pts, row)

    def write(self) -> None:
        """Bring what was played into the file."""
        if self._lines:
            lines = [self._lines.popleft() for _ in range(len(self._lines))]
            self._file.write("\n".join(lines) + "\n")
            self._file.flush()

    def close(self) -> None:
        """Write what is left, and the last frame; harmless twice. Call `played` no more after it."""
        if self._file.closed:
            return
        if self._last is not None and self._written != self._last[0]:
            self._row(*self._last)
        try:
            self.write()
        finally:
            self._file.close()

    def _row(self, pts: Fraction, row: Values) -> None:
        self._written = pts
        self.rows += 1
        self._lines.append(",".join([exact_time(pts), *(f"{value:.9g}" for value in row)]))


def _header(sizes: Sizes) -> str:
    columns = [
        name if size == 1 and name != ALPHA else str(Target(name, component))
        for name, size in sizes.items() for component in range(size)
    ]  # fmt: skip
    return ",".join(["time", *columns])


def _single(sizes: Sizes) -> dict[str, int]:
    """The same with components that have names of their own one by one."""
    found: dict[str, int] = {}
    for name, size in sizes.items():
        found |= {str(Target(name, label)): 1 for label in labels_in(size)} or {name: size}
    return found


class Takes:
    """The takes of a session: begun and ended while it plays, one file each.

    first: the first one's name, which begins at once; those after it are NAME-2.csv, NAME-3.csv, ... Without one
    nothing is recorded until `toggle`, into take-1.csv, take-2.csv, ... of the present folder. No file but `first`, and
    that with `overwrite` only, is written over. The stylizer's thread calls `played`, another one everything else.
    sizes: as the recorder's; it may be set, and counts for the takes after that. A take in which nothing was played
    leaves no file. Raises ControlError where the first cannot be made; later errors are reported and do not end the
    session.
    """

    def __init__(
        self,
        first: Path | None,
        sizes: Sizes,
        *,
        overwrite: bool = False,
        say: Callable[[str], None] = lambda words: None,
    ) -> None:
        self._name, self._lowest = (Path("take.csv"), 1) if first is None else (first, 2)
        self.sizes, self._say = sizes, say
        self._lock = threading.Lock()  # over which take is being played
        self._take = AutomationRecorder(first, sizes, overwrite=overwrite) if first is not None else None

    @property
    def path(self) -> Path | None:
        """The file of the take that is being recorded, None between takes."""
        take = self._take
        return take.path if take is not None else None

    def played(self, frame: Frame, style: str, values: Mapping[str, Values], mask: MaskUse = NO_MASK) -> None:
        """A frame was stylized with these values, float32 (size,) by parameter, and that mask."""
        if self._take is None:
            return
        with self._lock:
            if self._take is not None:
                self._take.played(frame.pts, style, values, mask)

    def toggle(self) -> None:
        """Begin a take, or end it."""
        if self._take is not None:
            self.close()
            return
        try:
            take = AutomationRecorder(self._next(), self.sizes)
        except ControlError as error:
            self._say(f"no take is recorded: {error}")
            return
        self._say(f"recording {take.path}")
        with self._lock:
            self._take = take

    def write(self) -> None:
        """Bring what was played into the file."""
        if self._take is not None:
            try:
                self._take.write()
            except OSError as error:
                self._say(f"{self._take.path} is not recorded any more: {error.strerror or error}")
                with suppress(OSError):
                    self._out().close()

    def close(self) -> None:
        """End the take; harmless twice."""
        if self._take is None:
            return
        take = self._out()
        try:
            take.close()
        except OSError as error:
            self._say(f"{take.path} is not whole: {error.strerror or error}")
            return
        if take.rows:
            self._say(f"wrote {take.path}: {take.rows} rows")
            return
        with suppress(OSError):
            if take.path.is_file():  # else it is a device
                take.path.unlink()
        self._say(f"no take is left at {take.path}, since nothing was stylized")

    def _out(self) -> AutomationRecorder:
        """Nothing is played into the take from here on."""
        with self._lock:
            take, self._take = self._take, None
        assert take is not None
        return take

    def _next(self) -> Path:
        """The first name in the row that is free."""
        names = (self._name.with_name(f"{self._name.stem}-{n}{self._name.suffix}") for n in count(self._lowest))
        return next(path for path in names if not path.exists())
