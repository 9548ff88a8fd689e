"""``python -m tools.evaluation [SEEDS] [--minutes N] [--workers N] [--guest RUNS]``: run what is not kept yet; write
``docs/evaluation-results.md`` and its picture from the seeds that are whole."""

from __future__ import annotations

import argparse
import os
import sys

from tools.evaluation import airbag
from tools.evaluation.cells import ROOT, cells, run_all
from tools.evaluation.page import page
from tools.evaluation.picture import picture

DOCS = ROOT / "docs"
KEPT = ROOT / "build/evaluation.jsonl"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.evaluation", description=__doc__)
    parser.add_argument("seeds", nargs="?", type=int, default=5)
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin no run after so long")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--guest", type=int, default=0, metavar="RUNS", help="outgrow the tick in the guest so often")
    args = parser.parse_args(arguments)
    for driver in airbag.DRIVERS if args.guest > 0 else ():
        airbag.run(driver, args.guest)
    todo = cells(args.seeds)
    rows = run_all(todo, KEPT, args.minutes, args.workers)
    whole = max((n for n in range(args.seeds + 1) if all(cell in rows for cell in cells(n))), default=0)
    print(f"{len(rows)} of {len(todo)} runs, {whole} whole seeds", file=sys.stderr, flush=True)
    if whole == 0:
        return 1
    shown, grown = {cell: rows[cell] for cell in cells(whole)}, airbag.table(airbag.kept())
    (DOCS / "evaluation-results.md").write_text(page(shown, whole, grown))
    (DOCS / "images/frontier.svg").write_text(picture(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
