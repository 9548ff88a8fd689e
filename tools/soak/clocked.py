"""``python -m tools.soak.clocked FILE COMMAND``: wharfinger with a clock as many seconds off as the file says."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

import daemon.clock


def step_by(path: Path) -> None:
    """From here on wall time is the machine's and what the file holds; other modules import it only after this."""
    real = daemon.clock.now_ms

    def now_ms() -> int:
        with contextlib.suppress(OSError, ValueError):
            return real() + round(float(path.read_text()) * 1000)
        return real()

    daemon.clock.now_ms = now_ms


if __name__ == "__main__":
    step_by(Path(sys.argv[1]))
    from cli.main import main

    sys.exit(main(sys.argv[2:]))
