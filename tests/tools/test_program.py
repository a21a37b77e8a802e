"""How the program ends, in processes of its own."""

from __future__ import annotations

import subprocess
import sys

BUSY = """
import atexit, sys, threading, time
import numpy as np, openvino
from openvino import opset13
from stylefader.tools.program import leave

def compile_for_ever():
    while True:
        model = layer = opset13.parameter([1, 16, 64, 64], np.float32)
        for _ in range(20):
            layer = opset13.convolution(layer, opset13.constant(np.ones((16, 16, 3, 3), np.float32)),
                                        [1, 1], [1, 1], [1, 1], [1, 1])
        openvino.Core().compile_model(openvino.Model([layer], [model], "m"), "CPU")

threading.Thread(target=compile_for_ever, daemon=True).start()
atexit.register(print, "registered")
time.sleep(0.4)
print("done", end=" ")
leave(3)
"""


def test_an_end_while_an_engine_is_compiled_is_a_good_end() -> None:
    for _ in range(4):  # without `leave`, most of them are aborted
        done = subprocess.run([sys.executable, "-c", BUSY], capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, done.stdout.split()) == (3, ["done", "registered"]), done.stderr
