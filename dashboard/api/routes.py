"""Every route of the API, in one list."""

from __future__ import annotations

from config.schema import WebSettings
from dashboard.api import alerting, backtest, containers, history, limits, people, series, session, state, streaming
from dashboard.api.layer import Route


def all_routes(settings: WebSettings) -> tuple[Route, ...]:
    """In the order of the documentation."""
    return (
        *state.routes(settings.metrics_auth),
        *containers.ROUTES,
        *series.ROUTES,
        *history.ROUTES,
        *alerting.ROUTES,
        *limits.ROUTES,
        *backtest.ROUTES,
        *streaming.ROUTES,
        *session.ROUTES,
        *people.ROUTES,
    )
