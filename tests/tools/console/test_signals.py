"""Ctrl-C and SIGTERM end a program at every stage, also where its main thread is in a library that never comes back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from tests.paths import ROOT

WAIT_S = 60
STUCK = """
import ctypes
def stuck():  # a mutex that this thread has already: no signal ends that wait, and Python's lock is let go
    c, mutex = ctypes.CDLL(None), ctypes.create_string_buffer(256)
    c.pthread_mutex_lock(mutex)
    try:
        print("there", flush=True)
        c.pthread_mutex_lock(mutex)
    except BaseException:  # the signal was quicker
        c.pthread_mutex_lock(mutex)
"""
BEGIN = """import os, sys, time, threading
from stylefader.tools.console import signals
def clean():
    os.write(1, b"clean\\n")  # a handler must not print: it may come in the middle of another print
signals.begin()
"""
SOON = "signals.UNWIND_S = signals.ASK_S = 0.5\n"
HEARD = """
import signal
def hear():  # what comes, as it is handed on to the handler that is there
    heard, handler = [], signal.getsignal(signal.SIGTERM)
    signal.signal(signal.SIGTERM, lambda number, frame: (heard.append(number), handler(number, frame)))
    return heard
"""
WAITING = "print('there', flush=True)\nwhile True: time.sleep(0.01)\n"


def ended(code: str, *numbers: int, tmp_path: Path) -> tuple[int, str]:
    """Exit code and output of a program that gets a signal each time that it says `there`."""
    run = subprocess.Popen(
        [sys.executable, "-c", code], cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip

    def kill() -> None:
        with suppress(ProcessLookupError):
            os.killpg(run.pid, signal.SIGKILL)  # with what it forked, which has the pipe as well

    limit = threading.Timer(WAIT_S, kill)
    limit.start()
    said = []
    try:
        assert run.stdout is not None
        left = list(numbers)
        for line in run.stdout:
            said.append(line)
            if line == "there\n" and left:
                run.send_signal(left.pop(0))
        return run.wait(WAIT_S), "".join(said)
    finally:
        limit.cancel()
        kill()
        run.wait(WAIT_S)
        assert run.stdout is not None
        run.stdout.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_at_once_after_a_clean_up(tmp_path: Path, number: int) -> None:
    code = BEGIN + "signals.end_at_once(clean)\n" + WAITING
    assert ended(code, number, tmp_path=tmp_path) == (128 + number, "there\nclean\n")


@pytest.mark.skipif(sys.platform == "win32", reason="a mutex of POSIX")
@pytest.mark.parametrize("stage", ["end_at_once(clean)", "unwind(clean)", "ask(lambda number: None, clean)"])
def test_a_main_thread_that_never_comes_back_is_ended_at_every_stage(tmp_path: Path, stage: str) -> None:
    code = f"{BEGIN}{SOON}{STUCK}\nsignals.{stage}\nstuck()"
    assert ended(code, signal.SIGTERM, tmp_path=tmp_path) == (143, "there\nclean\n")


@pytest.mark.skipif(sys.platform == "win32", reason="a mutex of POSIX")
def test_a_clean_up_that_hangs_is_left(tmp_path: Path) -> None:
    code = f"{BEGIN}{STUCK}\nsignals._CLEAN_UP_S = 0.2\nsignals.end_at_once(lambda: time.sleep(1000))\nstuck()"
    assert ended(code, signal.SIGTERM, tmp_path=tmp_path)[0] == 143


def test_unwinding_happens_once_and_puts_everything_in_order(tmp_path: Path) -> None:
    code = BEGIN + HEARD + "signals.unwind()\nheard = hear()\ntry:\n print('there', flush=True)\n" \
        " while True: time.sleep(0.01)\nfinally:\n print('there', flush=True)\n" \
        " while len(heard) < 2: time.sleep(0.01)\n print('in order', flush=True)\n"  # fmt: skip
    code, said = ended(code, signal.SIGTERM, signal.SIGTERM, tmp_path=tmp_path)
    assert (code, said) == (143, "there\nthere\nin order\n")


def test_unwinding_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    code = f"{BEGIN}{SOON}signals.unwind()\ntry:\n print('there', flush=True)\n while True: time.sleep(0.01)\n" \
        "finally:\n threading.Event().wait()\n"  # fmt: skip
    assert ended(code, signal.SIGINT, tmp_path=tmp_path) == (130, "there\n")


def test_who_is_asked_ends_in_its_own_way(tmp_path: Path) -> None:
    code = BEGIN + "came = []\nsignals.ask(came.append)\nprint('there', flush=True)\n" \
        "while not came: time.sleep(0.01)\nprint(came); sys.exit(7)\n"  # fmt: skip
    assert ended(code, signal.SIGTERM, tmp_path=tmp_path) == (7, "there\n[15]\n")


def test_the_second_signal_ends_at_once(tmp_path: Path) -> None:
    code = BEGIN + "came = []\nsignals.ask(came.append, clean)\n" \
        "print('there', flush=True)\nwhile not came: time.sleep(0.01)\nprint('there', flush=True)\n" \
        "while True: time.sleep(0.01)\n"  # fmt: skip
    assert ended(code, signal.SIGINT, signal.SIGTERM, tmp_path=tmp_path) == (143, "there\nthere\nclean\n")


def test_who_is_asked_and_never_ends_is_ended(tmp_path: Path) -> None:
    code = BEGIN + SOON + "signals.ask(lambda number: None)\nprint('there', flush=True)\nthreading.Event().wait()"
    assert ended(code, signal.SIGTERM, tmp_path=tmp_path) == (143, "there\n")


def test_inside_of_asking_there_is_no_limit_and_the_second_one_unwinds(tmp_path: Path) -> None:
    code = BEGIN + SOON + "came = []\nsignals.unwind()\ntry:\n with signals.asking(came.append):\n" \
        "  print('there', flush=True)\n  while not came: time.sleep(0.01)\n" \
        "  time.sleep(1)\n  signals._watch.limits_s = (signals._watch.limits_s[0], 60)\n" \
        "  print('there', flush=True)\n  while True: time.sleep(0.01)\n" \
        "except KeyboardInterrupt: print('unwound')\n"  # fmt: skip
    assert ended(code, signal.SIGINT, signal.SIGINT, tmp_path=tmp_path) == (0, "there\nthere\nunwound\n")


@pytest.mark.skipif(not hasattr(signal, "SIGCHLD"), reason="there is no fork")
def test_signals_of_a_forked_child_are_its_own(tmp_path: Path) -> None:
    code = BEGIN + "signals.AT_ONCE_S = 0.3\nsignals.end_at_once()\n" \
        "import signal\nchild = os.fork()\nif not child: time.sleep(1000)\n" \
        "os.kill(child, signal.SIGTERM)\n" \
        "print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\ntime.sleep(0.8)\nprint('on')\n"  # fmt: skip
    assert ended(code, tmp_path=tmp_path) == (0, "-15\non\n")


def test_a_hangup_that_is_ignored_stays_ignored(tmp_path: Path) -> None:
    code = "import os, signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n" + BEGIN + \
        "signals.unwind()\nos.kill(os.getpid(), signal.SIGHUP)\ntime.sleep(0.1)\nprint('on')\n"  # fmt: skip
    assert ended(code, tmp_path=tmp_path) == (0, "on\n")


def test_an_end_that_hangs_is_left(tmp_path: Path) -> None:
    """What libraries registered for the end may wait for ever, and so may threads that are no daemons."""
    code = "import atexit, threading\nfrom stylefader.tools import program\nprogram._END_S = 0.3\n" \
        "threading.Thread(target=threading.Event().wait).start()\natexit.register(threading.Event().wait)\n" \
        "program.leave(5)\n"  # fmt: skip
    assert ended(code, tmp_path=tmp_path) == (5, "")
