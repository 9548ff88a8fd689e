/**
 * The live table. Only the rows on screen exist: a list of lines (groups and rows) with fixed heights, two spacers, and
 * as many `tr` as fit. The order is taken anew every 5 s, and never while pointer or focus is inside.
 */
import { h, figure, setFigure, setText, sr } from '../lib/dom.js';
import { bytes, text } from '../lib/format.js';
import { t } from '../lib/words.js';
import { COLUMNS } from './columns.js';
import { arranged } from './order.js';
import { GroupRow, Row, sum } from './rows.js';

const OVERSCAN = 10;
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
      chosen = [...this.fleet.containers.values()].filter(this.matches);
    this.#lines = arranged(chosen, this.state, {
      before: keep ? this.#order : null,
      hosts: this.fleet.hosts.length,
    });
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

  /** Everything anew, sparklines too: the colours are others. */
  redraw() {
    for (const made of this.visible ?? []) for (const cell of made.cells ?? []) cell.drawn = null;
    this.fill();
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
