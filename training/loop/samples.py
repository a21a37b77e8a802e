"""What each training step sees, made ahead of time by worker threads.

Step number k is a pure function of the photographs, the seed and k: a resumed run sees exactly the samples that it
would have seen without the stop. Where several processes train together, each has every size-th picture of a batch of
all, which is the batch that one process with as many pictures would see.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from stylefader.training.data.photographs import PhotoFolder
from stylefader.training.loop.process_group import ProcessGroup
from stylefader.training.losses.temporal import NextFrames, next_frames
from stylefader.training.settings import TrainSettings

T = TypeVar("T")
_MOST_WORKERS = 8


@dataclass(frozen=True, eq=False)
class Sample:
    """One process' share of one step.

    crops_NHWC: uint8 RGB. next_frames: of the first few of them, where there is a temporal term.
    """

    crops_NHWC: Tensor
    next_frames: NextFrames | None

    def pinned(self) -> Sample:
        """In memory that a GPU can fetch by itself."""
        return Sample(self.crops_NHWC.pin_memory(), self.next_frames.pinned() if self.next_frames else None)


def sample(
    photos: PhotoFolder, settings: TrainSettings, step: int, *, blocks: bool, group: ProcessGroup, pinned: bool = False
) -> Sample:
    """What this process sees in step number `step`, the first of which is 0.

    A main network's every picture has a next frame. Of blocks, which go through the network twice more for it, half
    of the pictures of all processes have one.
    """
    together = settings.batch * group.size
    crops = [
        photos.crop(step * together + place, seed=settings.seed, size=settings.crop)
        for place in range(group.rank, together, group.size)
    ]
    following = None
    if settings.temporal != "off":
        following = next_frames(
            (together + 1) // 2 if blocks else together, settings.crop,
            seed=settings.seed, step=step, rank=group.rank, size=group.size,
        )  # fmt: skip
    made = Sample(torch.from_numpy(np.stack(crops)), following)
    return made.pinned() if pinned else made


def loader_workers(local_size: int = 1) -> int:
    """Threads that make samples: half of the processors that each process of this machine may use, 1 to 8."""
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(_MOST_WORKERS, cpus // local_size // 2))


def made_ahead(make: Callable[[int], T], *, first: int, count: int, workers: int) -> Generator[T, None, None]:
    """`make(first)` to `make(count - 1)`, in order, made ahead of time by worker threads.

    Close it when leaving early.
    """
    ahead = 2 + 2 * workers
    with ThreadPoolExecutor(workers, thread_name_prefix="photos") as pool:
        waiting = deque(pool.submit(make, number) for number in range(first, min(first + ahead, count)))
        try:
            for number in range(first + ahead, count + ahead):
                if not waiting:
                    return
                ready = waiting.popleft().result()
                if number < count:
                    waiting.append(pool.submit(make, number))
                yield ready
        finally:
            for making in waiting:  # whoever stops early need not wait for what was read ahead
                making.cancel()
