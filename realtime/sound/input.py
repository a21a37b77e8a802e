"""A sound input in a live session: a microphone, a mixer, a loopback.

    sound system --callback--> ring --[thread "sound-input"]--> levels --> envelopes --> alpha desk

A lost input is reported and tried again automatically; until then it counts as silence.
"""

from __future__ import annotations

import atexit
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np

from stylefader.realtime.sound.bands import BandMeter, Floats
from stylefader.realtime.sound.devices import InputInfo, find_input, sound_inputs, sound_system
from stylefader.realtime.sound.envelope import Envelopes, bands_of
from stylefader.realtime.sound.live_sound import HOLD_S, Heard, LiveSound, highest
from stylefader.realtime.sound.ring import Ring
from stylefader.realtime.sources.open_container import reason
from stylefader.training.errors import ControlError

_log = logging.getLogger(__name__)

_RING_S = 1.0
_EVERY_S = 0.005
_SILENT_NS = 1_500_000_000
"""An input that gives no samples for so long is lost."""
_FIRST_WAIT_NS, _LONGEST_WAIT_NS = 1_000_000_000, 8_000_000_000
_CREDIBLE_S = 2.0
"""JACK's latency is garbage where nothing is connected."""
_JOIN_S, _END_S = 2.0, 1.0
_KEPT = 400


class SoundInput(LiveSound):
    """Listens to the input that `word` means (see `find_input`).

    now_ns: monotonic nanoseconds. system: `sounddevice`, or what stands for it. In a session `start` makes the thread
    that calls `step` every 5 ms; a test calls `step` itself.
    """

    def __init__(
        self,
        word: str,
        *,
        say: Callable[[str], None] = lambda words: None,
        now_ns: Callable[[], int] = time.monotonic_ns,
        system: Any | None = None,
    ) -> None:
        super().__init__(f"sound input {word}", every_s=_EVERY_S)
        self._word, self._say, self._now_ns = word, say, now_ns
        self._system = system or sound_system()
        self._stream: Any = None
        self._heard = Heard()
        self._came_ns = self._silent_ns = self._try_ns = 0
        self._wait_ns = _FIRST_WAIT_NS
        self._stuck = False
        self._recent: deque[tuple[int, Floats]] = deque(maxlen=_KEPT)  # when they were measured, and levels
        self._lock = threading.Lock()  # over _recent
        self._thread = threading.Thread(target=self._run, name="sound-input", daemon=True)

    def start(self) -> None:
        """Open the input where that was not done, and start the thread."""
        if self._stream is None:
            self.open()
        self._thread.start()

    def open(self) -> None:
        """Open the input. Raises ControlError if it does not exist or cannot be opened."""
        found = find_input(self._word, sound_inputs(self._system))
        if self._word != "default":
            self._word = found.name  # numbers change when something is plugged in
        self._open(found)
        behind = (self._meter.window / 2 + self._meter.step) / self._meter.rate + _EVERY_S
        latency = float(self._stream.latency)
        credible = 0 <= latency < _CREDIBLE_S
        self._say(
            f"{self.name}: {self._meter.rate} Hz, alpha is {(behind + credible * latency) * 1e3:.0f} ms behind it"
            f"{'' if credible else ', and what the sound system takes'}"
        )

    def close(self) -> None:
        """End the thread and close the input; harmless twice."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(_JOIN_S)
        if not self._thread.is_alive():
            self._drop()

    def heard(self, at_ns: int) -> Heard:
        """What is added to alpha now, whatever the time."""
        return self._heard

    def levels(self, now_ns: int) -> Floats:
        """The highest levels of the last `HOLD_S` seconds."""
        return highest(self.recent(now_ns - round(HOLD_S * 1e9), now_ns))

    def recent(self, since_ns: int, until_ns: int) -> list[Floats]:
        """All levels that were measured after the one and up to the other time, 2 s at most: dB (n, bands, 3) each."""
        with self._lock:
            return [levels for at_ns, levels in self._recent if since_ns < at_ns <= until_ns]

    def step(self) -> None:
        """Measure what came, see whether the input is still there, and try to get it back. The thread's turn."""
        now = self._now_ns()
        if self._stream is not None:
            before = self._ring.lost
            samples = self._ring.take()
            self.lost += self._ring.lost - before
            if len(samples):
                self._came_ns, self._silent_ns = now, now
                if self.state == "lost":
                    self._say(f"{self.name} is back")
                    self._wait_ns = _FIRST_WAIT_NS
                self.state = "running"
                self._measure(samples)
            elif not self._stream.active or now - self._came_ns > _SILENT_NS:
                self._lose(now, "it was unplugged, or its driver stopped")
        if self._stream is None and not self._stuck and now >= self._try_ns:
            self._try(now)
        if self._stream is None or now - self._came_ns > _SILENT_NS // 4:
            self._be_silent(now)

    def _open(self, found: InputInfo) -> None:
        rate, channels = found.rate, min(2, found.channels)
        ring = Ring(round(rate * _RING_S), channels)

        def came(samples: Any, count: int, times: Any, status: Any) -> None:
            ring.put(samples)

        try:
            stream = self._system.InputStream(
                device=found.number, channels=channels, samplerate=rate, dtype="float32", latency="low", callback=came
            )
            stream.start()
        except (self._system.PortAudioError, ValueError) as error:
            raise ControlError(f"the sound input {found} cannot be opened: {reason(error)}", failure=True) from error
        self.name = f"sound input {found.name}"
        self._stream, self._ring = stream, ring
        self._came_ns = self._silent_ns = self._now_ns()
        maps = self._maps
        self._meter = BandMeter(rate, bands_of(maps))
        self._envelopes = Envelopes(maps, self._meter.step_s, self._heard.values.tolist())

    def _measure(self, samples: Any) -> None:
        maps = self._maps
        if maps is not self._envelopes.maps:
            self._meter.set_bands(bands_of(maps))
            self._envelopes = Envelopes(maps, self._meter.step_s, self._envelopes.values.tolist())
        levels = self._meter.feed(samples)
        if not len(levels):
            return
        values = self._envelopes.follow(levels)[-1]
        self._heard = Heard(self._envelopes.maps, values)
        with self._lock:
            self._recent.append((self._now_ns(), levels))

    def _be_silent(self, now: int) -> None:
        """Measure silence for the time that passed."""
        count = (now - self._silent_ns) * self._meter.rate // 1_000_000_000
        count = min(count, self._meter.rate)
        if count:
            self._silent_ns = now
            self._measure(np.zeros((count, 1), np.float32))

    def _lose(self, now: int, why: str) -> None:
        if self.state != "lost":
            self._say(f"{self.name} is lost ({why}): silence, trying again")
        self.state = "lost"
        self._drop()
        self._try_ns = now + self._wait_ns
        self._wait_ns = min(2 * self._wait_ns, _LONGEST_WAIT_NS)

    def _try(self, now: int) -> None:
        try:
            # PortAudio lists what was there when it began: to see what was plugged in, it has to begin anew.
            # sounddevice has no public call for that. These two are a thin cover of Pa_Terminate and Pa_Initialize,
            # which count for its exit handler how often PortAudio was begun.
            with suppress(self._system.PortAudioError):
                self._system._terminate()
            self._system._initialize()
            self._open(find_input(self._word, sound_inputs(self._system)))
        except (ControlError, self._system.PortAudioError) as error:
            _log.info("%s is not back", self.name, exc_info=error)
            self._lose(now, reason(error))

    def _drop(self) -> None:
        """Close the stream. Nothing waits for a driver that does not answer, not even the end of the program."""
        stream, self._stream = self._stream, None
        if stream is None:
            return

        def end() -> None:
            with suppress(Exception):  # a device that is gone may answer with anything
                stream.abort()
            with suppress(Exception):
                stream.close()

        ending = threading.Thread(target=end, name="sound-input-end", daemon=True)
        ending.start()
        ending.join(_END_S)
        if ending.is_alive():
            self._stuck = True
            # sounddevice's handler would end PortAudio, which waits for the driver that hangs.
            atexit.unregister(self._system._exit_handler)
            self._say(f"{self.name}: the sound system hangs; it is heard again only in a new session")
