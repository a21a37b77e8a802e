"""A painting that is learnt while a show plays: a process adapts a palette, and its vectors arrive as they get better.

The process (`adapt_worker.py`) has a low priority and a share of one processor that it never exceeds. A thread here
waits for its lines and hands each vector on; whoever plays the palette takes it as the vector of the style's name.
"""

from __future__ import annotations

import base64
import tempfile
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from stylefader.engines.followed_worker import FollowedWorker
from stylefader.training.closing import Closing
from stylefader.training.errors import TrainingError
from stylefader.training.settings import AdaptSettings

SetVector = Callable[[str, npt.NDArray[np.float32]], None]
"""Takes the name of a style and its new vector, float32 (d,); called from the adapting's own thread."""
State = Literal["learning", "done", "failed", "stopped"]
_JOIN_S = 10.0


@dataclass(frozen=True, kw_only=True, eq=False)
class AdaptOrder:
    """What is to be learnt.

    style: the name under which vectors are handed on. palette, painting, loss_network: files. photos: a folder of
    photographs or a picture. share: of one processor, above 0 and at most 1. every: steps between vectors. nice: by how
    much the priority of the process is below the session's. start: the vector to begin with, float32 (d,); None begins
    with the nearest of the palette's. keep: a pack file that gets the palette with this style, renewed as it gets
    better.
    """

    style: str
    palette: Path
    painting: Path
    loss_network: Path
    photos: Path
    share: float = 0.5
    every: int = 5
    nice: int = 10
    settings: AdaptSettings = field(default_factory=AdaptSettings)
    start: npt.NDArray[np.float32] | None = None
    keep: Path | None = None

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise TrainingError(f"the share of adapting is above 0 and at most 1, not {self.share}")
        if self.every < 1:
            raise TrainingError(f"vectors come every 1 or more steps, not {self.every}")


class BackgroundAdapting(Closing):
    """One painting being learnt: it starts when made and hands on vectors until it is done or closed.

    Args:
        order: What is to be learnt.
        set_vector: Gets each new vector. What it raises ends the adapting, as `failed`.

    state: `learning`, then `done`, `failed` or `stopped`. step: how many steps are done. problem: why it failed, in
    words. `stop` and `close` twice are harmless.
    """

    def __init__(self, order: AdaptOrder, set_vector: SetVector) -> None:
        self._order, self._set_vector = order, set_vector
        self._lock = threading.Lock()  # over state and _worker
        self._worker: FollowedWorker | None = None
        self.state: State = "learning"
        self.step = 0
        self.problem = ""
        self._thread = threading.Thread(target=self._run, name="adapting", daemon=True)
        self._thread.start()

    def wait(self, timeout_s: float) -> bool:
        """Wait until it is done, has failed or was stopped; whether it did in time."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def stop(self) -> None:
        """Have the process end, without waiting for it; the vectors that came stay with whoever took them."""
        with self._lock:
            if self.state == "learning":
                self.state = "stopped"
            worker = self._worker
        if worker is not None:
            worker.terminate()

    def close(self) -> None:
        """End the process."""
        self.stop()
        self._thread.join(_JOIN_S)

    def _run(self) -> None:
        try:
            with tempfile.TemporaryDirectory(prefix="stylefader-") as scratch:
                last = self._in_worker(Path(scratch))
            state: State = "done" if "done" in last else "failed"
        except Exception as error:  # whatever it is, the show goes on
            state, last = "failed", {"error": str(error) or type(error).__name__}
        with self._lock:
            if self.state == "learning":
                self.state, self.problem = state, str(last.get("error", ""))

    def _in_worker(self, scratch: Path) -> dict[str, Any]:
        """Start the process and hand on its vectors until its output ends; its last message."""
        order = {name: _plain(value) for name, value in asdict(self._order).items()}
        with FollowedWorker("stylefader.realtime.session.adapt_worker", order, scratch) as worker:
            with self._lock:
                self._worker = worker
                stopped = self.state != "learning"  # before there was a worker to end
            if not stopped:
                self._follow(worker)
            return worker.answer("adapts")

    def _follow(self, worker: FollowedWorker) -> None:
        for message in worker.messages():
            if self.state != "learning":
                return
            if "vector" in message:
                numbers = np.frombuffer(base64.b64decode(message["vector"]), "<f4").astype(np.float32)
                self._set_vector(self._order.style, numbers)
            self.step = message.get("step", self.step)


def _plain(value: Any) -> Any:
    """A field of the order as JSON has it."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    return str(value) if isinstance(value, Path) else value
