/**
 * The live table. Only the rows on screen exist: a list of lines (groups and rows) with fixed heights, two spacers, and
 * as many `tr` as fit. The order is taken anew every 5 s, and never while pointer or focus is inside.
 */
import { containerPage } from '../lib/api.js';
import { h, figure, glyph, setClass, setFigure, setText, sr } from '../lib/dom.js';
import { bytes, text } from '../lib/format.js';
import { t } from '../lib/words.js';
import { colourClass } from '../lib/colour.js';
import { worstRank } from '../lib/fleet.js';
import { COLUMNS, SORTS } from './columns.js';

const OVERSCAN = 10;
export const GROUPS = {
  group: c => c.group ?? '',
  service: c => c.service ?? '',
  host: c => c.host,
  none: () => '',
};
const DOWN = new Set(['exited', 'removed', 'gone', 'dead']);
export const isDown = c => DOWN.has(c.state);

class Row {
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

class GroupRow {
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

function sum(list, column) {
  let total = null;
  for (const c of list) {
    const v = column.sum(c);
    if (v != null) total = (total ?? 0) + v;
  }
  return total;
}

export class FleetTable {
  #lines = [];
  #tops = [];
  #rows = new Map();
  #groups = new Map();
  #order = new Map();
  #cursor = -1;
  #frame = 0;
  #heights = [29, 34];
  #bottom = 0;

  constructor(table, fleet, state, { matches, colour }) {
    Object.assign(this, { table, fleet, state, matches, colour });
    this.headings = h(
      'tr',
      { class: 'heads' },
      COLUMNS.map(column =>
        h(
          'th',
          { scope: 'col', class: column.cls, 'data-column': column.key },
          column.sort
            ? h(
                'button',
                {
                  type: 'button',
                  'aria-label': column.spoken ? t(column.spoken) : null,
                  onclick: () => this.sortBy(column.key),
                },
                t(column.label),
              )
            : [h('span', { 'aria-hidden': 'true' }, t(column.label)), sr(t(column.spoken))],
        ),
      ),
    );
    this.totals = new Map();
    this.whole = {};
    const total = h(
      'tr',
      { class: 'total' },
      COLUMNS.map(column => {
        if (column.key === 'name') return h('th', { scope: 'row', class: column.cls }, t('All containers'));
        if (column.key === 'cpuShare' || column.key === 'memShare')
          return h('td', { class: column.cls }, (this.whole[column.key] = h('span', { class: 'none' })));
        if (!column.sum) return h('td', { class: column.cls });
        const node = figure(['', ''], column.unit);
        this.totals.set(column, node);
        return h('td', { class: column.cls, 'data-metric': column.metric }, node);
      }),
    );
    this.above = spacer();
    this.below = spacer();
    this.body = h('tbody', {});
    table.append(
      h(
        'colgroup',
        {},
        COLUMNS.map(column => h('col', { class: `k-${column.key}` })),
      ),
      h('thead', {}, this.headings, total),
      this.above.body,
      this.body,
      this.below.body,
    );
    addEventListener('scroll', () => this.#soon(), { passive: true });
    addEventListener('resize', () => {
      this.#measure();
      this.#soon();
    });
    this.#measure();
  }

  #soon() {
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => this.render());
  }
  #measure() {
    const style = getComputedStyle(document.documentElement);
    this.#heights = [
      parseFloat(style.getPropertyValue('--row')),
      parseFloat(style.getPropertyValue('--row-group')),
    ];
    this.#place();
  }
  /** Somebody reads or aims at it. */
  get held() {
    return this.table.matches(':hover') || this.table.contains(document.activeElement);
  }

  sortBy(key) {
    const { state } = this;
    state.up = state.sort === key ? !state.up : key === 'name';
    state.sort = key;
    this.layout();
    state.changed();
  }

  /** Put the lines in order. `keep`: what is on screen keeps its place, only the new and the gone move. */
  layout({ keep = false } = {}) {
    const { state } = this,
      key = SORTS[state.sort] ?? SORTS.worst,
      place = GROUPS[state.group];
    const chosen = [...this.fleet.containers.values()].filter(this.matches);
    const value = new Map(chosen.map(c => [c, key(c)]));
    const compare = (a, b) => {
      const x = value.get(a),
        y = value.get(b),
        r = typeof x === 'string' ? x.localeCompare(y) : x - y;
      return (state.up ? r : -r) || a.name.localeCompare(b.name);
    };
    chosen.sort(
      keep
        ? (a, b) => (this.#order.get(a.id) ?? 1e9) - (this.#order.get(b.id) ?? 1e9) || compare(a, b)
        : compare,
    );
    const groups = new Map();
    for (const c of chosen) {
      const k = place(c);
      if (!groups.has(k)) groups.set(k, []);
      groups.get(k).push(c);
    }
    const cpu = list => list.reduce((total, c) => total + (c.values.cpu_usage_cores ?? 0), 0);
    const entries = [...groups];
    if (!keep)
      entries.sort(
        (a, b) =>
          (a[0] === '') - (b[0] === '') ||
          (state.sort === 'worst'
            ? (state.up ? -1 : 1) * (worstRank(b[1][0]) - worstRank(a[1][0]) || cpu(b[1]) - cpu(a[1]))
            : state.sort === 'name'
              ? (state.up ? 1 : -1) * a[0].localeCompare(b[0])
              : compare(a[1][0], b[1][0])),
      );
    this.#lines = [];
    for (const [k, list] of entries) {
      const open = !state.shut.has(k),
        shared =
          state.group !== 'none' &&
          state.group !== 'host' &&
          k !== '' &&
          list.every(c => c.host === list[0].host) &&
          this.fleet.hosts.length > 1;
      if (state.group !== 'none')
        this.#lines.push({
          group: k,
          label: k || t('Not in a project'),
          list,
          open,
          shared,
          first: this.#lines.length === 0,
        });
      if (open) for (const c of list) this.#lines.push({ c, shared: shared || this.fleet.hosts.length < 2 });
    }
    if (!keep || !this.#order.size) this.#order = new Map(chosen.map((c, i) => [c.id, i]));
    else chosen.forEach((c, i) => this.#order.set(c.id, i));
    for (const th of this.headings.children) {
      if (th.dataset.column === state.sort)
        th.setAttribute('aria-sort', state.up ? 'ascending' : 'descending');
      else th.removeAttribute('aria-sort');
    }
    this.table.setAttribute('aria-rowcount', String(this.#lines.length + 2));
    this.shown = chosen.length;
    this.#place();
    this.render();
  }

  #place() {
    let y = 0;
    this.#tops = this.#lines.map(line => {
      const top = y;
      y += line.c ? this.#heights[0] : this.#heights[1];
      return top;
    });
    this.#bottom = y;
  }

  /** First line whose bottom lies below `y`. */
  #at(y) {
    let low = 0,
      high = this.#lines.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#tops[middle] <= y) low = middle + 1;
      else high = middle;
    }
    return Math.max(0, low - 1);
  }

  /** Bring the rows on screen into being, in place where they already are. */
  render() {
    const offset = this.above.body.getBoundingClientRect().top,
      n = this.#lines.length;
    const from = Math.max(0, this.#at(Math.max(0, -offset)) - OVERSCAN),
      to = n ? Math.min(n, this.#at(Math.max(0, innerHeight - offset)) + 1 + OVERSCAN) : 0;
    const used = new Set(),
      nodes = [],
      mode = this.state.group;
    for (let i = from; i < to; i++) {
      const line = this.#lines[i];
      let made;
      if (line.c) {
        made = this.#rows.get(line.c.id);
        if (!made || made.c !== line.c) {
          made?.end();
          made = new Row(line.c, mode);
          this.#rows.set(line.c.id, made);
        }
        used.add(line.c.id);
      } else {
        made = this.#groups.get(line.group);
        if (!made) {
          made = new GroupRow(line.group, key => this.#toggle(key));
          this.#groups.set(line.group, made);
        }
      }
      made.tr.setAttribute('aria-rowindex', String(i + 3));
      made.line = line;
      nodes.push(made);
    }
    for (const [id, row] of this.#rows)
      if (!used.has(id)) {
        row.end();
        this.#rows.delete(id);
      }
    const wanted = new Set(nodes.map(x => x.tr));
    for (const tr of [...this.body.children]) if (!wanted.has(tr)) tr.remove();
    nodes.forEach((made, i) => {
      if (this.body.children[i] !== made.tr) this.body.insertBefore(made.tr, this.body.children[i] ?? null);
    });
    this.visible = nodes;
    this.above.set(n ? (this.#tops[from] ?? 0) : 0);
    this.below.set(n && to < n ? this.#bottom - this.#tops[to] : 0);
    this.fill();
  }

  #toggle(key) {
    const { shut } = this.state;
    if (shut.has(key)) shut.delete(key);
    else shut.add(key);
    this.layout({ keep: true });
    this.#groups.get(key)?.button.focus();
  }

  /** Text changes in place, only where it differs. */
  fill() {
    const colour = this.colour();
    for (const made of this.visible ?? [])
      made instanceof Row
        ? made.fill({ grouping: this.state.group, shared: made.line.shared, colour })
        : made.fill(made.line);
    const everybody = [...this.fleet.containers.values()];
    for (const [column, node] of this.totals) setFigure(node, column.show(sum(everybody, column)));
    const add = metric => this.fleet.hosts.reduce((total, host) => total + (host.latest?.[metric] ?? 0), 0),
      count = add('host_cpu_count'),
      memory = add('host_memory_total_bytes');
    setText(this.whole.cpuShare, count ? t('of {n} cores', { n: count }) : '');
    setText(this.whole.memShare, memory ? t('of {n}', { n: text(bytes(memory)) }) : '');
  }

  /** j, k and the arrows: the focus goes from name to name, also to rows that do not exist yet. */
  step(by) {
    const here = this.#lines.findIndex(
      line => line.c && this.#rows.get(line.c.id)?.link === document.activeElement,
    );
    let i = here >= 0 ? here : this.#cursor < 0 ? (by > 0 ? -1 : 0) : this.#cursor;
    do i += by;
    while (this.#lines[i] && !this.#lines[i].c);
    if (!this.#lines[i]) return false;
    this.#cursor = i;
    const top = this.above.body.getBoundingClientRect().top + scrollY + this.#tops[i];
    if (top < scrollY + 90) scrollTo({ top: top - 130 });
    else if (top > scrollY + innerHeight - 70) scrollTo({ top: top - innerHeight + 110 });
    this.render();
    this.#rows.get(this.#lines[i].c.id)?.link.focus({ preventScroll: true });
    return true;
  }
}

function spacer() {
  const cell = h('td', {}),
    body = h('tbody', { class: 'spacer', 'aria-hidden': 'true' }, h('tr', { class: 'spacer' }, cell));
  return {
    body,
    set(height) {
      const value = `${height}px`;
      if (cell.style.height !== value) cell.style.height = value;
    },
  };
}
