"""`stylefader bench soak`: a long live session under load, looked at from outside; ends in verdicts."""

from __future__ import annotations

import csv
import os
import threading
import time
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stylefader.tools.console.messages import print_json, say
from stylefader.tools.parsing import parse_size

if TYPE_CHECKING:
    from stylefader.tools.commands.bench.soak_load import Player, Receiver, StyleSender
    from stylefader.tools.commands.bench.soak_session import SoakSession
    from stylefader.tools.commands.bench.soak_verdicts import Sample, Verdict

_SETTLE_S, _SETTLE_SHARE = 300.0, 0.25
_BEGINS_S = 300
_LOOK_S = 0.5
_SAID_EVERY_S = 60
_MOST_LINES = 20


def command(
    minutes: Annotated[float, typer.Option(min=0.05, max=10080, help="How long it runs with its engine.")] = 60.0,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FOLDER", help="Table, plot and log.")] = Path(
        "soak"
    ),
    style: Annotated[
        list[str] | None, typer.Option(help="A style or a pack; twice or more. [great_wave_lite, starry_night]")
    ] = None,
    size: Annotated[Any, typer.Option(parser=parse_size, metavar="WxH", help="Size of the picture.")] = "640x360",
    engine: Annotated[str, typer.Option(help="auto, or an engine's name.")] = "auto",
    cache_dir: Annotated[Path | None, typer.Option(help="Folder of finished engines.")] = None,
    change: Annotated[float, typer.Option(min=0.5, max=3600, help="Seconds between style changes.")] = 20.0,
    midi: Annotated[float, typer.Option(min=0, max=2000, help="MIDI messages a second; 0: none.")] = 100.0,
    sample: Annotated[float, typer.Option(min=0.1, max=60, help="Seconds between samples.")] = 5.0,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the recording; else it is read and removed.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what is in the folder.")] = False,
    json: Annotated[bool, typer.Option("--json/--no-json", help="End in one JSON line.")] = True,
) -> None:
    """Run `live` for an hour on the test card, and say whether it grows, slows down or logs something unexpected.

    Styles change by OSC, alpha moves by MIDI from another program, the picture goes into a recording and a stream out.
    Memory, threads and handles are those of the program and all its child processes. Of what is after the fifth
    minute (in short runs after a quarter) the beginning is held against the end. Ends with 1 where a verdict fails.
    """
    from stylefader.tools.console.signals import unwind

    _check(output, overwrite=overwrite)
    unwind()
    soak = _Soak(
        folder=output, styles=style or ["great_wave_lite", "starry_night"], size=f"{size[0]}x{size[1]}",
        seconds=minutes * 60, change_s=change, sample_s=sample, midi_rate=midi, engine=engine, cache_dir=cache_dir,
    )  # fmt: skip
    document = soak.run(keep=keep)
    for row in document["verdicts"]:
        say(f"{'holds' if row['ok'] else 'DOES NOT HOLD'}  {row['name']}: {row['words']}")
    if json:
        print_json(document)
    if not document["ok"]:
        raise typer.Exit(1)


def _check(folder: Path, *, overwrite: bool) -> None:
    """Raise StylefaderError for a folder that must not be written into, or what is missing, before an hour is lost."""
    import stylefader.training.evaluation.plots  # noqa: F401
    from stylefader.training.errors import SinkError

    try:
        import psutil  # noqa: F401
    except ImportError as error:
        raise SinkError("bench soak needs psutil: pip install psutil") from error
    if folder.exists() and not folder.is_dir():
        raise SinkError(f"{folder} is not a folder; choose another name")
    if folder.is_dir() and any(folder.iterdir()) and not overwrite:
        raise SinkError(f"{folder} is not empty; choose another name or allow overwriting with --overwrite")
    folder.mkdir(parents=True, exist_ok=True)


@dataclass(kw_only=True)
class _Soak:
    """One run: what it is made of, and what it has seen."""

    folder: Path
    styles: list[str]
    size: str
    seconds: float
    change_s: float
    sample_s: float
    midi_rate: float
    engine: str
    cache_dir: Path | None
    samples: list[Sample] = field(default_factory=list)
    came: list[str] = field(default_factory=list)  # styles that were seen to play after they were asked for

    @property
    def settle_s(self) -> float:
        return min(_SETTLE_S, self.seconds * _SETTLE_SHARE)

    def run(self, *, keep: bool) -> dict[str, Any]:
        """Everything, to the plot; the document that it comes to. Raises EngineError where no engine plays."""
        from stylefader.tools.commands.bench.soak_load import Receiver, StyleSender, free_udp_port
        from stylefader.tools.commands.bench.soak_session import SoakSession

        recording = self.folder / "show.mkv"
        with ExitStack() as stack:
            midi, player = self._midi(stack)
            say(f"MIDI: {midi}")
            receiver = stack.enter_context(closing(Receiver()))
            port = free_udp_port()
            session = SoakSession(self.folder, self._words(recording, receiver.address, port, player is not None))
            stack.callback(session.end)
            sender = stack.enter_context(closing(StyleSender(port, self._names(session))))
            self._watch(session, sender)
            code = session.end()
            if player is not None:
                player.close()
        verdicts = self._verdicts(session, sender, receiver, player, code, recording)
        self._draw(verdicts)
        mib = round(recording.stat().st_size / 2**20, 1) if recording.exists() else 0.0
        if not keep:
            recording.unlink(missing_ok=True)
        last = self.samples[-1] if self.samples else None
        return {
            "ok": all(verdict.ok for verdict in verdicts), "minutes": round(last.time_s / 60, 3) if last else 0,
            "size": self.size, "styles": self.styles, "cores": os.cpu_count(), "midi": midi,
            "midi_messages": player.sent if player else 0, "style_changes": len(sender.asked),
            "stream_packets": receiver.packets, "recording_mib": mib, "samples": len(self.samples),
            "engine": (session.row or {}).get("engine"), "precision": (session.row or {}).get("precision"),
            "frames": last.frames if last else 0, "unasked": session.unasked[:_MOST_LINES],
            "last": asdict(last) if last else None, "verdicts": [verdict.document() for verdict in verdicts],
        }  # fmt: skip

    def _midi(self, stack: ExitStack) -> tuple[str, Player | None]:
        """The MIDI system in words, and who plays on it; where there is none the session runs without."""
        from stylefader.tools.commands.bench.midi_system import midi_system
        from stylefader.tools.commands.bench.soak_load import Player
        from stylefader.training.errors import ControlError

        if not self.midi_rate:
            return "none, as asked", None
        try:
            words = stack.enter_context(midi_system(f"stylefader-soak-{os.getpid()}"))
        except ControlError as error:
            return f"none: {error}", None
        return words, stack.enter_context(closing(Player(self.midi_rate)))

    def _words(self, recording: Path, stream: str, port: int, midi: bool) -> list[str]:
        """The session's command line."""
        words = ["--source", "testcard", "--size", self.size, "--no-window", "--engine", self.engine, "--overwrite"]
        words += [word for name in self.styles for word in ("--style", name)]
        words += ["--sink", str(recording), "--sink", stream, "--sink", "null", "--osc", str(port)]
        if self.cache_dir is not None:
            words += ["--cache-dir", str(self.cache_dir)]
        if midi:
            from stylefader.tools.commands.bench.soak_load import MAPPING

            mapping = self.folder / "map.toml"
            mapping.write_text(MAPPING, encoding="utf-8")
            words += ["--map", str(mapping)]
        return words

    def _names(self, session: SoakSession) -> list[str]:
        """The styles as the session calls them."""
        from stylefader.training.packs.library import find_pack
        from stylefader.training.packs.pack_file import PackFile

        return [PackFile(find_pack(name)).header.name for name in self.styles]

    def _watch(self, session: SoakSession, sender: StyleSender) -> None:
        """From the first engine on: ask for styles, look every few seconds, until the time is over or it has ended."""
        import psutil

        from stylefader.training.errors import EngineError

        pause = threading.Event()
        begins = time.monotonic()
        while (row := session.look()) is None or row["plays"] is None:
            if not session.runs or time.monotonic() - begins > _BEGINS_S:
                raise EngineError(
                    f"the session never played: {session.unasked[-1:] or 'it said nothing'}", failure=True
                )
            pause.wait(_LOOK_S)
        say(f"it plays after {time.monotonic() - begins:.1f} s; {self.seconds / 60:g} minutes from here")
        began = said = time.monotonic()
        asked_at, looked_at = began, began - self.sample_s
        wanted: str | None = None
        with (self.folder / "soak.csv").open("w", newline="", encoding="utf-8") as file:
            from stylefader.tools.commands.bench.soak_verdicts import COLUMNS

            table = csv.DictWriter(file, COLUMNS)
            table.writeheader()
            while session.runs and (now := time.monotonic()) - began < self.seconds:
                row = session.look()
                if wanted is not None and row is not None and row["plays"] == wanted:
                    self.came.append(wanted)
                    wanted = None
                if now - asked_at >= self.change_s:
                    asked_at += self.change_s
                    wanted = sender.next()
                if now - looked_at >= self.sample_s:
                    looked_at = max(looked_at + self.sample_s, now - self.sample_s)
                    try:
                        self.samples.append(session.sample(now - began))
                    except psutil.Error:  # it has ended just now
                        break
                    table.writerow(asdict(self.samples[-1]))
                    file.flush()
                    if now - said >= _SAID_EVERY_S:
                        said = now
                        self._tell(self.samples[-1])
                pause.wait(min(_LOOK_S, self.sample_s / 2, self.change_s / 4))

    def _tell(self, sample: Sample) -> None:
        latency = "-" if sample.p99_ms is None else f"{sample.p99_ms:.1f} ms"
        say(
            f"{sample.time_s / 60:.1f} min: {sample.memory_mib:.0f} MiB, {sample.threads} threads, "
            f"{sample.handles} handles, p99 {latency}, {sample.fps} fps, {sample.unasked} lines not asked for"
        )

    def _verdicts(
        self,
        session: SoakSession,
        sender: StyleSender,
        receiver: Receiver,
        player: Player | None,
        code: int | None,
        recording: Path,
    ) -> list[Verdict]:
        from stylefader.tools.commands.bench.soak_proof import proofs
        from stylefader.tools.commands.bench.soak_verdicts import verdicts

        found = verdicts(self.samples, settle_s=self.settle_s, round_s=self.change_s * len(self.styles))
        return found + proofs(
            session=session, asked=sender.asked, came=self.came, receiver=receiver, player=player,
            rate=self.midi_rate, code=code, recording=recording, full=self._is_full(),
        )  # fmt: skip

    def _is_full(self) -> bool:
        """Whether the session was observed until its end."""
        return bool(self.samples) and self.samples[-1].time_s >= self.seconds - 2 * self.sample_s

    def _draw(self, verdicts: list[Verdict]) -> None:
        from stylefader.tools.commands.bench.soak_plot import plot
        from stylefader.tools.outputs import write_whole
        from stylefader.training.evaluation.plots import png

        if self.samples:
            title = f"stylefader live, {self.size}, a new style every {self.change_s:g} s"
            figure = plot(self.samples, verdicts, settle_s=self.settle_s, title=title)
            write_whole(self.folder / "soak.png", png(figure))
