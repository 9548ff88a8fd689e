"""A signal that interrupts the wait which it is to end does end it, at whatever instruction it arrives."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

SCRIPT = """
import os, signal, sys, threading, time
from daemon.signals import event_on

stop = event_on(signal.SIGUSR1)
ready = threading.Event()

def send():
    ready.wait()
    while not stop.is_set():
        os.kill(os.getpid(), signal.SIGUSR1)

threading.Thread(target=send, daemon=True).start()
ready.set()
while not stop.wait(0.000001):
    pass
print("ended")
"""


def test_no_moment_is_a_bad_one_for_a_signal() -> None:
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    for _ in range(5):
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT], env=environ, capture_output=True, text=True, timeout=20, check=False
        )
        assert (done.stdout.strip(), done.returncode) == ("ended", 0), done.stderr
    assert signal.getsignal(signal.SIGUSR1) == signal.SIG_DFL, "only the child took the signal"
