/**
 * One Plotly chart. Layout and styles come from the server's figure; data, colours of the theme and the container's own
 * colour are filled in here. No tooltip: the line above the chart is its legend and its readout.
 */
import { h, setText } from '../lib/dom.js';
import { t, lang } from '../lib/words.js';
import { least, shown, ticks, timeTicks } from './scale.js';
import { brokenFills, key, trace } from './trace.js';

const HEADROOM = 1.06,
  MARGINS_PX = 30,
  TAG_PX = 10,
  SHRINK_MS = 30000;
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

  /**
   * Charts off screen, and those told to `wait`, keep what they would have drawn and catch up; their readout stays true.
   */
  draw(times, series, range, marks, ink, revision, width, wait = false) {
    this.width = width;
    this.series = series;
    this.range = range;
    this.times = times;
    this.node.hidden = series.length === 0;
    if (!series.length) return;
    this.node.dataset.points = String(
      Math.max(...series.map(s => s.show.reduce((n, v) => n + (v != null), 0))),
    );
    this.#keys(ink);
    if (this.#bound && (wait || !this.#near)) {
      this.#late = [times, series, range, marks, ink, revision, width];
      return;
    }
    this.#late = null;
    const { layout, config } = this.figure,
      { unit, mirrored } = layout.meta;
    const [low, high] = this.#extent(series, unit, layout.meta.least, mirrored, revision);
    const font = {
      ...layout.font,
      family: ink.family,
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
        type: 'linear', // moments as they are: to read them as dates costs more than to draw them
        showline: true,
        linecolor: ink.line,
        ticks: 'outside',
        ticklen: 4,
        tickcolor: ink.line,
        tickfont: font,
        tickmode: 'array',
        ticklabeloverflow: 'allow',
        ...timeTicks(range, Math.max(3, Math.floor(width / 110)), lang),
      },
      yaxis: {
        ...layout.yaxis,
        range: [low, high],
        rangemode: 'normal',
        gridcolor: ink.line,
        zerolinecolor: ink.line,
        tickfont: font,
        tickmode: 'array',
        ticklabeloverflow: 'allow',
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
    Plotly.react(this.plot, brokenFills(traces), drawn, config);
    if (!this.#bound) {
      this.#bound = true;
      this.plot.on('plotly_relayout', event => {
        if (event['xaxis.range[0]'] == null) return;
        this.onZoom([Number(event['xaxis.range[0]']), Number(event['xaxis.range[1]'])]);
      });
      this.plot.on('plotly_doubleclick', () => this.onZoom(null));
    }
  }

  /** The axis grows at once and shrinks after 30 s, so that it does not breathe. Over a limit there is room for its tag. */
  #extent(series, unit, told, mirrored, revision) {
    let high = least(unit, told),
      low = mirrored ? -high : 0;
    const plain = this.figure.layout.height - MARGINS_PX,
      room = plain / (plain - TAG_PX) / HEADROOM;
    for (const s of series) {
      const over = s.role === 'limit' ? Math.max(1, room) : 1;
      for (const v of s.y)
        if (v != null) {
          if (v * over > high) high = v * over;
          if (v < low) low = v;
        }
    }
    high *= HEADROOM;
    if (mirrored) low *= HEADROOM;
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
      width = this.width - l - r,
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
