"""`stylefader bench`: measurements that end in one JSON line on standard output."""

from __future__ import annotations

from tools import bench_engine, bench_frame, bench_live, bench_midi, bench_render, bench_soak, bench_train
from tools.console.help import Commands

app = Commands("Measure this machine.")
app.command("render")(bench_render.command)
app.command("engine")(bench_engine.command)
app.command("frame")(bench_frame.command)
app.command("live")(bench_live.command)
app.command("midi")(bench_midi.command)
app.command("soak")(bench_soak.command)
app.command("train")(bench_train.command)
