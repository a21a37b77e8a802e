"""A worker that sends messages and ends as its order says; Python takes a while to end, as under load."""

from __future__ import annotations

import json
import os
import signal
import sys
import time

from stylefader.engines.subprocesses import messages_to_the_session, unwind_at_sigterm


class Slow:
    """Ends late: when Python has taken its handlers of signals back."""

    def __del__(self) -> None:
        time.sleep(0.3)


slow = Slow()


def main(how: str) -> None:
    """Begin, and end as `how` says."""
    unwind_at_sigterm()
    pipe = os.dup(1)
    tell = messages_to_the_session()
    print("a library speaks", flush=True)
    try:
        tell(stage="begun")
        if how == "answers":
            tell(done="well", came="late")
        elif how == "fails":
            raise ValueError("no such thing")
        elif how == "is cut off":
            os.write(pipe, b'{"done": "hal')
            os.kill(os.getpid(), signal.SIGKILL)
        elif how == "is asked":
            time.sleep(60)
    finally:
        if how == "is asked":
            tell(stage="unwinding")
            time.sleep(0.1)
            tell(stage="unwound")
        os.close(pipe)


if __name__ == "__main__":
    main(json.loads(sys.argv[1])["how"])
