"""A web application over doubles, and callers of each role."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from config.schema import Settings, WebSettings
from dashboard.app import create_app
from dashboard.auth import digest
from dashboard.services import Services
from storage.api import AuthStore, Role, Token
from storage.factory import open_auth
from tests.dashboard.scripted import NOW_MS, ScriptedAgent, ScriptedSeries, frame


class Clock:
    """Time that a test moves."""

    def __init__(self) -> None:
        self.ms = NOW_MS + 500

    def __call__(self) -> int:
        return self.ms


@dataclass(frozen=True, slots=True)
class Site:
    """The application and everything behind it."""

    app: Flask
    agent: ScriptedAgent
    series: ScriptedSeries
    remote: ScriptedSeries | None
    auth: AuthStore
    clock: Clock

    def client(self) -> FlaskClient:
        return self.app.test_client()

    def headers(self, role: Role) -> dict[str, str]:
        """A bearer token with that role."""
        secret = f"whf_{role}"
        if self.auth.token(digest(secret)) is None:
            self.auth.put_token(Token(role, role, role, digest(secret), "test", NOW_MS, None, None))
        return {"Authorization": f"Bearer {secret}"}

    def get(self, path: str, role: Role = "viewer", **more: Any) -> Any:
        return self.client().get(path, headers=self.headers(role) | more.pop("headers", {}), **more)

    def send(self, method: str, path: str, body: object = None, role: Role = "admin", **more: Any) -> Any:
        sent = {"json": body} if body is not None else {}
        return self.client().open(path, method=method, headers=self.headers(role), **sent, **more)


@pytest.fixture
def auth(tmp_path: Path) -> Iterator[AuthStore]:
    store = open_auth(tmp_path / "auth.db")
    yield store
    store.close()


class Builder:
    """Makes sites with other settings than the usual."""

    def __init__(self, auth: AuthStore) -> None:
        self.auth = auth

    def __call__(
        self,
        web: WebSettings | None = None,
        *,
        agent: ScriptedAgent | None = None,
        series: ScriptedSeries | None = None,
        remote: ScriptedSeries | None = None,
    ) -> Site:
        clock = Clock()
        settings = replace(Settings(), web=web or WebSettings())
        agent = agent or ScriptedAgent(frame())
        series = series or ScriptedSeries()
        services = Services(
            series, remote, self.auth, agent, settings, clock, replay=agent.replay, backtest=agent.backtest
        )
        app = create_app(services)
        app.testing = True
        return Site(app, agent, series, remote, self.auth, clock)


@pytest.fixture
def build(auth: AuthStore) -> Builder:
    return Builder(auth)


@pytest.fixture
def site(build: Builder) -> Site:
    return build()
