"""The sender against a server with every fault: what can be taken is taken, once, and nothing else is given up."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.schema import InfluxSettings
from storage.influx import sender as sender_module
from storage.influx import server as server_module
from storage.influx.sender import LAST_DOUBT, RETRY_AT_MOST_S, Sender
from storage.influx.spool import DiskSpool
from tests.storage.hosts import START_MS, snapshot
from tests.support.influx_faults import (
    CONFLICT,
    HANG,
    INTERNAL,
    NO_BUCKET,
    NO_ORG,
    NO_PAGE,
    RESET,
    SLOW_DOWN,
    STORED,
    TOO_LARGE,
    UNAUTHORIZED,
    UNAVAILABLE,
    Answer,
    FaultServer,
    malformed_v2,
    malformed_v3,
)


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[DiskSpool]:
    spool = DiskSpool(tmp_path / "spool", 1 << 30)
    yield spool
    spool.close()


@pytest.fixture
def sender(fault_server: FaultServer, spool: DiskSpool) -> Iterator[Sender]:
    sender = Sender(settings(fault_server.url), spool)
    yield sender
    sender.close()


def settings(url: str, **more: object) -> InfluxSettings:
    return InfluxSettings(url=url, token="secret-token", org="home", **more)  # type: ignore[arg-type]


def fill(spool: DiskSpool, seconds: int, first: int = 0) -> int:
    """Ticks of two containers; the number of ``container`` lines in them."""
    for second in range(first, first + seconds):
        values = {"a": {"pids": second}, "b": {"pids": second}}
        spool.append(snapshot(START_MS + second * 1000, values))
    return 2 * seconds


def run(sender: Sender, calls: int = 400) -> float:
    """Call the job until it has nothing to do for the moment; the seconds it wants to wait then."""
    for _ in range(calls):
        pause = sender.job(0)
        if sender.counters()["spool_bytes"] == 0:
            return pause
    return pause


def arrived(server: FaultServer) -> list[str]:
    return [line for line in server.accepted if line.startswith("container,")]


def test_all_is_sent_once(fault_server: FaultServer, spool: DiskSpool, sender: Sender) -> None:
    expected = fill(spool, 100)
    assert run(sender) == 1.0
    assert len(arrived(fault_server)) == len(set(arrived(fault_server))) == expected
    path, parameters, _ = fault_server.requests[0]
    assert path == "/api/v2/write"
    assert parameters == {"org": ["home"], "bucket": ["wharfinger"], "precision": ["ms"]}
    assert fault_server.authorization[0] == "Token secret-token"
    state, detail = sender.state()
    assert state == "ok"
    assert "2.7.12" in detail


def test_batches_are_no_larger_than_set(fault_server: FaultServer, spool: DiskSpool) -> None:
    sender = Sender(settings(fault_server.url, batch_lines=7), spool)
    expected = fill(spool, 50)
    run(sender)
    assert len(set(arrived(fault_server))) == expected
    assert max(lines for _, _, lines in fault_server.requests) <= 7
    sender.close()


def test_lines_wait_for_company_as_long_as_set(fault_server: FaultServer, spool: DiskSpool) -> None:
    sender = Sender(settings(fault_server.url, flush_s=5.0), spool)
    fill(spool, 5)
    assert sender.job(0) == 5.0
    assert len(fault_server.requests) == 1
    assert sender.job(0) == 5.0
    assert len(fault_server.requests) == 1
    sender.close()


@pytest.mark.parametrize(
    ("answer", "state", "word"),
    [
        (UNAUTHORIZED, "degraded", "token"),
        (NO_PAGE, "degraded", "url"),
        (SLOW_DOWN, "down", "slow down"),
        (UNAVAILABLE, "down", "503"),
        (INTERNAL, "down", "cache-max-memory-size"),
        (NO_ORG, "down", "org"),
        (Answer(502, {}), "down", "502"),
        (Answer(kind=RESET), "down", "wait in the spool"),
    ],
    ids=["401", "404", "429", "503", "500", "400-org", "502", "reset"],
)
def test_an_outage_of_any_kind_loses_nothing(
    answer: Answer, state: str, word: str, fault_server: FaultServer, spool: DiskSpool, sender: Sender
) -> None:
    expected = fill(spool, 30)
    fault_server.decide = lambda lines: answer
    pauses = [sender.job(0) for _ in range(12)]
    assert all(0 < pause <= RETRY_AT_MOST_S for pause in pauses)
    assert pauses[-1] >= 8.0
    assert arrived(fault_server) == []
    assert sender.state()[0] == state
    assert word in sender.state()[1]
    fault_server.decide = lambda lines: STORED
    expected += fill(spool, 5, first=30)
    run(sender)
    assert len(set(arrived(fault_server))) == expected
    assert sender.state()[0] == "ok"
    assert sender.counters()["lines_rejected"] == 0


def test_retry_after_is_kept_within_ten_seconds(fault_server: FaultServer, spool: DiskSpool, sender: Sender) -> None:
    fill(spool, 1)
    fault_server.decide = lambda lines: SLOW_DOWN
    assert 1.6 <= sender.job(0) <= 2.0
    fault_server.decide = lambda lines: UNAVAILABLE
    assert 8.0 <= sender.job(0) <= 10.0


def test_a_repeated_fault_is_logged_once(
    fault_server: FaultServer, spool: DiskSpool, sender: Sender, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    fill(spool, 1)
    fault_server.decide = lambda lines: UNAVAILABLE
    for _ in range(5):
        sender.job(0)
    assert len([r for r in caplog.records if r.levelno >= logging.WARNING]) == 1
    assert "secret-token" not in caplog.text


def test_a_server_that_hangs_is_given_up_and_tried_with_less(
    fault_server: FaultServer, spool: DiskSpool, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "WRITE_S", 0.2)
    expected = fill(spool, 300)
    sizes: list[int] = []

    def slow_with_many(lines: list[str]) -> Answer:
        sizes.append(len(lines))
        return STORED if len(lines) <= 100 else Answer(kind=HANG)

    fault_server.decide = slow_with_many
    run(sender)
    assert len(set(arrived(fault_server))) == expected
    assert sizes[0] > 500
    assert sizes[1] < sizes[0]


def test_a_request_that_is_too_large_is_halved(fault_server: FaultServer, spool: DiskSpool, sender: Sender) -> None:
    expected = fill(spool, 200)
    fault_server.decide = lambda lines: TOO_LARGE if len(lines) > 60 else STORED
    run(sender)
    assert len(set(arrived(fault_server))) == expected
    assert sender.counters()["lines_rejected"] == 0
    count = len(fault_server.requests)
    fill(spool, 100, first=200)
    run(sender)
    assert max(lines for _, _, lines in fault_server.requests[count:]) <= 60, "what was learnt is forgotten"


@pytest.mark.parametrize("version", ["v2.7.12", "3.1.0"])
def test_one_bad_line_loses_only_itself(
    version: str, fault_server: FaultServer, spool: DiskSpool, sender: Sender, tmp_path: Path
) -> None:
    fault_server.version = version
    expected = fill(spool, 150)
    bad = {"pids=17 ", "pids=99 "}

    def strict(lines: list[str]) -> Answer:
        for number, line in enumerate(lines, 1):
            if line.startswith("container,container=a,") and any(mark in line for mark in bad):
                return malformed_v3(line, number) if version.startswith("3") else malformed_v2(line)
        return STORED

    fault_server.decide = strict
    run(sender)
    assert len(set(arrived(fault_server))) == expected - 2
    assert sender.counters()["lines_rejected"] == 2
    buried = (tmp_path / "spool" / "dead_letters.lp").read_text()
    assert buried.count("container,container=a,") == 2 * (1 if version.startswith("3") else 2)
    assert sender.state()[0] == "ok", "a refused line is past once others pass"
    assert len(fault_server.requests) < 80


def test_the_rest_of_a_partial_write_is_not_sent_again(
    fault_server: FaultServer, spool: DiskSpool, sender: Sender, tmp_path: Path
) -> None:
    fill(spool, 10)
    fault_server.decide = lambda lines: CONFLICT
    run(sender)
    assert len(fault_server.requests) == 1
    assert sender.counters()["lines_rejected"] == 2
    assert sender.state()[0] == "degraded"
    assert "field type conflict" in (tmp_path / "spool" / "dead_letters.lp").read_text()
    for second in range(10, 30):
        fill(spool, 1, first=second)
        run(sender)
    assert (tmp_path / "spool" / "dead_letters.lp").read_text().count("# ") == 1


def test_a_poisoned_line_is_found_by_what_happens_to_others(
    fault_server: FaultServer, spool: DiskSpool, sender: Sender
) -> None:
    expected = fill(spool, 20)
    fault_server.decide = lambda lines: INTERNAL if any("=a," in x and "pids=7 " in x for x in lines) else STORED
    run(sender)
    assert len(set(arrived(fault_server))) == expected - 1
    assert sender.counters()["lines_rejected"] == 1


def test_the_first_line_poisoned(fault_server: FaultServer, spool: DiskSpool, sender: Sender) -> None:
    expected = fill(spool, 20)
    fault_server.decide = lambda lines: INTERNAL if any(x.startswith("host_info") for x in lines) else STORED
    run(sender)
    assert len(set(arrived(fault_server))) == expected
    assert sender.counters()["lines_rejected"] == 1


def test_long_failure_of_the_server_itself_costs_no_line(
    fault_server: FaultServer, spool: DiskSpool, sender: Sender
) -> None:
    expected = fill(spool, 20)
    fault_server.decide = lambda lines: INTERNAL
    for _ in range(LAST_DOUBT * 5):
        assert sender.job(0) > 0
    assert sender.counters()["lines_rejected"] == 0
    fault_server.decide = lambda lines: STORED
    run(sender)
    assert len(set(arrived(fault_server))) == expected


def test_a_bucket_that_is_missing_is_made(fault_server: FaultServer, spool: DiskSpool, sender: Sender) -> None:
    expected = fill(spool, 3)
    fault_server.decide = lambda lines: STORED if fault_server.made else NO_BUCKET
    run(sender)
    assert fault_server.made == [{"orgID": "id-of-home", "name": "wharfinger", "retentionRules": []}]
    assert len(set(arrived(fault_server))) == expected


def test_a_bucket_that_may_not_be_made_is_one_line_that_says_how(
    fault_server: FaultServer, spool: DiskSpool, sender: Sender
) -> None:
    fill(spool, 3)
    fault_server.may_make_buckets = False
    fault_server.decide = lambda lines: NO_BUCKET
    assert sender.job(0) > 0
    state, detail = sender.state()
    assert state == "degraded"
    assert "influx bucket create -n 'wharfinger'" in detail
    assert "\n" not in detail


def test_a_database_that_never_appears_is_asked_for_at_the_usual_pace(
    fault_server: FaultServer, spool: DiskSpool, sender: Sender
) -> None:
    fill(spool, 1)
    fault_server.decide = lambda lines: NO_BUCKET
    pauses = [sender.job(0) for _ in range(8)]
    assert pauses[-1] >= 8.0


def test_the_only_organisation_is_found(fault_server: FaultServer, spool: DiskSpool) -> None:
    sender = Sender(InfluxSettings(url=fault_server.url, token="t"), spool)
    fill(spool, 1)
    run(sender)
    assert fault_server.requests[0][1]["org"] == ["home"]
    sender.close()


def test_several_organisations_are_a_question(fault_server: FaultServer, spool: DiskSpool) -> None:
    fault_server.organisations = ["home", "work"]
    sender = Sender(InfluxSettings(url=fault_server.url, token="t"), spool)
    fill(spool, 1)
    sender.job(0)
    assert "store.influxdb.org" in sender.state()[1]
    sender.close()


def test_nobody_there(spool: DiskSpool) -> None:
    sender = Sender(settings("http://127.0.0.1:9"), spool)
    fill(spool, 1)
    assert 0 < sender.job(0) <= 0.5
    state, detail = sender.state()
    assert state == "down"
    assert "127.0.0.1:9" in detail
    assert "\n" not in detail
    sender.close()


@pytest.mark.parametrize("token", ["line\nbreak-secret", "\u2603-secret"])
def test_a_token_that_is_no_header_is_not_told(fault_server: FaultServer, spool: DiskSpool, token: str) -> None:
    sender = Sender(InfluxSettings(url=fault_server.url, token=token, org="home"), spool)
    fill(spool, 1)
    assert sender.job(0) > 0
    assert "store.influxdb.token" in sender.state()[1]
    assert "secret" not in sender.state()[1]
    sender.close()


@pytest.mark.parametrize(
    "url", ["influx:8086", "http://", "http://[::1", "ftp://influx", "http://no.such.host.invalid"]
)
def test_a_url_that_leads_nowhere(spool: DiskSpool, url: str) -> None:
    sender = Sender(settings(url), spool)
    fill(spool, 1)
    assert sender.job(0) > 0
    assert sender.state()[0] == "down"
    sender.close()


def test_something_else_there(fault_server: FaultServer, spool: DiskSpool) -> None:
    fault_server.version = "unknown"
    sender = Sender(settings(fault_server.url), spool)
    fill(spool, 1)
    sender.job(0)
    assert "store.influxdb.version" in sender.state()[1]
    sender.close()


def test_a_version_that_is_set_is_not_asked_for(fault_server: FaultServer, spool: DiskSpool) -> None:
    fault_server.version = "unknown"
    sender = Sender(settings(fault_server.url, version="1"), spool)
    fill(spool, 1)
    run(sender)
    path, parameters, _ = fault_server.requests[0]
    assert (path, parameters["db"]) == ("/write", ["wharfinger"])
    sender.close()


def test_user_and_password(fault_server: FaultServer, spool: DiskSpool) -> None:
    sender = Sender(InfluxSettings(url=fault_server.url, token="me:pw", org="home"), spool)
    fill(spool, 1)
    run(sender)
    assert fault_server.authorization[0] == "Basic bWU6cHc="
    sender.close()


def test_half_a_batch_is_sent_again_by_the_next_process(fault_server: FaultServer, tmp_path: Path) -> None:
    spool = DiskSpool(tmp_path, 1 << 30)
    sender = Sender(settings(fault_server.url, batch_lines=5), spool)
    expected = fill(spool, 100)
    answers = iter([STORED, STORED, UNAVAILABLE])
    fault_server.decide = lambda lines: next(answers, UNAVAILABLE)
    sender.job(0)
    sender.close()
    spool.close()
    fault_server.decide = lambda lines: STORED
    spool = DiskSpool(tmp_path, 1 << 30)
    sender = Sender(settings(fault_server.url), spool)
    run(sender)
    assert len(set(arrived(fault_server))) == expected
    sender.close()
    spool.close()


def test_close_ends_a_long_turn(
    fault_server: FaultServer, spool: DiskSpool, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender_module, "TURN_S", 3600.0)
    fill(spool, 2)
    seen = threading.Event()

    def refill(lines: list[str]) -> Answer:
        fill(spool, 1)
        seen.set()
        return STORED

    fault_server.decide = refill
    thread = threading.Thread(target=sender.job, args=(0,))
    thread.start()
    assert seen.wait(10)
    sender.close()
    thread.join(10)
    assert not thread.is_alive()
