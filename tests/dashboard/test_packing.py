"""gzip and tags: what is packed, by whom it can be read, and what is said to those who ask again."""

from __future__ import annotations

import gzip
import zlib

import pytest

from dashboard.packing import TOGETHER_BYTES, packed, shared_out
from tests.dashboard.conftest import Site

LINE = b'container_cpu_usage_seconds_total{id="/docker/0123456789abcdef",cpu="total"} 12.5\n'


@pytest.mark.parametrize("size", [0, 1, 1000, TOGETHER_BYTES - 1, TOGETHER_BYTES, 3 * TOGETHER_BYTES])
@pytest.mark.parametrize("pieces", [1, 2, 5])
def test_packed_bytes_are_one_gzip_member(size: int, pieces: int) -> None:
    body = (LINE * (size // len(LINE) + 1))[:size]
    cut = [body[i * size // pieces : (i + 1) * size // pieces] for i in range(pieces)]
    made = packed(cut)
    assert gzip.decompress(made) == body
    one = zlib.decompressobj(zlib.MAX_WBITS | 16)
    assert one.decompress(made) == body
    assert one.eof
    assert one.unused_data == b"", "browsers and curl read one member alone"


def test_shares_keep_the_order_and_lose_nothing() -> None:
    pieces = [bytes([i]) * (i * 100) for i in range(20)]
    shares = shared_out(pieces, sum(map(len, pieces)))
    assert [piece for share in shares for piece in share] == pieces
    assert len(shares) == 2


def test_a_large_answer_is_packed_for_who_takes_it(site: Site) -> None:
    plain = site.get("/metrics")
    asked = site.get("/metrics", headers={"Accept-Encoding": "gzip, deflate"})
    assert "Content-Encoding" not in plain.headers
    assert asked.headers["Content-Encoding"] == "gzip"
    assert asked.headers["Vary"] == "Accept-Encoding"
    assert gzip.decompress(asked.get_data()) == plain.get_data()
    refused = site.get("/metrics", headers={"Accept-Encoding": "gzip;q=0, identity"})
    assert "Content-Encoding" not in refused.headers


def test_json_is_packed_and_small_json_is_not(site: Site) -> None:
    headers = {"Accept-Encoding": "gzip"}
    series = site.get("/api/v1/series?metrics=cpu_usage_cores&container=api&since=-30m", headers=headers)
    assert series.headers["Content-Encoding"] == "gzip"
    assert b'"t0"' in gzip.decompress(series.get_data())
    assert int(series.headers["Content-Length"]) == len(series.get_data())
    small = site.get("/api/v1/session", headers=headers)
    assert "Content-Encoding" not in small.headers


def test_a_stream_is_never_packed(site: Site) -> None:
    answer = site.get("/api/v1/stream", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in answer.headers
    assert "ETag" not in answer.headers
    answer.close()


def test_who_asks_again_with_the_tag_is_told_that_nothing_changed(site: Site) -> None:
    first = site.get("/api/v1/containers")
    tag = first.headers["ETag"]
    assert tag.startswith('W/"')
    again = site.get("/api/v1/containers", headers={"If-None-Match": tag, "Accept-Encoding": "gzip"})
    assert (again.status_code, again.get_data()) == (304, b"")
    other = site.get("/api/v1/containers?q=api", headers={"If-None-Match": tag})
    assert other.status_code == 200
    assert "ETag" not in site.get("/api/v1/nothing").headers
