"""The processes that train one network together, as `torchrun` starts them.

Each has the same weights and its own share of every batch. A step ends in one sum over all of them, of gradients,
losses and the wish to stop in one flat buffer, so that all processes continue with the same numbers. Rank 0 is the
leader: only it reads checkpoints, writes files and prints. Needs no torch before `join`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import TYPE_CHECKING

from stylefader.training.errors import StylefaderError, TrainingError

if TYPE_CHECKING:
    from torch import Tensor

TIMEOUT_S = 300
"""How long a process waits for the others: longer than the leader takes to write a checkpoint and a preview."""


class PeerError(TrainingError):
    """Raised on the other ranks; rank 0 reports the cause."""


class ProcessGroup:
    """rank: which of `size` processes this is. local_rank, local_size: the same among those on this machine.

    A single process is `ProcessGroup()`; then all methods do nothing, and torch.distributed is not imported.
    """

    def __init__(self, *, rank: int = 0, size: int = 1, local_rank: int = 0, local_size: int = 1) -> None:
        if not (0 <= rank < size and 0 <= local_rank < local_size <= size):
            raise TrainingError(f"there is no process {rank} of {size} ({local_rank} of {local_size} on this machine)")
        self.rank, self.size, self.local_rank, self.local_size = rank, size, local_rank, local_size
        self._joined = False

    @classmethod
    def from_environment(cls, variables: Mapping[str, str] = os.environ) -> ProcessGroup:
        """As torchrun says it. Raises TrainingError."""
        if not {"RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"} <= variables.keys():
            return cls()
        names = {"rank": "RANK", "size": "WORLD_SIZE", "local_rank": "LOCAL_RANK", "local_size": "LOCAL_WORLD_SIZE"}
        try:
            return cls(**{key: int(variables[name]) for key, name in names.items() if name in variables})
        except ValueError as error:
            raise TrainingError(f"RANK, WORLD_SIZE and their like must be whole numbers: {error}") from error

    @property
    def leads(self) -> bool:
        """Whether this process writes files and prints: rank 0."""
        return self.rank == 0

    @contextmanager
    def joined(self) -> Iterator[None]:
        """Connect to the other processes, and disconnect if the block ends without an error. Raises TrainingError."""
        if self.size == 1:
            yield
            return
        import torch
        import torch.distributed as dist

        if not dist.is_available():
            raise TrainingError("this PyTorch was built without torch.distributed: train with one process")
        gpus = torch.cuda.is_available() and dist.is_nccl_available()
        with self._lost_is_an_error():
            dist.init_process_group("cpu:gloo,cuda:nccl" if gpus else "gloo", timeout=timedelta(seconds=TIMEOUT_S))
        self._joined = True
        yield
        self.part()  # after an error the others learn of this process' end by its end, when it has spoken

    def part(self) -> None:
        """Disconnect from the other processes; harmless twice."""
        if self._joined:
            import torch.distributed as dist

            self._joined = False
            with suppress(RuntimeError):  # some may have gone already
                dist.destroy_process_group()

    @contextmanager
    def _lost_is_an_error(self) -> Iterator[None]:
        try:
            yield
        except RuntimeError as error:  # a connection that broke, or TIMEOUT_S without an answer
            self.part()
            if not self.leads:
                raise PeerError("another process of this run is gone", failure=True) from error
            raise TrainingError(
                f"another process of this run ended or gave no answer in {TIMEOUT_S} s; what it said itself tells why; "
                "the last checkpoint is untouched",
                failure=True,
            ) from error

    def average(self, flat: Tensor) -> None:
        """Put the mean over all processes in its place: the same bits in each of them."""
        if self.size > 1:
            import torch.distributed as dist

            with self._lost_is_an_error():
                dist.all_reduce(flat)
            flat /= self.size

    def share(self, of_leader: bytes) -> bytes:
        """The leader's bytes, in every process."""
        if self.size == 1:
            return of_leader
        import torch
        import torch.distributed as dist

        shared = [of_leader if self.leads else b""]
        with self._lost_is_an_error():
            dist.broadcast_object_list(shared, 0, device=torch.device("cpu"))
        return shared[0]

    @contextmanager
    def all_or_none(self) -> Iterator[None]:
        """An error of one process in this block ends all of them, and the leader reports it once.

        Nothing in the block may wait for another process.
        """
        problem: StylefaderError | None = None
        try:
            yield
        except StylefaderError as error:
            if self.size == 1:
                raise
            problem = error
        if self.size == 1:
            return
        found = self._gather(problem)
        first = next((rank for rank, (code, _) in enumerate(found) if code), None)
        if first is None:
            return
        if not self.leads:
            self._wait_for_the_leaders_end()
            raise PeerError("said by the leader") from problem
        if first == self.rank:
            assert problem is not None
            raise problem
        code, words = found[first]
        raise TrainingError(f"process {first} of {self.size}: {words}", failure=code == 1) from problem

    def _gather(self, problem: StylefaderError | None) -> list[tuple[int, str]]:
        """Exit code and words of every process' problem; 0 where it has none."""
        import torch.distributed as dist

        mine = (0, "") if problem is None else (problem.exit_code, str(problem)[:1000])
        found: list[tuple[int, str]] = [mine] * self.size
        with self._lost_is_an_error():
            dist.all_gather_object(found, mine)
        return found

    def _wait_for_the_leaders_end(self) -> None:
        """Wait until rank 0 has reported the cause: torchrun ends all processes when the first one ends."""
        import torch
        import torch.distributed as dist

        with suppress(RuntimeError):
            dist.broadcast(torch.zeros(1), 0)  # the leader takes no part: its end breaks the connection
