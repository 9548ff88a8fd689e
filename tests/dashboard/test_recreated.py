"""A service over recreates of its container, on the store that is used on hosts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from config.schema import Settings, StoreSettings
from dashboard.app import create_app
from dashboard.services import Services
from model.sample import Sample, Snapshot
from model.target import Target
from storage.api import AuthStore
from storage.factory import open_series_reader, open_series_writer
from tests.dashboard.conftest import Clock, Site
from tests.dashboard.scripted import HOST, ID_A, ID_B, NOW_MS, ScriptedAgent, ScriptedSeries, frame, snapshot, target


def second(at_ms: int, targets: dict[str, Target], cores: float) -> Snapshot:
    samples = {key: Sample({"cpu_usage_cores": cores}) for key in targets}
    return replace(snapshot(), at_ms=at_ms, targets=targets, samples=samples, limits={}, readings={})


@pytest.fixture
def recreated(tmp_path: Path, auth: AuthStore) -> Iterator[Site]:
    """``shop/api`` ran a minute as one container, then as another one, which is there now."""
    path = tmp_path / "series.db"
    first = target(ID_A, "shop-api-1", group="shop", service="shop/api", image="api:1")
    then = target(ID_B, "shop-api-1", group="shop", service="shop/api", image="api:2")
    agent = ScriptedAgent(frame(targets={ID_B: then}, values={ID_B: {"cpu_usage_cores": 0.5}}, findings=()))
    with closing(open_series_writer(path, StoreSettings(), HOST)) as writer:
        for at_ms in range(NOW_MS - 120_000, NOW_MS, 1000):
            old = at_ms < NOW_MS - 60_000
            writer.append(second(at_ms, {ID_A: first} if old else {ID_B: then}, 0.25 if old else 0.5))
        with closing(open_series_reader(path)) as reader:
            clock = Clock()
            services = Services(reader, None, auth, agent, Settings(), clock)
            app = create_app(services)
            app.testing = True
            yield Site(app, agent, ScriptedSeries(), None, auth, clock)


def test_a_service_knows_what_it_is_and_what_it_was(recreated: Site) -> None:
    service = recreated.get("/api/v1/services/shop/api").json
    assert [item["id"] for item in service["replicas"]] == [ID_B]
    assert [item["id"] for item in service["gone"]] == [ID_A]
    assert service["images"] == ["api:1", "api:2"]
    assert service["series"] == [ID_B, ID_A]


def test_its_history_is_one_line_over_the_recreate(recreated: Site) -> None:
    answer = recreated.get("/api/v1/series?metrics=cpu_usage_cores&service=shop/api&since=-2m&until=now&step=1s").json
    (line,) = answer["series"]
    known = [value for value in line["avg"] if value is not None]
    assert len(known) >= 118
    assert known[:50] == pytest.approx([0.25] * 50)
    assert known[-50:] == pytest.approx([0.5] * 50)


def test_the_name_means_the_running_one_and_the_id_the_old_one(recreated: Site) -> None:
    assert recreated.get("/api/v1/containers/shop-api-1").json["id"] == ID_B
    old = recreated.get(f"/api/v1/containers/{ID_A[:12]}").json
    assert (old["id"], old["state"]) == (ID_A, "gone")
