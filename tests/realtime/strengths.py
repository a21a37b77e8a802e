"""alpha alone, of an automation whose other parameters a test does not ask for."""

from __future__ import annotations

from fractions import Fraction

from stylefader.realtime.automation.keyframes import AlphaOverTime
from stylefader.realtime.parameters.parameter import Parameter, Values


def alpha_at(automation: AlphaOverTime, at: Fraction, n_blocks: int) -> Values:
    """The strengths at a time in seconds: float32 (n_blocks,)."""
    parameter = Parameter.even("alpha", n_blocks, low=0, high=1, default=0)
    return automation.values(at, [parameter])["alpha"]
