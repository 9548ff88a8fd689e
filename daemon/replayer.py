"""Rules tried on the stored history for the web process, which itself loads no detector."""

from __future__ import annotations

from config.schema import Settings
from daemon.aside import LIMIT_S, Aside


class Replayer:
    """Call it from any thread; it blocks until the child process answered."""

    def __init__(self, settings: Settings, limit_s: float = LIMIT_S) -> None:
        self._settings = settings
        self._aside = Aside("replay", "try fewer rules, or less time", limit_s)

    def __call__(self, text: str, since_ms: int, until_ms: int) -> list[dict[str, object]]:
        """The firings of the rules of ``text``, or of the configuration where it is empty. Raises InvalidInput;
        Refused while another replay runs; StoreError where the time was not enough, or the child died."""
        firings: list[dict[str, object]] = self._aside.ask(run, self._settings, text, since_ms, until_ms)
        return firings


def run(settings: Settings, text: str, since_ms: int, until_ms: int) -> list[dict[str, object]]:
    """The child's part."""
    from daemon.replay import firing_json, replay_rules

    return [firing_json(firing) for firing in replay_rules(settings, until_ms, (until_ms - since_ms) / 1000, text)]
