"""Answers that do not fit the memory: written piece by piece into a file without a name, and sent from there."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterable, Mapping
from tempfile import SpooledTemporaryFile
from typing import IO, Final, cast

from flask import Request, Response
from werkzeug.wsgi import wrap_file

from dashboard.packing import LEVEL, takes_gzip
from model.errors import StoreError

IN_MEMORY_BYTES: Final = 1 << 20


def written(pieces: Iterable[bytes], asked: Request, mimetype: str, headers: Mapping[str, str]) -> Response:
    """The whole body, packed where the client takes that. Raises StoreError where no temporary file can be had."""
    body: IO[bytes] = cast(IO[bytes], SpooledTemporaryFile(IN_MEMORY_BYTES))  # noqa: SIM115 — the response closes it
    done = False
    digest = hashlib.blake2b(digest_size=12)
    more = {"Vary": "Accept-Encoding", **headers}
    try:
        if takes_gzip(asked):
            more["Content-Encoding"] = "gzip"
            with gzip.GzipFile(mode="wb", compresslevel=LEVEL, fileobj=body, mtime=0) as out:
                for piece in pieces:
                    digest.update(piece)
                    out.write(piece)
        else:
            for piece in pieces:
                digest.update(piece)
                body.write(piece)
        size = body.tell()
        body.seek(0)
        done = True
    except OSError as error:
        remedy = "make room in the folder for temporary files, or name another one by TMPDIR"
        raise StoreError(f"the answer cannot be put together ({error.strerror}): {remedy}") from error
    finally:
        if not done:
            body.close()
    if size <= IN_MEMORY_BYTES:
        with body:
            response = Response(body.read(), mimetype=mimetype, headers=more)
    else:
        response = Response(wrap_file(asked.environ, body), mimetype=mimetype, headers=more, direct_passthrough=True)
        response.content_length = size
        response.call_on_close(body.close)
    response.set_etag(digest.hexdigest(), weak=True)
    response.make_conditional(asked)
    return response
