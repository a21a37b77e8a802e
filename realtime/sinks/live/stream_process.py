"""The process that sends a stream out: encoded video on standard input, a network address or a folder at the other end.

Stands behind `stream.py`, in a process of its own: FFmpeg connects and says goodbye while it holds the
interpreter, so a server that accepts and never answers would freeze the whole session. A process can be ended.

Arguments: address, muxer, muxer options as JSON. Standard input: NUT with one H.264 track. Standard output: the line
`open` when the other end has been reached; else nothing. Standard error: why it failed, one line. Exit code 1 then.
"""

from __future__ import annotations

import faulthandler
import json
import os
import signal
import sys
from typing import TextIO

import av

from stylefader.realtime.sources.open_container import reason

# How long connecting and, after the last packet, the goodbye may take, in seconds: longer than the session waits, for
# where the session has gone.
_CONNECT_S = 20.0
_GOODBYE_S = 5.0


def send(address: str, muxer: str, options: dict[str, str], told: TextIO) -> None:
    """Carry packets from standard input to `address` until the input ends. Raises what FFmpeg raises."""
    # Without probing, the first packet is enough for FFmpeg to know the stream.
    probing = {"analyzeduration": "0", "probesize": "32"}
    with av.open("pipe:0", "r", format="nut", options=probing) as incoming:
        stream = incoming.streams.video[0]
        with av.open(address, "w", format=muxer, container_options=options) as outgoing:
            target = outgoing.add_stream_from_template(stream, opaque=True)
            _end_after(_CONNECT_S)
            outgoing.start_encoding()
            faulthandler.cancel_dump_traceback_later()
            told.write("open\n")
            told.flush()
            for packet in incoming.demux(stream):
                if packet.size:
                    packet.dts = packet.pts  # NUT leaves it out where they are the same
                    packet.stream = target
                    outgoing.mux(packet)
            _end_after(_GOODBYE_S)


def _end_after(seconds: float) -> None:
    """End this process then; by a thread of C, since the interpreter stands still while FFmpeg waits."""
    faulthandler.dump_traceback_later(seconds, exit=True, file=open(os.devnull, "w"))  # noqa: SIM115


def main() -> int:
    """Send what comes on standard input to the address in the arguments; gives the exit code."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the session, which then ends this one's input
    address, muxer, options = sys.argv[1:4]
    try:
        send(address, muxer, json.loads(options), sys.stdout)
    except (av.FFmpegError, OSError, ValueError) as error:
        print(reason(error), file=sys.stderr, flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
