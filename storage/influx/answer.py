"""What a server's answer to a write means, by status *and* text; the two generations disagree. Pure.

=====================  ======================  ==========================  ==========================
what happened          InfluxDB 1.x            InfluxDB 2.x                InfluxDB 3 Core
=====================  ======================  ==========================  ==========================
one malformed line     400 "partial write",    400, nothing stored         400, nothing stored
                       the rest is stored
one type conflict      400 "partial write",    422, the rest is stored     400, nothing stored
                       the rest is stored
outside retention      400 "partial write"     422, the rest is stored     taken
database missing       404 "database not       404 "bucket … not found"    made by the write
                       found"
cut or broken gzip     400                     500, for ever               400
memory full            500                     500, for a while            503
=====================  ======================  ==========================  ==========================

A timeout says nothing: the write may have been done. Sending again is harmless, the same point is one point.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from enum import Enum
from typing import Final

TEXT_CHARS: Final = 300

_BAD_LINE = re.compile(
    r"unable to parse|partial write|parsing failed|parse error|invalid (line|field|number|tag|boolean|timestamp)"
    r"|field type conflict|missing (fields|tag|measurement)|line protocol|invalid column type|bad timestamp",
    re.IGNORECASE,
)
_MISSING = re.compile(
    r"(database|bucket|organization|org|retention policy).{0,300}not found|not found.{0,40}(database|bucket)"
    r"|no dbrp mapping",
    re.IGNORECASE | re.DOTALL,
)
_DROPPED = re.compile(r"dropped=(\d+)")
_NAMED = re.compile(r"unable to parse '(.*?)': ", re.DOTALL)


class Verdict(Enum):
    """What to do with the lines that were sent."""

    STORED = "stored"
    PARTLY = "partly"
    """Some lines were refused, the rest is stored: do not send again."""
    MALFORMED = "malformed"
    """Nothing was stored because of some line: halve until it stands alone."""
    TOO_LARGE = "too large"
    MISSING = "missing"
    """The database or bucket does not exist: make it, keep the lines."""
    FORBIDDEN = "forbidden"
    BUSY = "busy"
    """Later; the server is overloaded or on its way up."""
    DOUBTFUL = "doubtful"
    """The server's fault or these lines': only what happens to other lines can tell."""
    ELSEWHERE = "elsewhere"
    """This is no InfluxDB, or not at this path: keep the lines, look again at what is there."""


def judge(status: int, text: str, *, whole_or_nothing: bool) -> Verdict:
    """The verdict of an answer. ``whole_or_nothing``: the server stores nothing of a faulty batch (3.x)."""
    if 200 <= status < 300:
        return Verdict.STORED
    if status in (400, 422):
        if not _BAD_LINE.search(text) and status == 400:
            return Verdict.MISSING if _MISSING.search(text) else Verdict.DOUBTFUL
        stored = status == 422 or "partial write" in text
        return Verdict.PARTLY if stored and not whole_or_nothing else Verdict.MALFORMED
    if status == 404 and _MISSING.search(text):
        return Verdict.MISSING
    named = {401: Verdict.FORBIDDEN, 403: Verdict.FORBIDDEN, 413: Verdict.TOO_LARGE, 500: Verdict.DOUBTFUL}
    if status in named:
        return named[status]
    return Verdict.BUSY if status in (408, 425, 429) or status > 501 else Verdict.ELSEWHERE


def reason(text: str) -> str:
    """The server's own words in one short line, out of ``{"error"}``, ``{"message"}`` or plain text."""
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if isinstance(found, dict):
        text = str(found.get("message") or found.get("error") or text)
    line = " ".join(re.sub(r"<[^>]*>", " ", text).split())
    return line if len(line) <= TEXT_CHARS else f"{line[:TEXT_CHARS]}…"


def refused_count(text: str) -> int:
    """How many lines a partial write lost, as far as the server says; at least 1."""
    found = _DROPPED.search(text)
    return max(int(found[1]) if found else 0, len(_NAMED.findall(text)), 1)


def refused_lines(text: str, lines: Iterable[bytes]) -> list[bytes]:
    """Those of ``lines`` that the answer names word for word (``unable to parse '…'``)."""
    try:
        found = json.loads(text)
        text = str(found.get("error") or found.get("message")) if isinstance(found, dict) else text
    except ValueError:
        pass
    named = {name.encode() for name in _NAMED.findall(text)}
    return [line for line in lines if line in named] if named else []


def retry_after_s(header: str | None) -> float | None:
    """Seconds of a ``Retry-After`` header; None where there is none or it is a date."""
    try:
        return max(0.0, float(header)) if header else None
    except ValueError:
        return None
