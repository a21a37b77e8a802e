"""When a loss has stopped falling."""

from __future__ import annotations

import math


class Plateau:
    """Tells when a loss has stopped falling: its running mean, over a quarter of `patience`, has found no new low.

    A fall by less than a thousandth is none. The state is three numbers, kept in checkpoints.
    """

    def __init__(self, patience: int) -> None:
        self.patience = patience
        self.mean, self.best, self.best_at = 0.0, math.inf, 0

    def add(self, iteration: int, loss: float) -> None:
        """Take in the loss of an iteration, the first of which is 1."""
        share = max(1 / iteration, 4 / self.patience) if self.patience else 1.0
        self.mean += min(1.0, share) * (loss - self.mean)
        # The first means are of a few losses only, and lows among them are luck.
        if iteration <= self.patience // 4 or self.mean < 0.999 * self.best:
            self.best, self.best_at = self.mean, iteration

    def reached(self, iteration: int) -> bool:
        """Whether there was no new low for `patience` iterations."""
        return self.patience > 0 and iteration - self.best_at >= self.patience

    def state(self) -> list[float]:
        """Mean, best mean, and the iteration of the best, for a checkpoint."""
        return [self.mean, self.best, self.best_at]

    def restore(self, state: list[float]) -> None:
        """Go on from what `state` gave."""
        self.mean, self.best, self.best_at = state[0], state[1], int(state[2])
