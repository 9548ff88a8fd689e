/** From a figure and columns to what Plotly draws: the role of a series decides its look, on every chart alike. */
import { svg } from '../lib/dom.js';
import { t } from '../lib/words.js';
import { token } from '../lib/shell.js';

const fade = (hex, alpha) => {
  const n = parseInt(hex.slice(1), 16);
  return `rgba(${n >> 16},${(n >> 8) & 255},${n & 255},${alpha})`;
};
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
export function trace(x, s, ink, place) {
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

/**
 * Plotly breaks a line at a gap but draws the fill across it. A trace with a gap becomes two: a fill that falls there to
 * what it stands on, and over all fills its line. Before the first value and after the last nothing is filled. Pure.
 */
export function brokenFills(traces) {
  const lines = [];
  let below = null;
  const fills = traces.map(drawn => {
    const { y } = drawn,
      floor = drawn.fill === 'tonexty' ? below : null,
      first = y.findIndex(v => v != null),
      last = y.findLastIndex(v => v != null);
    below = y;
    if (!drawn.fill || first < 0 || !y.slice(first, last).includes(null)) return drawn;
    below = y.map((v, i) => (i < first || i > last ? null : (v ?? floor?.[i] ?? 0)));
    if (drawn.line.width) lines.push({ ...drawn, fill: 'none' });
    return { ...drawn, y: below, line: { ...drawn.line, width: 0 } };
  });
  return [...fills, ...lines];
}

const HATCH = 'M1 9 6 1M6 9l5-8M11 9l4-6';
/** The sign of a series in the readout, drawn as the series is. */
export function key(s, colour, place) {
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

/** The colours and the type of the theme of now; `own`: the target's colour, `#rrggbb`. */
export const inks = own => ({
  own,
  family: getComputedStyle(document.body).fontFamily,
  ink: token('--ink-1'),
  soft: token('--ink-2'),
  dim: token('--ink-3'),
  line: token('--line'),
  warn: token('--warn'),
  bad: token('--bad'),
});
