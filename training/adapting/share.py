"""How much of a processor adapting takes beside a show: work for a while, then sleep in proportion."""

from __future__ import annotations

import time
from collections.abc import Callable

from stylefader.training.errors import TrainingError

_LONGEST_S = 30.0
"""One sleep; a step that took long because the machine was busy is no reason to sleep for minutes."""


class Share:
    """Keeps a repeated piece of work within a share of the time of one processor.

    share: of the time, above 0 and at most 1. work_s: what the work costs so far, in seconds of a processor, by which
    the pauses are reckoned; so work that waits for a busy machine is not held back for it. sleep: takes seconds.
    Raises TrainingError for another share.
    """

    def __init__(
        self,
        share: float,
        *,
        work_s: Callable[[], float] = time.process_time,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        if not 0 < share <= 1:
            raise TrainingError(f"the share of adapting is above 0 and at most 1, not {share}")
        self.share, self._work_s, self._sleep = share, work_s, sleep
        self._seen_s = work_s()

    def pause(self) -> None:
        """Call it after each piece of work: sleeps until that piece is no more than the share, for 30 s at most."""
        now_s = self._work_s()
        used_s = now_s - self._seen_s
        self._seen_s = now_s
        left_s = min(_LONGEST_S, used_s * (1 / self.share - 1))
        if left_s > 0:
            self._sleep(left_s)
