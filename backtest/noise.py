"""What a trace of averages does not show: noise between scheduler periods, bursts of seconds, bursts of memory."""

from __future__ import annotations

import random
from array import array
from functools import lru_cache
from math import exp, log, sin, sqrt
from typing import Final

from limits.sizes import MIB

TABLE: Final = 16_384


@lru_cache(maxsize=16)
def gamma_table(cv: float) -> tuple[float, ...]:
    """Quantiles of a Gamma distribution of mean 1 and this coefficient of variation: drawing from it is a look-up.

    Made from sorted draws with a fixed seed, then scaled to a mean of exactly 1; ``cv`` 0: no noise.
    """
    if cv <= 0:
        return (1.0,)
    rng, shape = random.Random(20_240_917), 1 / cv**2
    draws = sorted(rng.gammavariate(shape, cv**2) for _ in range(8 * TABLE))[4::8]
    mean = sum(draws) / len(draws)
    return tuple(draw / mean for draw in draws)


def correlated(demand: array[float], tau_s: float, seed: int, cv: float = 0.5) -> array[float]:
    """Lognormal noise that lasts ``tau_s`` seconds, over a demand."""
    rng, var, keep = random.Random(seed + 1000), log(1 + cv * cv), exp(-1 / tau_s)
    state, step = rng.gauss(0, sqrt(var)), sqrt(var * (1 - keep * keep))
    out = array("d")
    for value in demand:
        out.append(value * exp(state - var / 2))
        state = keep * state + rng.gauss(0, step)
    return out


def on_off(demand: array[float], on_s: float, off_s: float, low: float, high: float, seed: int) -> array[float]:
    """Busy and calm phases of exponential length; the mean stays."""
    rng, factor, busy = random.Random(seed + 7), array("d"), False
    while len(factor) < len(demand):
        length = max(1, int(rng.expovariate(1 / (on_s if busy else off_s))))
        factor.extend([high if busy else low] * length)
        busy = not busy
    return scaled(demand, factor)


def cron(demand: array[float], seed: int, every_s: int = 300, length_s: int = 20, ratio: float = 5.0) -> array[float]:
    """A spike every five minutes, a little off its time; the mean stays."""
    rng, factor = random.Random(seed + 8), array("d", [1.0]) * len(demand)
    for at in range(rng.randrange(every_s), len(demand), every_s):
        start = at + rng.randrange(4)
        for second in range(start, min(start + length_s, len(factor))):
            factor[second] = ratio
    return scaled(demand, factor)


def scaled(demand: array[float], factor: array[float]) -> array[float]:
    mean = sum(factor[: len(demand)]) / len(demand)
    return array("d", (value * part / mean for value, part in zip(demand, factor, strict=False)))


BURSTS: Final = ("none", "ar1", "ar3", "ar10", "ar30", "on2/10", "on5/45", "on30/120", "cron")


def with_bursts(demand: array[float], kind: str, seed: int) -> array[float]:
    """One of :data:`BURSTS` over a demand."""
    if kind == "none":
        return demand
    if kind.startswith("ar"):
        return correlated(demand, float(kind[2:]), seed)
    if kind == "cron":
        return cron(demand, seed)
    on_s, off_s = (float(part) for part in kind[2:].split("/"))
    return on_off(demand, on_s, off_s, 0.6, 3.6 if kind == "on5/45" else 2.4, seed)


def synthetic_memory(seed: int, containers: int = 60, seconds: int = 21_600) -> tuple[array[float], ...]:
    """Working sets in bytes: bursts of 2 to 200 MiB/s, one an hour, on a flat base; every fourth leaks."""
    rng = random.Random(seed)
    return tuple(one_memory(rng, seconds, leaks=number % 4 == 0) for number in range(containers))


def one_memory(rng: random.Random, seconds: int, *, leaks: bool) -> array[float]:
    base, phase = rng.uniform(80, 800), rng.uniform(0, 6)
    leak = rng.uniform(10, 60) / 3600 if leaks else 0.0
    out = array("d", (base * (1 + 0.03 * sin(t / 600 + phase)) + leak * t for t in range(seconds)))
    at = int(rng.expovariate(1 / 3600))
    while at < seconds:
        height, rate = base * rng.lognormvariate(-1.0, 0.7), 10 ** rng.uniform(0.3, 2.3)
        hold, steps = int(rng.uniform(30, 600)), max(1, int(height / rate))
        burst = [height * (i + 1) / steps for i in range(steps)] + [height] * hold
        burst += [height * (1 - i / 19) for i in range(20)]
        for i, more in enumerate(burst[: seconds - at]):
            out[at + i] += more
        at += max(1, int(rng.expovariate(1 / 3600)))
    return array("d", (value * MIB for value in out))
