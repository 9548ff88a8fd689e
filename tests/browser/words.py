"""Every English template that the pages use, read from their sources."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2] / "dashboard"
STRING = r"'((?:[^'\\]|\\.)*)'"
CALL = re.compile(r"(?<![\w.])t\(" + STRING)
CHOICE = re.compile(r"(?<![\w.])t\((?:[^()']|\([^()]*\))*?\?\s*" + STRING + r"\s*:\s*" + STRING)
COUNTED = re.compile(r"\btn\((?:[^,()]|\((?:[^()]|\([^()]*\))*\))+,\s*" + STRING + r",\s*" + STRING)
STATIC = re.compile(r'data-t(?:-label)?="([^"{]+)"')
TABS = re.compile(r'\{\{ tab\("[^"]*", "[^"]*", "[^"]*", "([^"]*)"')
TABLES = {
    "overview/columns.js": r"(?:label|spoken): " + STRING,
    "overview.js": r"(?:\w+: \["
    + STRING
    + r", c =>)|(?:\['\w+', "
    + STRING
    + r"\])|(?:(?:group|service|host|none): "
    + STRING
    + ")",
    "board/board.js": r"(?:(?:cpu|memory|pressure|network|disk|operations|faults|pids): '([A-Z][^']*)')",
    "board/controls.js": r"(?:\[\d+, " + STRING + r"\])|(?:\['', '(nothing)'\])",
    "board/trace.js": r"(?:file|high|received|sent|written|'I/O'|'processes and threads'): " + STRING,
    "board/lane.js": r"(?:undo|revert|manual): " + STRING,
    "lib/findings.js": r"\w+: '([A-Z][\w ]+)'",
    "lib/changes.js": r"(?:\['\w+', '([A-Z]\w*(?: \w+)?)', v =>)|(?:\w+_ratio: "
    + STRING
    + r")|(?:\w+: \['\w+', '([a-z ]+)'\])",
    "alerts/receivers.js": r"\w+: \['\w+', " + STRING + r"\]",
    "alerts/words.js": r"'[<>=!]+': " + STRING,
    "container/rail.js": r"(?:config|label|api|default): " + STRING,
    "container/policy.js": r"(?:(?:latency|balanced|dense|off|observe|auto): "
    + STRING
    + r")|(?:\['\w+', '([A-Z][^']*)', )",
    "container/form.js": r"\[\d+, " + STRING + r"\]",
    "limits.js": r"\['\w+', '([a-z ]+)'\]",
    "container.js": r"\['([A-Z]\w*(?: \w+)?)', ",
    "host.js": r"(?:\['([A-Z]\w*)', )|(?:name: '(used|total|cores)')",
    "host/cost.js": r"(?:agent|web|supervisor): " + STRING,
    "host/users.js": r"(?:cpu|memory): \['([A-Z]\w*)', ",
    "settings/daemon.js": r"\['\w+', '([A-Z0-9][^']*)'\]",
    "service.js": r"\['([A-Z]\w*)', ",
}  # fmt: skip
DYNAMIC = (
    *(
        "live",
        "remote",
        "away",
        "critical",
        "warning",
        "info",
        "firing",
        "resolved",
        "pending",
        "viewer",
        "operator",
        "admin",
        "off",
        "observe",
    ),
    *("auto", "latency", "balanced", "dense", "running", "paused", "restarting", "exited", "removed", "gone"),
    *("created", "healthy", "unhealthy", "starting", "ok", "degraded", "down", "cpu", "mem", "memory", "io"),
    *(
        "used",
        "held back",
        "Not running",
        "nothing sent yet",
        "limit",
        "anonymous",
        "kernel",
        "working set",
        "read",
        "read from disk",
        "read again",
        "applied",
        "failed",
    ),
)
"""Words of fixed sets that come from the server: severities, roles, modes, states, trace names."""


def flat(text: str) -> str:
    """A source as if its calls and lists stood on one line each, without trailing commas; comments go."""
    text = re.sub(r"^\s*(?://.*|/?\*.*)$", "", text, flags=re.M)
    text = re.sub(r"\s*\n\s*", " ", text)
    return re.sub(r",? ([)\]])", r"\1", re.sub(r"([(\[]) ", r"\1", text))


def templates() -> set[str]:
    """Keys of the dictionary that must be there."""
    found: set[str] = set(DYNAMIC)
    for path in sorted((ROOT / "static" / "js").rglob("*.js")):
        text = flat(path.read_text())
        place = str(path.relative_to(ROOT / "static" / "js"))
        for pattern in (CALL, CHOICE, COUNTED, *(re.compile(p) for k, p in TABLES.items() if k == place)):
            for match in pattern.findall(text):
                found |= {part for part in ((match,) if isinstance(match, str) else match) if part}
    for path in sorted((ROOT / "templates").glob("*.html")):
        text = path.read_text()
        found |= set(STATIC.findall(text)) | set(TABS.findall(text))
    return {key.replace("\\'", "'") for key in found if key not in ("by {x}", "en", "ko")}
