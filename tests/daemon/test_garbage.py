"""The collector of cyclic garbage runs after ticks, and only there."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from daemon.garbage import FULL_MS, Garbage


class Cycle:
    """An object that only the collector frees."""

    def __init__(self) -> None:
        self.me = self


@pytest.fixture
def garbage() -> Iterator[Garbage]:
    garbage = Garbage()
    garbage.take_over()
    yield garbage
    garbage.give_back()
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0


def dropped() -> weakref.ref[Cycle]:
    return weakref.ref(Cycle())


def test_new_garbage_goes_at_the_next_tick_and_not_before(garbage: Garbage) -> None:
    assert not gc.isenabled()
    gone = dropped()
    assert [Cycle() for _ in range(2000)]
    assert gone() is not None
    garbage.after_tick(1_000)
    assert gone() is None


def test_what_lived_through_a_tick_goes_within_ten_minutes(garbage: Garbage) -> None:
    garbage.after_tick(1_000)
    old = Cycle()
    gone = weakref.ref(old)
    garbage.after_tick(2_000)
    del old
    garbage.after_tick(3_000)
    assert gone() is not None, "old by now: only a look at everything finds it"
    garbage.after_tick(1_000 + FULL_MS)
    assert gone() is None


def test_wall_time_that_jumps_back_puts_nothing_off(garbage: Garbage) -> None:
    garbage.after_tick(10 * FULL_MS)
    old = Cycle()
    gone = weakref.ref(old)
    garbage.after_tick(1_000)
    del old
    garbage.after_tick(1_000 + FULL_MS)
    assert gone() is None


def test_one_that_was_never_given_it_leaves_the_collector_alone() -> None:
    garbage = Garbage()
    garbage.after_tick(1_000)
    garbage.give_back()
    assert gc.isenabled()
