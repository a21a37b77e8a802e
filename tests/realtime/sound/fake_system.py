"""What stands for `sounddevice` without sound hardware: devices that are plugged in and out, streams that are fed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np


class PortAudioError(Exception):
    pass


class FakeStream:
    """An input stream of the fake system; `feed` is the driver's turn."""

    def __init__(self, system: FakeSystem, words: dict[str, Any]) -> None:
        self.system, self.words = system, words
        self.active = self.closed = False
        self.latency = 0.008

    def start(self) -> None:
        self.active = True

    def abort(self) -> None:
        self.active = False

    def close(self) -> None:
        self.closed = True

    def feed(self, samples: np.ndarray) -> None:
        """(n,) on every channel, or (n, channels); in blocks of 480, of memory that is used again."""
        wide = np.broadcast_to(samples.reshape(len(samples), -1), (len(samples), self.words["channels"]))
        block = np.empty((480, self.words["channels"]), np.float32)
        for begin in range(0, len(wide), 480):
            part = block[: len(wide[begin : begin + 480])]
            part[:] = wide[begin : begin + 480]
            self.words["callback"](part, len(part), None, None)
            part[:] = 9e9


class FakeSystem:
    """`devices`: (name, input channels, rate). What is changed is seen after `_terminate` and `_initialize` only."""

    PortAudioError = PortAudioError

    def __init__(self, *devices: tuple[str, int, int], default: int = 0) -> None:
        self.devices = list(devices)
        self.default = SimpleNamespace(device=[default, -1])
        self.streams: list[FakeStream] = []
        self.refuses = False
        self.began = 0
        self._initialize()

    def _terminate(self) -> None:
        self._seen = []

    def _initialize(self) -> None:
        self.began += 1
        self._seen = list(self.devices)

    def _exit_handler(self) -> None: ...

    def query_devices(self) -> list[dict[str, Any]]:
        return [
            {"name": name, "max_input_channels": channels, "default_samplerate": float(rate), "hostapi": 0}
            for name, channels, rate in self._seen
        ]

    def query_hostapis(self) -> list[dict[str, Any]]:
        return [{"name": "Fake", "default_input_device": 0 if self._seen else -1}]

    def InputStream(self, **words: Any) -> FakeStream:  # noqa: N802
        if self.refuses:
            raise PortAudioError("Device unavailable [PaErrorCode -9985]")
        self.streams.append(FakeStream(self, words))
        return self.streams[-1]
