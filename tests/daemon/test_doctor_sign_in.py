"""What the doctor says of a sign-in provider: a real one on loopback, and each way in which it may not do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from config.schema import OidcSettings
from daemon.check import Check
from daemon.doctor_sign_in import provider
from dashboard.oidc import provider as providers
from tests.support.oidc import CLIENT, SECRET, OidcProvider, oidc_provider


@pytest.fixture
def idp() -> Iterator[OidcProvider]:
    with oidc_provider({}) as running:
        yield running


def looked(issuer: str) -> list[Check]:
    return list(provider(OidcSettings(issuer=issuer, client_id=CLIENT, client_secret=SECRET)))


def test_nothing_is_said_where_none_is_named() -> None:
    assert looked("") == []


def test_one_that_answers_is_well(idp: OidcProvider) -> None:
    assert looked(idp.url) == [Check("sign_in", "ok", f"{idp.url} answers")]
    assert idp.asked == ["/.well-known/openid-configuration", "/keys"]


def test_one_that_does_not_is_named_with_its_fault(idp: OidcProvider) -> None:
    idp.down = True
    (check,) = looked(idp.url)
    assert (check.state, "answers 503" in check.detail, "docs/sign-in.md" in check.remedy) == ("warning", True, True)
    idp.close()
    (check,) = looked(idp.url)
    assert (check.state, "does not answer" in check.detail) == ("warning", True)
    assert SECRET not in f"{check.detail}{check.remedy}"


def test_another_issuer_than_it_says(idp: OidcProvider) -> None:
    (check,) = looked(f"{idp.url}/")
    assert (check.state, "web.oidc.issuer" in check.detail) == ("warning", True)


@pytest.mark.parametrize(
    ("page", "changed", "words"),
    [
        ("/keys", {"keys": []}, "names no key"),
        ("/keys", {"keys": "none"}, "names no key"),
        ("/.well-known/openid-configuration", {"id_token_signing_alg_values_supported": ["HS256"]}, "HS256 alone"),
    ],
)
def test_tokens_that_could_never_be_checked(
    idp: OidcProvider, monkeypatch: pytest.MonkeyPatch, page: str, changed: dict[str, Any], words: str
) -> None:
    genuine = providers.fetched

    def fetched(url: str) -> bytes:
        body = genuine(url)
        if url.endswith(page):
            body = providers.msgspec.json.encode({**providers.msgspec.json.decode(body), **changed})
        return body

    monkeypatch.setattr(providers, "fetched", fetched)
    (check,) = looked(idp.url)
    assert (check.state, words in check.detail) == ("warning", True)


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(providers, "installed", lambda: False)
    (check,) = looked("https://sso.example.com")
    assert (check.state, check.remedy) == ("warning", providers.INSTALL)
