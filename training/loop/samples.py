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

from stylefader.training.data.clips import ClipFolder
from stylefader.training.data.motion import Pair, made_up_pair
from stylefader.training.data.photographs import PhotoFolder, Picture
from stylefader.training.data.plain_pictures import PlainPictures
from stylefader.training.loop.process_group import ProcessGroup
from stylefader.training.losses.temporal import NextFrames, alpha_of_step, next_frames
from stylefader.training.settings import TrainSettings

T = TypeVar("T")
_MOST_WORKERS = 8
_PAIRS = 1
"""Makes the random numbers of pairs others than those of crops."""


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
    photos: PhotoFolder | PlainPictures,
    settings: TrainSettings,
    step: int,
    *,
    blocks: bool,
    group: ProcessGroup,
    clips: ClipFolder | None = None,
    pinned: bool = False,
) -> Sample:
    """What this process sees in step number `step`, the first of which is 0.

    A main network's every picture has a next frame. Of blocks, which go through the network more often for it, half
    of the pictures of all processes have one. With clips half of the pictures that have a next frame are of clips.
    """
    together = settings.batch * group.size
    with_next = 0 if settings.temporal == "off" else (together + 1) // 2 if blocks else together
    crops: list[Picture] = []
    pairs: list[Pair] = []
    for place in range(group.rank, together, group.size):
        number = step * together + place
        rng = np.random.default_rng((settings.seed, number, _PAIRS))
        if clips is not None and place < with_next and rng.random() < 0.5:
            crop, pair = clips.pair(number, seed=settings.seed, size=settings.crop)
            pairs.append(pair)
        else:
            crop = photos.crop(number, seed=settings.seed, size=settings.crop)
            if place < with_next:
                pairs.append(made_up_pair(crop, rng))
        crops.append(crop)
    following = None
    if with_next:
        alpha = alpha_of_step(settings.seed, step)
        following = next_frames(pairs, settings.crop, alpha=alpha, together=with_next)
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
