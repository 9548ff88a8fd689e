"""Pages in a real browser: the application over the made-up world, with guards that no page may break."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Error, Locator, Page, Request

from tests.browser.server import PASSWORD, Dashboard
from tests.support.wait import wait_until

PICTURES = Path(__file__).resolve().parents[2] / "build" / "screenshots"
READY = "body[data-ready='true']"
CUT = "ERR_NETWORK_CHANGED"
"""Chromium cuts every request when an interface of the machine comes or goes, as with each container that starts."""
DESK, PHONE = (1440, 1000), (390, 844)


def until(page: Page, expression: str, seconds: float = 8) -> None:
    """Wait for an expression to be true. Playwright's own way evaluates text in the page, which our CSP forbids."""
    wait_until(lambda: page.evaluate(expression), seconds, expression)


def hurry(page: Page, seen: Locator, words: str, *, seconds: float = 15) -> None:
    """Let the page's time run (it was opened with ``clock=True``) until ``seen`` holds ``words``; "" for its going."""

    def there() -> bool:
        page.clock.run_for(1000)
        return words in seen.first.inner_text() if words and seen.count() else not words and seen.count() == 0

    wait_until(there, seconds, words or "it to go")


@dataclass(slots=True)
class Watch:
    """What a page said and asked for; ``allow`` are forms of console lines that a test provokes on purpose."""

    allow: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)

    def faults(self) -> list[str]:
        """What no page may do. Cut requests are the machine's doing: see :data:`CUT`."""
        bad = [line for line in self.lines if not any(re.search(form, line) for form in (*self.allow, CUT))]
        return bad + [f"asked {url}" for url in self.elsewhere]


class Looker:
    """Opens pages as somebody: ``open(path, user=, theme=, lang=, phone=)``."""

    def __init__(self, browser: Browser, dashboard: Dashboard) -> None:
        self._browser = browser
        self._contexts: dict[tuple[object, ...], BrowserContext] = {}
        """One a kind of reader, so that what a page has fetched once is there for the next."""
        self.dashboard = dashboard
        self.watch = Watch()

    def context(self, user: str | None, theme: str, lang: str, phone: bool, motion: str = "reduce") -> BrowserContext:
        kind = (user, theme, lang, phone, motion)
        if kind in self._contexts:
            return self._contexts[kind]
        width, height = PHONE if phone else DESK
        context = self._browser.new_context(
            viewport={"width": width, "height": height},
            device_scale_factor=2 if phone else 1,
            timezone_id="Europe/Berlin",
            locale="ko-KR" if lang == "ko" else "en-GB",
            reduced_motion=motion,  # type: ignore[arg-type]
            color_scheme=theme,  # type: ignore[arg-type]
            accept_downloads=True,
        )
        self._contexts[kind] = context
        if user is not None:
            cookies = self.dashboard.cookies
            if user not in cookies:
                answer = context.request.post(
                    f"{self.dashboard.url}/api/v1/session",
                    data={"username": user, "password": PASSWORD},
                    headers={"Origin": self.dashboard.url},
                )
                assert answer.ok, answer.text()
                cookies[user] = context.cookies()
            context.add_cookies(cookies[user])
        return context

    def open(
        self,
        path: str,
        *,
        user: str | None = "mina",
        theme: str = "light",
        lang: str = "en",
        phone: bool = False,
        ready: bool = True,
        clock: bool = False,
    ) -> Page:
        context = self.context(user, theme, lang, phone)
        for before in context.pages:
            before.close()
        page = context.new_page()
        if clock:
            page.clock.install()
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.watch.lines.append(f"error: {error}"))
        page.on("request", self._request)
        self._again_when_cut(lambda: page.goto(self.dashboard.url + path), page, READY if ready else "body")
        return page

    def arrive(self, page: Page, name: str) -> None:
        """Wait until the page ``name`` is there and filled, after a click that leads to it."""
        self._again_when_cut(lambda: None, page, f"body[data-page='{name}'][data-ready='true']")

    def _again_when_cut(self, go: Callable[[], object], page: Page, selector: str) -> None:
        for attempt in (1, 2, 3):
            before = len(self.watch.lines)
            try:
                go()
                page.wait_for_selector(selector, timeout=20_000)
                return
            except Error as error:
                cut = CUT in str(error) or any(
                    CUT in line for line in self.watch.lines[before - 5 if before > 5 else 0 :]
                )
                if not cut or attempt == 3:
                    raise
                go = page.reload

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.watch.lines.append(f"{message.type}: {message.text} {message.location.get('url', '')}")

    def _request(self, request: Request) -> None:
        if not request.url.startswith((self.dashboard.url + "/", "data:", "blob:")):
            self.watch.elsewhere.append(request.url)

    def close(self) -> None:
        for context in self._contexts.values():
            context.close()

    def clean(self) -> None:
        """For the next test: no page, no choice of theme or language, nothing said; the sessions stay."""
        for kind, context in self._contexts.items():
            for page in context.pages:
                if page.url.startswith(self.dashboard.url):
                    page.evaluate("localStorage.clear()")
                page.close()
            context.clear_cookies(**({"name": "wharfinger_lang"} if kind[0] is not None else {}))
        self.watch = Watch()


@pytest.fixture(scope="session")
def shared_dashboard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """One server for tests that change nothing."""
    dashboard = Dashboard(tmp_path_factory.mktemp("dashboard"))
    yield dashboard
    dashboard.close()


@pytest.fixture(scope="session")
def shared_looker(browser: Browser, shared_dashboard: Dashboard) -> Iterator[Looker]:
    """Readers who look at the shared world, one after the other."""
    looker = Looker(browser, shared_dashboard)
    yield looker
    looker.close()


@pytest.fixture
def look(shared_looker: Looker) -> Iterator[Looker]:
    """Pages of the shared world; fails where the console complained or a request left the host."""
    yield shared_looker
    watch = shared_looker.watch
    shared_looker.clean()
    assert watch.faults() == []


@pytest.fixture
def act(browser: Browser, tmp_path: Path) -> Iterator[Looker]:
    """Pages of a world of this test alone, which it may change."""
    dashboard = Dashboard(tmp_path)
    looker = Looker(browser, dashboard)
    yield looker
    looker.close()
    dashboard.close()
    assert looker.watch.faults() == []


@pytest.fixture
def shoot() -> Callable[[Page, str], None]:
    """``shoot(page, name)`` keeps a picture below build/screenshots."""

    def save(page: Page, name: str) -> None:
        PICTURES.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=PICTURES / f"{name}.png")

    return save


@pytest.fixture
def accessible() -> Callable[[Page], None]:
    """``accessible(page)``: axe finds nothing."""
    from axe_playwright_python.sync_playwright import Axe

    def check(page: Page) -> None:
        results = Axe().run(page)
        assert results.violations_count == 0, results.generate_report()

    return check
