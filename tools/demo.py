"""``make demo``: wharfinger beside workloads that are throttled, grow, leak, make noise and idle; Ctrl-C ends all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType

from tools.workloads import WORKLOADS, EmptyStage, choose_stage

ROOT = Path(__file__).resolve().parent.parent


def main(arguments: list[str]) -> int:
    """Run until Ctrl-C or SIGTERM; what was started is stopped whatever happens."""
    data = ROOT / "build/demo"
    environ = {
        **os.environ,
        "WHARFINGER_AGENT__DATA_DIR": str(data),
        "WHARFINGER_AGENT__RUN_DIR": f"/tmp/wharfinger-demo-{os.getuid()}",
    }
    stage = choose_stage()
    wharfinger: subprocess.Popen[bytes] | None = None

    def end(_number: int, _frame: FrameType | None) -> None:
        if wharfinger and wharfinger.poll() is None:
            wharfinger.terminate()

    try:
        stage.start()
        if not isinstance(stage, EmptyStage):
            print(f"demo workloads: {', '.join(w.name for w in WORKLOADS)}; history in {data}", flush=True)
        argv = [sys.executable, "-m", "cli.main", "run", *arguments]
        wharfinger = subprocess.Popen(argv, env=environ, cwd=ROOT, start_new_session=True)
        signal.signal(signal.SIGINT, end)
        signal.signal(signal.SIGTERM, end)
        return wharfinger.wait()
    finally:
        stage.stop()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
