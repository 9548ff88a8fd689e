"""Alerts that come and go: counted, and held as firing until it is quiet, so that nobody is told of every swing."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import replace

from config.schema import AlertSettings
from model.alert import Alert, AlertState, Transition

KEPT = 100
"""Firings of one alert that are remembered at most."""
HISTORY = 10_000
"""Transitions of the past that are looked at after a restart."""


class Swings:
    """Remembers when each alert began to fire. Called by one thread at a time."""

    def __init__(self, settings: AlertSettings) -> None:
        self.settings = settings
        self._fired_ms: dict[str, deque[int]] = {}

    def restore(self, history: Iterable[Transition]) -> None:
        """What fired before a restart, newest first."""
        self.note(reversed(tuple(history)))

    def note(self, transitions: Iterable[Transition]) -> None:
        """What began to fire, once it is kept."""
        for transition in transitions:
            if transition.alert.state is AlertState.FIRING:
                self._fired_ms.setdefault(transition.alert.id, deque(maxlen=KEPT)).append(transition.at_ms)

    def held(self, alert: Alert, now_ms: int) -> Alert:
        """The alert that fires from ``now_ms`` on; with the time that it is held for, where it did so too often."""
        since_ms = now_ms - round(self.settings.flapping_window_s * 1000)
        before = sum(at_ms >= since_ms for at_ms in self._fired_ms.get(alert.id, ()))
        least = self.settings.flapping_firings
        if least == 0 or before + 1 < least:
            return alert
        return replace(alert, flapping_hold_s=self.settings.flapping_hold_s)

    def forget(self, now_ms: int) -> None:
        """Drop what fell out of the window; called now and then."""
        since_ms = now_ms - round(self.settings.flapping_window_s * 1000)
        self._fired_ms = {key: fired for key, fired in self._fired_ms.items() if fired[-1] >= since_ms}
