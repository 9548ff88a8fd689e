"""Fifty containers fight for a full host: nobody takes what is not there, and what there is goes by weight."""

from __future__ import annotations

import random
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.schema import LimitSettings
from limits.budget import due_soon
from limits.shares import Claim, fair_shares, weight_of
from limits.sizes import MIB
from model.change import ChangeStatus
from model.limits import bounded
from model.sample import Snapshot
from tests.limits.world import AUTO, GIB, Ship, World

claims = st.dictionaries(
    st.text(max_size=3),
    st.builds(Claim, st.floats(0.01, 8), st.floats(0.01, 1), st.floats(1, 10_000)),
    min_size=1,
    max_size=12,
)


@given(claims, st.floats(0, 40))
def test_shares_are_max_min_fair(claims: dict[str, Claim], capacity: float) -> None:
    shares = fair_shares(claims, capacity)
    least = sum(claim.least for claim in claims.values())
    assert sum(shares.values()) <= max(capacity, least) + 1e-6
    for key, claim in claims.items():
        assert claim.least - 1e-9 <= shares[key] <= max(claim.wants, claim.least) + 1e-6
    short = [key for key, claim in claims.items() if shares[key] < claim.wants - 1e-6]
    for key in short:
        level = shares[key] / claims[key].weight
        for other, claim in claims.items():
            if shares[other] > claim.least + 1e-6:
                assert shares[other] / claim.weight <= level * (1 + 1e-6) + 1e-9, "nobody has more for his weight"


def test_weight_is_that_of_the_cgroup_and_the_priority() -> None:
    assert [weight_of(priority, None) for priority in (-1, 0, 1, 3)] == [50, 100, 200, 400]
    assert weight_of(0, 1000) == 1000


def test_a_full_host_shares_by_priority_and_gives_back_when_there_is_room() -> None:
    world = World(cpu_count=4)
    given_more = world.ship("greedy", labels=AUTO, demand=lambda s: 3.0, NanoCpus=200_000_000)
    world.tick(60)
    assert (bounded(given_more.dry.cores) or 0) > 2.9
    important = world.ship("important", labels={**AUTO, "wharfinger.priority": "3"}, demand=2.5, NanoCpus=200_000_000)
    world.host_values = {"cpu_usage_cores": 4.0, "cpu_pressure_some_ratio": 0.8}
    world.tick(60)
    quotas = [bounded(ship.dry.cores) or 0 for ship in (given_more, important)]
    assert sum(quotas) <= 1.5 * 3.8 + 0.03
    assert quotas[1] > 2.4, "by four times the weight it has all that it wants"
    shared = [row for row in world.changes(ChangeStatus.APPLIED) if row.rule == "host_share"]
    assert shared
    assert "are its fair share, by weight and priority" in shared[0].reason
    world.host_values = {}
    world.ships.pop(important.dry.container_id)
    world.tick(90)
    assert (bounded(given_more.dry.cores) or 0) > 2.9


class Fight(World):
    """A host of so much memory and CPU that is really given out; each tick is judged."""

    TOTAL, OTHERS, CORES = 10.0 * GIB, 0.5 * GIB, 8

    def __init__(self, seed: int) -> None:
        super().__init__(cpu_count=self.CORES, settings=LimitSettings(mode="auto"))
        self.rng = random.Random(seed)
        self.violations: list[str] = []
        for number in range(50):
            self.ship(
                f"c{number}",
                labels={"wharfinger.priority": str(self.rng.randrange(-2, 4))},
                demand=self._walk(0.05, 1.5),
                memory=self._walk(20.0 * MIB, 400.0 * MIB),
                NanoCpus=100_000_000,
                Memory=128 * MIB,
                MemorySwap=128 * MIB,
            )

    def _walk(self, low: float, high: float):  # type: ignore[no-untyped-def]
        rng, at = random.Random(self.rng.random()), [(low + high) / 5]

        def step(_second: int) -> float:
            at[0] = min(high, max(low, at[0] * rng.uniform(0.93, 1.085)))
            return at[0]

        return step

    def snapshot(self) -> Snapshot:
        seen = super().snapshot()
        used = sum(sample.values["memory_working_set_bytes"] for sample in seen.samples.values())
        cores = min(float(self.CORES), sum(sample.values["cpu_usage_cores"] for sample in seen.samples.values()))
        self.host_values = {
            "cpu_usage_cores": cores,
            "cpu_pressure_some_ratio": 0.9 if cores >= self.CORES else 0.0,
            "host_memory_total_bytes": self.TOTAL,
            "host_memory_available_bytes": max(0.0, self.TOTAL - self.OTHERS - used),
        }
        for name, value in self.host_values.items():
            seen.host_sample.values[name] = value  # type: ignore[index]
        return seen

    def judged_tick(self) -> None:
        before = {key: self._limits(ship) for key, ship in self.ships.items()}
        self.tick()
        after = {key: self._limits(ship) for key, ship in self.ships.items()}
        used = {key: float(ship.dry.in_use) for key, ship in self.ships.items()}
        raised = [key for key in after if after[key][1] > before[key][1]]
        slopes = self.controller._watching._weighing.arbiter._slopes
        room = self.TOTAL - 512 * MIB - self.OTHERS
        if raised and due_soon(used, slopes, {key: limits[1] for key, limits in after.items()}) > room + 1:
            self.violations.append(f"second {self.second}: raised {raised} beyond what the host has")
        for key, (cores, size) in after.items():
            if size < used[key] and size < before[key][1]:
                self.violations.append(f"second {self.second}: {key[:6]} lowered below what it uses")
            if cores < 0.1 - 1e-9:
                self.violations.append(f"second {self.second}: {key[:6]} has less than its owner gave it")
        if sum(used.values()) > self.TOTAL - self.OTHERS:
            self.violations.append(f"second {self.second}: the host itself is out of memory")

    @staticmethod
    def _limits(ship: Ship) -> tuple[float, float]:
        cores, size = bounded(ship.dry.cores), bounded(ship.dry.memory)
        return inf if cores is None else cores, inf if size is None else float(size)


@pytest.mark.parametrize("seed", range(10))
def test_fifty_containers_never_get_what_the_host_has_not(seed: int) -> None:
    fight = Fight(seed)
    for _ in range(120):
        fight.judged_tick()
    assert fight.violations == []
    refused = {row.reason.split(":")[0] for row in fight.changes(ChangeStatus.REFUSED)}
    assert refused, "the host was full"
