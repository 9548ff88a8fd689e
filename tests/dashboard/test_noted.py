"""What the web process does by itself stands in the agent's audit; a proxy's word on who logged in, and its bounds."""

from __future__ import annotations

import logging

import pytest

from config.schema import WebSettings
from dashboard.auth import hash_password
from model.live import Reply
from storage.api import User
from tests.dashboard.conftest import Builder, Site
from tests.dashboard.scripted import NOW_MS

PROXY = {"REMOTE_ADDR": "10.0.0.5"}
BEHIND = WebSettings(trusted_proxies=["10.0.0.0/8"], login_header="Remote-User", role_header="Remote-Role")


def noted(site: Site) -> list[tuple[str, object, object]]:
    """(actor, action, subject) of every note."""
    commands = [c for c in site.agent.commands if c.name == "audit.note"]
    return [(c.actor, c.arguments["action"], c.arguments["subject"]) for c in commands]


def test_users_and_tokens_are_noted_with_who_did_it(site: Site) -> None:
    user = {"name": "bob", "role": "operator", "password": "a long password"}
    assert site.send("POST", "/api/v1/users", user).status_code == 201
    assert site.send("PUT", "/api/v1/users/bob", {"role": "viewer"}).status_code == 200
    token = site.send("POST", "/api/v1/tokens", {"name": "ci", "role": "viewer"}).json
    assert site.send("DELETE", f"/api/v1/tokens/{token['id']}").status_code == 204
    assert site.send("DELETE", "/api/v1/users/bob").status_code == 204
    assert noted(site) == [
        ("token:admin", "user.create", "bob"),
        ("token:admin", "user.change", "bob"),
        ("token:admin", "token.create", "ci"),
        ("token:admin", "token.revoke", token["id"]),
        ("token:admin", "user.remove", "bob"),
    ]
    told = str([c.arguments for c in site.agent.commands])
    assert "a long password" not in told
    assert token["token"] not in told


def test_what_was_refused_is_not_noted(site: Site) -> None:
    assert site.send("DELETE", "/api/v1/tokens/none").status_code == 404
    assert site.send("POST", "/api/v1/users", {"name": "x", "role": "viewer", "password": "short"}).status_code == 422
    assert noted(site) == []


def test_logins_are_noted(site: Site) -> None:
    site.auth.put_user(User("anna", "viewer", hash_password("a long password"), NOW_MS))
    body = {"username": "anna", "password": "a long password"}
    assert site.client().post("/api/v1/session", json=body).status_code == 200
    assert noted(site) == [("anna", "session.begin", "anna")]


@pytest.mark.parametrize("refused", [False, True])
def test_a_token_can_be_revoked_without_an_agent(site: Site, refused: bool, caplog: pytest.LogCaptureFixture) -> None:
    token = site.send("POST", "/api/v1/tokens", {"name": "leaked", "role": "admin"}).json
    if refused:
        site.agent.replies["audit.note"] = Reply(503, detail="the disk is full")
    else:
        site.agent.frame_now = None
    with caplog.at_level(logging.WARNING):
        assert site.send("DELETE", f"/api/v1/tokens/{token['id']}").status_code == 204
    assert "is not in the audit" in caplog.text


def test_a_trusted_proxy_says_who_logged_in(build: Builder) -> None:
    site = build(BEHIND)

    def who(**headers: str) -> object:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = site.client().get("/api/v1/session", headers=sent, environ_base=PROXY)
        return answer.json["role"] if answer.status_code == 200 else answer.status_code

    assert who(Remote_User="anna", Remote_Role="operator") == "operator"
    assert who(Remote_User="anna", Remote_Role="Admin") == "admin"
    assert who(Remote_User="anna") == "viewer", "without a role: the least"
    assert who(Remote_User="anna", Remote_Role="root") == "viewer"
    assert who(Remote_Role="admin") == 401, "a role alone is nobody"
    assert who(Remote_User="a\u0000b") == 401
    assert who(Remote_User="x" * 65) == 401
    assert site.client().get("/", headers={"Remote-User": "anna"}, environ_base=PROXY).status_code == 200


def test_nobody_else_is_believed(build: Builder) -> None:
    headers = {"Remote-User": "anna", "Remote-Role": "admin"}
    stranger = {"REMOTE_ADDR": "192.0.2.1"}
    for web in (BEHIND, WebSettings(trusted_proxies=["10.0.0.0/8"]), WebSettings()):
        site = build(web)
        assert site.client().get("/api/v1/session", headers=headers, environ_base=stranger).status_code == 401
    plain = build(WebSettings(trusted_proxies=["10.0.0.0/8"]))
    assert plain.client().get("/api/v1/session", headers=headers, environ_base=PROXY).status_code == 401


def test_a_proxys_login_is_no_way_in_for_other_sites(build: Builder) -> None:
    site = build(BEHIND)
    headers = {"Remote-User": "anna", "Remote-Role": "admin", "Sec-Fetch-Site": "cross-site"}
    body = {"name": "evil", "role": "admin"}
    assert site.client().post("/api/v1/tokens", json=body, headers=headers, environ_base=PROXY).status_code == 403
    headers["Sec-Fetch-Site"] = "same-origin"
    assert site.client().post("/api/v1/tokens", json=body, headers=headers, environ_base=PROXY).status_code == 201
