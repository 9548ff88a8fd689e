"""The pure modules, asked in the browser that runs them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.conftest import Looker

pytestmark = pytest.mark.browser

MIB = 1024 * 1024


@pytest.fixture
def run(look: Looker) -> Any:
    page = look.open("/login", user=None)

    def call(module: str, expression: str) -> Any:
        return page.evaluate(f"import('/static/js/{module}.js').then(m => ({expression}))")

    return call


def test_numbers_as_they_stand_on_the_screen(run: Any) -> None:
    said = run(
        "lib/format",
        "[m.cores(1.484), m.cores(0.001), m.cores(null), m.bytes(742 * m.MiB), m.bytes(1.95 * m.GiB),"
        " m.bytes(999 * m.MiB), m.bytes(1000 * m.MiB), m.percent(0.314), m.percent(0.004),"
        " m.rate(2.63 * m.MiB), m.rate(0)]",
    )
    assert said == [
        ["1.48", ""], ["0", ""], ["", ""], ["742", "MiB"], ["1.95", "GiB"], ["999", "MiB"],
        ["0.98", "GiB"], ["31", "%"], ["0", ""], ["2.63", "MiB"], ["0", ""],
    ]  # fmt: skip


def test_stretches_of_time(run: Any) -> None:
    said = run("lib/format", "[12, 600, 11520, 3600, 345600].map(m.span).concat([m.spanFine(134)])")
    assert [words.replace("\u00a0", " ") for words in said] == [
        "12 s", "10 min", "3 h 12 min", "1 h", "4 d", "2 min 14 s",
    ]  # fmt: skip


def test_sizes_as_people_write_them(run: Any) -> None:
    said = run(
        "lib/format", "['512m', '1.5g', '768 MiB', '536870912', '64', '2GB', '', 'x', '-1m', '1e9'].map(m.parseSize)"
    )
    assert said == [512 * MIB, 1536 * MIB, 768 * MIB, 536870912, 64 * MIB, 2048 * MIB, None, None, None, None]


def test_axes_have_few_round_ticks(run: Any) -> None:
    said = run(
        "board/scale",
        "[m.ticks('cores', 0, 2.2, 4), m.ticks('bytes', 0, 1.06 * 2 ** 30, 4), m.ticks('ratio', 0, .1, 3)]",
    )
    assert [t["ticktext"] for t in said] == [
        ["0", "1", "2\u202fcores"], ["0", "512\u202fMiB", "1\u202fGiB"], ["0", "5", "10\u202f%"],
    ]  # fmt: skip


def test_moments_stand_on_round_times(run: Any) -> None:
    said = run(
        "board/scale",
        "[[0, 1800e3, 12], [0, 86400e3, 9], [0, 30 * 86400e3, 6], [1500, 20500, 5]]"
        ".map(([a, b, n]) => m.timeTicks([Date.UTC(2026, 0, 4, 23) + a, Date.UTC(2026, 0, 4, 23) + b], n, 'en-GB'))",
    )
    minutes, day, month, seconds = (ticks["ticktext"] for ticks in said)
    assert minutes == ["5 Jan", "00:05", "00:10", "00:15", "00:20", "00:25", "00:30"]
    assert day == ["5 Jan", "03:00", "06:00", "09:00", "12:00", "15:00", "18:00", "21:00", "6 Jan"]
    assert month[0] == "8 Jan"
    assert len(month) == 4
    assert seconds == ["00:00:05", "00:00:10", "00:00:15", "00:00:20"]


def test_a_day_of_23_hours_keeps_its_ticks_on_the_hour(run: Any) -> None:
    said = run(
        "board/scale", "m.timeTicks([Date.UTC(2026, 2, 28, 23), Date.UTC(2026, 2, 29, 22)], 10, 'en-GB').ticktext"
    )
    assert said == ["29 Mar", "03:00", "06:00", "09:00", "12:00", "15:00", "18:00", "21:00", "30 Mar"]


def test_a_colour_is_given_to_the_first_free_hue(run: Any) -> None:
    first, second, ninth = run(
        "lib/colour", "[m.choose('a', []), m.choose('a', [m.choose('a', [])]), m.choose('a', [0, 1, 2, 3, 4, 5, 6, 7])]"
    )
    assert 0 <= first < 8
    assert second == (first + 1) % 8
    assert ninth >= 8


def test_trends_keep_gaps_and_their_size(run: Any) -> None:
    said = run(
        "lib/trend",
        "(() => { const t = new m.Trend(); t.push(0, 1); t.push(1000, 3); t.push(8000, 5); t.push(9000, null);"
        " return [t.values.length, t.values.slice(-3), t.peak, t.mean]; })()",
    )
    assert said == [75, [2, None, 5], 5, 3.5]


def test_alert_events_become_spans(run: Any) -> None:
    def event(second: int, container: str, state: str) -> str:
        return (
            f"{{at: '2026-01-01T00:00:{second}Z', host: 'h', container_id: '{container}',"
            f" detail: {{rule: 'R', state: '{state}', before: 'firing', severity: 'warning'}}}}"
        )

    events = ", ".join((event(10, "c", "firing"), event(30, "c", "resolved"), event(40, "d", "firing")))
    said = run(
        "alerts/lanes",
        f"m.spans([{events}], Date.parse('2026-01-01T00:01:00Z')).get('R').map(s => [s.from, s.to, s.open])",
    )
    base = 1767225600000
    assert said == [[base + 10000, base + 30000, False], [base + 40000, base + 60000, True]]


def test_alerts_of_one_rule_that_overlap_are_told_apart_by_their_ids(run: Any) -> None:
    def event(second: int, alert: str, before: str, state: str) -> str:
        return (
            f"{{at: '2026-01-01T00:00:{second}Z', host: 'h', container_id: 'c',"
            f" detail: {{rule: 'R', alert_id: '{alert}', state: '{state}', before: '{before}', severity: 'info'}}}}"
        )

    events = ", ".join(
        (
            event(10, "a", "inactive", "firing"),
            event(11, "b", "inactive", "firing"),
            event(20, "a", "firing", "resolved"),
            event(21, "b", "firing", "resolved"),
        )
    )
    assert run("alerts/lanes", f"m.spans([{events}], 1e13).get('R').map(s => s.to - s.from)") == [10000, 10000]


def test_an_alert_that_is_told_again_or_whose_end_was_lost_is_no_full_bar(run: Any) -> None:
    def event(second: int, alert: str, before: str, state: str) -> str:
        return (
            f"{{at: '2026-01-01T00:00:{second}Z', host: 'h', container_id: 'c',"
            f" detail: {{rule: 'R', alert_id: '{alert}', state: '{state}', before: '{before}', severity: 'info'}}}}"
        )

    events = ", ".join(
        (
            event(10, "end-only", "firing", "resolved"),
            event(11, "twice", "inactive", "firing"),
            event(13, "twice", "firing", "firing"),
            event(20, "twice", "firing", "resolved"),
            event(30, "lost", "inactive", "firing"),
            event(40, "on", "inactive", "firing"),
        )
    )
    now = "Date.parse('2026-01-01T00:01:00Z')"
    said = run("alerts/lanes", f"m.spans([{events}], {now}, new Set(['on'])).get('R').map(s => s.to - s.from)")
    assert said == [0, 9000, 0, 20000]


def test_steps_of_a_range(run: Any) -> None:
    assert run("board/timeline", "[300, 1800, 10800, 86400, 604800, 63072000].map(s => m.stepFor(s * 1000))") == [
        1000, 2000, 10000, 120000, 600000, 86400000,
    ]  # fmt: skip


def test_a_fill_breaks_at_a_gap_like_its_line(run: Any) -> None:
    area = "{fill: 'tozeroy', line: {width: 1}, y: [null, 1, null, 2, null]}"
    onto = "{fill: 'tonexty', line: {width: 0}, y: [null, 3, null, 4, null]}"
    whole = "{fill: 'tozeroy', line: {width: 1}, y: [null, 1, 2, null]}"
    drawn = run("board/trace", f"m.brokenFills([{area}, {onto}, {whole}])")
    assert [(d["fill"], d["line"]["width"], d["y"]) for d in drawn] == [
        ("tozeroy", 0, [None, 1, 0, 2, None]),
        ("tonexty", 0, [None, 3, 0, 4, None]),
        ("tozeroy", 1, [None, 1, 2, None]),
        ("none", 1, [None, 1, None, 2, None]),
    ]


def test_what_a_host_is_used_by_breaks_where_nobody_gave_anything(run: Any) -> None:
    """A container that went leaves an empty band, not a fill drawn across to who came later."""
    said = run(
        "host/users",
        "m.stacked([{ avg: [4, 4, null, null], mean: 4, peak: 4 }, { avg: [1, null, null, 2], mean: 1, peak: 2 }])"
        ".map(part => [part.top, part.line])",
    )
    assert said == [[[4, 4, None, 0], [4, 4, None, None]], [[5, 4, None, 2], [5, None, None, 2]]]
