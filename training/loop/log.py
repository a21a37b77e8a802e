"""The losses of a run, written down as it goes: a CSV file, and TensorBoard where it is wanted.

One row a step. A run that goes on from a checkpoint drops the rows beyond it first, so that the file reads as if the
run had never stopped. A log that cannot be written is no reason to lose a run: `problem` says so.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any, TextIO

from stylefader.training.errors import TrainingError
from stylefader.training.files import written_whole
from stylefader.training.loop.progress import Progress

LOSSES = ("total", "content", "style", "temporal")
"""Those that every run has, by their names in Progress."""


class TrainingLog:
    """A row a step in a CSV file, and scalars `PART/LOSS` below the folder `tensorboard`, if one is given.

    losses: the columns between the iteration and the speed.

    Begin it for each part before adding to it, and close it after; twice is harmless.
    """

    def __init__(self, file: Path, *, tensorboard: Path | None = None, losses: tuple[str, ...] = LOSSES) -> None:
        self.file, self._losses = file, losses
        self._columns = ("part", "iteration", *losses, "images_per_second")
        self.problem: str | None = None
        self._part = ""
        self._text: TextIO | None = None
        self._scalars = _summary_writer(tensorboard) if tensorboard else None

    def begin(self, part: str, *, done: int) -> None:
        """Rows of this part follow, from iteration `done` + 1 on."""
        self._stop()
        self._part = part
        try:
            with written_whole(self.file) as whole:
                whole.write("".join(f"{row}\n" for row in [",".join(self._columns), *self._kept(part, done)]).encode())
            self._text = self.file.open("a", newline="", encoding="utf-8")
        except OSError as error:
            self._give_up(error)

    def _kept(self, part: str, done: int) -> list[str]:
        if not self.file.exists():
            return []
        rows = []
        for row in self.file.read_text(encoding="utf-8", errors="replace").splitlines()[1:]:
            name, _, rest = row.partition(",")
            iteration = rest.partition(",")[0]
            whole = row.count(",") == len(self._columns) - 1 and iteration.isdigit()
            if whole and (name != part or int(iteration) <= done):
                rows.append(row)
        return rows

    def add(self, now: Progress) -> None:
        """Write a row. A file that cannot be written ends the log, not the training; see `problem`."""
        if self._text is not None:
            numbers = (
                now.iteration,
                *(f"{getattr(now, loss):.6g}" for loss in self._losses),
                f"{now.images_per_second:.3g}",
            )
            try:
                csv.writer(self._text, lineterminator="\n").writerow([self._part, *numbers])
                self._text.flush()
            except OSError as error:
                self._give_up(error)
        if self._scalars is not None:
            for loss in self._losses:
                self._scalars.add_scalar(f"{self._part}/{loss}", getattr(now, loss), now.iteration)

    def _give_up(self, error: OSError) -> None:
        self.problem = f"cannot write {self.file}: {error.strerror or error}"
        self._stop()

    def _stop(self) -> None:
        text, self._text = self._text, None
        if text is not None:
            try:
                text.close()
            except OSError as error:  # what was still buffered
                self.problem = f"cannot write {self.file}: {error.strerror or error}"

    def close(self) -> None:
        """Close the file and TensorBoard's; harmless twice."""
        self._stop()
        if self._scalars is not None:
            self._scalars.close()


def _summary_writer(folder: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise TrainingError("TensorBoard is not installed: pip install tensorboard") from error
    return SummaryWriter(str(folder))
