/** Columns of one target over one range, on one grid; live seconds are added to it. All times are ms since the epoch. */
import { get } from '../lib/api.js';

/** Steps that divide a day; a range is shown in at most `MOST` of them. */
const LADDER_S = [
    1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 21600, 43200, 86400, 172800,
  ],
  MOST = 1100;
export const stepFor = rangeMs => 1000 * (LADDER_S.find(s => rangeMs / 1000 / s <= MOST) ?? LADDER_S.at(-1));
const stepWord = ms => `${ms / 1000}s`;
/** Bounds hold their newest value within a step; figures are averaged. */
const isBound = metric => /_(limit|high)_|_limit$|_weight$/.test(metric);

export class Timeline {
  #weights = new Map();
  constructor(target, metrics) {
    Object.assign(this, { target, metrics, t0: 0, step: 1000, length: 0, columns: new Map(), begun: false });
  }

  /** Load a range. A later call wins over an earlier one that is still on its way. */
  async load(from, to) {
    this.#abort?.abort();
    const abort = (this.#abort = new AbortController()),
      step = stepFor(to - from);
    const begin = Math.floor(from / step) * step,
      length = Math.max(2, Math.ceil((to - begin) / step));
    const answer = await get(
      '/series',
      {
        ...this.target,
        metrics: this.metrics.join(),
        since: begin,
        until: begin + length * step,
        step: stepWord(step),
        agg: 'avg',
      },
      abort.signal,
    );
    const columns = new Map(this.metrics.map(metric => [metric, new Array(length).fill(null)]));
    const shift = Math.round((answer.t0 - begin) / answer.step_ms);
    for (const { metric, avg } of answer.series) {
      const column = columns.get(metric),
        join = metric.endsWith('_ratio') ? Math.max : (a, b) => a + b; // replicas add up; of shares the worst
      if (!column) continue;
      avg.forEach((v, i) => {
        const at = i + shift;
        if (v != null && at >= 0 && at < length) column[at] = column[at] == null ? v : join(column[at], v);
      });
    }
    Object.assign(this, { t0: begin, step, length, columns, begun: true });
    this.#weights.clear();
  }
  #abort = null;

  /** One live second. Older than the newest step, or far beyond it: not for us. */
  push(at, values) {
    if (!this.begun) return;
    const i = Math.floor((at - this.t0) / this.step);
    if (i < this.length - 1 || i > this.length + MOST) return; // after so long a gap the range is loaded anew
    while (this.length <= i) {
      for (const column of this.columns.values()) column.push(null);
      this.length++;
      this.#weights.clear();
    }
    for (const [metric, column] of this.columns) {
      const v = values[metric];
      if (v == null) continue;
      const held = column[i],
        n =
          this.#weights.get(metric) ??
          (held == null ? 0 : Math.max(1, Math.round((at - this.t0 - i * this.step) / 1000)));
      column[i] = held == null || isBound(metric) ? v : (held * n + v) / (n + 1);
      this.#weights.set(metric, n + 1);
    }
  }

  /** Forget what lies before `from`, so that a page that stays open stays the same size. */
  trim(from) {
    const gone = Math.floor((from - this.t0) / this.step) - 1;
    if (gone <= 0) return;
    for (const column of this.columns.values()) column.splice(0, gone);
    this.t0 += gone * this.step;
    this.length -= gone;
  }

  times() {
    return Array.from({ length: this.length }, (_, i) => this.t0 + i * this.step);
  }
  column(metric) {
    return this.columns.get(metric) ?? [];
  }
  /** Steps up to the newest value: a step that has only begun is no gap. */
  get filled() {
    const some = i => {
      for (const column of this.columns.values()) if (column[i] != null) return true;
      return false;
    };
    for (let i = this.length; i > Math.max(0, this.length - 3); i--) if (some(i - 1)) return i;
    return this.length;
  }

  /** Beginning of the first step that holds a value; null without one. */
  get first() {
    let least = null;
    for (const column of this.columns.values()) {
      const i = column.findIndex(v => v != null);
      if (i >= 0 && (least == null || i < least)) least = i;
    }
    return least == null ? null : this.t0 + least * this.step;
  }

  get empty() {
    for (const column of this.columns.values()) if (column.some(v => v != null)) return false;
    return true;
  }
  index(at) {
    return Math.min(this.length - 1, Math.max(0, Math.floor((at - this.t0) / this.step)));
  }
}
