/** Nodes without HTML strings: every name from outside enters as text, never as markup. */
const SVG = 'http://www.w3.org/2000/svg';

/** An element. Attributes that are null or false are left out; `on…` are listeners; children may nest in lists. */
export function h(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (value == null || value === false) continue;
    if (key.startsWith('on')) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value === true ? '' : value);
  }
  node.append(...shown(children));
  return node;
}

const shown = children => children.flat(3).filter(child => child != null && child !== false && child !== '');
/** Put these children in the place of all others; lists may nest, nothing is left out as `h` does. */
export const fill = (node, ...children) => node.replaceChildren(...shown(children));

export function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [key, value] of Object.entries(attributes)) if (value != null) node.setAttribute(key, value);
  node.append(...children.flat().filter(Boolean));
  return node;
}

/** [filled shape, line on top] in a 16 × 16 box. */
const SHAPES = {
  critical: ['M8 1 15 8 8 15 1 8Z', 'M8 4.6v4.1M8 10.6v.6'],
  warning: ['M8 1.8 15.2 14.2H.8Z', 'M8 6v4M8 11.6v.6'],
  info: ['M8 1.5a6.5 6.5 0 1 1 0 13 6.5 6.5 0 0 1 0-13Z', 'M8 7.4v4M8 4.6v.6'],
  good: ['', 'M3 8.6 6.6 12 13 4.6'],
  up: ['', 'M8 13V3.4M3.8 7.4 8 3.2l4.2 4.2'],
  down: ['', 'M8 3v9.6M3.8 8.6 8 12.8l4.2-4.2'],
  start: ['M4 2.5v11l9-5.5Z', ''],
  oom: ['M1.5 8 4.6 2.6h6.8L14.5 8l-3.1 5.4H4.6Z', 'M5.6 5.6l4.8 4.8M10.4 5.6l-4.8 4.8'],
  stop: ['M3 3h10v10H3Z', ''],
  restart: ['', 'M12.6 5A5.4 5.4 0 1 0 13.4 8M12.9 2v3.2H9.7'],
  health: ['', 'M2 8h3l1.6-3.6 2.6 7.2L10.8 8H14'],
  hold: ['', 'M5.5 3v10M10.5 3v10'],
};

/** A mark: its shape says what its colour says. Hidden from readers; the word stands beside it. */
export function glyph(kind, size = 14) {
  const [fill, line] = SHAPES[kind] ?? SHAPES.info;
  return svg(
    'svg',
    { class: `glyph ${kind}`, width: size, height: size, viewBox: '0 0 16 16', 'aria-hidden': 'true' },
    fill && svg('path', { class: 'fill', d: fill }),
    line && svg('path', { class: 'line', d: line }),
  );
}

/** The ring and waves of the brand, for empty pages. */
export const emblem = () =>
  svg(
    'svg',
    {
      viewBox: '0 0 24 24',
      fill: 'none',
      stroke: 'currentColor',
      'stroke-width': 2,
      'stroke-linecap': 'round',
      'aria-hidden': 'true',
    },
    svg('circle', { cx: 12, cy: 11, r: 6.6 }),
    svg('path', { d: 'M2 11h20' }),
    svg('path', {
      d: 'M5 21c2.3 0 2.3-1.6 4.7-1.6S12 21 14.3 21s2.4-1.6 4.7-1.6',
      'stroke-width': 1.6,
      opacity: 0.6,
    }),
  );

/** A figure with its unit in a lane of its own, so that digits align down a column. */
export const figure = ([n, unit], extra = '') =>
  h(
    'span',
    { class: `figure ${extra}`.trim() },
    h('span', { class: 'n' }, n),
    h('span', { class: 'u' }, unit),
  );

export function setFigure(node, [n, unit]) {
  const [digits, lane] = node.children;
  if (digits.textContent !== n) digits.textContent = n;
  if (lane.textContent !== unit) lane.textContent = unit;
}

/** Write text only where it differs: an unchanged second costs no layout. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
export function setClass(node, name) {
  if (node.className !== name) node.className = name;
}

/** A bar of 0–1 with an optional peak tick. Widths go through the CSS object model, never through style attributes. */
export const bar = () =>
  h('span', { class: 'bar', 'aria-hidden': 'true' }, h('i', { class: 'fill' }), h('i', { class: 'peak' }));

const unit = value => Math.min(1, Math.max(0, value)).toFixed(3);
const lengths = new WeakMap();
/** A share of a bar, and where it begins: written only where it differs. */
export function setLength(node, value, from = 0) {
  const v = unit(value),
    f = unit(from),
    [v0, f0] = lengths.get(node) ?? [];
  if (v !== v0) node.style.setProperty('--v', v);
  if (f !== f0) node.style.setProperty('--from', f);
  if (v !== v0 || f !== f0) lengths.set(node, [v, f]);
}
export function setBar(node, value, peak, level) {
  setLength(node.firstChild, value);
  setLength(node.lastChild, peak ?? 0);
  if ((node.dataset.level ?? '') !== level) node.dataset.level = level;
}

/** Words for readers of the page by ear. */
export const sr = words => h('span', { class: 'sr' }, words);
