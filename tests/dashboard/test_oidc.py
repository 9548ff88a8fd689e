"""Sign-in by a real OpenID Connect provider: the way in, and everything that must not lead in."""

from __future__ import annotations

import logging
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from config.schema import OidcSettings, WebSettings
from dashboard.auth import COOKIE
from dashboard.oidc import provider as providers
from dashboard.oidc.claims import claim, name_of, role_of
from dashboard.oidc.doors import ATTEMPT_COOKIE, own_path
from dashboard.oidc.failure import SignInFailed
from dashboard.oidc.provider import Attempt, Provider
from storage.api import User
from tests.dashboard.conftest import Builder, Site
from tests.support.oidc import CLIENT, SECRET, Claims, Forge, OidcProvider, claims_of, oidc_provider, part

PEOPLE: dict[str, Claims] = {
    "1": {"preferred_username": "anna", "groups": ["staff", "wharf-admins"]},
    "2": {"preferred_username": "bert", "groups": ["staff"]},
    "3": {"preferred_username": "carl", "groups": ["guests"]},
    "4": {"preferred_username": "Dora Doe", "groups": ["staff"]},
}


@pytest.fixture(scope="module")
def running() -> Iterator[OidcProvider]:
    with oidc_provider(PEOPLE) as provider:
        yield provider


@pytest.fixture
def idp(running: OidcProvider) -> OidcProvider:
    running.forge, running.down = None, False
    running.asked.clear()
    return running


def settings(idp: OidcProvider, **more: Any) -> OidcSettings:
    usual = OidcSettings(
        issuer=idp.url,
        client_id=CLIENT,
        client_secret=SECRET,
        role_claim="groups",
        roles={"admin": ["wharf-admins"], "viewer": ["staff"]},
    )
    return replace(usual, **more)


@pytest.fixture
def site(build: Builder, idp: OidcProvider) -> Site:
    site = build(WebSettings(oidc=settings(idp)))
    site.clock.ms = int(time.time() * 1000)
    return site


def out(client: FlaskClient, path: str = "/login/oidc") -> str:
    """Where the button of the login page leads to."""
    answer = client.get(path)
    assert answer.status_code == 302, answer.text
    return answer.headers["Location"]


def back(client: FlaskClient, address: str) -> Any:
    parts = urlsplit(address)
    assert parts.path == "/login/oidc/callback"
    return client.get(f"{parts.path}?{parts.query}")


def sign_in(site: Site, idp: OidcProvider, subject: str) -> tuple[FlaskClient, Any]:
    client = site.client()
    return client, back(client, idp.sign_in(out(client), subject))


def refused(answer: Any, why: str) -> None:
    assert answer.status_code == 302
    assert answer.headers["Location"] == f"/login?wrong={why}"
    assert not [c for c in answer.headers.getlist("Set-Cookie") if c.startswith(COOKIE)]


def test_who_signs_in_there_has_a_session_here(site: Site, idp: OidcProvider) -> None:
    client, answer = sign_in(site, idp, "1")
    assert answer.status_code == 200
    cookie = next(c for c in answer.headers.getlist("Set-Cookie") if c.startswith(COOKIE))
    assert "SameSite=Strict" in cookie
    assert "HttpOnly" in cookie
    assert client.get("/api/v1/session").json | {"expires_at": ""} == {
        "name": "anna",
        "role": "admin",
        "kind": "session",
        "expires_at": "",
    }
    assert site.agent.commands[-1].arguments["action"] == "session.begin"
    assert site.agent.commands[-1].arguments["detail"]["provider"] == idp.url
    assert client.delete("/api/v1/session").status_code == 204
    assert client.get("/api/v1/session").status_code == 401


def test_the_browser_leaves_with_state_nonce_and_challenge_and_keeps_the_secret(site: Site, idp: OidcProvider) -> None:
    client = site.client()
    answer = client.get("/login/oidc?next=/alerts")
    asked = {key: values[0] for key, values in parse_qs(urlsplit(answer.headers["Location"]).query).items()}
    assert asked["response_type"] == "code"
    assert asked["client_id"] == CLIENT
    assert asked["code_challenge_method"] == "S256"
    assert asked["scope"] == "openid profile email"
    assert asked["redirect_uri"] == "http://localhost/login/oidc/callback"
    assert len({asked["state"], asked["nonce"], asked["code_challenge"]}) == 3
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith(ATTEMPT_COOKIE)
    assert {"HttpOnly", "SameSite=Lax", "Path=/login/oidc", "Max-Age=600"} <= set(cookie.split("; "))
    secret = cookie.partition("=")[2].partition(".")[0]
    assert secret not in answer.headers["Location"]
    assert Attempt(secret).state == asked["state"]
    assert out(site.client()) != out(site.client()), "every attempt has a state of its own"


def test_the_way_back_leads_to_the_page_that_was_asked_for(site: Site, idp: OidcProvider) -> None:
    client = site.client()
    answer = back(client, idp.sign_in(out(client, "/login/oidc?next=/containers/web%3Fsince=-1h"), "1"))
    assert '<meta http-equiv="refresh" content="0;url=/containers/web?since=-1h">' in answer.text


def test_it_works_below_a_path_and_behind_tls(build: Builder, idp: OidcProvider) -> None:
    site = build(WebSettings(public_url="https://wharf.example.com/wharf", oidc=settings(idp)))
    site.clock.ms = int(time.time() * 1000)
    client = site.client()
    headers = {"Host": "wharf.example.com"}
    answer = client.get("/wharf/login/oidc?next=/alerts", headers=headers, base_url="https://wharf.example.com")
    assert "Secure" in answer.headers["Set-Cookie"]
    assert "Path=/wharf/login/oidc" in answer.headers["Set-Cookie"]
    home = idp.sign_in(answer.headers["Location"], "1")
    assert home.startswith("https://wharf.example.com/wharf/login/oidc/callback?")
    parts = urlsplit(home)
    landed = client.get(f"{parts.path}?{parts.query}", headers=headers, base_url="https://wharf.example.com")
    assert "url=/wharf/alerts" in landed.text


def test_the_role_is_the_highest_that_the_claim_gives_at_each_sign_in(site: Site, idp: OidcProvider) -> None:
    client, _ = sign_in(site, idp, "2")
    assert client.get("/api/v1/session").json["role"] == "viewer"
    user = site.auth.user("bert")
    assert user is not None
    site.auth.put_user(replace(user, role="admin"))
    again, _ = sign_in(site, idp, "2")
    assert again.get("/api/v1/session").json["role"] == "viewer", "the provider decides"
    assert len(site.auth.users()) == 1


def test_who_has_no_role_is_refused_and_loses_the_sessions_that_are_open(site: Site, idp: OidcProvider) -> None:
    refused(sign_in(site, idp, "3")[1], "no_role")
    assert site.auth.users() == ()
    open_one, _ = sign_in(site, idp, "2")
    assert open_one.get("/api/v1/session").status_code == 200
    idp.forge = idp.changed(groups=["guests"])
    refused(sign_in(site, idp, "2")[1], "no_role")
    assert open_one.get("/api/v1/session").status_code == 401


def test_a_default_role_lets_everybody_in_whom_the_provider_knows(build: Builder, idp: OidcProvider) -> None:
    site = build(WebSettings(oidc=settings(idp, default_role="viewer")))
    site.clock.ms = int(time.time() * 1000)
    client, _ = sign_in(site, idp, "3")
    assert client.get("/api/v1/session").json["role"] == "viewer"


def test_an_account_of_that_name_is_never_taken_over(site: Site, idp: OidcProvider) -> None:
    site.auth.put_user(User("anna", "viewer", "scrypt:x", 1))
    refused(sign_in(site, idp, "1")[1], "taken")
    assert site.auth.users() == (User("anna", "viewer", "scrypt:x", 1),)


def test_a_disabled_account_stays_out(site: Site, idp: OidcProvider) -> None:
    sign_in(site, idp, "1")
    user = site.auth.user("anna")
    assert user is not None
    site.auth.put_user(replace(user, disabled=True))
    refused(sign_in(site, idp, "1")[1], "disabled")


def test_an_account_of_the_provider_opens_by_no_password(site: Site, idp: OidcProvider) -> None:
    client, _ = sign_in(site, idp, "1")
    for password in ("", "anything at all"):
        answer = site.client().post("/api/v1/session", json={"username": "anna", "password": password})
        assert answer.status_code == 401
    changed = client.put("/api/v1/session/password", json={"old": "", "new": "a long enough one"})
    assert changed.status_code == 409
    assert "no password" in changed.json["detail"]


def test_a_name_that_is_none_of_ours_is_said(site: Site, idp: OidcProvider, caplog: pytest.LogCaptureFixture) -> None:
    refused(sign_in(site, idp, "4")[1], "untrusted")
    assert "web.oidc.name_claim" in caplog.text


@pytest.mark.parametrize("spoil", ["state", "cookie", "no cookie", "no code"])
def test_an_answer_to_nobody_opens_nothing(site: Site, idp: OidcProvider, spoil: str) -> None:
    client = site.client()
    home = idp.sign_in(out(client), "1")
    if spoil == "state":
        home = home.replace("state=", "state=x")
    elif spoil == "cookie":
        client.set_cookie(ATTEMPT_COOKIE, "of-another-attempt.Lw==", path="/login/oidc")
    elif spoil == "no cookie":
        client = site.client()
    else:
        home = home.replace("code=", "cod=")
    refused(back(client, home), "stale")


def test_a_code_works_once(site: Site, idp: OidcProvider) -> None:
    client = site.client()
    home = idp.sign_in(out(client), "1")
    cookie = client.get_cookie(ATTEMPT_COOKIE, path="/login/oidc")
    assert cookie is not None
    assert back(client, home).status_code == 200
    client.set_cookie(ATTEMPT_COOKIE, cookie.value, path="/login/oidc")
    refused(back(client, home), "refused")


def test_a_code_of_another_attempt_does_not_fit_the_verifier(site: Site, idp: OidcProvider) -> None:
    """PKCE: who puts a stolen code into an own attempt is refused by the provider."""
    stolen = parse_qs(urlsplit(idp.sign_in(out(site.client()), "1")).query)["code"][0]
    thief = site.client()
    home = idp.sign_in(out(thief), "3")
    own = parse_qs(urlsplit(home).query)["code"][0]
    refused(back(thief, home.replace(own, stolen)), "refused")


def test_what_the_provider_refuses_is_told(site: Site, idp: OidcProvider, caplog: pytest.LogCaptureFixture) -> None:
    client = site.client()
    refused(back(client, idp.deny(out(client))), "refused")
    assert "access_denied" in caplog.text


def forgeries(idp: OidcProvider) -> dict[str, Forge]:
    def tampered(token: str) -> str:
        head, _, seal = idp.signed(claims_of(token)).split(".")
        return f"{head}.{part({**claims_of(token), 'groups': ['wharf-admins']})}.{seal}"

    def unsigned(token: str) -> str:
        return f"{part({'alg': 'none', 'kid': 'ours'})}.{part(claims_of(token))}."

    def by_secret(token: str) -> str:
        return jwt.encode({"alg": "HS256", "kid": "ours"}, claims_of(token), OctKey.import_key(SECRET))

    def by_stranger(token: str) -> str:
        return idp.signed(claims_of(token), RSAKey.generate_key(2048))

    def unknown_key(token: str) -> str:
        return idp.signed(claims_of(token), kid="never seen")

    now_s = int(time.time())
    return {
        "tampered": tampered,
        "unsigned": unsigned,
        "by the client's secret": by_secret,
        "by a stranger's key": by_stranger,
        "unknown key": unknown_key,
        "no token at all": lambda _: "",
        "not a token": lambda _: "a.b.c",
        "wrong nonce": idp.changed(nonce="another"),
        "no nonce": idp.changed(nonce=None),
        "another issuer": idp.changed(iss="https://evil.example"),
        "no issuer": idp.changed(iss=None),
        "another audience": idp.changed(aud="somebody-else"),
        "two audiences, another's": idp.changed(aud=[CLIENT, "x"], azp="x"),
        "expired": idp.changed(exp=now_s - 120, iat=now_s - 600),
        "no expiry": idp.changed(exp=None),
        "issued in the future": idp.changed(iat=now_s + 600, exp=now_s + 1200),
        "no subject": idp.changed(sub=None),
        "subject is no text": idp.changed(sub=7),
        "another access token": idp.changed(at_hash="AAAAAAAAAAAAAAAAAAAAAA"),
    }


FORGERIES = (
    "tampered",
    "unsigned",
    "by the client's secret",
    "by a stranger's key",
    "unknown key",
    "no token at all",
    "not a token",
    "wrong nonce",
    "no nonce",
    "another issuer",
    "no issuer",
    "another audience",
    "two audiences, another's",
    "expired",
    "no expiry",
    "issued in the future",
    "no subject",
    "subject is no text",
    "another access token",
)


@pytest.mark.parametrize("name", FORGERIES)
def test_an_identity_token_that_is_not_right_opens_nothing(site: Site, idp: OidcProvider, name: str) -> None:
    idp.forge = forgeries(idp)[name]
    refused(sign_in(site, idp, "1")[1], "untrusted")
    assert site.auth.users() == ()


def test_a_forgery_is_refused_for_what_is_forged(site: Site, idp: OidcProvider) -> None:
    """The same machinery with nothing forged lets in: the refusals above are not for another reason."""
    idp.forge = idp.changed()
    assert sign_in(site, idp, "1")[1].status_code == 200
    assert set(forgeries(idp)) == set(FORGERIES)


def test_a_key_that_came_later_is_looked_for_once(site: Site, idp: OidcProvider) -> None:
    assert sign_in(site, idp, "1")[1].status_code == 200
    newer = RSAKey.generate_key(2048, {"kid": "newer"})
    idp.keys.keys.append(newer)
    idp.forge = lambda token: idp.signed(claims_of(token), newer, kid="newer")
    refused(sign_in(site, idp, "1")[1], "untrusted")
    site.clock.ms += providers.REST_MS + 1
    assert sign_in(site, idp, "1")[1].status_code == 200
    assert idp.asked.count("/keys") == 2
    idp.keys.keys.remove(newer)


def test_a_claim_that_only_userinfo_has_is_asked_for(site: Site, idp: OidcProvider) -> None:
    idp.forge = idp.changed(preferred_username=None, groups=None)
    client, answer = sign_in(site, idp, "1")
    assert answer.status_code == 200
    assert client.get("/api/v1/session").json["role"] == "admin"
    assert "/userinfo" in idp.asked
    idp.forge = idp.changed(preferred_username=None, sub="9")
    refused(sign_in(site, idp, "1")[1], "untrusted")


def test_a_provider_that_is_away_is_left_alone_for_a_while(site: Site, idp: OidcProvider) -> None:
    idp.down = True
    client = site.client()
    for _ in range(3):
        refused(client.get("/login/oidc"), "away")
    assert idp.asked == ["/.well-known/openid-configuration"]
    idp.down = False
    site.clock.ms += providers.REST_MS + 1
    assert out(client).startswith(idp.url)


def test_a_provider_of_another_name_is_not_believed(build: Builder, idp: OidcProvider) -> None:
    wrong = settings(idp, issuer=f"{idp.url}/")
    with pytest.raises(SignInFailed, match=r"write that into web\.oidc\.issuer"):
        Provider(wrong, lambda: int(time.time() * 1000)).known()


def test_sign_ins_are_throttled(site: Site, idp: OidcProvider) -> None:
    client = site.client()
    home = idp.sign_in(out(client), "1").replace("state=", "state=x")
    wrong = [back(client, home).headers["Location"] for _ in range(7)]
    assert wrong == ["/login?wrong=stale"] * 5 + ["/login?wrong=busy"] * 2


def test_no_secret_is_logged(site: Site, idp: OidcProvider, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    client = site.client()
    home = idp.sign_in(out(client), "1")
    cookie = client.get_cookie(ATTEMPT_COOKIE, path="/login/oidc")
    assert cookie is not None
    back(client, home)
    refused(back(client, home), "stale")
    attempt = Attempt(cookie.value.partition(".")[0])
    code = parse_qs(urlsplit(home).query)["code"][0]
    ours = "\n".join(r.getMessage() for r in caplog.records if r.name.startswith(("dashboard", "authlib", "urllib3")))
    assert not [s for s in (SECRET, attempt.secret, attempt.verifier, code) if s in ours]


def test_without_a_provider_there_is_no_such_page_and_no_button(build: Builder) -> None:
    client = build().client()
    assert client.get("/login/oidc").status_code == 404
    assert "data-provider" not in client.get("/login").text


def test_the_button_names_the_provider(build: Builder, idp: OidcProvider) -> None:
    page = build(WebSettings(oidc=settings(idp, label="<Harbour>"))).client().get("/login?next=/limits").text
    assert 'href="/login/oidc?next=/limits"' in page
    assert "Sign in with &lt;Harbour&gt;" in page


def test_without_the_extra_the_log_says_what_to_install(
    build: Builder, idp: OidcProvider, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("dashboard.oidc.doors.installed", lambda: False)
    client = build(WebSettings(oidc=settings(idp))).client()
    assert client.get("/login").status_code == 200
    assert client.get("/login/oidc").status_code == 404
    assert "pip install 'wharfinger[oidc]'" in caplog.text


@pytest.mark.parametrize(
    ("wish", "path"),
    [
        ("/limits?x=1", "/limits?x=1"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example", "/"),
        ("/a\r\nSet-Cookie: x", "/"),
        ("/login", "/"),
        ("/" + "x" * 3000, "/"),
        ("", "/"),
    ],
)
def test_the_way_back_stays_here(wish: str, path: str) -> None:
    assert own_path(wish) == path


def test_a_path_forged_into_the_cookie_stays_here(site: Site, idp: OidcProvider) -> None:
    client = site.client()
    home = idp.sign_in(out(client), "1")
    cookie = client.get_cookie(ATTEMPT_COOKIE, path="/login/oidc")
    assert cookie is not None
    secret = cookie.value.partition(".")[0]
    evil = urlsafe_b64encode(b"//evil.example").decode()
    client.set_cookie(ATTEMPT_COOKIE, f"{secret}.{evil}", path="/login/oidc")
    assert "url=/&#34;" not in back(client, home).text
    client = site.client()
    home = idp.sign_in(out(client), "1")
    cookie = client.get_cookie(ATTEMPT_COOKIE, path="/login/oidc")
    assert cookie is not None
    client.set_cookie(ATTEMPT_COOKIE, f"{cookie.value.partition('.')[0]}.%%%", path="/login/oidc")
    assert 'content="0;url=/"' in back(client, home).text


def test_claims_are_found_by_name_and_by_path() -> None:
    claims = {"https://x.example/roles": ["a"], "realm_access": {"roles": ["b"]}, "plain": "c"}
    assert claim(claims, "https://x.example/roles") == ["a"]
    assert claim(claims, "realm_access.roles") == ["b"]
    assert claim(claims, "plain.deeper") is None
    mapped = OidcSettings(role_claim="realm_access.roles", roles={"operator": ["b", "c"]})
    assert role_of(claims, mapped) == "operator"
    assert role_of({"realm_access": {"roles": "c"}}, mapped) == "operator", "one value may come without a list"
    with pytest.raises(SignInFailed):
        role_of({"realm_access": {"roles": [1, None, {}]}}, mapped)
    assert name_of({"email": "anna@example.com"}, OidcSettings(name_claim="email")) == "anna@example.com"
