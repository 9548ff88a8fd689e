"""Durations, sizes, addresses, URLs: good forms, and what is said of bad ones."""

from __future__ import annotations

import pytest

from config.values import parse_duration, parse_listen, parse_size, redacted_url, url_fault
from model.errors import Malformed


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("500ms", 0.5),
        ("30s", 30),
        ("5m", 300),
        ("1h30m", 5400),
        ("2d", 172800),
        ("1w", 604800),
        (" 1.5h ", 5400),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "5", "-5s", "5 s", "s", "1h30", "1y", "nan", "1e3s", "٣s"[1:], "5s\n5"])
def test_no_durations(text: str) -> None:
    with pytest.raises(Malformed, match="is no duration: write 30s"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1024", 1024),
        ("64k", 65536),
        ("512m", 536870912),
        ("512MiB", 536870912),
        ("2g", 2147483648),
        ("1.5G", 1610612736),
        ("1t", 1099511627776),
        ("100b", 100),
    ],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "m", "-1m", "1x", "1mm", "1 2", "inf", "1e9"])
def test_no_sizes(text: str) -> None:
    with pytest.raises(Malformed, match="is no size: write 512m"):
        parse_size(text)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:9321", ("127.0.0.1", 9321)),
        ("[::1]:80", ("::1", 80)),
        ("0.0.0.0:0", ("0.0.0.0", 0)),
        ("host:65535", ("host", 65535)),
    ],
)
def test_addresses(text: str, address: tuple[str, int]) -> None:
    assert parse_listen(text) == address


@pytest.mark.parametrize("text", ["", "9321", ":9321", "::1:80", "[]:80", "a:", "a:b", "a:65536", "a:-1"])
def test_no_addresses(text: str) -> None:
    with pytest.raises(Malformed):
        parse_listen(text)


@pytest.mark.parametrize("text", ["http://a", "https://a.b:8080/c?d=e", "http://[::1]:80"])
def test_urls(text: str) -> None:
    assert url_fault(text) is None


@pytest.mark.parametrize(
    "text", ["", "a", "a:80", "ftp://a", "http://", "http://a:0", "http://a:x", "http://[::1", "http://a b"]
)
def test_no_urls(text: str) -> None:
    fault = url_fault(text)
    assert fault is not None
    assert fault.startswith("must be a URL such as http://host:port")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://hooks.example/T0/B0/token", "https://hooks.example/…"),
        ("http://user:pass@host:8086", "http://host:8086/…"),
        ("http://host:8086/", "http://host:8086"),
        ("http://host?token=x", "http://host/…"),
        ("secretthing", "***"),
        ("", ""),
    ],
)
def test_what_urls_may_hold_is_hidden(text: str, shown: str) -> None:
    assert redacted_url(text) == shown


def test_hostile_text_stays_one_short_line() -> None:
    with pytest.raises(Malformed) as caught:
        parse_size("\x1b[31m\n" * 100)
    assert "\n" not in str(caught.value)
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 120
