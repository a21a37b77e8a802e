"""Where a training run stands."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Where a run stands after one iteration. Losses are unweighted; total is what was minimised.

    Of a student, pixel, content and style are differences from its teacher's pictures; else pixel is 0.
    Of a prediction network, vector is how far its vectors are from trained ones, and hint how far its summaries are
    from what the loss network says of the same paintings; else both are 0.

    Since this call of `run`: seconds, and of them waiting (for photographs) and networks (copies to the GPU, forward
    and backward pass of the networks and their losses). images_per_second: of all processes together.
    """

    iteration: int
    iterations: int
    total: float
    content: float
    style: float
    temporal: float = 0.0
    pixel: float = 0.0
    vector: float = 0.0
    hint: float = 0.0
    images_per_second: float
    seconds_left: float
    seconds: float
    waiting: float
    networks: float

    @property
    def outside(self) -> float:
        """Share of the time that went into anything but the networks."""
        return 1 - self.networks / self.seconds
