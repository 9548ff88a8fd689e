"""Signals become events, safely.

A handler runs in the main thread between any two instructions, so it may interrupt the very wait that it is to end:
setting a ``threading.Event`` there can wait for a lock that its own thread holds, for ever. A handler therefore only
writes to a pipe, and a thread of its own sets the event.
"""

from __future__ import annotations

import os
import signal
import threading


def event_on(*numbers: int) -> threading.Event:
    """An event that is set when one of these signals arrives. Call it in the main thread."""
    event = threading.Event()
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)

    def arrived(_number: int, _frame: object) -> None:
        try:
            os.write(write_end, b"x")
        except BlockingIOError:
            return  # the pipe is full of the same news

    def pass_on() -> None:
        while os.read(read_end, 64):
            event.set()

    for number in numbers:
        signal.signal(number, arrived)
    threading.Thread(target=pass_on, name="signals", daemon=True).start()
    return event
