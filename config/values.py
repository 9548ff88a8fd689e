"""Values with a form of their own: durations, sizes, addresses, URLs. Pure."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from model.errors import Malformed

_DURATION_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_DURATION_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w)")
_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?", re.IGNORECASE)
_SIZE_UNITS: Final = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


def parse_duration(text: str) -> float:
    """Seconds of ``500ms``, ``30s``, ``5m``, ``1h30m``, ``2d``; a bare ``0`` is zero. Raises Malformed.

    A bare number other than 0 is refused: nobody can tell which unit was meant.
    """
    text = text.strip()
    if text == "0":
        return 0.0
    parts = _DURATION_PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise Malformed(f"{shown(text)} is no duration: write 30s, 5m, 1h30m or 2d")
    return sum(float(number) * _DURATION_UNITS[unit] for number, unit in parts)


def parse_size(text: str) -> int:
    """Bytes of ``512m``, ``2g``, ``64k``, ``1.5g``, ``1024``: powers of 1024, like Docker. Raises Malformed."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise Malformed(f"{shown(text)} is no size: write 512m, 2g or a number of bytes")
    return int(float(match[1]) * 1024.0 ** _SIZE_UNITS[match[2].lower()])


def parse_listen(text: str) -> tuple[str, int]:
    """Host and port of ``127.0.0.1:9321``, ``[::1]:9321``, ``0.0.0.0:0`` (port 0: any free one). Raises Malformed."""
    host, colon, port = text.strip().rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not colon or not bare or (":" in bare and bare == host) or not (port.isascii() and port.isdigit()):
        raise Malformed(f"{shown(text)} is no address: write 127.0.0.1:9321 or [::1]:9321")
    if int(port) > 65535:
        raise Malformed(f"port {shown(port)} is too large: ports end at 65535")
    return bare, int(port)


def url_fault(text: str, schemes: tuple[str, ...] = ("http", "https")) -> str | None:
    """What is wrong with a URL, without repeating it (it may hold a secret); None: nothing."""
    form = f"must be a URL such as {schemes[0]}://host:port"
    if any(c.isspace() or not c.isprintable() for c in text):
        return f"{form}, without spaces"
    try:
        parts = urlsplit(text)
        port_is_wrong = parts.port is not None and not 0 < parts.port <= 65535
    except ValueError:
        return form
    if parts.scheme not in schemes or not parts.hostname or port_is_wrong:
        return form
    return None


def redacted_url(text: str) -> str:
    """Scheme and host alone: people keep tokens in the user part, the path and the query."""
    scheme, separator, rest = text.partition("://")
    if not separator:
        return "***" if text else ""
    host = re.split(r"[/?#]", rest, maxsplit=1)[0]
    plain = f"{scheme}://{host.rpartition('@')[2]}"
    return plain if rest in (host, f"{host}/") and "@" not in host else f"{plain}/…"


def shown(text: str, most: int = 40) -> str:
    """A foreign text for an error: quoted, control characters escaped, cut."""
    return repr(text if len(text) <= most else text[: most - 1] + "…")
