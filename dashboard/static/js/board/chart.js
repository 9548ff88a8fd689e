/**
 * One Plotly chart. Layout and styles come from the server's figure; data, colours of the theme and the container's own
 * colour are filled in here. No tooltip: the line above the chart is its legend and its readout.
 */
import { h, svg, setText } from '../lib/dom.js';
import { t } from '../lib/words.js';
import { least, shown, ticks } from './scale.js';

const SHRINK_MS = 30000;
const fade = (hex, alpha) => {
  const n = parseInt(hex.slice(1), 16);
  return `rgba(${n >> 16},${(n >> 8) & 255},${n & 255},${alpha})`;
};
/** Plotly reads numbers as moments and shows them by the reader's wall clock; the ranges that it tells are wall clock too. */
const moment = words => new Date(String(words).replace(' ', 'T')).getTime();
/** Shorter words than the server's, where the title of the chart says the rest. */
const WORDS = {
  file: 'file cache',
  high: 'slows at',
  received: 'in',
  sent: 'out',
  written: 'write',
  'I/O': 'disk',
  'processes and threads': 'running',
};
export const labelOf = style => t(WORDS[style.name] ?? style.name);

const sum = (a, b, sign = 1) =>
  a.map((v, i) => (v == null || b[i] == null ? (v == null ? null : v) : v + sign * b[i]));

/** Traces of one figure with data: `y` as drawn, `show` as read. What the kernel never gave is left out. */
export function seriesOf(figure, column, ghost = null, ghostLabel = '') {
  const out = [];
  let below = null,
    used = null;
  for (const style of figure.data) {
    const { metric, sign, style: role } = style.meta,
      values = column(metric);
    if (!values.some(v => v != null)) continue;
    const item = { metric, role, label: labelOf(style), style, show: values, y: values };
    if (role === 'stack') {
      item.y = below ? sum(values, below) : values;
      item.onto = below != null;
      below = item.y;
    } else if (role === 'held')
      item.y = used ? values.map((v, i) => (v == null || used[i] == null ? null : used[i] + v)) : values;
    else if (role === 'area') {
      item.y = sign < 0 ? values.map(v => (v == null ? null : -v)) : values;
      if (sign > 0) used = values;
    }
    out.push(item);
  }
  if (ghost?.some(v => v != null))
    out.push({ metric: 'ghost', role: 'ghost', label: ghostLabel, style: {}, show: ghost, y: ghost });
  return out;
}

/** One trace for Plotly by its role; the role decides the look, on every chart alike. */
function trace(x, s, ink, place) {
  const { meta, ...style } = s.style,
    base = {
      type: 'scatter',
      ...style,
      x,
      y: s.y,
      name: s.label,
      hoverinfo: 'skip',
      connectgaps: false,
      stackgroup: undefined,
      stackgaps: undefined,
    };
  const line = { ...(style.line ?? {}), simplify: true };
  if (s.role === 'area')
    return {
      ...base,
      fill: 'tozeroy',
      fillcolor: fade(ink.own, meta.sign < 0 ? 0.1 : 0.26),
      line: { ...line, color: ink.own, width: meta.sign < 0 ? 1 : 1.4 },
    };
  if (s.role === 'stack')
    return {
      ...base,
      fill: s.onto ? 'tonexty' : 'tozeroy',
      fillcolor: fade(place === 2 ? ink.dim : ink.own, [0.34, 0.16, 0.2][place] ?? 0.1),
      line: { ...line, color: place === 2 ? ink.dim : ink.own, width: place === 1 ? 0.6 : 1 },
    };
  if (s.role === 'held')
    return {
      ...base,
      fill: 'tonexty',
      fillcolor: fade(ink.warn, 0.12),
      fillpattern: {
        shape: '/',
        size: 5,
        solidity: 0.28,
        fgcolor: ink.warn,
        bgcolor: fade(ink.warn, 0.1),
        fillmode: 'replace',
      },
      line: { width: 0, color: ink.warn },
    };
  if (s.role === 'limit')
    return { ...base, line: { ...line, color: ink.ink, width: 1.3, dash: '5px,3px', shape: 'hv' } };
  if (s.role === 'soft')
    return { ...base, line: { ...line, color: ink.soft, width: 1.2, dash: '1.5px,3px', shape: 'hv' } };
  if (s.role === 'ghost')
    return { ...base, mode: 'lines', line: { color: ink.dim, width: 1.2, dash: '1.5px,2.5px' } };
  return {
    ...base,
    line: s.metric === 'memory_working_set_bytes' ? { ...line, color: ink.soft, width: 1.2 } : line,
  };
}

const HATCH = 'M1 9 6 1M6 9l5-8M11 9l4-6';
function key(s, colour, place) {
  const role = s.role === 'stack' ? 'area' : s.role === 'soft' ? 'high' : s.role,
    wide = role === 'area' || role === 'held';
  const node = svg(
    'svg',
    {
      class: `key ${role} ${(place === 1 && s.role === 'stack') || s.style.meta?.sign < 0 ? 'thin' : ''}`,
      width: 14,
      height: 10,
      viewBox: '0 0 14 10',
      'aria-hidden': 'true',
    },
    svg('path', { d: wide ? 'M0 1h14v8H0Z' : 'M0 5h14' }),
    s.role === 'held' && svg('path', { class: 'hatch', d: HATCH }),
  );
  node.style.setProperty('--k', colour);
  return node;
}

export class Chart {
  #top = 0;
  #shrinkAt = 0;
  #revision = null;
  #late = null;
  #bound = false;
  #near = true;
  #signature = '';

  /** `onZoom([from, to] | null)`: the reader drew a range, or asked for the one before. */
  constructor(place, name, title, { onZoom }) {
    Object.assign(this, { name, title, onZoom, figure: null });
    this.readout = h('ul', { class: 'readout' });
    this.plot = h('div', { class: 'plot', tabindex: '0', role: 'img', 'aria-label': title });
    this.hair = h('div', { class: 'hair', hidden: true });
    this.node = h(
      'figure',
      { class: 'chart', 'data-chart': name, 'data-points': '0' },
      h('figcaption', {}, h('h3', {}, title), this.readout),
      h('div', { class: 'plot-box' }, this.plot, this.hair),
    );
    place.append(this.node);
    new IntersectionObserver(
      ([entry]) => {
        this.#near = entry.isIntersecting;
        if (this.#near && this.#late) this.draw(...this.#late);
      },
      { rootMargin: '80px' },
    ).observe(this.node);
  }

  /** Charts off screen keep what they would have drawn and catch up when they come near; their readout stays true. */
  draw(times, series, range, marks, ink, revision) {
    this.series = series;
    this.range = range;
    this.times = times;
    this.node.hidden = series.length === 0;
    if (!series.length) return;
    this.node.dataset.points = String(
      Math.max(...series.map(s => s.show.reduce((n, v) => n + (v != null), 0))),
    );
    this.#keys(ink);
    if (this.#bound && !this.#near) {
      this.#late = [times, series, range, marks, ink, revision];
      return;
    }
    this.#late = null;
    const { layout, config } = this.figure,
      { unit, mirrored } = layout.meta;
    const [low, high] = this.#extent(series, unit, layout.meta.least, mirrored, revision);
    const font = {
      ...layout.font,
      family: getComputedStyle(document.body).fontFamily,
      size: 11,
      color: ink.dim,
    };
    const y = ticks(unit, low, high, layout.height > 150 ? 4 : 3);
    let stacked = 0;
    const traces = series.map(s => trace(times, s, ink, s.role === 'stack' ? stacked++ : 0));
    const drawn = {
      ...layout,
      font,
      autosize: true,
      uirevision: revision,
      datarevision: `${times[0]}|${times.at(-1)}|${revision}|${performance.now()}`,
      dragmode: matchMedia('(pointer: coarse)').matches ? false : 'zoom',
      xaxis: {
        ...layout.xaxis,
        range,
        showline: true,
        linecolor: ink.line,
        ticks: 'outside',
        ticklen: 4,
        tickcolor: ink.line,
        tickfont: font,
        nticks: Math.max(3, Math.floor(this.plot.clientWidth / 110)),
        tickformatstops: [
          { dtickrange: [null, 59999], value: '%H:%M:%S' },
          { dtickrange: [60000, 43200000], value: '%H:%M' },
          { dtickrange: [43200000, 2419200000], value: '%-d %b' },
          { dtickrange: [2419200000, null], value: '%b %Y' },
        ],
      },
      yaxis: {
        ...layout.yaxis,
        range: [low, high],
        rangemode: 'normal',
        gridcolor: ink.line,
        zerolinecolor: ink.line,
        tickfont: font,
        tickmode: 'array',
        ...y,
      },
      shapes: marks.map(m => ({
        type: 'line',
        xref: 'x',
        yref: 'paper',
        x0: m.at,
        x1: m.at,
        y0: 0,
        y1: 1,
        layer: 'below',
        line: { color: m.bad ? ink.bad : ink.dim, width: 1, dash: m.bad ? 'solid' : '2px,3px' },
      })),
      annotations: this.#tags(series, unit, font, ink),
    };
    Plotly.react(this.plot, traces, drawn, config);
    if (!this.#bound) {
      this.#bound = true;
      this.plot.on('plotly_relayout', event => {
        if (event['xaxis.range[0]'] == null) return;
        this.onZoom([moment(event['xaxis.range[0]']), moment(event['xaxis.range[1]'])]);
      });
      this.plot.on('plotly_doubleclick', () => this.onZoom(null));
    }
  }

  /** The axis grows at once and shrinks after 30 s, so that it does not breathe. */
  #extent(series, unit, told, mirrored, revision) {
    let high = least(unit, told),
      low = mirrored ? -high : 0;
    for (const s of series)
      for (const v of s.y)
        if (v != null) {
          if (v > high) high = v;
          if (v < low) low = v;
        }
    high *= 1.06;
    if (mirrored) low *= 1.06;
    const now = performance.now();
    if (high > this.#top || (high < this.#top * 0.6 && now > this.#shrinkAt) || this.#revision !== revision) {
      this.#top = high;
      this.#shrinkAt = now + SHRINK_MS;
    }
    this.#revision = revision;
    return [low, this.#top];
  }

  /** The limit says its value where it begins: what it was is part of the picture. */
  #tags(series, unit, font, ink) {
    return series
      .filter(s => s.role === 'limit')
      .map(s => {
        const first = s.y.findIndex(v => v != null),
          late = (this.times[first] - this.range[0]) / (this.range[1] - this.range[0]) > 0.8;
        return {
          xref: 'x',
          yref: 'y',
          x: Math.max(this.times[first], this.range[0]),
          y: s.y[first],
          xanchor: late ? 'right' : 'left',
          yanchor: 'bottom',
          text: t('{limit} {value}', {
            limit: s.label,
            value: shown(unit, s.y[first]).replace('\u00a0cores', ''),
          }),
          showarrow: false,
          font: { ...font, color: ink.soft },
          borderpad: 1,
          yshift: 2,
        };
      });
  }

  #keys(ink) {
    const signature = series => series.map(s => `${s.metric}${s.label}`).join('|') + ink.own + ink.ink;
    if (this.#signature === signature(this.series)) return;
    this.#signature = signature(this.series);
    let stacked = 0;
    this.readout.replaceChildren(
      ...this.series.map(s => {
        const place = s.role === 'stack' ? stacked++ : 0;
        const colour =
          s.role === 'area' || s.role === 'stack'
            ? place === 2
              ? ink.dim
              : ink.own
            : s.role === 'held'
              ? ink.warn
              : s.role === 'limit'
                ? ink.ink
                : s.role === 'soft'
                  ? ink.soft
                  : s.role === 'ghost'
                    ? ink.dim
                    : (s.style.line?.color ?? ink.ink);
        return h(
          'li',
          { 'data-series': s.metric },
          key(s, colour, place),
          h('span', { class: 'label' }, s.label),
          h('b', {}),
        );
      }),
    );
  }

  /** Readout at one step of the grid, and the crosshair where a time is given. */
  read(index, at) {
    if (!this.series?.length) return;
    const { unit } = this.figure.layout.meta;
    this.series.forEach((s, k) => setText(this.readout.children[k].lastChild, shown(unit, s.show[index])));
    const { l, r } = this.figure.layout.margin,
      width = this.plot.clientWidth - l - r,
      f = at == null ? -1 : (at - this.range[0]) / (this.range[1] - this.range[0]);
    this.hair.hidden = f < 0 || f > 1;
    if (!this.hair.hidden) this.hair.style.setProperty('--x', `${l + f * width}px`);
  }

  /** A spoken summary: the picture in one sentence. */
  describe(range, index) {
    if (!this.series?.length) return;
    const { unit } = this.figure.layout.meta;
    this.plot.setAttribute(
      'aria-label',
      t('{title}, {range}. {figures}', {
        title: this.title,
        range,
        figures: this.series
          .map(s => `${s.label} ${s.show[index] == null ? t('no data') : shown(unit, s.show[index])}`)
          .join(', '),
      }),
    );
  }
}
