"""A person at the real dashboard over the real engine: logs in, sees it live, opens a container, sets a limit."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import Watch, until
from tests.e2e.harness import DOCKER, running
from tests.support.wait import wait_until
from tools.servers.docker import DockerEngine

pytestmark = [pytest.mark.docker, pytest.mark.browser]

WAVES = ["sh", "-c", "while :; do i=0; while [ $i -lt 30000 ]; do i=$((i+1)); done; sleep 0.3; done"]


def test_a_person_logs_in_watches_opens_a_container_and_sets_a_limit(
    tmp_path: Path, docker_engine: DockerEngine, browser: Browser
) -> None:
    container = docker_engine.run(WAVES, nano_cpus=500_000_000, mem_limit="64m", network_mode="none")
    watch = Watch()
    with running(tmp_path, **{DOCKER: docker_engine.address}) as house:
        page = browser.new_page(viewport={"width": 1440, "height": 1000})
        page.on("console", lambda m: watch.lines.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: watch.lines.append(str(error)))
        page.on(
            "request",
            lambda r: None if r.url.startswith((house.url, "data:", "blob:")) else watch.elsewhere.append(r.url),
        )
        page.goto(house.url)
        page.fill("[name=username]", "admin")
        page.fill("[name=password]", "correct horse battery")
        page.keyboard.press("Enter")
        page.wait_for_selector("body[data-page=overview][data-ready=true]")
        row = page.locator(f"[data-container-id='{container.id}']")
        expect(row).to_have_attribute("data-name", container.name)
        figure = row.locator("[data-metric=cpu_usage_cores]")
        seen: set[str] = set()

        def moves() -> bool:
            seen.add(figure.inner_text())
            return len(seen) >= 2

        wait_until(moves, 15, "its CPU figure changes by itself")
        row.locator("a").first.click()
        page.wait_for_selector("body[data-page=container][data-ready=true]")
        until(page, "Number(document.querySelector('[data-chart=cpu]').dataset.points) >= 3", 15)
        page.get_by_role("button", name="Change limits").click()
        form = page.locator("[data-limits-form]")
        form.locator("[name=cpu]").fill("1.25")
        expect(form.get_by_role("button", name="Set limits")).to_be_enabled()
        form.get_by_role("button", name="Set limits").click()
        wait_until(
            lambda: docker_engine.client.api.inspect_container(container.id)["HostConfig"]["NanoCpus"] == 1_250_000_000,
            10,
            "Docker has the new limit",
        )
        expect(page.locator("[data-changes]")).to_contain_text("1.25")
        page.close()
    assert watch.faults() == []
