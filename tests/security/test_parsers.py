"""Whatever a file, a label or an answer holds: each parser gives a value or its own error, never another one."""

from __future__ import annotations

import logging
import string
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alerts.rulefile import parse as parse_rules
from backtest.trace import parse as parse_trace
from collector import hostparse
from config.load import load
from config.values import parse_duration, parse_listen, parse_size, redacted_url, url_fault
from daemon.log import OneLine
from model.errors import WharfingerError
from storage.influx.answer import judge, reason, refused_count, retry_after_s

TOML = "".join((string.ascii_lowercase[:8], "[]=\"'.#\n{},0123456789-_ "))
TEXT = st.text(max_size=120) | st.text(TOML, max_size=120)
SECTION = st.sampled_from(["agent", "host", "discovery", "store", "web", "alerts", "limits", "fleet", "nope"])
KEY = st.sampled_from(
    ["interval_s", "data_dir", "listen", "rules", "receiver", "mode", "url", "influxdb", "token_file", "x"]
)
VALUE = st.sampled_from(
    ["1", "-1", "1e999", "nan", "true", '""', '"\\u0000"', "[]", "[[1]]", "{}", '{ a = "b" }', '"' + "9" * 400 + '"']
)
TABLES = st.lists(st.tuples(SECTION, KEY, VALUE), max_size=5).map(
    lambda rows: "".join(f"[{section}]\n{key} = {value}\n" for section, key, value in dict.fromkeys(rows))
)
RULE_KEY = st.sampled_from(
    ["name", "metric", "detector", "threshold", "window", "for", "hours", "selector", "severity", "action"]
)
RULES = st.lists(st.tuples(RULE_KEY, VALUE), max_size=6).map(
    lambda rows: "[[rule]]\n" + "".join(f"{key} = {value}\n" for key, value in dict(rows).items())
)
CASUAL = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@contextmanager
def refusing() -> Iterator[None]:
    """What is refused is refused by an error of ours that says something."""
    try:
        yield
    except WharfingerError as error:
        if not str(error):
            raise AssertionError("an error without words") from error


@CASUAL
@given(text=TEXT | TABLES)
def test_a_configuration_loads_or_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text, errors="surrogatepass")
    with refusing():
        load(path, {}, root=True)


@CASUAL
@given(text=TEXT | RULES)
def test_a_rule_file_loads_or_is_refused(text: str) -> None:
    with refusing():
        parse_rules(text, "rules.toml")


@CASUAL
@given(text=st.text(max_size=200) | st.text("t_s,container,cpu_cores,memory_bytes\n0123456789.-e", max_size=200))
def test_a_trace_loads_or_is_refused(text: str) -> None:
    for head in ("", "t_s,container,cpu_cores,memory_bytes\n"):
        with refusing():
            parse_trace(head + text, "trace.csv")


@pytest.mark.parametrize("parse", [parse_duration, parse_size, parse_listen])
@CASUAL
@given(text=st.text(max_size=30) | st.text("0123456789.:smhdwkgti[]-e", max_size=12))
def test_a_value_is_read_or_refused(parse: Callable[[str], object], text: str) -> None:
    with refusing():
        parse(text)


@CASUAL
@given(text=st.text(max_size=80), status=st.integers(100, 599))
def test_any_text_has_an_answer(text: str, status: int) -> None:
    assert isinstance(url_fault(text), str | None)
    assert isinstance(redacted_url(text), str)
    assert judge(status, text, whole_or_nothing=True) is not None
    assert isinstance(reason(text), str)
    assert refused_count(text) >= 0
    wait_s = retry_after_s(text)
    assert wait_s is None or wait_s >= 0


@CASUAL
@given(text=st.text(max_size=200))
def test_files_of_proc_are_read_or_left_out(text: str) -> None:
    for parse in (hostparse.device_names, hostparse.real_mounts, lambda t: hostparse.disk_counters(t, {"vda"})):
        with refusing():
            parse(text)


@CASUAL
@given(text=st.text(max_size=100))
def test_a_log_line_is_one_line_that_drives_no_terminal(text: str) -> None:
    record = logging.LogRecord("x", logging.INFO, "f", 1, "%s", (text,), None)
    assert OneLine("%(message)s").format(record).isprintable()
