"""Engines that fail in the ways that a process of its own is for."""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import NoReturn


class CrashEngine:
    def __init__(self, *_: object, **__: object) -> None:
        os.kill(os.getpid(), signal.SIGSEGV)


class HangEngine:
    def __init__(self, *_: object, **__: object) -> None:
        time.sleep(600)


class RaiseEngine:
    def __init__(self, *_: object, **__: object) -> NoReturn:
        raise ZeroDivisionError("the engine's own words")


class ExitEngine:
    def __init__(self, *_: object, **__: object) -> NoReturn:
        print("a library's last words", file=sys.stderr, flush=True)
        os._exit(3)
