"""``python -m tools.evaluation [SEEDS]``: run everything; write ``docs/evaluation-results.md`` and its picture."""

from __future__ import annotations

import sys
from pathlib import Path

from tools.evaluation.cells import cells, run_all
from tools.evaluation.page import page
from tools.evaluation.picture import picture

DOCS = Path(__file__).resolve().parent.parent.parent / "docs"


def main(arguments: list[str]) -> int:
    seeds = int(arguments[0]) if arguments else 5
    todo = cells(seeds)
    print(f"{len(todo)} runs", file=sys.stderr, flush=True)
    rows = run_all(todo)
    (DOCS / "evaluation-results.md").write_text(page(rows, seeds))
    (DOCS / "images/frontier.svg").write_text(picture(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
