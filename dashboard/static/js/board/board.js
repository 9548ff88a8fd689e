/**
 * The charts of one target: one time range for all, live or paused, zoom by drag in all at once, one crosshair, one
 * event lane, a table of the values, CSV and PNG. Used by the container's, the service's and the host's page.
 */
import { get, time } from '../lib/api.js';
import { setText } from '../lib/dom.js';
import { clock, clockShort, fullTime, moment, sameDay, span } from '../lib/format.js';
import { t, lang } from '../lib/words.js';
import { isPaused, newest, now, onFrame, onTheme, pause, token } from '../lib/shell.js';
import { Chart } from './chart.js';
import { BACK, RANGES, controls } from './controls.js';
import { inks, seriesOf } from './trace.js';
import { Lane, leadOf } from './lane.js';
import { Timeline } from './timeline.js';
import { values } from './values.js';
import { sayMissing, sayNothing } from './void.js';

const TITLES = {
  cpu: 'CPU',
  memory: 'Memory',
  pressure: 'Pressure',
  network: 'Network',
  disk: 'Disk',
  operations: 'Disk operations',
  faults: 'Memory faults',
  pids: 'Processes',
};
const GHOSTS = { cpu: 'cpu_usage_cores', memory: 'memory_working_set_bytes' };
const AGAIN_MS = 300000,
  MOST_TURNS = 8,
  LEAST_MS = 60000, // the shortest range since the first second
  YOUNG = 0.4; // share of a range without history from which on a shorter one is offered
const $ = selector => document.querySelector(selector);

export class Board {
  charts = {};
  hover = null;
  #loadedAt = 0;
  #ghost = null;
  #late = null;
  #width = 0; // of the plots in pixels; asked for once, for to ask means to lay the page out

  /**
   * `target`, `events`: parameters of /series and /events; `about(event)`: whether an event belongs here;
   * `adapt(figures)`: other traces for another kind of target; `values(snapshot)`: this target's live values, null when
   * it is not there; `loaded(range)`: told after each load.
   */
  constructor({
    target,
    events,
    name,
    ownColour,
    values: live,
    adapt = figures => figures,
    about = () => true,
    loaded = () => {},
  }) {
    Object.assign(this, { target, eventsOf: events, name, ownColour, live, adapt, about, loaded });
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
      this.charts[name] = new Chart(this.place, name, t(TITLES[name]), {
        onZoom: range => this.zoom(range),
      });
      this.charts[name].figure = this.figures[name];
    }
    this.metrics = [...new Set(Object.values(this.figures).flatMap(f => f.data.map(d => d.meta.metric)))];
    this.timeline = new Timeline(this.target, this.metrics);
    controls(this);
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
      this.#width = 0;
      cancelAnimationFrame(this.#late);
      this.#late = requestAnimationFrame(() => this.draw());
    });
    await this.load();
  }

  async #figures() {
    const theme = document.documentElement.dataset.theme;
    const list = await Promise.all(Object.keys(TITLES).map(name => get(`/figures/${name}`, { theme })));
    this.figures = this.adapt(Object.fromEntries(Object.keys(TITLES).map((name, i) => [name, list[i]])));
    for (const [name, chart] of Object.entries(this.charts)) chart.figure = this.figures[name];
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
      this.loaded([from, to]);
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
    const turns = Math.min(MOST_TURNS, this.timeline.step / 1000);
    this.draw(turns, Math.floor(newest() / 1000) % turns);
  }

  /** `turns`: a live second draws one chart of so many, in turn, so that each moves once a step and none all at once. */
  draw(turns = 1, turn = 0) {
    if (!this.timeline?.begun && !this.trouble) return;
    const range = this.range,
      { timeline } = this,
      revision = this.view.fixed ? this.view.fixed.join() : `live${this.view.since ?? this.view.seconds}`;
    if (!this.view.fixed) timeline.trim(range[0]);
    const nothing = this.trouble != null || timeline.empty;
    sayNothing(this, nothing, range);
    this.place.hidden = nothing;
    const { l, r } = this.figures.cpu.layout.margin;
    this.#width ||= this.charts.cpu.plot.clientWidth;
    const width = this.#width || this.place.clientWidth,
      clusters = this.lane.clusters(range, l, Math.max(1, width - l - r));
    if (!nothing) {
      const times = timeline.times().slice(0, timeline.filled),
        ink = inks(this.ownColour() ?? token('--cat-0')),
        marks = clusters.map(c => leadOf(c.list)),
        back = BACK[this.view.compare];
      for (const [place, [name, chart]] of Object.entries(this.charts).entries()) {
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
          width,
          place % turns !== turn,
        );
      }
      sayMissing(this);
    }
    this.lane.draw(clusters);
    this.#young(range);
    this.#span(range);
    this.read();
    if (!$('[data-values]').hidden) this.drawTable();
  }

  read() {
    const { timeline } = this;
    if (!timeline?.length) return;
    let index = timeline.length - 1;
    if (this.hover != null) index = timeline.index(this.hover);
    else if (
      timeline.step > 1000 ||
      Object.keys(this.charts).every(name => this.charts[name].series?.[0]?.show[index] == null)
    )
      while (index > 0 && timeline.column('cpu_usage_cores')[index] == null && index > timeline.length - 4)
        index--;
    for (const chart of Object.values(this.charts)) chart.read(index, this.hover);
    setText(
      $('[data-cursor]'),
      this.hover == null ? '' : moment(timeline.t0 + index * timeline.step, newest(), lang),
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
      for (const chart of Object.values(this.charts))
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
    this.chosen();
    this.load();
  }

  chosen() {
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

  drawTable() {
    values($('[data-values]'), this.timeline, this.figures, newest());
  }
}
