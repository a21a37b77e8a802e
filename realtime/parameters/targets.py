"""Names of what controls move: `alpha` for all blocks, `alpha0`, `alpha1`, ... for each."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal


def is_block(value: object) -> bool:
    """`alpha` (all blocks) or `alpha0`, `alpha1`, ..."""
    return isinstance(value, str) and re.fullmatch(r"alpha(0|[1-9][0-9]?)?", value) is not None


@lru_cache(maxsize=1024)
def block_of(target: str) -> int | Literal["all"] | None:
    """The block that a target of that name is; None where it is none."""
    if not is_block(target):
        return None
    return "all" if target == "alpha" else int(target[5:])
