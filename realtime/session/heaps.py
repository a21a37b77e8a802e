"""Limits the number of heaps, so that memory that many threads free is not kept by each of them."""

from __future__ import annotations

import ctypes
import functools
import os
from contextlib import suppress

_ARENA_MAX = -8
"""M_ARENA_MAX of glibc's malloc.h."""
_HEAPS = 2


@functools.cache
def keep_few_heaps() -> bool:
    """Let glibc have two heaps at most, from here on, and say whether it does; elsewhere nothing is done.

    glibc gives threads heaps of their own, eight for each core. A session loads every style's engine in a new thread,
    so over an hour of changes more and more heaps may keep what was freed. Where `MALLOC_ARENA_MAX` is set it stands.
    docs/reliability.md has three hours with and without it.
    """
    if "MALLOC_ARENA_MAX" in os.environ:
        return False
    with suppress(OSError, AttributeError, TypeError):
        libc = ctypes.CDLL(None)
        libc.gnu_get_libc_version  # noqa: B018  # other C libraries have another malloc
        return bool(libc.mallopt(_ARENA_MAX, _HEAPS))
    return False
