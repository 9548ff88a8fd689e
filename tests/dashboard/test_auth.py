"""Login, sessions, tokens, users and the first start."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from werkzeug.security import generate_password_hash

from config.schema import Settings, WebSettings
from dashboard import auth as doors
from dashboard.auth import COOKIE, first_start, hash_password
from dashboard.throttle import Throttle, network_of
from storage.api import AuthStore, Role, User
from tests.dashboard.conftest import Builder, Site
from tests.dashboard.scripted import NOW_MS

PASSWORD = "a long enough one"
CHEAP = generate_password_hash(PASSWORD, "pbkdf2:sha256:1")
DAY_MS = 86_400_000


def user(site: Site, name: str = "anna", role: Role = "admin", *, disabled: bool = False) -> None:
    site.auth.put_user(User(name, role, CHEAP, NOW_MS, disabled))


def login(client: Any, name: str = "anna", password: str = PASSWORD, **more: Any) -> Any:
    return client.post("/api/v1/session", json={"username": name, "password": password}, **more)


def cookie(answer: Any) -> str:
    return str(answer.headers["Set-Cookie"])


def test_login_opens_a_session_that_no_script_and_no_other_site_can_use(site: Site) -> None:
    user(site)
    client = site.client()
    answer = login(client)
    assert answer.json == {"name": "anna", "role": "admin", "kind": "session", "expires_at": "2025-12-01T16:00:00.500Z"}
    assert "HttpOnly" in cookie(answer)
    assert "SameSite=Strict" in cookie(answer)
    assert "Path=/" in cookie(answer)
    assert "Secure" not in cookie(answer), "plain HTTP on loopback"
    assert client.get("/api/v1/session").json["name"] == "anna"
    assert client.get("/api/v1/users").status_code == 200


def test_the_cookie_is_secure_behind_tls(build: Builder) -> None:
    site = build(WebSettings(public_url="https://wharf.example.com"))
    user(site)
    answer = login(site.client(), headers={"Host": "wharf.example.com"})
    assert "Secure" in cookie(answer)


def test_what_is_stored_opens_nothing(site: Site) -> None:
    user(site)
    answer = login(site.client())
    secret = cookie(answer).partition(f"{COOKIE}=")[2].partition(";")[0]
    assert site.auth.session(secret) is None
    stored = site.auth.session(doors.digest(secret))
    assert stored is not None
    client = site.client()
    client.set_cookie(COOKIE, stored.id_hash)
    assert client.get("/api/v1/session").status_code == 401


@pytest.mark.parametrize(("name", "password"), [("anna", "wrong"), ("nobody", PASSWORD), ("", ""), ("off", PASSWORD)])
def test_a_wrong_login_says_the_same_for_all(site: Site, name: str, password: str) -> None:
    user(site)
    user(site, "off", disabled=True)
    answer = login(site.client(), name, password)
    assert answer.status_code == 401
    assert answer.json["detail"] == "the name or the password is wrong"
    assert "Set-Cookie" not in answer.headers


def test_a_login_never_takes_over_a_brought_session(site: Site) -> None:
    user(site)
    client = site.client()
    client.set_cookie(COOKIE, "chosen-by-somebody-else")
    answer = login(client)
    assert "chosen-by-somebody-else" not in cookie(answer)
    first = client.get_cookie(COOKIE).value
    login(client)
    second = client.get_cookie(COOKIE).value
    assert first != second
    old = site.client()
    old.set_cookie(COOKIE, first)
    assert old.get("/api/v1/session").status_code == 401, "the session before was ended"


def test_sessions_end_idle_and_absolutely(site: Site) -> None:
    user(site)
    client = site.client()
    login(client)
    site.clock.ms += 11 * 3_600_000
    assert client.get("/api/v1/session").status_code == 200
    site.clock.ms += 13 * 3_600_000
    assert client.get("/api/v1/session").status_code == 401
    login(client)
    for _ in range(13):
        site.clock.ms += 11 * 3_600_000
        assert client.get("/api/v1/session").status_code == 200
    site.clock.ms += DAY_MS * 7 - 13 * 11 * 3_600_000
    assert client.get("/api/v1/session").status_code == 401


def test_logout_ends_the_session(site: Site) -> None:
    user(site)
    client = site.client()
    login(client)
    secret = client.get_cookie(COOKIE).value
    assert client.delete("/api/v1/session").status_code == 204
    assert client.get_cookie(COOKIE) is None
    client.set_cookie(COOKIE, secret)
    assert client.get("/api/v1/session").status_code == 401


def test_a_changed_role_and_a_disabled_user_hold_at_once(site: Site) -> None:
    user(site)
    user(site, "bob", "operator")
    client = site.client()
    login(client, "bob")
    site.send("PUT", "/api/v1/users/bob", {"role": "viewer"})
    assert client.get("/api/v1/session").json["role"] == "viewer"
    site.send("PUT", "/api/v1/users/bob", {"disabled": True})
    assert client.get("/api/v1/session").status_code == 401


def test_logins_are_throttled_by_name_and_address(site: Site) -> None:
    user(site)
    client = site.client()
    assert [login(client, password="no").status_code for _ in range(6)] == [401] * 5 + [429]
    answer = login(client)
    assert answer.status_code == 429, "the right one must wait too"
    wait_s = int(answer.headers["Retry-After"])
    assert 0 < wait_s <= 10
    site.clock.ms += wait_s * 1000
    assert login(client).status_code == 200


def test_right_logins_do_not_use_up_attempts(site: Site) -> None:
    user(site)
    assert {login(site.client()).status_code for _ in range(12)} == {200}


def test_the_throttle_counts_an_ipv6_network_as_one_and_forgets_the_oldest() -> None:
    throttle = Throttle()
    waits = [throttle.take(f"2001:db8::{n:x}", f"user{n}", 0) for n in range(1, 30)]
    assert waits[:20] == [0] * 20
    assert waits[20] == 5
    assert network_of("2001:db8::1") == network_of("2001:db8::ffff")
    assert network_of("10.0.0.1") != network_of("10.0.0.2")
    for n in range(5000):
        throttle.take(f"10.1.{n // 250}.{n % 250}", "x", 0)
    assert throttle.take("2001:db8::1", "user1", 0) == 0


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "http://localhost"}, 200),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({}, 200),
    ],
)
def test_another_site_can_neither_log_in_nor_act(site: Site, headers: dict[str, str], status: int) -> None:
    user(site)
    site.agent.answers["limits.pause.put"] = {"paused": True, "reason": "", "until": None}
    client = site.client()
    assert login(client, headers=headers).status_code == status
    login(client)
    answer = client.put("/api/v1/limits/pause", json={"paused": True}, headers=headers)
    assert answer.status_code == status
    assert client.get("/api/v1/session", headers=headers).status_code == 200, "reading is not a deed"


def test_a_token_needs_no_origin(site: Site) -> None:
    site.agent.answers["limits.pause.put"] = {"paused": True, "reason": "", "until": None}
    headers = site.headers("operator") | {"Origin": "http://evil.example"}
    assert site.client().put("/api/v1/limits/pause", json={"paused": True}, headers=headers).status_code == 200
    assert site.agent.commands[-1].actor == "token:operator"


def test_tokens_are_shown_once_and_end(site: Site) -> None:
    made = site.send("POST", "/api/v1/tokens", {"name": "grafana", "role": "viewer", "expires_in_s": 3600}).json
    assert made["token"].startswith("whf_")
    assert made["created_by"] == "token:admin"
    headers = {"Authorization": f"Bearer {made['token']}"}
    client = site.client()
    assert client.get("/api/v1/session", headers=headers).json == {
        "name": "token:grafana",
        "role": "viewer",
        "kind": "token",
        "expires_at": None,
    }
    listed = next(t for t in site.get("/api/v1/tokens", "admin").json["items"] if t["name"] == "grafana")
    assert "token" not in listed
    assert listed["last_used_at"] == "2025-11-24T16:00:00.500Z"
    site.clock.ms += 3_600_000
    assert client.get("/api/v1/session", headers=headers).status_code == 401
    assert site.send("DELETE", f"/api/v1/tokens/{made['id']}").status_code == 204
    assert site.send("DELETE", f"/api/v1/tokens/{made['id']}").status_code == 404


@pytest.mark.parametrize("value", ["Bearer", "Bearer ", "Bearer whf_nope", "bearer x y"])
def test_a_wrong_token_is_refused_even_with_a_session(site: Site, value: str) -> None:
    user(site)
    client = site.client()
    login(client)
    assert client.get("/api/v1/session", headers={"Authorization": value}).status_code == 401


def test_a_proxys_own_basic_login_does_not_get_in_the_way(site: Site) -> None:
    user(site)
    client = site.client()
    login(client)
    assert client.get("/api/v1/session", headers={"Authorization": "Basic dTpw"}).status_code == 200
    assert site.client().get("/api/v1/session", headers={"Authorization": "Basic dTpw"}).status_code == 401


def test_the_settings_token_is_an_admin(build: Builder) -> None:
    site = build(WebSettings(api_token="from the settings"))
    headers = {"Authorization": "Bearer from the settings"}
    assert site.client().get("/api/v1/users", headers=headers).status_code == 200
    assert site.client().get("/api/v1/users", headers={"Authorization": "Bearer "}).status_code == 401


def test_users_are_made_changed_and_removed(site: Site) -> None:
    user(site)
    bob = {"name": "bob", "role": "viewer", "password": PASSWORD}
    made = site.send("POST", "/api/v1/users", bob)
    assert made.status_code == 201
    assert "password" not in made.get_data(as_text=True)
    assert site.send("POST", "/api/v1/users", bob).status_code == 409
    assert [u["name"] for u in site.get("/api/v1/users", "admin").json["items"]] == ["anna", "bob"]
    client = site.client()
    assert login(client, "bob").status_code == 200
    assert site.send("PUT", "/api/v1/users/bob", {"password": "another long one"}).status_code == 200
    assert client.get("/api/v1/session").status_code == 401, "a new password ends the sessions"
    assert login(client, "bob", "another long one").status_code == 200
    assert site.send("DELETE", "/api/v1/users/bob").status_code == 204
    assert client.get("/api/v1/session").status_code == 401
    assert site.send("DELETE", "/api/v1/users/bob").status_code == 404


@pytest.mark.parametrize("body", [{"name": "b b"}, {"role": "root"}, {"password": "short"}])
def test_a_user_that_will_not_do(site: Site, body: dict[str, str]) -> None:
    good = {"name": "bob", "role": "viewer", "password": PASSWORD}
    assert site.send("POST", "/api/v1/users", good | body).status_code == 422
    assert site.auth.users() == ()


@pytest.mark.parametrize("body", [{"role": "viewer"}, {"disabled": True}])
def test_the_last_admin_stays(site: Site, body: dict[str, object]) -> None:
    user(site)
    user(site, "off", disabled=True)
    assert site.send("PUT", "/api/v1/users/anna", body).status_code == 409
    assert site.send("DELETE", "/api/v1/users/anna").status_code == 409
    user(site, "eve")
    assert site.send("DELETE", "/api/v1/users/anna").status_code == 204


def test_ones_own_password(site: Site) -> None:
    user(site)
    client, other = site.client(), site.client()
    login(client)
    login(other)
    body = {"old": "wrong one here", "new": "a quite different one"}
    assert client.put("/api/v1/session/password", json=body).status_code == 401
    assert client.put("/api/v1/session/password", json=body | {"old": PASSWORD}).status_code == 200
    assert client.get("/api/v1/session").status_code == 200
    assert other.get("/api/v1/session").status_code == 401
    assert login(other, password="a quite different one").status_code == 200
    assert site.send("PUT", "/api/v1/session/password", body).status_code == 409, "a token has no password"


def test_first_start_with_a_password_from_the_settings(auth: AuthStore) -> None:
    settings = replace(Settings(), web=WebSettings(admin_password="from the file"))
    assert first_start(auth, settings, NOW_MS) is None
    made = auth.user("admin")
    assert made is not None
    assert made.role == "admin"
    assert "from the file" not in made.password_hash
    again = replace(Settings(), web=WebSettings(admin_password="another one"))
    assert first_start(auth, again, NOW_MS) is None
    assert auth.user("admin") == made, "later it changes nothing"


def test_first_start_by_the_setup_address_works_once(build: Builder) -> None:
    site = build()
    settings = Settings()
    url = first_start(site.auth, settings, NOW_MS)
    assert url is not None
    assert url.startswith("http://127.0.0.1:9321/setup?token=")
    newer = first_start(site.auth, settings, NOW_MS, url="https://wharf.example.com/")
    assert newer is not None
    assert newer.startswith("https://wharf.example.com/setup?token=")
    old, token = url.partition("=")[2], newer.partition("=")[2]
    assert token not in str(site.auth.value(doors.SETUP_KEY))
    body = {"token": old, "username": "anna", "password": PASSWORD}
    client = site.client()
    assert client.post("/api/v1/setup", json=body).status_code == 401
    assert client.post("/api/v1/setup", json=body | {"token": token, "password": "short"}).status_code == 422
    answer = client.post("/api/v1/setup", json=body | {"token": token})
    assert answer.status_code == 201
    assert client.get("/api/v1/session").json["role"] == "admin"
    assert site.client().post("/api/v1/setup", json=body | {"token": token, "username": "eve"}).status_code == 409
    assert [u.name for u in site.auth.users()] == ["anna"]
    assert first_start(site.auth, settings, NOW_MS) is None


def test_the_setup_token_cannot_be_guessed_at_speed(build: Builder) -> None:
    site = build()
    first_start(site.auth, Settings(), NOW_MS)
    body = {"token": "x", "username": "anna", "password": PASSWORD}
    assert [site.client().post("/api/v1/setup", json=body).status_code for _ in range(6)] == [401] * 5 + [429]


@pytest.mark.parametrize(
    ("listen", "url"),
    [
        ("0.0.0.0:80", "http://127.0.0.1:80"),
        ("[::]:80", "http://127.0.0.1:80"),
        ("10.0.0.5:9321", "http://10.0.0.5:9321"),
        (":9321", "http://127.0.0.1:9321"),
    ],
)
def test_the_address_of_the_setup_page(listen: str, url: str) -> None:
    assert doors.url_of(WebSettings(listen=listen)) == url


def test_passwords_are_scrypt_with_their_own_salt() -> None:
    first, second = hash_password(PASSWORD), hash_password(PASSWORD)
    assert first.startswith("scrypt:32768:8:1$")
    assert first != second
