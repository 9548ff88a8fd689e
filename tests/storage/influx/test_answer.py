"""What answers of the generations mean, in their own words."""

from __future__ import annotations

import json

import pytest

from storage.influx.answer import Verdict, judge, reason, refused_count, refused_lines, retry_after_s

PARTIAL_V1 = (
    '{"error":"partial write: field type conflict: input field \\"pids\\" on measurement \\"container\\" is type '
    'integer, already exists as type float dropped=3"}\n'
)
UNPARSABLE_V1 = '{"error":"partial write: unable to parse \'a,b=c d=x 1\': invalid boolean dropped=0"}\n'


@pytest.mark.parametrize(
    ("status", "text", "verdict"),
    [
        (204, "", Verdict.STORED),
        (200, "", Verdict.STORED),
        (400, PARTIAL_V1, Verdict.PARTLY),
        (400, UNPARSABLE_V1, Verdict.PARTLY),
        (400, '{"error":"partial write: points beyond retention policy dropped=7"}', Verdict.PARTLY),
        (400, '{"error":"unable to parse \'x\': missing fields"}', Verdict.MALFORMED),
        (400, '{"code":"invalid","message":"unable to parse \'x y\': invalid field format"}', Verdict.MALFORMED),
        (400, '{"error":"parsing failed for write_lp endpoint","data":{"line_number":2}}', Verdict.MALFORMED),
        (400, '{"code":"invalid","message":"Please provide either orgID or org"}', Verdict.DOUBTFUL),
        (400, '{"error":"database not found: \\"x\\""}', Verdict.MISSING),
        (401, "", Verdict.FORBIDDEN),
        (403, '{"code":"forbidden","message":"insufficient permissions"}', Verdict.FORBIDDEN),
        (404, '{"error":"database not found: \\"cm\\""}', Verdict.MISSING),
        (404, '{"code":"not found","message":"bucket \\"b\\" not found"}', Verdict.MISSING),
        (404, '{"code":"not found","message":"no dbrp mapping found"}', Verdict.MISSING),
        (404, "404 page not found", Verdict.ELSEWHERE),
        (405, "", Verdict.ELSEWHERE),
        (301, "moved", Verdict.ELSEWHERE),
        (413, '{"error":"Request Entity Too Large"}', Verdict.TOO_LARGE),
        (422, '{"code":"unprocessable entity","message":"failure writing points"}', Verdict.PARTLY),
        (429, "", Verdict.BUSY),
        (500, '{"code":"internal error","message":"unexpected EOF"}', Verdict.DOUBTFUL),
        (502, "<html>Bad Gateway</html>", Verdict.BUSY),
        (503, "", Verdict.BUSY),
        (504, "", Verdict.BUSY),
        (501, "", Verdict.ELSEWHERE),
    ],
)
def test_verdicts(status: int, text: str, verdict: Verdict) -> None:
    assert judge(status, text, whole_or_nothing=False) is verdict


@pytest.mark.parametrize("status", [400, 422])
def test_a_server_that_stores_all_or_nothing_partly_stores_nothing(status: int) -> None:
    text = '{"error":"partial write of line protocol occurred"}'
    assert judge(status, text, whole_or_nothing=True) is Verdict.MALFORMED


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('{"error":"a\\n  b"}', "a b"),
        ('{"code":"x","message":"m"}', "m"),
        ("<html><h1>502 Bad Gateway</h1></html>", "502 Bad Gateway"),
        ("[1]", "[1]"),
        ("", ""),
    ],
)
def test_the_reason_is_one_line(text: str, line: str) -> None:
    assert reason(text) == line


def test_a_server_that_echoes_everything_is_cut() -> None:
    assert len(reason(json.dumps({"message": "x" * 70_000}))) <= 301


def test_refused_lines_are_counted_and_found() -> None:
    assert refused_count(PARTIAL_V1) == 3
    assert refused_count(UNPARSABLE_V1) == 1
    assert refused_count("") == 1
    assert refused_lines(UNPARSABLE_V1, [b"a x=1 1", b"a,b=c d=x 1"]) == [b"a,b=c d=x 1"]
    assert refused_lines(PARTIAL_V1, [b"a x=1 1"]) == []
    assert refused_lines("not json", [b"a x=1 1"]) == []


@pytest.mark.parametrize(("header", "seconds"), [("2", 2.0), (None, None), ("", None), ("-1", 0.0), ("Tue, 24", None)])
def test_retry_after(header: str | None, seconds: float | None) -> None:
    assert retry_after_s(header) == seconds
