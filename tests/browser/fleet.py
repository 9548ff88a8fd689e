"""A made-up host with some forty containers and four troubles: every value is a pure function of name and second."""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from model.change import Mode, Policy, WorkClass
from model.limits import UNLIMITED, Limits
from model.target import Target, TargetId

MIB = 1024 * 1024
GIB = 1024 * MIB
HOST = "web-1"
SUMMED = (
    "cpu_usage_cores",
    "memory_working_set_bytes",
    "io_read_bytes_per_second",
    "io_write_bytes_per_second",
    "network_receive_bytes_per_second",
    "network_transmit_bytes_per_second",
    "pids",
)
"""What a host's value is the sum of."""
Service = tuple[str, str, float, float, float, float, float, float, float, str, str]
CORES = 16
MEMORY = 64 * GIB

# project, then per service: name×replicas, image, cores, CPU limit, MiB, MiB limit, KiB/s in, out, disk, mode, class
TABLE: tuple[tuple[str, tuple[Service, ...]], ...] = (
    (
        "shop",
        (
            ("api×3", "shop/api:2.14.0", 0.74, 1.5, 610, 1024, 1850, 4200, 3, "auto", "latency"),
            ("web×2", "shop/web:2.14.0", 0.31, 1, 180, 512, 920, 6400, 0, "auto", "balanced"),
            ("cart", "shop/cart:1.9.2", 0.12, 0.5, 142, 256, 260, 180, 0, "auto", "balanced"),
            ("checkout", "shop/checkout:1.9.2", 0.18, 0.75, 233, 512, 190, 150, 1, "auto", "latency"),
            ("search", "shop/search:7.3", 0.66, 2, 1740, 4096, 310, 880, 14, "observe", "balanced"),
            ("catalog×2", "shop/catalog:3.0.1", 0.09, 0.5, 201, 512, 140, 510, 0, "auto", "balanced"),
            ("payments", "shop/payments:1.4.7", 0.05, 0.5, 166, 256, 36, 29, 0, "observe", "latency"),
            ("redis", "redis:7.4", 0.07, 1, 312, 512, 2100, 1900, 40, "observe", "latency"),
            ("worker×3", "shop/worker:2.14.0", 0.22, 0.5, 188, 384, 90, 70, 0, "auto", "dense"),
        ),
    ),
    (
        "data",
        (
            ("postgres", "postgres:17.4", 1.21, 0, 6900, 0, 780, 2600, 9400, "observe", "latency"),
            ("pgbouncer", "pgbouncer:1.24", 0.08, 0.5, 22, 64, 2400, 2400, 0, "observe", "latency"),
            ("clickhouse", "clickhouse:25.2", 0.84, 3, 5100, 8192, 420, 1200, 3100, "observe", "balanced"),
            ("broker", "data/broker:3.9", 0.41, 2, 1620, 3072, 2900, 3100, 2400, "observe", "balanced"),
        ),
    ),
    (
        "etl",
        (
            ("scheduler", "etl/scheduler:5.5", 0.03, 0.5, 214, 384, 8, 11, 0, "auto", "balanced"),
            ("worker×4", "etl/worker:5.5", 0.46, 1, 290, 512, 700, 240, 130, "observe", "dense"),
        ),
    ),
    (
        "media",
        (
            ("thumbnailer×2", "media/thumb:4.2", 0.38, 1, 232, 384, 410, 300, 90, "auto", "balanced"),
            ("transcoder", "media/transcode:4.2", 1.62, 2, 940, 2048, 60, 44, 6200, "auto", "dense"),
            ("uploads", "media/uploads:4.1", 0.06, 0.5, 96, 256, 3300, 120, 3300, "observe", "balanced"),
        ),
    ),
    (
        "observability",
        (
            ("grafana", "grafana:12.1", 0.06, 0.5, 164, 512, 21, 90, 0, "observe", "balanced"),
            ("prometheus", "prometheus:3.2", 0.29, 1, 1480, 3072, 640, 70, 410, "observe", "balanced"),
            ("loki", "loki:3.4", 0.24, 1, 690, 1536, 720, 40, 1100, "observe", "balanced"),
        ),
    ),
    (
        "",
        (
            ("image-watch", "image-watch:1.7", 0, 0, 12, 0, 0, 0, 0, "off", "balanced"),
            ("ssh-jump", "ssh-jump:9.9", 0.001, 0.25, 9, 64, 0, 0, 0, "observe", "balanced"),
        ),
    ),
)


def seed_of(text: str) -> int:
    return zlib.crc32(text.encode())


def noise(seed: int, x: float, period: float) -> float:
    """Smooth noise in [-1, 1] with the given period."""
    x /= period
    i = math.floor(x)
    f = x - i
    s = f * f * (3 - 2 * f)

    def at(n: int) -> float:
        h = (seed * 2654435761 + n * 2246822519) & 0xFFFFFFFF
        h = ((h ^ (h >> 15)) * 2246822519) & 0xFFFFFFFF
        h = ((h ^ (h >> 13)) * 3266489917) & 0xFFFFFFFF
        return ((h ^ (h >> 16)) & 0xFFFFFFFF) / 2147483647.5 - 1

    return at(i) * (1 - s) + at(i + 1) * s


def rough(seed: int, x: float, period: float) -> float:
    return 0.55 * noise(seed, x, period) + 0.3 * noise(seed + 1, x, period / 4) + 0.15 * noise(seed + 2, x, period / 13)


@dataclass(frozen=True, slots=True)
class Ship:
    """One container: what it usually does, and its limits before the story begins."""

    target: Target
    policy: Policy
    cpu: float
    cpu_limit: float | None
    memory: float
    memory_limit: int | None
    receive: float
    transmit: float
    disk: float
    seed: int


@dataclass(frozen=True, slots=True)
class Story:
    """What happened, as moments in seconds: a deploy, an OOM kill settled, a CPU limit raised twice to its ceiling."""

    now_s: int
    deploy: int = field(init=False)
    oom: int = field(init=False)
    back: int = field(init=False)
    rise: int = field(init=False)
    first_raise: int = field(init=False)
    second_raise: int = field(init=False)

    def __post_init__(self) -> None:
        for name, ago in (
            ("deploy", 1628),
            ("oom", 1250),
            ("back", 1241),
            ("rise", 740),
            ("first_raise", 370),
            ("second_raise", 366),
        ):
            object.__setattr__(self, name, self.now_s - ago)


HERO = "shop-api-2"
GROWER = "etl-worker-3"


def ships(now_s: int) -> dict[str, Ship]:
    """All containers by id."""
    made: dict[str, Ship] = {}
    for group, services in TABLE:
        for row in services:
            label, image, cpu, cpu_limit, memory, memory_limit, receive, transmit, disk, mode, work = row
            service, _, times = label.partition("×")
            count = int(times or 1)
            for i in range(1, count + 1):
                name = "-".join(part for part in (group, service, str(i) if count > 1 else "") if part)
                seed = seed_of(name)
                key = f"{seed:08x}{seed_of(name + 'x'):08x}" * 4
                jitter = 0.8 + 0.2 * (noise(seed, 0.5, 1) + 1)
                target = Target(
                    TargetId("docker", key, seed, (now_s - 90_000 - seed % 400_000) * 1000),
                    f"/docker/{key}",
                    name,
                    image,
                    {"com.docker.compose.project": group} if group else {},
                    group=group or None,
                    service=f"{group}/{service}" if group else name,
                    health="healthy",
                    restarts=0,
                )
                policy = Policy(Mode(mode), WorkClass(work), cpu_max=1.5 if name == HERO else None)
                made[key] = Ship(
                    target,
                    policy,
                    1.66 if name == HERO else cpu * jitter,
                    cpu_limit or None,
                    (742 if name == HERO else 421 if name == GROWER else memory * jitter) * MIB,
                    int(memory_limit * MIB) or None,
                    receive * 1024 * jitter,
                    transmit * 1024 * jitter,
                    disk * 1024 * jitter,
                    seed,
                )
    return made


def limits_at(ship: Ship, s: int, story: Story, by_hand: Mapping[str, float]) -> tuple[float | None, float | None]:
    """CPU and memory limit in force at one second."""
    cpu: float | None = ship.cpu_limit
    memory: float | None = ship.memory_limit
    if ship.target.name == HERO:
        cpu = 1.0 if s < story.first_raise else 1.25 if s < story.second_raise else 1.5
        memory = 768 * MIB if s < story.oom + 3 else GIB
    return by_hand.get("cpu_cores", cpu), by_hand.get("memory_bytes", memory)


def sample(ship: Ship, s: int, story: Story, by_hand: Mapping[str, float], psi: bool = True) -> dict[str, float]:
    """The derived values of one container at one second; empty while it was not there."""
    name, seed = ship.target.name, ship.seed
    hero = name == HERO
    if hero and (story.deploy <= s < story.deploy + 9 or story.oom <= s < story.back):
        return {}
    burst = max(0.0, noise(seed + 5, s, 17) - 0.62) * 1.6
    want = max(0.0, ship.cpu * (1 + 0.28 * rough(seed, s, 90) + 0.1 * noise(seed + 9, s, 900) + burst))
    if hero:
        rise = min(1.0, max(0.0, (s - story.rise) / 240))
        want = 0.66 + 0.96 * rise * rise * (3 - 2 * rise) + (0.1 + 0.06 * rise) * rough(seed, s, 40)
    cpu_limit, memory_limit = limits_at(ship, s, story, by_hand)
    used = min(want, (cpu_limit or math.inf) * 0.985)
    throttled = 0.0
    if cpu_limit and want > cpu_limit:
        throttled = 1 - math.exp(-1.3 * (want - cpu_limit) / cpu_limit - (0.25 if hero else 0.04))
    memory = ship.memory * (1 + 0.018 * noise(seed + 3, s, 240))
    if hero:
        wobble = 7 * MIB * rough(seed + 3, s, 60)
        if s < story.deploy:
            memory = 588 * MIB + wobble
        elif s < story.oom:
            memory = min(766 * MIB, 214 * MIB + (s - story.deploy) * 1.49 * MIB + wobble * 0.6)
        else:
            memory = 744 * MIB - 520 * MIB * math.exp(-(s - story.back) / 190) + wobble
    elif name == GROWER:
        memory = max(96 * MIB, ship.memory + 6.1 * MIB / 60 * (s - story.now_s)) + 0.9 * MIB * noise(seed + 3, s, 50)
    if memory_limit and not hero:
        memory = min(memory, memory_limit * 0.99)
    pulse = 1 + 0.5 * rough(seed + 21, s, 45)
    disk = ship.disk * max(0.05, 1 + 0.6 * rough(seed + 31, s, 25))
    values = {
        "cpu_usage_cores": used,
        "cpu_throttled_seconds_per_second": max(0.0, want - (cpu_limit or math.inf)) * 1.5 if throttled else 0.0,
        "memory_usage_bytes": memory * 1.08,
        "memory_working_set_bytes": memory,
        "memory_anon_bytes": memory * 0.7,
        "memory_file_bytes": memory * 0.23,
        "memory_kernel_bytes": memory * 0.07,
        "io_read_bytes_per_second": disk * 0.25,
        "io_write_bytes_per_second": disk * 0.75,
        "io_read_operations_per_second": disk * 0.25 / 16384,
        "io_write_operations_per_second": disk * 0.75 / 16384,
        "memory_major_faults_per_second": 40.0 if hero and 0 < story.oom - s < 60 else 0.02,
        "memory_refaults_per_second": 260.0 if hero and 0 < story.oom - s < 60 else 0.1,
        "network_receive_bytes_per_second": ship.receive * pulse,
        "network_transmit_bytes_per_second": ship.transmit * pulse,
        "pids": float(round(34 + 5 * rough(seed + 41, s, 70) + 14 * throttled)),
        "restarts": 1.0 if hero and s > story.oom else 0.0,
    }
    if psi:
        values |= {
            "cpu_pressure_some_ratio": throttled * 0.8 + 0.004,
            "memory_pressure_some_ratio": 0.28 * ((s - story.oom + 60) / 60) ** 2
            if hero and 0 < story.oom - s < 60
            else 0.0,
            "io_pressure_some_ratio": 0.22 + 0.04 * rough(seed, s, 35) if name == "data-postgres" else 0.001,
        }
    if cpu_limit:
        values |= {
            "cpu_limit_cores": cpu_limit,
            "cpu_usage_of_limit_ratio": used / cpu_limit,
            "cpu_throttled_periods_ratio": throttled,
        }
    if memory_limit:
        values |= {"memory_limit_bytes": memory_limit, "memory_working_set_of_limit_ratio": memory / memory_limit}
    if hero:
        values["memory_high_bytes"] = (memory_limit or 0) * 0.9
    return values


def host_sample(sums: Mapping[str, float], s: int, psi: bool = True) -> dict[str, float]:
    """The host's own values, from the sums of its containers'."""
    memory = sums["memory_working_set_bytes"] + MEMORY * 0.11
    values = {
        "cpu_usage_cores": sums["cpu_usage_cores"] + 0.2,
        "memory_usage_bytes": memory,
        "host_cpu_count": float(CORES),
        "host_load_1m": 7.0 + 0.4 * noise(11, s, 60),
        "host_memory_total_bytes": float(MEMORY),
        "host_memory_available_bytes": MEMORY - memory,
        "host_disk_used_ratio{/}": 0.58,
        "io_read_bytes_per_second": sums["io_read_bytes_per_second"],
        "io_write_bytes_per_second": sums["io_write_bytes_per_second"],
        "network_receive_bytes_per_second": sums["network_receive_bytes_per_second"],
        "network_transmit_bytes_per_second": sums["network_transmit_bytes_per_second"],
        "pids": sums["pids"] + 212,
    }
    if psi:
        values |= {"cpu_pressure_some_ratio": 0.02, "memory_pressure_some_ratio": 0.0, "io_pressure_some_ratio": 0.03}
    return values


def limits_of(ship: Ship, s: int, story: Story, by_hand: Mapping[str, float]) -> Limits:
    cpu, memory = limits_at(ship, s, story, by_hand)
    return Limits(
        cpu_cores=cpu if cpu is not None else UNLIMITED,
        cpu_weight=int(by_hand.get("cpu_weight", 100)),
        memory_bytes=int(memory) if memory is not None else UNLIMITED,
        memory_high_bytes=int(memory * 0.9) if memory is not None and ship.target.name == HERO else UNLIMITED,
        pids=512 if ship.target.name == HERO else UNLIMITED,
    )
