"""``python -m tools.audit``: known holes in what is locked, by pip-audit; without the network it says so and goes on.

Exit code 1 where a hole is known; 2, only with ``STRICT`` set, where nobody could be asked.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ("requirements/run.txt", "requirements/dev.txt")
PATIENCE_S = "15"
CALM_S = 180


def judged(lock: str, out: str, err: str, *, strict: bool) -> tuple[int, str]:
    """(exit code, what to say) of one answer of pip-audit: its JSON, or none where it could not ask. Pure."""
    try:
        packages = json.loads(out)["dependencies"]
    except (ValueError, KeyError, TypeError):
        reason = (err.strip().splitlines() or ["no answer"])[-1][:200]
        return (2 if strict else 0), f"{lock}: the advisories could not be asked, nothing was checked ({reason})"
    holes = [
        f"{p['name']} {p['version']}: {v['id']} (mended in {', '.join(v['fix_versions']) or 'no version yet'})"
        for p in packages
        for v in p.get("vulns", ())
    ]
    if not holes:
        return 0, f"{lock}: no known holes in {len(packages)} packages"
    return 1, "\n".join((f"{lock}: {len(holes)} known holes", *(f"  {hole}" for hole in holes)))


def asked(lock: str) -> tuple[str, str]:
    """What pip-audit says of one lock file: its output and its errors."""
    command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--require-hashes", "-r", lock]
    options = ["--format", "json", "--progress-spinner", "off", "--timeout", PATIENCE_S]
    try:
        done = subprocess.run(
            [*command, *options], cwd=ROOT, capture_output=True, text=True, check=False, timeout=CALM_S
        )
    except subprocess.TimeoutExpired:
        return "", "no answer in time"
    return done.stdout, done.stderr


def main() -> int:
    worst = 0
    for lock in LOCKS:
        out, err = asked(lock)
        code, text = judged(lock, out, err, strict=bool(os.environ.get("STRICT")))
        print(text)
        worst = max(worst, code)
    return worst


if __name__ == "__main__":
    sys.exit(main())
