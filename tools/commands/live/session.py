"""One run of `stylefader live`: a session from its options, with the terminal's line, words and signals.

Until the sinks are open a signal ends the process at once; from then on it sets a flag, which the loop sees within
one round, and the second one ends it at once.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from stylefader.tools.commands.live.options import config_of
from stylefader.tools.console.logs import log_to
from stylefader.tools.console.signals import ask
from stylefader.tools.console.status_line import StatusLine
from stylefader.tools.console.verbose import reasons

if TYPE_CHECKING:
    from stylefader.realtime.pipeline.events import Event


def run(words: dict[str, Any]) -> None:
    """Play until somebody ends it. words: the options by name. Raises what prevents or ends it."""
    line = StatusLine()
    with log_to(words["log_file"], say=line.say):
        from stylefader.realtime.controls.midi.midi_input import SWITCH_S
        from stylefader.realtime.session.events import EngineTaken
        from stylefader.realtime.session.open_session import open_session
        from stylefader.realtime.session.words import words_of

        def tell(event: Event) -> None:
            line.say(words_of(event))
            if isinstance(event, EngineTaken):
                for reason in reasons(event.account.reasons):
                    line.say(reason)

        # MIDI comes in threads of its own, which else wait 5 ms for the one that draws.
        sys.setswitchinterval(SWITCH_S)
        session = open_session(config_of(words), listener=tell, screen=line)
        ask(lambda number: session.end(), session.restore_terminal)
        with session:
            try:
                session.run()
            finally:
                line.end()
