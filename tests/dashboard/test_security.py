"""Headers, the Host header, proxies and sub-paths; pages and what they let out."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.security import generate_password_hash

from config.schema import WebSettings
from dashboard.security import host_is_ours
from storage.api import User
from tests.dashboard.conftest import Builder, Site
from tests.dashboard.scripted import NOW_MS

PASSWORD = "a long enough one"
PATHS = [
    "/",
    "/login",
    "/setup?token=x",
    "/healthz",
    "/api/v1/containers",
    "/api/v1/nope",
    "/static/theme.js",
    "/alerts",
]


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_carries_the_security_headers(site: Site, path: str) -> None:
    with site.client().get(path) as answer:
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert "Access-Control-Allow-Origin" not in answer.headers
        if not path.startswith("/static"):
            assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("host", "ours"),
    [
        ("127.0.0.1:9321", True),
        ("[::1]:9321", True),
        ("10.0.0.5", True),
        ("localhost:9321", True),
        ("web", True),
        ("web-1.internal", True),
        ("WHARF.example.com.", True),
        ("evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("web-1.internal.evil.example", False),
        ("", False),
    ],
)
def test_which_host_headers_are_ours(host: str, ours: bool) -> None:
    assert host_is_ours(host, frozenset({"wharf.example.com", "web-1.internal"})) is ours


def test_a_rebound_name_is_refused_everywhere(site: Site) -> None:
    for path in ("/", "/api/v1/containers", "/healthz", "/static/theme.js"):
        answer = site.get(path, headers={"Host": "evil.example"})
        assert answer.status_code == 400
        assert "public_url" in answer.json["detail"]


def through(site: Site, path: str, peer: str, headers: dict[str, str]) -> Any:
    return site.client().get(path, headers=headers, environ_base={"REMOTE_ADDR": peer})


def test_forwarded_headers_are_believed_only_of_trusted_peers(build: Builder) -> None:
    site = build(WebSettings(trusted_proxies=["10.0.0.0/8"], public_url="https://wharf.example.com"))
    forwarded = {
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "wharf.example.com",
        "X-Forwarded-Prefix": "/deep",
        "X-Forwarded-For": "192.0.2.7",
    }
    location = through(site, "/", "10.1.2.3", forwarded).headers["Location"]
    assert location.startswith("/deep/login")
    location = through(site, "/", "192.0.2.1", forwarded).headers["Location"]
    assert location.startswith("/login")


def test_a_forwarded_host_of_a_stranger_does_not_pass_the_host_check(build: Builder) -> None:
    site = build(WebSettings(trusted_proxies=["10.0.0.0/8"]))
    evil = {"X-Forwarded-Host": "evil.example"}
    assert through(site, "/healthz", "10.1.2.3", evil).status_code == 400
    assert through(site, "/healthz", "192.0.2.1", evil).status_code == 200


def test_the_throttle_sees_the_client_behind_a_trusted_proxy_alone(build: Builder) -> None:
    site = build(WebSettings(trusted_proxies=["10.0.0.1"]))

    def attempt(peer: str, claimed: str) -> int:
        return (
            site.client()
            .post(
                "/api/v1/session",
                json={"username": "x", "password": "y"},
                headers={"X-Forwarded-For": claimed},
                environ_base={"REMOTE_ADDR": peer},
            )
            .status_code
        )

    assert [attempt("192.0.2.1", f"198.51.100.{n}") for n in range(6)] == [401] * 5 + [429]
    assert [attempt("10.0.0.1", f"198.51.100.{n}") for n in range(6)] == [401] * 6


@pytest.mark.parametrize("path", ["/wharf/healthz", "/healthz"])
def test_a_sub_path_works_whether_the_proxy_strips_it_or_not(build: Builder, path: str) -> None:
    site = build(WebSettings(public_url="https://wharf.example.com/wharf/"))
    assert site.get(path).status_code == 200


def test_a_sub_path_stands_in_links_cookie_and_document(build: Builder) -> None:
    site = build(WebSettings(public_url="https://wharf.example.com/wharf"))
    site.auth.put_user(User("anna", "admin", generate_password_hash(PASSWORD, "pbkdf2:sha256:1"), NOW_MS))
    client = site.client()
    assert client.get("/wharf").headers["Location"] == "/wharf/login?next=%2F"
    page = client.get("/wharf/login").get_data(as_text=True)
    assert 'data-base="/wharf"' in page
    assert 'src="/static' not in page
    answer = client.post("/wharf/api/v1/session", json={"username": "anna", "password": PASSWORD})
    assert "Path=/wharf" in answer.headers["Set-Cookie"]
    assert client.get("/wharf/api/v1/openapi.json").json["servers"] == [{"url": "/wharf"}]
    assert client.get("/wharfinger").status_code == 404


def test_pages_lead_to_the_login_and_back(site: Site) -> None:
    answer = site.client().get("/containers/api?range=1h")
    assert answer.status_code == 302
    assert answer.headers["Location"] == "/login?next=%2Fcontainers%2Fapi%3Frange%3D1h"


@pytest.mark.parametrize("path", ["//evil.example/", "/\\evil.example", "/%0d%0aSet-Cookie:x=1"])
def test_no_page_leads_elsewhere(site: Site, path: str) -> None:
    answer = site.client().get(path)
    assert answer.status_code in (302, 400, 404)
    assert "Set-Cookie" not in answer.headers
    assert answer.headers.get("Location", "/login").startswith("/login")


def test_pages_carry_who_looks_and_in_which_language(site: Site) -> None:
    page = site.get("/", "operator").get_data(as_text=True)
    assert 'data-page="overview"' in page
    assert 'data-role="operator"' in page
    assert '<html lang="en"' in page
    assert '<html lang="ko"' in site.get("/", headers={"Accept-Language": "ko-KR,ko;q=0.9"}).get_data(as_text=True)
    client = site.client()
    client.set_cookie("wharfinger_lang", "ko")
    assert '<html lang="ko"' in client.get("/login").get_data(as_text=True)


def test_pages_hold_no_inline_script_or_style(site: Site) -> None:
    for path in ("/", "/login", "/setup", "/alerts", "/limits", "/containers/api"):
        text = site.get(path, "admin").get_data(as_text=True)
        assert "<style" not in text
        assert " style=" not in text
        assert " onclick=" not in text
        for script in text.split("<script")[1:]:
            assert "src=" in script.partition(">")[0]


def test_a_wrong_token_opens_no_page(site: Site) -> None:
    assert site.client().get("/", headers={"Authorization": "Bearer nope"}).status_code == 302
