"""Static files as they go over the wire: read, tagged and packed once, and which modules a page needs.

Addresses are ``/static/<name>``, asked for anew each time by their tag, and ``/static/v-<digest of all>/<name>``,
which a browser keeps for good: another installation has another digest, so nothing old is ever mixed with new.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
import posixpath
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from flask import Flask, Response, request

from dashboard.packing import SMALL, takes_gzip
from model.errors import NotThere

VERSION: Final = re.compile(r"v-[0-9a-f]{12}/")
IMPORT: Final = re.compile(r"""^(?:import|export)\s[^;]*?from\s+'(\.[^']+)'|^import\s+'(\.[^']+)'""", re.MULTILINE)
FOR_GOOD: Final = "public, max-age=31536000, immutable"
BEST: Final = 9
"""A file is packed once and sent many times."""


@dataclass(frozen=True, slots=True)
class File:
    """``tag``: of the plain bytes, weak, for packed and plain alike."""

    body: bytes
    kind: str
    tag: str


class StaticFiles:
    """All files of one folder in memory; the packed form of each is made when it is first asked for. Thread-safe."""

    def __init__(self, folder: Path) -> None:
        self._files: dict[str, File] = {}
        whole = hashlib.blake2b(digest_size=6)
        for path in sorted(folder.rglob("*")):
            if not path.is_file():
                continue
            name, body = path.relative_to(folder).as_posix(), path.read_bytes()
            tag = hashlib.blake2b(body, digest_size=12).hexdigest()
            kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
            self._files[name] = File(body, kind, tag)
            whole.update(f"{name} {tag}\n".encode())
        self.version = f"v-{whole.hexdigest()}"
        self._packed: dict[str, bytes | None] = {}
        self._lock = threading.Lock()

    def file(self, name: str) -> File:
        """Raises NotThere."""
        try:
            return self._files[name]
        except KeyError:
            raise NotThere(f"there is no file {name[:80]!r}") from None

    def packed(self, name: str) -> bytes | None:
        """gzip; None where that is no gain. Raises NotThere."""
        with self._lock:
            if name not in self._packed:
                body = self.file(name).body
                small = gzip.compress(body, BEST, mtime=0) if len(body) >= SMALL else body
                self._packed[name] = small if len(small) < len(body) else None
            return self._packed[name]

    def modules(self, name: str) -> tuple[str, ...]:
        """The module ``name`` and all that it imports, itself first; empty where there is none."""
        texts = {key: file.body.decode() for key, file in self._files.items() if key.endswith(".js")}
        return modules_of(name, texts)


def modules_of(name: str, texts: Mapping[str, str]) -> tuple[str, ...]:
    """What is imported from ``name`` on by static imports, nearest first. Pure."""
    if name not in texts:
        return ()
    found = [name]
    for module in found:
        for match in IMPORT.finditer(texts[module]):
            target = posixpath.normpath(posixpath.join(posixpath.dirname(module), match[1] or match[2]))
            if target in texts and target not in found:
                found.append(target)
    return tuple(found)


def add_files(app: Flask, files: StaticFiles) -> None:
    """The route of the files, under the endpoint ``static``."""

    def serve(name: str) -> Response:
        versioned = VERSION.match(name)
        name = name[versioned.end() :] if versioned else name
        file = files.file(name)
        body, headers = file.body, {"Vary": "Accept-Encoding"}
        if takes_gzip(request) and (small := files.packed(name)) is not None:
            body, headers["Content-Encoding"] = small, "gzip"
        response = Response(body, mimetype=file.kind, headers=headers)
        response.set_etag(file.tag, weak=True)
        current = versioned is not None and versioned[0] == f"{files.version}/"
        response.headers["Cache-Control"] = FOR_GOOD if current else "no-cache"
        response.make_conditional(request)
        return response

    app.add_url_rule("/static/<path:name>", endpoint="static", view_func=serve, methods=["GET"])
