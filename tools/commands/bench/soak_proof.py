"""Whether a long session really carried its load: without styles, MIDI, stream and recording nothing was tried."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stylefader.tools.commands.bench.soak_verdicts import Verdict

if TYPE_CHECKING:
    from stylefader.tools.commands.bench.soak_load import Player, Receiver
    from stylefader.tools.commands.bench.soak_session import SoakSession

_LEAST_RATE = 0.9
_LEAST_ALPHAS = 3


def proofs(
    *,
    session: SoakSession,
    asked: Sequence[str],
    came: Sequence[str],
    receiver: Receiver,
    player: Player | None,
    rate: float,
    code: int | None,
    recording: Path,
    full: bool,
) -> list[Verdict]:
    """ended, styles, midi (where it was played), stream and recording.

    came: of the styles asked for those that were seen to play before the next one was asked for; the last may be on
    its way at the end. full: whether the session was observed until its end.
    """
    row: dict[str, Any] = session.row or {}
    found = [
        Verdict(
            name="ended", ok=code == 0 and full,
            words=f"exit code {code}" if full else f"it ended before its time, exit code {code}",
        ),
        Verdict(
            name="styles", ok=bool(asked) and [*asked[: len(came)]] == [*came] and len(asked) - len(came) <= 1,
            words=f"{len(came)} of {len(asked)} styles came that were asked for", first=len(asked), last=len(came),
        ),
    ]  # fmt: skip
    if player is not None:
        sent = player.sent / player.seconds if player.seconds else 0.0
        found.append(
            Verdict(
                name="midi", ok=sent >= _LEAST_RATE * rate and len(session.alphas) >= _LEAST_ALPHAS,
                words=f"{sent:.1f} messages a second were sent; alpha was seen at {len(session.alphas)} places",
                first=rate, last=round(sent, 2),
            )
        )  # fmt: skip
    found.append(
        Verdict(
            name="stream", ok=receiver.packets > 0 and not receiver.bad,
            words=f"{receiver.packets} packets of MPEG-TS came, {receiver.bad} of them damaged",
        )
    )  # fmt: skip
    sinks = row.get("sinks", [])
    written = next((sink["written"] for sink in sinks if sink["name"].startswith("recording")), 0)
    there = packets_in(recording)
    found.append(
        Verdict(
            name="recording", ok=there >= written > 0, first=written, last=there,
            words=f"{there} frames are in the file, {written} were told to be written",
        )
    )  # fmt: skip
    return found


def packets_in(recording: Path) -> int:
    """How many pictures a recording holds; 0 for one that cannot be read."""
    import av

    try:
        with av.open(str(recording)) as container:
            return sum(1 for packet in container.demux(video=0) if packet.size)
    except (av.FFmpegError, OSError):
        return 0
