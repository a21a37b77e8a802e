from __future__ import annotations

import faulthandler
import sys
from collections.abc import Iterator

import pytest

from tests.fuzz.given import LONG

_LIMIT_S = 1200 if LONG else 300


@pytest.fixture(autouse=True)
def _never_hangs() -> Iterator[None]:
    """A parser that does not come back ends the run and shows where, also from inside a library of C."""
    faulthandler.dump_traceback_later(_LIMIT_S, exit=True, file=sys.__stderr__)
    yield
    faulthandler.cancel_dump_traceback_later()
