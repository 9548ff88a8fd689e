"""Alerts and limits: what is told, what the buttons do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from playwright.sync_api import Page, expect

from model.alert import Hours, Selector, Severity, Silence
from model.errors import Refused, StoreError
from tests.browser.conftest import Looker

pytestmark = pytest.mark.browser


def test_firing_first_then_pending_with_value_and_bound(look: Looker) -> None:
    page = look.open("/alerts")
    rows = page.locator("[data-alert]")
    assert rows.evaluate_all("list => list.map(n => n.dataset.alert)")[-1] == "a-4"
    assert "pending" in (rows.last.get_attribute("class") or "")
    expect(rows.first).to_contain_text("Fires over 20")
    expect(page.locator("[data-summary]")).to_have_text("3 firing, 1 pending, 0 silenced")
    expect(page.locator(".lane-line[data-rule='DiskWait'] .lane-count")).to_have_text("2")


def test_news_of_changed_limits_is_one_line_and_counts_as_nothing(act: Looker) -> None:
    chronicle = act.dashboard.world.chronicle
    told = chronicle.alerts()
    news = [
        replace(told[0], id=f"n-{n}", rule="LimitChanged", severity=Severity.INFO, summary=f"CPU limit {n}.00 cores")
        for n in range(1, 6)
    ]
    chronicle.alerts = lambda: [*told, *news]  # type: ignore[method-assign]
    page = act.open("/alerts")
    expect(page.locator("[data-news]")).to_contain_text("5 notes")
    expect(page.locator("[data-alert]")).to_have_count(4)
    expect(page.locator("[data-summary]")).to_have_text("3 firing, 1 pending, 0 silenced")
    expect(page.locator("[data-count='alerts']")).to_have_text("3")


def test_acknowledge_and_silence(act: Looker) -> None:
    page = act.open("/alerts")
    page.locator("[data-alert='a-3']").get_by_role("button", name="Acknowledge").click()
    expect(page.locator("[data-alert='a-3']")).to_contain_text("Acknowledged by mina.", timeout=12_000)
    page.locator("[data-alert='a-1']").get_by_role("button", name="Silence").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.locator("[name='rules']")).to_have_value("CpuThrottled")
    dialog.locator("[name='comment']").fill("known")
    dialog.get_by_role("button", name="Silence").click()
    row = page.locator("[data-silence]")
    expect(row).to_contain_text("CpuThrottled · shop-api-2")
    row.get_by_role("button", name="End").click()
    expect(row).to_have_count(0)


def test_a_maintenance_window_of_the_configuration_recurs_and_cannot_be_ended_here(act: Looker) -> None:
    nights = Hours(120, 240, (5, 6), "Europe/Berlin")
    window = Silence("config-1", Selector(("shop-*",)), (), 0, 2**53, "configuration", "backup", nights, "config")
    act.dashboard.world.silences.append(window)
    row = act.open("/alerts").locator("[data-silence='config-1']")
    expect(row.locator("[data-when]")).to_have_text("every Sat, Sun 02:00\u201304:00 (Europe/Berlin)")
    expect(row).to_contain_text("configuration")
    expect(row.get_by_role("button")).to_have_count(0)


def test_a_silence_may_begin_later_and_recur(
    act: Looker, accessible: Callable[[Page], None], shoot: Callable[[Page, str], None]
) -> None:
    page = act.open("/alerts")
    page.get_by_role("button", name="New silence").click()
    dialog = page.get_by_role("dialog")
    dialog.locator("[name='starts']").fill("2099-01-02T03:04")
    for day in ("mon", "fri"):
        dialog.locator(f"[name='days'][value='{day}']").check()
    dialog.locator("[name='since']").fill("22:00")
    dialog.locator("[name='until']").fill("06:00")
    dialog.get_by_role("button", name="Silence").click()
    expect(dialog).to_have_count(0)
    sent = [c.arguments for c in act.dashboard.world.commands if c.name == "silences.create"][-1]
    assert sent["starts_at_ms"] == 4_071_002_640_000  # 02:04 UTC: the reader is in Berlin
    assert sent["hours"] == {"from": "22:00", "to": "06:00", "days": ["mon", "fri"], "zone": "Europe/Berlin"}
    page.get_by_role("button", name="New silence").click()
    dialog.locator("[name='days'][value='sun']").check()
    accessible(page)
    shoot(page, "silence-form")
    dialog.get_by_role("button", name="Silence").click()
    expect(dialog).to_have_count(0)
    sent = [c.arguments for c in act.dashboard.world.commands if c.name == "silences.create"][-1]
    assert sent["hours"] == {"days": ["sun"], "zone": "Europe/Berlin"}


def test_a_rule_is_replayed_over_history(act: Looker) -> None:
    act.watch.allow += ["409", "503"]
    page = act.open("/alerts")
    page.locator("[data-replay='CpuThrottled']").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="24 hours").click()
    expect(dialog.locator("[data-firings]")).to_have_text("It would have fired 3 times.")
    expect(dialog.locator(".replay-strip rect")).to_have_count(3)
    expect(dialog.locator("[data-fired]").first).to_contain_text("and still")
    dialog.get_by_role("button", name="1 hour").click()
    expect(dialog.locator("[data-firings]")).to_have_text("It would have fired 2 times.")
    act.dashboard.world.states.replay_fault = Refused("another replay is running: try again when it is done")
    dialog.get_by_role("button", name="7 days").click()
    expect(dialog.get_by_role("alert")).to_have_text("Another replay is running. Try again when it is done.")
    act.dashboard.world.states.replay_fault = StoreError("the replay took more than 120 s: try fewer rules")
    dialog.get_by_role("button", name="7 days").click()
    expect(dialog.get_by_role("alert")).to_have_text("The replay took too long. Choose a shorter range.")
    expect(page.locator("[data-replay='OomKilled']")).to_be_disabled()


def test_an_alert_that_comes_and_goes_says_so(act: Looker) -> None:
    chronicle = act.dashboard.world.chronicle
    first, *others = chronicle.alerts()
    chronicle.alerts = lambda: [replace(first, flapping_hold_s=600.0), *others]  # type: ignore[method-assign]
    page = act.open("/alerts")
    expect(page.locator("[data-flapping]")).to_have_text(["comes and goes"])
    expect(page.locator(f"[data-alert='{first.id}']")).to_contain_text("counts as firing until it is quiet")


def test_receivers_are_tested_and_added(act: Looker) -> None:
    page = act.open("/alerts", user="admin")
    expect(page.locator("[data-receiver='chat']")).to_contain_text("2 wait")
    page.locator("[data-test='ops']").click()
    expect(page.get_by_role("status").filter(has_text="ops took the test message.")).to_be_visible()
    page.get_by_role("button", name="New receiver").click()
    dialog = page.get_by_role("dialog")
    dialog.locator("[name='name']").fill("pager")
    dialog.locator("[name='url']").fill("https://pager.example/x")
    dialog.locator("[name='repeat']").fill("240")
    dialog.locator("[name='escalate']").fill("7.5")
    dialog.get_by_role("button", name="Save").click()
    expect(page.locator("[data-receiver='pager']")).to_contain_text("told again every 4\u00a0h")
    sent = [c.arguments for c in act.dashboard.world.commands if c.name == "receivers.put"][-1]
    assert (sent["repeat_s"], sent["escalate_after_s"]) == (14_400, 450)
    page.locator("[data-receiver='pager']").get_by_role("button", name="Remove").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(page.locator("[data-receiver='pager']")).to_have_count(0)


def test_a_fault_in_a_form_stands_under_it(act: Looker) -> None:
    act.watch.allow += [r"422"]
    page = act.open("/alerts", user="admin")
    page.get_by_role("button", name="New receiver").click()
    dialog = page.get_by_role("dialog")
    dialog.locator("[name='name']").fill("???")
    dialog.locator("[name='url']").fill("https://pager.example/x")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert")).to_contain_text("name")
    expect(dialog).to_be_visible()


def test_the_kill_switch(act: Looker) -> None:
    page = act.open("/limits")
    expect(page.locator("#switch-title")).to_have_text("Automation is on")
    page.get_by_role("button", name="Pause 1 h").click()
    expect(page.locator("#switch-title")).to_contain_text("Automation is paused until")
    expect(page.get_by_role("button", name="Resume")).to_be_focused()
    page.get_by_role("button", name="Resume").click()
    expect(page.locator("#switch-title")).to_have_text("Automation is on")
    page.get_by_role("button", name="Stop all changes").click()
    page.get_by_role("dialog").get_by_role("button", name="Stop all changes").click()
    expect(page.locator("#switch-title")).to_have_text("Automation is stopped")
    assert act.dashboard.world.paused["paused"] is True


def test_recommendations_are_exported(look: Looker, accessible: Callable[[Page], None]) -> None:
    page = look.open("/limits")
    page.get_by_role("button", name="Export").click()
    dialog = page.get_by_role("dialog")
    text = dialog.get_by_label("Recommended limits")
    expect(text).to_contain_text("docker update --cpus")
    accessible(page)
    with page.expect_download() as download:
        dialog.get_by_role("button", name="Download").click()
    assert download.value.suggested_filename == "limits.sh"
    assert download.value.path().read_text() == text.text_content()
    dialog.get_by_role("button", name="compose").click()
    expect(text).to_contain_text("services:")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    dialog.get_by_role("button", name="Copy").click()
    expect(dialog.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == text.text_content()
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_have_count(0)


def test_recommendations_urgent_first_and_taken(act: Looker) -> None:
    page = act.open("/limits")
    rows = page.locator("[data-recs] tr")
    expect(rows.first).to_have_attribute("data-name", "shop-api-2")
    expect(rows.first).to_contain_text("costs 0.50")
    expect(rows.first.locator(".range title")).to_contain_text("Half the time below", timeout=8000)
    rows.first.get_by_role("button", name="Apply").click()
    expect(page.get_by_role("status").filter(has_text="Done: shop-api-2")).to_be_visible()
    lower = page.locator("[data-recs] tr[data-name='data-broker']")
    lower.get_by_role("button", name="Apply").click()
    expect(page.get_by_role("dialog")).to_contain_text("instead of")
    page.get_by_role("dialog").get_by_role("button", name="Apply").click()
    expect(page.locator("[data-journal] tr").first).to_contain_text("data-broker", timeout=8000)


def test_the_journal_shows_refusals_and_undoes(act: Looker) -> None:
    page = act.open("/limits")
    expect(page.locator("[data-change='c-2']")).to_contain_text("Throttled 47")
    page.locator("[data-journal-show] [data-value='refused']").click()
    expect(page.locator("[data-journal] tr")).to_have_count(1)
    expect(page.locator("[data-journal]")).to_contain_text("it would be killed")
    page.locator("[data-journal-show] [data-value='all']").click()
    page.locator("[data-change='c-3'] [data-undo]").click()
    page.get_by_role("dialog").get_by_role("button", name="Undo").click()
    expect(page.locator("[data-change='c-3']")).to_contain_text("undone by mina")
    with page.expect_download() as saved:
        page.locator("[data-csv]").click()
    assert saved.value.suggested_filename == "wharfinger-limits.csv"


def test_settings_users_and_tokens(act: Looker) -> None:
    page = act.open("/settings", user="admin")
    page.get_by_role("button", name="New user").click()
    dialog = page.get_by_role("dialog")
    dialog.locator("[name='name']").fill("otto")
    dialog.locator("[name='password']").fill("long enough to be taken")
    dialog.get_by_role("button", name="Add").click()
    expect(page.locator("[data-user='otto']")).to_be_visible()
    page.get_by_role("button", name="New token").click()
    page.get_by_role("dialog").locator("[name='name']").fill("ci")
    page.get_by_role("dialog").get_by_role("button", name="Add").click()
    expect(page.locator("[data-notice='token']")).to_contain_text("whf_")


def test_a_rule_says_whom_it_watches(look: Looker) -> None:
    page = look.open("/alerts")
    page.locator("[data-preview]").first.click()
    dialog = page.get_by_role("dialog")
    expect(dialog.locator("[data-matches]")).to_contain_text("containers that run now")
    assert dialog.locator("a").count() > 20
    dialog.get_by_role("button", name="Close").click()


def test_bounds_of_a_policy_are_set_and_taken_back(act: Looker) -> None:
    page = act.open("/containers/shop-api-2")
    page.locator("[data-bounds]").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.locator("[name='cpu_max']")).to_have_value("1.5")
    dialog.locator("[name='cpu_max']").fill("")
    dialog.locator("[name='memory_max']").fill("1.5g")
    dialog.locator("[name='priority']").fill("high")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert")).to_contain_text("high")
    dialog.locator("[name='priority']").fill("7")
    dialog.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").filter(has_text="The policy is changed.")).to_be_visible()
    orders = [command for command in act.dashboard.world.commands if command.name == "policy.put"]
    assert orders[-1].arguments["fields"] == {"cpu_max": None, "memory_max": 1610612736, "priority": 7}


def test_the_host_page_says_who_uses_it_and_what_we_cost(look: Looker) -> None:
    page = look.open("/hosts/web-1")
    page.wait_for_selector("[data-users-plot] .main-svg")
    rows = page.locator("[data-users-rows] tr")
    expect(rows).to_have_count(9)
    assert rows.first.get_attribute("data-name") in ("shop-api-2", "media-transcoder", "data-postgres")
    expect(rows.last).to_contain_text("others")
    page.get_by_role("group", name="Show").get_by_role("button", name="Memory").click()
    expect(rows.first).to_contain_text("data-postgres")
    expect(page.locator("[data-process='agent']")).to_contain_text("0.011")
    expect(page.locator("[data-cost-panel]")).to_contain_text("0.011 cores and 79 MiB together")
    expect(page.locator("[data-process='dockerd']")).to_contain_text("412 questions of ours, answered in 3.8\u00a0s")


def test_settings_name_hosts_and_how_long_what_is_kept(look: Looker) -> None:
    page = look.open("/settings", user="admin")
    expect(page.locator("[data-kept='raw_days']")).to_contain_text("2\u00a0d")
    expect(page.locator("[data-host='web-1']")).to_contain_text("live")
