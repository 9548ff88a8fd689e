"""Lines that the push loses become an alert as all others do; the doctor sees what lies on the disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from alerts.defaults import DEFAULT_RULES
from alerts.detectors.influxdb_points_lost import InfluxdbPointsLost
from alerts.engine import Engine
from alerts.findings import Tracker
from config.schema import InfluxSettings
from daemon.build import push_losses
from daemon.doctor_store import spool as examined
from daemon.health import push_numbers
from dashboard.own import OWN_BY_NAME
from model.sample import HOST_KEY
from storage.influx.sender import Sender
from storage.influx.spool import DiskSpool
from storage.memory import MemoryState
from tests.alerts.story import WEB, Story, a_receiver
from tests.support.influx_faults import STORED, UNAVAILABLE, Answer, FaultServer, malformed_v2

CAP = 65_536


class Push:
    """A spool, its sender, and the alerts that their losses make."""

    def __init__(self, folder: Path, url: str) -> None:
        self.spool = DiskSpool(folder, CAP)
        self.sender = Sender(InfluxSettings(url=url, token="t", org="home"), self.spool)
        self.state, self.story, self.tracker = MemoryState(), Story(), Tracker()
        self.detector = InfluxdbPointsLost(push_losses(self.spool, self.sender))
        receivers = (a_receiver(),)
        self.engine = Engine(DEFAULT_RULES, receivers, self.state, self.story.recent, "harbour", "https://w.example")

    def seconds(self, count: int, until: Callable[[], bool] = bool) -> list[tuple[str, str]]:
        """(rule, state) of the transitions of so many ticks at most."""
        told = []
        for _ in range(count):
            snapshot = self.story.tick({WEB: {"pids": 5.0, "uptime_s": float(self.story.now_ms)}})
            self.spool.append(snapshot)
            found = self.tracker.track(self.detector.detect(snapshot, self.story.recent), snapshot.at_ms)
            transitions = self.engine.evaluate(snapshot, found, snapshot.at_ms)
            told += [(t.alert.rule, t.alert.state.value) for t in transitions]
            if until():
                break
        return told

    def close(self) -> None:
        self.sender.close()
        self.spool.close()


def test_a_spool_that_drops_its_oldest_fires_and_one_that_is_empty_again_resolves(
    tmp_path: Path, fault_server: FaultServer
) -> None:
    fault_server.decide = lambda lines: UNAVAILABLE
    push = Push(tmp_path, fault_server.url)
    assert push.sender.job(0) > 0
    before = push.seconds(3000, lambda: push.spool.size_bytes() > CAP * 0.85)
    assert before == [], "it waits, and nothing is lost yet"
    assert examined(tmp_path, CAP).state == "warning"
    told = push.seconds(2000, push.spool.is_full)
    assert told == [("InfluxdbPointsLost", "firing")]
    (alert,) = push.state.alerts()
    assert (alert.container_id, alert.host) == (HOST_KEY, "harbour")
    assert f"{push.spool.dropped_lines()} lines that waited for it were dropped" in alert.summary
    assert "spool_max_bytes" in alert.advice
    assert [n.alert_id for n in push.state.due("ops", 10**15)] == [alert.id]
    push.sender.job(0)
    assert "the spool is full" in push.sender.state()[1]

    fault_server.decide = lambda lines: STORED
    while push.spool.size_bytes():
        push.sender.job(0)
    assert push.sender.state()[0] == "ok"

    def over() -> bool:
        if push.story.now_ms % 60_000 == 0:
            push.sender.job(0)
        return not push.state.alerts()

    told = push.seconds(1300, over)
    assert told == [("InfluxdbPointsLost", "resolved")]
    push.close()


def test_refused_lines_fire_and_are_seen_by_the_doctor(tmp_path: Path, fault_server: FaultServer) -> None:
    def strict(lines: list[str]) -> Answer:
        return next((malformed_v2(line) for line in lines if line.startswith("host_info")), STORED)

    fault_server.decide = strict
    push = Push(tmp_path, fault_server.url)
    assert push.seconds(3) == []
    assert examined(tmp_path, CAP).state == "ok"
    while push.spool.size_bytes():
        push.sender.job(0)
    assert push.seconds(1) == [("InfluxdbPointsLost", "firing")]
    counters = push.sender.counters()
    assert counters["lines_rejected"] == 1
    numbers = push_numbers(counters)
    assert numbers["wharfinger_influxdb_lines_rejected_total"] == 1
    assert numbers.keys() == {n for n in OWN_BY_NAME if n.startswith(("wharfinger_spool_", "wharfinger_influxdb_"))}
    assert "1 lines were refused since the start" in push.sender.state()[1]
    check = examined(tmp_path, CAP)
    assert (check.name, check.state) == ("spool", "warning")
    assert "invalid number" in check.detail
    assert str(tmp_path / "dead_letters.lp") in check.remedy
    push.close()


def test_the_doctor_of_a_spool_that_is_not_there_has_nothing_to_say(tmp_path: Path) -> None:
    check = examined(tmp_path / "none", CAP)
    assert (check.state, check.remedy) == ("ok", "")
