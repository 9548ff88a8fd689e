/** Who uses a host: its containers stacked, each in its own colour, the largest at the bottom, past eight the others. */
import { containerPage, get } from '../lib/api.js';
import { h, fill, figure, setText } from '../lib/dom.js';
import { bytes, cores, percent } from '../lib/format.js';
import { t, tn, lang } from '../lib/words.js';
import { colourClass } from '../lib/colour.js';
import { token } from '../lib/shell.js';
import { ticks, timeTicks } from '../board/scale.js';
import { brokenFills } from '../board/trace.js';

const MOST = 8,
  POINTS = 240,
  HEIGHT = 206,
  MARGIN = { l: 62, r: 14, t: 8, b: 22 };
const SHOW = {
  cpu: ['CPU', 'cpu_usage_cores', 'cores', cores],
  memory: ['Memory', 'memory_working_set_bytes', 'bytes', bytes],
};
const $ = selector => document.querySelector(selector);

/** Columns of one metric, largest first by their mean: [{id, name, avg, mean, peak}]. Gaps count as nothing used. Pure. */
export function ranked(series) {
  return series
    .map(column => {
      let sum = 0,
        peak = 0;
      for (const v of column.avg)
        if (v != null) {
          sum += v;
          if (v > peak) peak = v;
        }
      return { id: column.container, name: column.name, avg: column.avg, mean: sum / (column.avg.length || 1), peak };
    })
    .filter(c => c.mean > 0)
    .sort((a, b) => b.mean - a.mean || a.name.localeCompare(b.name));
}

/**
 * The first eight, and one for all others together. `top`: the sum over those below, null only where nobody gave
 * anything, so that every band ends where its neighbours do; `line`: the same where this part itself gave something. Pure.
 */
export function stacked(list) {
  const parts = list.slice(0, MOST),
    rest = list.slice(MOST);
  if (rest.length)
    parts.push({
      id: null,
      name: '',
      count: rest.length,
      avg: rest[0].avg.map((_, i) =>
        rest.reduce((sum, c) => (c.avg[i] == null ? sum : (sum ?? 0) + c.avg[i]), null),
      ),
      mean: rest.reduce((sum, c) => sum + c.mean, 0),
      peak: null,
    });
  const given = parts[0]?.avg.map((_, i) => parts.some(part => part.avg[i] != null));
  let below = null;
  return parts.map(part => {
    const top = part.avg.map((v, i) => (given[i] ? (v ?? 0) + (below?.[i] ?? 0) : null));
    below = top;
    return { ...part, top, line: top.map((v, i) => (part.avg[i] == null ? null : v)) };
  });
}

/** A class's colour as the browser resolves it, whatever form it is written in. */
function inkOf(name) {
  const probe = h('i', { class: name, hidden: true });
  document.body.append(probe);
  const value = getComputedStyle(probe).getPropertyValue('--c').trim();
  probe.remove();
  const c = document.createElement('canvas').getContext('2d');
  c.fillStyle = token('--ink-3');
  c.fillStyle = value;
  c.fillRect(0, 0, 1, 1);
  const [r, g, b] = c.getImageData(0, 0, 1, 1).data;
  return [`rgb(${r},${g},${b})`, `rgba(${r},${g},${b},0.32)`];
}

export class Users {
  #answer = null;
  #turn = 0;
  /** `capacity()`: {cpu, memory} of the whole host; null where it is not known. */
  constructor(host, capacity) {
    Object.assign(this, { host, capacity, show: 'cpu' });
    for (const [key, [label]] of Object.entries(SHOW))
      $('[data-users-show]').append(
        h(
          'button',
          {
            type: 'button',
            'data-value': key,
            'aria-pressed': String(key === this.show),
            onclick: event => {
              this.show = key;
              for (const node of event.currentTarget.parentElement.children)
                node.setAttribute('aria-pressed', String(node === event.currentTarget));
              this.load(this.range);
            },
          },
          t(label),
        ),
      );
  }

  async load(range) {
    this.range = range;
    const turn = ++this.#turn;
    let answer;
    try {
      answer = await get('/series', {
        metrics: SHOW[this.show][1],
        host: this.host,
        since: Math.floor(range[0]),
        until: Math.ceil(range[1]),
        points: POINTS,
        agg: 'avg',
      });
    } catch (error) {
      if (!('status' in error)) throw error;
      return; // the charts below say why
    }
    if (turn !== this.#turn) return;
    this.#answer = answer;
    this.draw();
  }

  draw() {
    if (!this.#answer) return;
    const { t0, step_ms: step, series } = this.#answer,
      [label, , unit, show] = SHOW[this.show],
      list = ranked(series.filter(column => column.container)),
      parts = stacked(list),
      whole = this.capacity()[this.show],
      sum = list.reduce((total, c) => total + c.mean, 0),
      others = t('others');
    $('[data-users]').hidden = !list.length;
    if (!list.length) return;
    const dim = token('--ink-3'),
      line = token('--line'),
      font = { family: getComputedStyle(document.body).fontFamily, size: 11, color: dim },
      x = parts[0].top.map((_, i) => t0 + i * step),
      high = parts.at(-1).top.reduce((a, v) => (v > a ? v : a), 0) * 1.06 || 1,
      plot = $('[data-users-plot]');
    const fills = [],
      lines = [];
    for (const part of parts) {
      const [ink, soft] = part.id == null ? [dim, line] : inkOf(colourClass(this.#about(part))),
        base = {
          type: 'scatter',
          mode: 'lines',
          x,
          line: { color: ink, width: 0, simplify: true },
          connectgaps: false,
          hoverinfo: 'skip',
          name: part.id == null ? others : part.name,
        };
      fills.push({ ...base, y: part.top, fill: fills.length ? 'tonexty' : 'tozeroy', fillcolor: soft });
      lines.push({ ...base, y: part.line, line: { ...base.line, width: 1 } });
    }
    const axis = { tickfont: font, tickmode: 'array', ticklabeloverflow: 'allow', zeroline: false };
    Plotly.react(
      plot,
      [...brokenFills(fills), ...lines],
      {
        height: HEIGHT,
        margin: MARGIN,
        paper_bgcolor: 'rgba(0,0,0,0)',
        plot_bgcolor: 'rgba(0,0,0,0)',
        showlegend: false,
        hovermode: false,
        dragmode: false,
        autosize: true,
        xaxis: {
          ...axis,
          type: 'linear',
          showgrid: false,
          range: this.range,
          fixedrange: true,
          ...timeTicks(this.range, Math.max(3, Math.floor(plot.clientWidth / 110)), lang),
        },
        yaxis: { ...axis, range: [0, high], fixedrange: true, gridcolor: line, ...ticks(unit, 0, high, 4) },
      },
      { displayModeBar: false, responsive: false },
    );
    plot.setAttribute(
      'aria-label',
      t('{title} by container: {list}', {
        title: t(label),
        list: parts
          .slice(0, 3)
          .map(part => (part.id == null ? others : part.name))
          .join(', '),
      }),
    );
    setText($('[data-users-rest]'), tn(list.length, '{n} container', '{n} containers'));
    fill(
      $('[data-users-rows]'),
      parts.map(part =>
        h(
          'tr',
          { class: 'row', 'data-container-id': part.id, 'data-name': part.name || null },
          h(
            'th',
            { scope: 'row', class: 'start' },
            h(
              'span',
              { class: 'name' },
              h('span', { class: `swatch ${part.id == null ? '' : colourClass(this.#about(part))}` }),
              part.id == null
                ? tn(part.count, '{n} other', '{n} others')
                : h('a', { href: containerPage(part.id) }, part.name),
            ),
          ),
          h('td', { 'data-label': t('Mean') }, figure(show(part.mean), unit === 'cores' ? 'bare' : '')),
          h('td', { 'data-label': t('Peak') }, figure(show(part.peak), unit === 'cores' ? 'bare' : '')),
          h('td', { 'data-label': t('Share') }, figure(percent(part.mean / (whole || sum)), 'short')),
        ),
      ),
    );
  }

  /** What a colour goes by: the series' own words, for a container may be gone by now. */
  #about(part) {
    return this.known?.get(part.id) ?? { host: this.host, name: part.name, service: part.name };
  }
}
