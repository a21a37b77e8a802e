"""A worker that ends in the ways that a library may end it."""

from __future__ import annotations

import os
import signal
import sys
import time

if __name__ == "__main__":
    if sys.argv[1] == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    elif sys.argv[1] == "hang":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(600)
