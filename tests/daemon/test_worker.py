"""Workers: run again when asked, survive their job's faults, end when told."""

from __future__ import annotations

import threading

import pytest

from daemon.worker import Worker


def test_a_job_runs_again_as_soon_as_it_is_woken() -> None:
    ran = threading.Semaphore(0)

    def job(_now_ms: int) -> float:
        ran.release()
        return 3600.0

    worker = Worker("patient", job)
    worker.start()
    assert ran.acquire(timeout=5)
    worker.wake()
    assert ran.acquire(timeout=5)
    assert worker.stop()


def test_a_fault_is_counted_told_once_and_the_job_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    ran = threading.Semaphore(0)

    def job(_now_ms: int) -> float:
        ran.release()
        raise OSError("no route")

    worker = Worker("sender", job)
    worker.start()
    for _ in range(3):
        assert ran.acquire(timeout=5)
        worker.wake()
    assert ran.acquire(timeout=5)
    assert worker.stop()
    assert worker.failures >= 3
    assert worker.fault == "OSError: no route"
    assert len([r for r in caplog.records if r.levelname == "ERROR"]) == 1


def test_a_worker_that_never_started_stops_at_once() -> None:
    assert Worker("idle", lambda _now_ms: 1.0).stop()
