"""How we log: one line a message on standard error, with hostile text made harmless."""

from __future__ import annotations

import logging
import sys

LEVELS = ("debug", "info", "warning", "error")


class OneLine(logging.Formatter):
    """Escapes control characters, so that a container's name can neither forge a line nor drive a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        if record.exc_info:
            return text  # a traceback is ours, and needs its lines
        return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def set_up(level: str, process: str) -> None:
    """Send everything of ``level`` and above to standard error, marked with the process's name."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneLine(f"%(asctime)s {process} %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S%z"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for chatty in ("urllib3", "docker", "waitress", "werkzeug"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
