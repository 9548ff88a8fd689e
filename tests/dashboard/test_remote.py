"""A remote store that is slow, broken, or away: nothing of this host suffers."""

from __future__ import annotations

import pytest

from dashboard.remote import FRESH_MS, REST_MS, PatientReader
from model.errors import StoreError
from storage.api import KnownContainer, SeriesQuery
from tests.dashboard.conftest import Builder, Clock
from tests.dashboard.scripted import NOW_MS, ScriptedSeries, known

FAR = "d" * 64


class Shaky(ScriptedSeries):
    """Counts the questions; fails while ``broken``."""

    def __init__(self) -> None:
        super().__init__((known(FAR, "far", host="web-2", last_ms=NOW_MS),))
        self.broken = False
        self.asked = 0

    def containers(
        self, *, seen_since_ms: int | None = None, metrics: tuple[str, ...] | None = None
    ) -> tuple[KnownContainer, ...]:
        self.asked += 1
        if self.broken:
            raise StoreError("InfluxDB does not answer")
        return super().containers(seen_since_ms=seen_since_ms, metrics=metrics)


def test_a_failed_store_is_left_alone_for_a_while() -> None:
    clock, shaky = Clock(), Shaky()
    reader = PatientReader(shaky, clock)
    shaky.broken = True
    for _ in range(3):
        with pytest.raises(StoreError, match="does not answer"):
            reader.containers()
    with pytest.raises(StoreError):
        reader.query(SeriesQuery(("pids",), 0, 1000))
    assert shaky.asked == 1
    assert shaky.queries == []
    shaky.broken = False
    clock.ms += REST_MS
    assert len(reader.containers()) == 1
    assert reader.hosts() == ("web-2",)
    assert reader.events() == ()
    assert reader.span() is None


def test_lists_are_asked_for_once_in_a_while() -> None:
    clock, shaky = Clock(), Shaky()
    reader = PatientReader(shaky, clock)
    for _ in range(5):
        reader.containers()
    assert shaky.asked == 1
    clock.ms += FRESH_MS
    reader.containers()
    assert shaky.asked == 2
    for n in range(40):
        reader.containers(seen_since_ms=n * FRESH_MS)
    assert shaky.asked == 42


def test_this_host_is_shown_while_the_remote_store_is_away(build: Builder) -> None:
    shaky = Shaky()
    site = build(remote=shaky)
    assert [h["name"] for h in site.get("/api/v1/hosts").json["items"]] == ["web-1", "web-2"]
    shaky.broken = True
    site.clock.ms += FRESH_MS
    assert len(site.get("/api/v1/containers").json["items"]) == 3
    (own, far) = site.get("/api/v1/hosts").json["items"]
    assert (own["name"], far["name"], far["lag_s"]) == ("web-1", "web-2", None), "it does not vanish"
    assert site.get("/api/v1/containers/api").status_code == 200
    assert site.get("/api/v1/containers/nope").status_code == 404
    answer = site.get("/api/v1/containers?host=web-2")
    assert answer.status_code == 503
    assert "InfluxDB" in answer.json["detail"]
