"""The overview: live rows, order, filter, keys, bottlenecks and what their buttons do."""

from __future__ import annotations

from dataclasses import replace

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Looker
from tests.support.wait import wait_until

pytestmark = pytest.mark.browser

NAMES = "[...document.querySelectorAll('tr.row')].map(r => r.dataset.name)"


def ticks(count: int) -> str:
    """A script that ends when that many ticks have come, on a stream of its own."""
    return (
        "new Promise(done => { let n = 0; const s = new EventSource('/api/v1/stream?topics=snapshot&metrics=pids');"
        f" s.addEventListener('snapshot', () => {{ if (++n === {count}) {{ s.close(); done(); }} }}); }})"
    )


def cell(page: Page, name: str, metric: str) -> str:
    return page.locator(f"tr[data-name='{name}'] [data-metric='{metric}']").inner_text()


def test_a_live_row_changes(look: Looker) -> None:
    page = look.open("/")
    row = page.locator("tr[data-name='shop-api-1']")
    assert row.get_attribute("data-container-id") == next(
        k for k, ship in look.dashboard.world.ships.items() if ship.target.name == "shop-api-1"
    )
    assert row.locator("a").count() == 1
    before = cell(page, "shop-api-1", "network_receive_bytes_per_second")
    wait_until(
        lambda: cell(page, "shop-api-1", "network_receive_bytes_per_second") != before, 8, "the row to change by itself"
    )
    clock = page.locator("[data-live] time").inner_text()
    wait_until(lambda: page.locator("[data-live] time").inner_text() != clock, 5, "the clock to go on")


def test_only_what_a_finding_names_lights_up(look: Looker) -> None:
    page = look.open("/")
    lit = page.evaluate(
        "[...document.querySelectorAll(\"tr[data-name='shop-api-2'] td.bad, tr[data-name='shop-api-2'] .figure.bad\")]"
        ".map(n => n.closest('td').dataset.metric)"
    )
    assert set(lit) == {"cpu_usage_cores", "cpu_usage_of_limit_ratio", "cpu_throttled_periods_ratio"}
    assert page.locator("tr[data-name='shop-search'] :is(td.bad, td.warn, .figure.bad, .figure.warn)").count() == 0


def test_facts_without_a_bound_explain_and_do_not_light_up(look: Looker) -> None:
    page = look.open("/login", user=None)
    families = page.evaluate(
        "import('/static/js/lib/findings.js').then(m => [...m.named({evidence: ["
        "{metric: 'cpu_throttled_periods_ratio', threshold: 0.05}, {metric: 'cpu_pressure_some_ratio', threshold: null}"
        "]})])"
    )
    assert families == ["throttle"]


def test_pause_freezes_the_page_and_live_goes_on(look: Looker) -> None:
    page = look.open("/")
    page.locator("[data-live]").click()
    expect(page.locator("[data-live]")).to_have_attribute("data-state", "paused")
    shown = page.locator("[data-live] time").inner_text()
    page.evaluate(ticks(3))
    assert page.locator("[data-live] time").inner_text() == shown
    page.locator("[data-live]").click()
    wait_until(lambda: page.locator("[data-live] time").inner_text() != shown, 5, "the clock to go on")


def test_filter_sort_and_group_live_in_the_address(look: Looker) -> None:
    page = look.open("/")
    page.keyboard.press("/")
    page.keyboard.type("redis")
    assert page.evaluate(NAMES) == ["shop-redis"]
    assert "q=redis" in page.url
    page.keyboard.press("Escape")
    page.get_by_role("button", name="None", exact=True).click()
    page.get_by_role("button", name="Memory", exact=True).click()
    assert page.evaluate(NAMES)[:2] == ["data-postgres", "data-clickhouse"]
    expect(page.locator("th[data-column='mem']")).to_have_attribute("aria-sort", "descending")
    page.get_by_role("button", name="Memory", exact=True).click()
    expect(page.locator("th[data-column='mem']")).to_have_attribute("aria-sort", "ascending")
    page.reload()
    page.wait_for_selector("body[data-ready='true']")
    assert page.evaluate(NAMES)[0] == "ssh-jump"
    page.locator("#filter").fill("nothing like it")
    expect(page.get_by_text("No container matches.")).to_be_visible()
    page.get_by_role("button", name="Clear the filter").click()
    assert len(page.evaluate(NAMES)) > 10


def test_groups_fold(look: Looker) -> None:
    page = look.open("/")
    shop = page.get_by_role("button", name="shop 15")
    expect(shop).to_have_attribute("aria-expanded", "true")
    shop.click()
    expect(shop).to_have_attribute("aria-expanded", "false")
    assert not any(name.startswith("shop-") for name in page.evaluate(NAMES))
    expect(shop).to_be_focused()


def test_keys_go_from_row_to_row_and_open_one(look: Looker) -> None:
    page = look.open("/")
    page.keyboard.press("j")
    first = page.evaluate("document.activeElement.closest('tr').dataset.name")
    page.keyboard.press("j")
    second = page.evaluate("document.activeElement.closest('tr').dataset.name")
    assert first != second
    page.keyboard.press("k")
    assert page.evaluate("document.activeElement.closest('tr').dataset.name") == first
    page.keyboard.press("Enter")
    look.arrive(page, "container")
    assert page.locator("h1").inner_text() == first


def test_keys_and_palette_dialogs(look: Looker) -> None:
    page = look.open("/")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("Control+k")
    page.get_by_role("combobox").fill("clickhouse")
    expect(page.get_by_role("option")).to_have_count(1)
    page.keyboard.press("Enter")
    look.arrive(page, "container")
    assert page.locator("h1").inner_text() == "data-clickhouse"


def test_the_order_stays_while_somebody_aims_at_it(look: Looker) -> None:
    page = look.open("/?group=none&sort=cpu")
    page.locator("tr.row").nth(3).hover()
    before = page.evaluate(NAMES)
    page.evaluate(ticks(7))
    assert page.evaluate(NAMES) == before


def test_only_rows_on_screen_exist(act: Looker) -> None:
    world = act.dashboard.world
    for n in range(400):
        key, ship = next(iter(world.ships.items()))
        copy = f"{n:06d}{key[6:]}"
        target = replace(ship.target, id=replace(ship.target.id, id=copy), name=f"many-{n:03d}", group="many")
        world.ships[copy] = replace(ship, target=target)
        world.policies[copy] = ship.policy
    page = act.open("/?group=none&sort=name&up=1")
    assert page.locator("tr.row").count() < 80
    assert int(page.locator("[data-table]").get_attribute("aria-rowcount") or 0) > 430
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    expect(page.locator("tr[data-name='ssh-jump']")).to_be_visible()
    assert page.locator("tr.row").count() < 80
    assert page.locator("tr[data-name='data-broker']").count() == 0


def test_a_new_container_is_there_within_seconds(act: Looker) -> None:
    world = act.dashboard.world
    world.states.hidden = frozenset({"shop-cart"})
    page = act.open("/")
    assert page.locator("tr[data-name='shop-cart']").count() == 0
    world.states.hidden = frozenset()
    expect(page.locator("tr[data-name='shop-cart']")).to_be_visible(timeout=4000)
    world.states.hidden = frozenset({"shop-cart"})
    expect(page.locator("tr[data-name='shop-cart']")).to_have_count(0, timeout=4000)


def test_a_bottleneck_is_a_sentence_with_a_deed_and_a_button(act: Looker) -> None:
    page = act.open("/")
    line = page.locator("[data-finding='f-memory']")
    expect(line).to_contain_text("Running towards its memory limit")
    expect(line).to_contain_text("Watching only: its policy is observe.")
    line.get_by_role("button", name="Raise to 768 MiB").click()
    expect(page.get_by_role("status").filter(has_text="Done: etl-worker-3")).to_be_visible()
    assert act.dashboard.world.by_hand[act.dashboard.world.grower]["memory_bytes"] == 768 * 1024 * 1024
    expect(page.locator("tr[data-name='etl-worker-3'] .k-memShare")).to_contain_text("%")


def test_undo_asks_first(act: Looker) -> None:
    page = act.open("/")
    page.locator("[data-finding='f-cpu'] [data-undo]").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("go back to what they were before")
    dialog.get_by_role("button", name="Cancel").click()
    assert not act.dashboard.world.by_hand
    page.locator("[data-finding='f-cpu'] [data-undo]").click()
    page.get_by_role("dialog").get_by_role("button", name="Undo").click()
    expect(page.get_by_role("status").filter(has_text="Undone: shop-api-2")).to_be_visible()
    assert act.dashboard.world.by_hand[act.dashboard.world.hero]["cpu_cores"] == 1.25


def test_the_first_lists_come_beside_the_modules_and_are_asked_for_once(look: Looker) -> None:
    page = look.open("/")
    asked = page.evaluate(
        "performance.getEntriesByType('resource').filter(e => /v1.(containers|hosts|findings)/.test(e.name))"
        ".map(e => [new URL(e.name).pathname.split('/').pop(), e.initiatorType])"
    )
    assert sorted(asked) == [["containers", "link"], ["findings", "link"], ["hosts", "link"]]
    page = look.open("/?show=down")
    assert page.locator("link[rel='preload'][as='fetch']").count() == 0, "another list is asked for"
