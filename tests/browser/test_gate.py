"""Signing in, out, and the first administrator."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from config.schema import OidcSettings
from tests.browser.conftest import Looker
from tests.browser.server import PASSWORD, Dashboard
from tests.support.oidc import CLIENT, SECRET, oidc_provider

pytestmark = pytest.mark.browser


def test_a_page_asks_for_a_login_and_comes_back(look: Looker) -> None:
    page = look.open("/limits", user=None)
    assert page.locator("body").get_attribute("data-page") == "login"
    page.locator("[name='username']").fill("mina")
    page.locator("[name='password']").fill(PASSWORD)
    page.keyboard.press("Enter")
    look.arrive(page, "limits")


def test_a_wrong_password_is_said_without_saying_which(look: Looker) -> None:
    look.watch.allow += [r"401"]
    page = look.open("/login", user=None)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_have_text("Write your name.")
    page.locator("[name='username']").fill("mina")
    page.locator("[name='password']").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_have_text("Name or password is wrong.")
    expect(page.locator("[name='password']")).to_be_focused()


@pytest.mark.parametrize("wish", ["//evil.example", "/%5Cevil.example", "https://evil.example", "/login"])
def test_no_login_leads_elsewhere(look: Looker, wish: str) -> None:
    page = look.open(f"/login?next={wish}", user=None)
    page.locator("[name='username']").fill("vera")
    page.locator("[name='password']").fill(PASSWORD)
    page.keyboard.press("Enter")
    look.arrive(page, "overview")
    assert page.url.startswith(look.dashboard.url + "/")


def test_the_password_can_be_seen(look: Looker) -> None:
    page = look.open("/login", user=None)
    page.get_by_role("button", name="Show the password").click()
    expect(page.locator("[name='password']")).to_have_attribute("type", "text")


def test_signing_out_ends_the_session(act: Looker) -> None:
    page = act.open("/")
    page.get_by_role("button", name="Account").click()
    page.get_by_role("button", name="Sign out").click()
    act.arrive(page, "login")
    page.goto(act.dashboard.url + "/")
    act.arrive(page, "login")


@pytest.fixture
def fresh(browser: Browser, tmp_path: Path) -> Iterator[Looker]:
    dashboard = Dashboard(tmp_path, fresh=True)
    looker = Looker(browser, dashboard)
    yield looker
    looker.close()
    dashboard.close()
    assert looker.watch.faults() == []


def test_the_setup_address_makes_the_first_admin_once(fresh: Looker) -> None:
    fresh.watch.allow += [r"4\d\d"]
    assert fresh.dashboard.setup_url is not None
    path = fresh.dashboard.setup_url.removeprefix(fresh.dashboard.url)
    page = fresh.open(path, user=None)
    page.locator("[name='password']").fill("short")
    page.get_by_role("button", name="Begin").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.locator("[name='password']").fill(PASSWORD)
    page.get_by_role("button", name="Begin").click()
    fresh.arrive(page, "overview")
    page.goto(fresh.dashboard.setup_url)
    page.wait_for_selector("body[data-ready='true']")
    page.locator("[name='password']").fill(PASSWORD)
    page.get_by_role("button", name="Begin").click()
    expect(page.get_by_role("alert")).to_be_visible()


def test_the_button_of_a_provider_leads_there_and_back_into_a_session(browser: Browser, tmp_path: Path) -> None:
    """Two sites, so that the browser keeps its rules for cookies between them: localhost and 127.0.0.1."""
    with oidc_provider({"1": {"preferred_username": "anna", "groups": ["ops"]}}) as provider:
        oidc = OidcSettings(
            issuer=provider.url,
            client_id=CLIENT,
            client_secret=SECRET,
            label="Harbour",
            role_claim="groups",
            roles={"operator": ["ops"]},
        )
        dashboard = Dashboard(tmp_path, oidc=oidc)
        here = dashboard.url.replace("127.0.0.1", "localhost")
        page = browser.new_page()
        try:
            page.goto(f"{here}/limits")
            page.get_by_role("link", name="Sign in with Harbour").click()
            assert page.url.startswith(provider.url)
            page.locator("[name='subject']").fill("1")
            page.get_by_role("button").click()
            page.wait_for_selector("body[data-page='limits'][data-ready='true']")
            assert page.url == f"{here}/limits"
            user = dashboard.auth.user("anna")
            assert user is not None
            assert user.role == "operator"
            page.goto(f"{here}/login?wrong=no_role")
            expect(page.get_by_role("alert")).to_contain_text("no role here")
        finally:
            page.close()
            dashboard.close()
