/**
 * The charts of one target: one time range for all, live or paused, zoom by drag in all at once, one crosshair, one
 * event lane, a table of the values, CSV and PNG. Used by the container's, the service's and the host's page.
 */
import { get, time } from '../lib/api.js';
import { h, setText } from '../lib/dom.js';
import { clock, clockShort, fullTime, moment, sameDay, span } from '../lib/format.js';
import { t, lang } from '../lib/words.js';
import { downloadCsv, download } from '../lib/download.js';
import { isPaused, newest, now, onFrame, onTheme, pause, toast, token } from '../lib/shell.js';
import { Chart, seriesOf } from './chart.js';
import { Lane, leadOf } from './lane.js';
import { Timeline } from './timeline.js';
import { picture } from './picture.js';
import { values } from './values.js';

const RANGES = [
  [300, '5 min'],
  [1800, '30 min'],
  [10800, '3 h'],
  [86400, '24 h'],
  [604800, '7 d'],
  [2592000, '30 d'],
  [63072000, '2 y'],
];
const TITLES = {
  cpu: 'CPU',
  memory: 'Memory',
  pressure: 'Pressure',
  network: 'Network',
  disk: 'Disk',
  pids: 'Processes',
};
const BACK = { day: [86400000, 'yesterday'], week: [604800000, 'last week'] };
const GHOSTS = { cpu: 'cpu_usage_cores', memory: 'memory_working_set_bytes' };
const AGAIN_MS = 300000,
  LEAST_MS = 60000, // the shortest range since the first second
  YOUNG = 0.4; // share of a range without history from which on a shorter one is offered
const $ = selector => document.querySelector(selector);

export class Board {
  #charts = {};
  #hover = null;
  #drawnAt = 0;
  #loadedAt = 0;
  #ghost = null;
  #late = null;

  /**
   * `target`, `events`: parameters of /series and /events; `about(event)`: whether an event belongs here; `adapt(figures)`: other
   * traces for another kind of target; `values(snapshot)`: this target's live values, null when it is not there.
   */
  constructor({
    target,
    events,
    name,
    ownColour,
    values: live,
    adapt = figures => figures,
    about = () => true,
  }) {
    Object.assign(this, { target, eventsOf: events, name, ownColour, live, adapt, about });
    const query = new URLSearchParams(location.search),
      from = Number(query.get('from')),
      to = Number(query.get('to'));
    this.view = {
      seconds: RANGES.some(([s]) => s === Number(query.get('range'))) ? Number(query.get('range')) : 1800,
      fixed: from && to && to > from ? [from, to] : null,
      before: [],
      compare: BACK[query.get('compare')] ? query.get('compare') : '',
    };
    this.place = $('[data-charts]');
    this.lane = new Lane($('[data-lane]'), $('[data-mark-words]'));
  }

  /** Fetch the figures' layouts, make the charts, load the range. */
  async begin(stream) {
    await this.#figures();
    for (const name of Object.keys(TITLES)) {
      this.#charts[name] = new Chart(this.place, name, t(TITLES[name]), {
        onZoom: range => this.zoom(range),
      });
      this.#charts[name].figure = this.figures[name];
    }
    this.metrics = [...new Set(Object.values(this.figures).flatMap(f => f.data.map(d => d.meta.metric)))];
    this.timeline = new Timeline(this.target, this.metrics);
    this.#controls();
    if (this.view.fixed) pause(true);
    stream?.on('snapshot', snapshot => {
      const v = this.view.fixed ? null : this.live(snapshot);
      if (v) this.timeline.push(time(snapshot.at), v);
    });
    stream?.on('event', () => this.#eventsSoon());
    stream?.on('change', () => this.#eventsSoon());
    stream?.on('resume', () => this.load());
    onFrame(() => this.#tick());
    onTheme(() => this.#figures().then(() => this.draw()));
    addEventListener('resize', () => {
      cancelAnimationFrame(this.#late);
      this.#late = requestAnimationFrame(() => this.draw());
    });
    await this.load();
  }

  async #figures() {
    const theme = document.documentElement.dataset.theme;
    const list = await Promise.all(Object.keys(TITLES).map(name => get(`/figures/${name}`, { theme })));
    this.figures = this.adapt(Object.fromEntries(Object.keys(TITLES).map((name, i) => [name, list[i]])));
    for (const [name, chart] of Object.entries(this.#charts)) chart.figure = this.figures[name];
  }

  get range() {
    const { fixed, since, seconds } = this.view;
    return fixed ?? [since ? Math.min(since, now() - LEAST_MS) : now() - seconds * 1000, now()];
  }

  /** Where history begins only late in the range, a button makes the range begin there, and grow from then on. */
  #young([from, to]) {
    const first = this.timeline.begun ? this.timeline.first : null,
      late = first != null && first - from > (to - from) * YOUNG;
    const button = $('[data-since-start]');
    if (late && !this.view.fixed) this.firstAt = first;
    button.hidden = Boolean(this.view.fixed) || !(late || this.view.since);
    $('[data-compare]').parentElement.hidden = !button.hidden && !this.view.compare; // with what?
    button.setAttribute('aria-pressed', String(Boolean(this.view.since)));
  }

  async load() {
    const [from, to] = this.range,
      back = BACK[this.view.compare];
    this.#loadedAt = performance.now();
    try {
      this.#ghost = back ? new Timeline(this.target, Object.values(GHOSTS)) : null;
      await Promise.all([
        this.timeline.load(from, to),
        this.#events(from),
        this.#ghost?.load(from - back[0], to - back[0]),
      ]);
      this.trouble = null;
    } catch (error) {
      if (error.name === 'AbortError') return;
      if (!('status' in error)) throw error;
      this.trouble = error.message;
    }
    this.draw();
  }

  async #events(from) {
    await this.lane.load(this.eventsOf ?? this.target, from, this.about);
  }
  #eventsTimer = null;
  #eventsSoon() {
    this.#eventsTimer ??= setTimeout(async () => {
      this.#eventsTimer = null;
      try {
        await this.#events(this.range[0]);
        this.draw();
      } catch (error) {
        if (!('status' in error)) throw error;
      }
    }, 600);
  }

  #tick() {
    if (!this.timeline?.begun) return;
    if (this.view.fixed || isPaused()) return;
    if (performance.now() - this.#loadedAt > AGAIN_MS) {
      this.load();
      return;
    }
    const wait = Math.min(10000, this.timeline.step / 2);
    if (newest() - this.#drawnAt >= wait || this.timeline.step <= 2000) this.draw();
    else this.#read();
  }

  #inks() {
    const own = this.ownColour() ?? token('--cat-0');
    return {
      own,
      ink: token('--ink-1'),
      soft: token('--ink-2'),
      dim: token('--ink-3'),
      line: token('--line'),
      warn: token('--warn'),
      bad: token('--bad'),
    };
  }

  draw() {
    if (!this.timeline?.begun && !this.trouble) return;
    const range = this.range,
      { timeline } = this,
      revision = this.view.fixed ? this.view.fixed.join() : `live${this.view.since ?? this.view.seconds}`;
    this.#drawnAt = newest();
    if (!this.view.fixed) timeline.trim(range[0]);
    const nothing = this.trouble != null || timeline.empty;
    this.#void(nothing, range);
    this.place.hidden = nothing;
    const plot = this.#charts.cpu.plot,
      { l, r } = this.figures.cpu.layout.margin,
      wide = (plot.clientWidth || this.place.clientWidth) - l - r,
      clusters = this.lane.clusters(range, l, Math.max(1, wide));
    if (!nothing) {
      const times = timeline.times().slice(0, timeline.filled),
        ink = this.#inks(),
        marks = clusters.map(c => leadOf(c.list)),
        back = BACK[this.view.compare];
      for (const [name, chart] of Object.entries(this.#charts)) {
        const ghost =
          back && this.#ghost && GHOSTS[name]
            ? times.map(at => {
                const i = Math.floor((at - back[0] - this.#ghost.t0) / this.#ghost.step);
                return this.#ghost.column(GHOSTS[name])[i] ?? null;
              })
            : null;
        chart.draw(
          times,
          seriesOf(
            this.figures[name],
            metric => timeline.column(metric).slice(0, times.length),
            ghost,
            back ? t(back[1]) : '',
          ),
          range,
          marks,
          ink,
          revision,
        );
      }
      this.#missing();
    }
    this.lane.draw(clusters);
    this.#young(range);
    this.#span(range);
    this.#read();
    if (!$('[data-values]').hidden) this.#table();
  }

  /** What the kernel does not give is said in words, once, under the charts. */
  #missing() {
    const without = Object.entries(this.#charts)
      .filter(([, chart]) => chart.node.hidden)
      .map(([name]) => t(TITLES[name]));
    if (!this.notGiven)
      this.place.after((this.notGiven = h('p', { class: 'not-given', hidden: true, 'data-not-given': '' })));
    this.notGiven.hidden = !without.length;
    if (without.length)
      setText(
        this.notGiven,
        t('Not given in this range: {list}. Not given is not zero.', { list: without.join(', ') }),
      );
  }

  #void(on, range) {
    this.voidNode?.remove();
    this.voidNode = null;
    if (!on) return;
    const words =
      this.trouble != null
        ? [t('The history is not to be had now.'), this.trouble]
        : [
            t('Nothing recorded from {a} to {b}.', {
              a: moment(range[0], newest(), lang),
              b: moment(range[1], newest(), lang),
            }),
            '',
          ];
    this.voidNode = h(
      'div',
      { class: 'void', 'data-void': '' },
      h('p', {}, h('b', {}, words[0]), ` ${words[1]}`),
      h(
        'div',
        { class: 'acts' },
        this.trouble != null
          ? h('button', { class: 'button', type: 'button', onclick: () => this.load() }, t('Try now'))
          : h(
              'button',
              { class: 'button', type: 'button', onclick: () => this.#first() },
              t('Go to its first second'),
            ),
      ),
    );
    this.place.before(this.voidNode);
  }

  /** The first second that is kept: found in days, then in minutes. */
  async #first() {
    const look = async (since, until, step) => {
      const answer = await get('/series', {
        ...this.target,
        metrics: 'cpu_usage_cores,memory_working_set_bytes',
        since,
        until,
        step,
        agg: 'avg',
      });
      const firsts = answer.series.map(s => s.avg.findIndex(v => v != null)).filter(i => i >= 0);
      return firsts.length ? answer.t0 + Math.min(...firsts) * answer.step_ms : null;
    };
    const until = newest(),
      day = await look(until - 730 * 86400000, until, '1d');
    if (day == null) {
      toast(t('Nothing is recorded of it.'));
      return;
    }
    const begin = (await look(day, Math.min(until, day + 86400000), '1m')) ?? day;
    this.zoom([begin - 60000, Math.min(until, begin + 1740000)]);
  }

  #read() {
    const { timeline } = this;
    if (!timeline?.length) return;
    let index = timeline.length - 1;
    if (this.#hover != null) index = timeline.index(this.#hover);
    else if (
      timeline.step > 1000 ||
      Object.keys(this.#charts).every(name => this.#charts[name].series?.[0]?.show[index] == null)
    )
      while (index > 0 && timeline.column('cpu_usage_cores')[index] == null && index > timeline.length - 4)
        index--;
    for (const chart of Object.values(this.#charts)) chart.read(index, this.#hover);
    setText(
      $('[data-cursor]'),
      this.#hover == null ? '' : moment(timeline.t0 + index * timeline.step, newest(), lang),
    );
    this.index = index;
  }

  #span(range) {
    const node = $('[data-span]'),
      day = !sameDay(range[0], newest()) || !sameDay(range[1], newest());
    setText(
      node,
      day
        ? `${moment(range[0], newest(), lang)} – ${moment(range[1], newest(), lang)}`
        : `${clock(range[0])} – ${clock(range[1])}`,
    );
    node.title = `${fullTime(range[0], lang)} – ${fullTime(range[1], lang)}`;
    setText($('[data-step]'), t('{t} a point', { t: span(this.timeline.step / 1000) }));
    const words = t('{a} to {b}', { a: clockShort(range[0]), b: clockShort(range[1]) });
    if (this.described !== words) {
      this.described = words;
      for (const chart of Object.values(this.#charts))
        chart.describe(words, this.index ?? this.timeline.length - 1);
    }
  }

  /** A range that was drawn, or back to the one before. */
  zoom(range) {
    const { view } = this;
    if (range) {
      view.before.push(view.fixed);
      view.fixed = [Math.max(0, range[0]), Math.max(range[1], range[0] + 5000)];
    } else view.fixed = view.before.pop() ?? null;
    pause(view.fixed != null);
    this.#chosen();
    this.load();
  }

  #chosen() {
    const { view } = this;
    for (const button of $('[data-range]').children)
      button.setAttribute(
        'aria-pressed',
        String(!view.fixed && !view.since && Number(button.dataset.seconds) === view.seconds),
      );
    const url = new URL(location.href),
      put = (key, value) => {
        if (value) url.searchParams.set(key, value);
        else url.searchParams.delete(key);
      };
    put('range', view.fixed || view.seconds === 1800 ? '' : view.seconds);
    put('from', view.fixed ? Math.round(view.fixed[0]) : '');
    put('to', view.fixed ? Math.round(view.fixed[1]) : '');
    put('compare', view.compare);
    history.replaceState(null, '', url);
  }

  #controls() {
    const { view } = this,
      box = $('[data-range]');
    for (const [seconds, label] of RANGES)
      box.append(
        h(
          'button',
          {
            type: 'button',
            'data-seconds': seconds,
            'aria-pressed': 'false',
            onclick: () => {
              Object.assign(view, { seconds, fixed: null, since: null, before: [] });
              pause(false);
              this.#chosen();
              this.load();
            },
          },
          t(label),
        ),
      );
    const young = h(
      'button',
      {
        type: 'button',
        class: 'button plain',
        hidden: true,
        'data-since-start': '',
        'aria-pressed': 'false',
        onclick: () => {
          view.since = view.since ? null : this.firstAt;
          pause(false);
          this.#chosen();
          this.load();
        },
      },
      t('Since start'),
    );
    box.after(young);
    const compare = $('[data-compare]');
    for (const [value, label] of [
      ['', 'nothing'],
      ['day', 'yesterday'],
      ['week', 'last week'],
    ])
      compare.append(h('option', { value, selected: value === view.compare }, t(label)));
    compare.addEventListener('change', () => {
      view.compare = compare.value;
      this.#chosen();
      this.load();
    });
    for (const node of document.querySelectorAll('[data-hold], [data-live]'))
      node.addEventListener('click', () => {
        if (!isPaused() && view.fixed) {
          view.fixed = null;
          view.before = [];
          this.#chosen();
          this.load();
        }
      });
    this.#absolute();
    this.#crosshair();
    const table = $('[data-values]'),
      toggle = $('[data-values-toggle]');
    toggle.addEventListener('click', () => {
      table.hidden = !table.hidden;
      toggle.setAttribute('aria-expanded', String(!table.hidden));
      if (!table.hidden) {
        this.#table();
        table.scrollIntoView({ block: 'nearest' });
      }
    });
    $('[data-csv]').addEventListener('click', () =>
      downloadCsv(`${this.name()}.csv`, [
        ['time', ...this.metrics],
        ...this.timeline
          .times()
          .map((at, i) => [
            new Date(at).toISOString(),
            ...this.metrics.map(metric => this.timeline.column(metric)[i]),
          ]),
      ]),
    );
    $('[data-png]').addEventListener('click', async () =>
      download(
        `${this.name()}.png`,
        await picture(
          Object.values(this.#charts).filter(chart => chart.series?.length),
          `${this.name()}  ${$('[data-span]').textContent}`,
        ),
      ),
    );
    this.#chosen();
  }

  #table() {
    values($('[data-values]'), this.timeline, this.figures, newest());
  }

  #absolute() {
    const button = $('[data-absolute]'),
      form = $('[data-absolute-form]'),
      wrong = $('[data-absolute-wrong]');
    const local = at => {
      const d = new Date(at - new Date(at).getTimezoneOffset() * 60000);
      return d.toISOString().slice(0, 19);
    };
    button.setAttribute('aria-label', t('Choose from and to'));
    button.addEventListener('click', () => {
      form.hidden = !form.hidden;
      button.setAttribute('aria-expanded', String(!form.hidden));
      if (form.hidden) return;
      [form.elements.from.value, form.elements.to.value] = this.range.map(local);
      form.elements.from.focus();
    });
    form.addEventListener('submit', event => {
      event.preventDefault();
      const from = Date.parse(form.elements.from.value),
        to = Date.parse(form.elements.to.value);
      const words =
        Number.isNaN(from) || Number.isNaN(to)
          ? t('Give both times.')
          : to <= from
            ? t('The end must come after the beginning.')
            : from > Date.now()
              ? t('That is in the future.')
              : '';
      setText(wrong, words);
      if (words) return;
      form.hidden = true;
      button.setAttribute('aria-expanded', 'false');
      this.zoom([from, to]);
    });
  }

  #crosshair() {
    const set = at => {
      this.#hover = at;
      this.#read();
    };
    this.place.addEventListener('pointermove', event => {
      if (event.pointerType === 'touch' && !event.isPrimary) return;
      const { l, r } = this.figures.cpu.layout.margin,
        plot = event.target.closest?.('.plot') ?? this.#charts.cpu.plot,
        box = plot.getBoundingClientRect(),
        [from, to] = this.#charts.cpu.range ?? this.range;
      const f = (event.clientX - box.left - l) / (box.width - l - r);
      set(f < 0 || f > 1 ? null : from + f * (to - from));
    });
    this.place.addEventListener('pointerleave', () => set(null));
    this.place.addEventListener('keydown', event => {
      if (
        !['ArrowLeft', 'ArrowRight', 'Escape', 'Home', 'End'].includes(event.key) ||
        !event.target.matches('.plot')
      )
        return;
      event.preventDefault();
      const [from, to] = this.range,
        step = this.timeline.step * (event.shiftKey ? 30 : 5);
      if (event.key === 'Escape') {
        set(null);
        return;
      }
      set(
        event.key === 'Home'
          ? from
          : event.key === 'End'
            ? to
            : Math.min(to, Math.max(from, (this.#hover ?? to) + (event.key === 'ArrowLeft' ? -step : step))),
      );
      for (const chart of Object.values(this.#charts))
        if (chart.plot === event.target) chart.describe(clock(this.#hover), this.index);
    });
  }
}
