/** The lines of the live table: a container, and a group of them. Text changes in place, only where it differs. */
import { containerPage } from '../lib/api.js';
import { h, figure, glyph, setClass, setFigure, setText, sr } from '../lib/dom.js';
import { t } from '../lib/words.js';
import { colourClass } from '../lib/colour.js';
import { worstRank } from '../lib/fleet.js';
import { COLUMNS } from './columns.js';

const DOWN = new Set(['exited', 'removed', 'gone', 'dead']);
export const isDown = c => DOWN.has(c.state);

/** One container. */
export class Row {
  constructor(c, mode) {
    this.c = c;
    this.mode = mode;
    this.gutter = h('span', { class: 'gutter' });
    this.swatch = h('span', { class: 'swatch' });
    this.link = h('a', { href: containerPage(c.id) });
    this.where = h('span', { class: 'where' });
    this.state = h('span', { class: 'state' });
    this.cells = COLUMNS.slice(1).map(column =>
      h('td', { class: column.cls, 'data-metric': column.metric }, column.make()),
    );
    this.tr = h(
      'tr',
      { class: 'row', 'data-container-id': c.id, 'data-name': c.name },
      h(
        'th',
        { scope: 'row', class: 'k-name' },
        h('span', { class: 'name' }, this.gutter, this.swatch, this.link, this.where, this.state),
      ),
      this.cells,
    );
    COLUMNS.slice(1).forEach((column, i) => column.begin?.(this.cells[i], c));
  }

  fill({ grouping, shared, colour }) {
    const c = this.c,
      worst = worstRank(c),
      kind = ['', 'info', 'warning', 'critical'][worst];
    if (this.kind !== kind) {
      this.kind = kind;
      this.gutter.replaceChildren(...(kind ? [glyph(kind), sr(t(kind))] : []));
    }
    const name =
      grouping === 'group' && c.group && c.name.startsWith(`${c.group}-`)
        ? c.name.slice(c.group.length + 1)
        : c.name;
    setText(this.link, name);
    this.link.title = c.image ? `${c.name} · ${c.image}` : c.name;
    setText(this.where, shared || grouping === 'host' ? '' : c.host);
    setText(this.state, c.state === 'running' ? '' : t(c.state));
    setClass(this.state, `state ${isDown(c) ? 'rest' : ''}`.trim());
    setClass(this.tr, `row ${isDown(c) ? 'out' : ''}`.trim());
    setClass(this.swatch, `swatch ${colour.has(c.id) ? colourClass(c) : ''}`.trim());
    COLUMNS.slice(1).forEach((column, i) => column.fill(this.cells[i], c));
  }

  end() {
    COLUMNS.slice(1).forEach((column, i) => column.end?.(this.cells[i]));
    this.tr.remove();
  }
}

/** The line above a group: its name, its count, its sums. */
export class GroupRow {
  constructor(key, toggle) {
    this.button = h(
      'button',
      { type: 'button', 'aria-expanded': 'true', onclick: () => toggle(key) },
      h('span', {}),
      h('span', { class: 'dim' }),
    );
    this.sums = new Map();
    this.tr = h(
      'tr',
      { class: 'group' },
      h('th', { scope: 'rowgroup', class: 'k-name' }, this.button),
      COLUMNS.slice(1).map(column => {
        const node =
          column.sum && (column.key === 'cpu' || column.key === 'mem') ? figure(['', ''], column.unit) : null;
        if (node) this.sums.set(column, node);
        return h('td', { class: column.cls }, node);
      }),
    );
  }

  fill(line) {
    setText(this.button.firstChild, line.label);
    setText(this.button.lastChild, `${line.list.length}${line.shared ? `\u2002${line.list[0].host}` : ''}`);
    this.button.setAttribute('aria-expanded', String(line.open));
    setClass(this.tr, `group ${line.first ? 'first' : ''}`.trim());
    for (const [column, node] of this.sums) setFigure(node, column.show(sum(line.list, column)));
  }
}

/** What adds up of a list; null where nobody has it. */
export function sum(list, column) {
  let total = null;
  for (const c of list) {
    const v = column.sum(c);
    if (v != null) total = (total ?? 0) + v;
  }
  return total;
}
