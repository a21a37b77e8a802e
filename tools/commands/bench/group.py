"""`stylefader bench`: measurements that end in one JSON line on standard output."""

from __future__ import annotations

from stylefader.tools.commands.bench import engine as bench_engine
from stylefader.tools.commands.bench import frame as bench_frame
from stylefader.tools.commands.bench import live as bench_live
from stylefader.tools.commands.bench import midi as bench_midi
from stylefader.tools.commands.bench import render as bench_render
from stylefader.tools.commands.bench import soak as bench_soak
from stylefader.tools.commands.bench import train as bench_train
from stylefader.tools.console.help import Commands

app = Commands("Measure this machine.")
app.command("render")(bench_render.command)
app.command("engine")(bench_engine.command)
app.command("frame")(bench_frame.command)
app.command("live")(bench_live.command)
app.command("midi")(bench_midi.command)
app.command("soak")(bench_soak.command)
app.command("train")(bench_train.command)
