"""A session's threads share two heaps."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

CODE = """
import ctypes, sys, threading, xml.etree.ElementTree as tree, tempfile
from stylefader.realtime.session.heaps import keep_few_heaps
print(keep_few_heaps() if sys.argv[1] == "few" else None)
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
ready, done = threading.Barrier(13), threading.Event()
def work():
    libc.malloc(1000)
    ready.wait()
    done.wait()
threads = [threading.Thread(target=work) for _ in range(12)]
for thread in threads: thread.start()
ready.wait()
with tempfile.TemporaryFile("w+") as file:
    libc.fdopen.restype = ctypes.c_void_p
    stream = libc.fdopen(file.fileno(), b"w")
    libc.malloc_info(0, ctypes.c_void_p(stream))
    libc.fflush(ctypes.c_void_p(stream))
    file.seek(0)
    print(len(tree.parse(file).getroot().findall("heap")))
done.set()
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's heaps")
def test_threads_share_two_heaps() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "MALLOC_ARENA_MAX"}

    def heaps(how: str) -> list[str]:
        line = [sys.executable, "-c", CODE, how]
        return subprocess.run(line, capture_output=True, text=True, check=True, env=environment).stdout.split()

    said, few = heaps("few")
    if said == "False":
        pytest.skip("no glibc here")
    assert (said, int(few)) == ("True", 2)
    assert int(heaps("many")[1]) > 2, "what it is without"
