"""gzip (RFC 1952) where a client takes it: in one piece for small bodies, by several threads for large ones."""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from flask import Request, Response

LEVEL: Final = 1
"""Text of this kind shrinks to a fifth at the first level already; higher ones cost several times as much."""
SMALL: Final = 1400
"""A body that fits one packet gains nothing."""
THREADS: Final = 2
TOGETHER_BYTES: Final = 1 << 20
HEADER: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x04\xff"


def takes_gzip(asked: Request) -> bool:
    """Whether the client asks for gzip; one that says nothing of it gets plain bytes."""
    return asked.accept_encodings.quality("gzip") > 0 and bool(asked.headers.get("Accept-Encoding"))


def packed(pieces: Sequence[bytes]) -> bytes:
    """One gzip member over all pieces. Large ones are deflated side by side, as pigz does: each share ends
    at a byte (Z_SYNC_FLUSH), so that they stand one after the other as one stream. zlib leaves the
    interpreter's lock while it works."""
    size = sum(map(len, pieces))
    if size < TOGETHER_BYTES:
        return gzip.compress(b"".join(pieces), LEVEL, mtime=0)
    shares = shared_out(pieces, size)
    with ThreadPoolExecutor(THREADS) as pool:
        streams = list(pool.map(deflated, shares, [False] * (len(shares) - 1) + [True]))
    check = 0
    for piece in pieces:
        check = zlib.crc32(piece, check)
    return b"".join((HEADER, *streams, struct.pack("<II", check, size & 0xFFFFFFFF)))


def shared_out(pieces: Sequence[bytes], size: int) -> list[Sequence[bytes]]:
    """The pieces in order, in as many shares as there are threads, of about the same size. Pure."""
    shares: list[list[bytes]] = [[]]
    taken = 0
    for piece in pieces:
        if taken >= size * len(shares) / THREADS and len(shares) < THREADS:
            shares.append([])
        shares[-1].append(piece)
        taken += len(piece)
    return list(shares)


def deflated(pieces: Sequence[bytes], last: bool) -> bytes:
    """Raw deflate of the pieces; the last share ends the stream."""
    work = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    out = [work.compress(piece) for piece in pieces]
    return b"".join((*out, work.flush(zlib.Z_FINISH if last else zlib.Z_SYNC_FLUSH)))


def pack(response: Response, asked: Request) -> Response:
    """Compress a finished JSON or text body where that helps; never a stream, a report's download or an error.

    The answer says by ``Vary`` that it depends on what was asked.
    """
    if response.direct_passthrough or response.is_streamed or response.status_code != 200:
        return response
    if response.mimetype not in ("application/json", "text/plain", "text/html"):
        return response
    response.vary.add("Accept-Encoding")
    if "Content-Encoding" in response.headers or not takes_gzip(asked):
        return response
    body = response.get_data()
    if len(body) >= SMALL:
        response.set_data(packed((body,)))
        response.headers["Content-Encoding"] = "gzip"
    return response
