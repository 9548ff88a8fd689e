"""The backtest on a container's own history for the web process, which itself loads no controller."""

from __future__ import annotations

from config.schema import Settings
from daemon.aside import LIMIT_S, Aside
from model.whatif import WhatIf


class Backtester:
    """Call it from any thread; it blocks until the child process answered."""

    def __init__(self, settings: Settings, limit_s: float = LIMIT_S) -> None:
        self._settings = settings
        self._aside = Aside("backtest", "choose a shorter range, or fewer policies", limit_s)

    def __call__(self, asked: WhatIf) -> dict[str, object]:
        """What :func:`backtest.whatif.what_if` answers. Raises InvalidInput; NotThere where there is no history;
        Refused while another backtest runs; StoreError where the time was not enough, or the child died."""
        answer: dict[str, object] = self._aside.ask(run, self._settings, asked)
        return answer


def run(settings: Settings, asked: WhatIf) -> dict[str, object]:
    """The child's part."""
    from backtest.whatif import what_if
    from daemon.build import series_path
    from storage.factory import open_series_reader

    reader = open_series_reader(series_path(settings))
    try:
        return what_if(reader, asked, settings.limits.memory_peak_window)
    finally:
        reader.close()
