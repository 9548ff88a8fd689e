"""One step of a tick: timed, counted, and unable to hurt the next one."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(slots=True)
class StepRecord:
    """What is known of one step since the start."""

    runs: int = 0
    failures: int = 0
    seconds: float = 0.0
    last_s: float = 0.0
    fault: str = ""
    """Text of the fault of the last run; empty when it went well."""


class Steps:
    """Runs steps by name. A step that raises is logged once a fault, counted, and the tick goes on."""

    def __init__(self) -> None:
        self._records: dict[str, StepRecord] = {}

    def run(self, name: str, step: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
        """The step's result; None when it raised."""
        record = self._records.setdefault(name, StepRecord())
        began = time.perf_counter()
        fault = ""
        try:
            return step(*args, **kwargs)
        except Exception as error:
            fault = f"{type(error).__name__}: {error}"
            record.failures += 1
            if fault != record.fault:
                log.exception("step %s failed; the tick goes on without it", name)
            return None
        finally:
            if record.fault and not fault:
                log.info("step %s works again", name)
            record.fault = fault
            record.runs += 1
            record.last_s = time.perf_counter() - began
            record.seconds += record.last_s

    def records(self) -> Mapping[str, StepRecord]:
        return dict(self._records)

    def fault_of(self, name: str) -> str:
        """Fault of the last run of this step; empty when it went well or never ran."""
        record = self._records.get(name)
        return record.fault if record else ""
