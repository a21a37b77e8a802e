from __future__ import annotations

from stylefader.realtime.controls.log_limiter import AGAIN_NS, MOST, LogLimiter
from tests.realtime.live import Clock


def test_each_is_said_once_some_of_a_kind_and_again_after_a_time() -> None:
    clock, said = Clock(), list[str]()
    complain = LogLimiter(said.append, now_ns=clock)
    for _ in range(2):
        for number in range(60):
            complain("address", f"address {number}")
    assert said[:MOST] == [f"address {number}" for number in range(MOST)]
    assert said[MOST:] == [f"address {MOST}; more of this kind is not shown for 5 minutes"]
    complain("style", "no such style")
    assert said[-1] == "no such style"
    clock.pass_to(clock.ns + AGAIN_NS)
    complain("address", "address 0")
    assert said[-1] == "address 0" and len(said) == MOST + 3
