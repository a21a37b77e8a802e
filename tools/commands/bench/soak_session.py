"""The session that `stylefader bench soak` looks at: the program in a process of its own, its log and numbers."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from stylefader.engines.subprocesses import worker_environment
from stylefader.tools.commands.bench.soak_verdicts import Sample

if TYPE_CHECKING:
    import psutil

_END_S = 30
_MIB = 2**20
_ASKED = (
    r"at \d+x\d+; Ctrl-C or q ends$",
    r"^OSC at 127\.0\.0\.1:\d+$",
    r"^MIDI: soak-knob\S*( \S+ \d+:\d+)?$",  # ALSA has numbers behind the name
    r"^udp://127\.0\.0\.1:\d+: connected$",
    r"^the original passes through: ",
    r"^building \S+: \S+ goes on$",
    r": \d+x\d+, engine: ",
    r"; alpha [-\d./]+; .*fps",
)
"""Lines that a session says because it was asked to: what it is made of, each change of style, and the status."""
_ALARM = re.compile(r"reconnecting|failed|no signal|broken [1-9]")
"""What nobody asked for in any of them."""


class SoakSession:
    """`stylefader live` on the test card. words: more of its command line. Its log goes to `folder`/live.log.

    Made, running from then on; over after `end`. `unasked`: the lines of its log that belong to nothing asked for.
    """

    def __init__(self, folder: Path, words: list[str]) -> None:
        import psutil

        self._stats = folder / "stats.jsonl"
        self._stats.unlink(missing_ok=True)
        self._read_to = 0
        self._log = (folder / "live.log").open("w", encoding="utf-8")
        self._lock = threading.Lock()  # over the three below
        self.lines = 0
        self.unasked: list[str] = []
        self.row: dict[str, Any] | None = None
        self.alphas: set[float] = set()  # those of the first block, as told once a second
        line = [sys.executable, "-P", "-m", "stylefader.tools.program", "live", *words, "--stats", str(self._stats)]
        self._run = subprocess.Popen(
            line, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, encoding="utf-8", errors="replace",
            env=worker_environment(),
        )  # fmt: skip
        self._process = psutil.Process(self._run.pid)
        assert self._run.stderr is not None
        self._reader = threading.Thread(target=self._hear, args=(self._run.stderr,), name="soak-log", daemon=True)
        self._reader.start()

    def _hear(self, stderr: IO[str]) -> None:
        with stderr:
            for line in stderr:
                said = line.rstrip("\n")
                self._log.write(line)
                self._log.flush()
                asked = is_asked(said)
                with self._lock:
                    self.lines += 1
                    if not asked:
                        self.unasked.append(said)

    @property
    def runs(self) -> bool:
        """Whether the process still runs."""
        return self._run.poll() is None

    def look(self) -> dict[str, Any] | None:
        """The newest of its numbers; None before it told any."""
        try:
            with self._stats.open("rb") as file:
                file.seek(self._read_to)
                text = file.read()
        except FileNotFoundError:
            return self.row
        whole = text[: text.rfind(b"\n") + 1]
        self._read_to += len(whole)
        for line in whole.splitlines():
            self.row = json.loads(line)
            self.alphas.add(self.row["alpha"][0] if self.row["alpha"] else 0.0)
        return self.row

    def sample(self, time_s: float) -> Sample:
        """Everything of this moment. Raises psutil's errors where the session has ended."""
        memory, threads, handles, processes = self._resources()
        row = self.look() or {}
        sinks, drops = row.get("sinks", []), row.get("drops", {})
        latency = next((sink["latency_ms"] for sink in sinks if sink["name"] == "null" and sink["latency_ms"]), None)
        with self._lock:
            lines, unasked = self.lines, len(self.unasked)
        return Sample(
            time_s=round(time_s, 2), memory_mib=round(memory / _MIB, 2), processes=processes, threads=threads,
            handles=handles, p50_ms=latency and latency[0], p99_ms=latency and latency[2], fps=row.get("fps_out"),
            frames=row.get("frames", 0), newer=drops.get("newer", 0), skipped=drops.get("skipped", 0),
            broken=drops.get("broken", 0), sinks_dropped=sum(sink["dropped"] for sink in sinks),
            losses=row.get("losses", 0), engine_failures=row.get("engine_failures", 0), log_lines=lines,
            unasked=unasked, plays=str(row.get("plays")),
        )  # fmt: skip

    def _resources(self) -> tuple[int, int, int, int]:
        """Resident bytes, threads, handles and number of all its processes."""
        import psutil

        processes: list[psutil.Process] = [self._process, *self._process.children(recursive=True)]
        memory = threads = handles = there = 0
        for process in processes:
            try:
                with process.oneshot():
                    memory += process.memory_info().rss
                    threads += process.num_threads()
                    handles += process.num_handles() if sys.platform == "win32" else process.num_fds()
                there += 1
            except psutil.Error:  # a worker that has just ended
                if process is self._process:
                    raise
        return memory, threads, handles, there

    def end(self) -> int | None:
        """Ask it to end; its exit code, None where it had to be killed. Harmless twice."""
        code: int | None
        try:
            if self._run.poll() is None:
                self._run.terminate()
            code = self._run.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._run.kill()
            self._run.wait(_END_S)
            code = None
        self._reader.join(_END_S)
        self._log.close()
        self.look()
        return code


def is_asked(line: str) -> bool:
    """Whether a line of the log belongs to what the session was asked for."""
    return not line or (any(re.search(pattern, line) for pattern in _ASKED) and not _ALARM.search(line))
