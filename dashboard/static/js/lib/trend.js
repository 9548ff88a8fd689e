/** Five minutes of one figure in 75 buckets of 4 s: what a sparkline and a peak tick need, at a fixed size. */
export const BUCKET_MS = 4000,
  BUCKETS = 75;

export class Trend {
  #slot = null;
  #n = 0;
  /** `phase`: where the buckets begin, in ms. Trends with different ones step in different seconds. */
  constructor(phase = 0) {
    this.values = new Array(BUCKETS).fill(null);
    this.phase = phase;
    this.version = 0; // another number, another picture
  }
  #slotOf(atMs) {
    return Math.floor((atMs + this.phase) / BUCKET_MS);
  }

  /** Take history: `avg` on a grid of `stepMs` from `t0`; what lies outside the last five minutes is left out. */
  load(t0, stepMs, avg, nowMs) {
    const last = this.#slotOf(nowMs),
      sums = new Array(BUCKETS).fill(0),
      counts = new Array(BUCKETS).fill(0);
    avg.forEach((v, i) => {
      const at = BUCKETS - 1 - (last - this.#slotOf(t0 + i * stepMs));
      if (v != null && at >= 0 && at < BUCKETS) {
        sums[at] += v;
        counts[at]++;
      }
    });
    const fresh = this.#slot;
    const live =
      fresh == null
        ? []
        : this.values.map((v, i) => [fresh - (BUCKETS - 1 - i), v]).filter(([, v]) => v != null);
    this.values = sums.map((sum, i) => (counts[i] ? sum / counts[i] : null));
    this.version++;
    this.#slot = last;
    this.#n = counts[BUCKETS - 1];
    for (const [slot, v] of live) {
      const at = BUCKETS - 1 - (last - slot);
      if (at >= 0 && at < BUCKETS && this.values[at] == null) this.values[at] = v;
    }
  }

  /** The value of one second; null is a gap. */
  push(atMs, value) {
    const slot = this.#slotOf(atMs);
    if (slot !== this.#slot) this.version++;
    if (this.#slot == null || slot - this.#slot >= BUCKETS) {
      this.values.fill(null);
      this.#slot = slot;
      this.#n = 0;
    }
    while (this.#slot < slot) {
      this.values.shift();
      this.values.push(null);
      this.#slot++;
      this.#n = 0;
    }
    if (value == null) return;
    const last = BUCKETS - 1;
    this.values[last] = this.#n ? (this.values[last] * this.#n + value) / (this.#n + 1) : value;
    this.#n++;
  }

  get peak() {
    let top = 0;
    for (const v of this.values) if (v != null && v > top) top = v;
    return top;
  }
  get mean() {
    let sum = 0,
      n = 0;
    for (const v of this.values)
      if (v != null) {
        sum += v;
        n++;
      }
    return n ? sum / n : 0;
  }
}
