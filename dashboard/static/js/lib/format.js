/** Numbers as they stand on the screen: [figure, unit]. Units are set apart so that figures align. Pure. */
export const KiB = 1024,
  MiB = KiB * 1024,
  GiB = MiB * 1024,
  TiB = GiB * 1024;
const NARROW = '\u202f';
const three = v => (v >= 100 ? v.toFixed(0) : v >= 10 ? v.toFixed(1) : v.toFixed(2));

/** Cores, two decimals; nothing at all is a plain 0. Unknown is an empty cell, never a 0. */
export const cores = v => (v == null ? ['', ''] : v < 0.005 ? ['0', ''] : [v.toFixed(2), '']);

export function bytes(v) {
  if (v == null) return ['', ''];
  if (v < KiB) return ['0', 'MiB'];
  if (v < MiB) return [(v / KiB).toFixed(0), 'KiB'];
  if (v < 1000 * MiB) return [(v / MiB).toFixed(0), 'MiB'];
  return v < 1000 * GiB ? [three(v / GiB), 'GiB'] : [three(v / TiB), 'TiB'];
}

/** Bytes per second; the header carries the `/s`. */
export function rate(v) {
  if (v == null) return ['', ''];
  if (v < 1) return ['0', ''];
  if (v < KiB) return [v.toFixed(0), 'B'];
  if (v < 1000 * KiB) return [(v / KiB).toFixed(0), 'KiB'];
  return v < 1000 * MiB ? [three(v / MiB), 'MiB'] : [three(v / GiB), 'GiB'];
}

export const percent = ratio =>
  ratio == null ? ['', ''] : ratio < 0.005 ? ['0', ''] : [Math.round(ratio * 100).toString(), '%'];
/** A number of things, decimal steps: `840`, `12 k`. */
export const tally = v =>
  v == null
    ? ['', '']
    : v < 9.95
      ? [String(+v.toFixed(1)), '']
      : v < 10000
        ? [v.toFixed(0), '']
        : v < 1e7
          ? [(v / 1000).toFixed(0), 'k']
          : [(v / 1e6).toFixed(0), 'M'];
export const count = v => (v == null ? ['', ''] : [Math.round(v).toString(), '']);

/** Figure and unit as one run of text that never breaks between them. */
export const text = ([n, unit]) => (unit ? `${n}${NARROW}${unit}` : n);

/** A value of the catalogue's unit in words: `1.48 cores`, `742 MiB`, `31 %`, `2.6 MiB/s`. */
export function worded(value, unit) {
  if (value == null) return '';
  if (unit === 'cores') return `${value.toFixed(2)}\u00a0cores`;
  if (unit === 'bytes') return text(bytes(value));
  if (unit === 'ratio') return `${value < 0.005 ? 0 : Math.round(value * 100)}${NARROW}%`;
  if (unit === 'bytes/s') {
    const [n, u] = rate(value);
    return u ? `${n}${NARROW}${u}/s` : '0';
  }
  if (unit === '1/s') return `${text(tally(value))}/s`;
  if (unit === 's') return span(value);
  return Number.isInteger(value) ? String(value) : three(Math.abs(value));
}

/** A stretch of time: `12 s`, `10 min`, `3 h 12 min`, `4 d`. */
export function span(seconds) {
  const s = Math.max(0, seconds);
  if (s < 60) return `${Math.floor(s)}\u00a0s`;
  if (s < 3600) return `${Math.floor(s / 60)}\u00a0min`;
  if (s < 86400)
    return `${Math.floor(s / 3600)}\u00a0h${s % 3600 >= 60 ? ` ${Math.floor((s % 3600) / 60)}\u00a0min` : ''}`;
  return `${Math.floor(s / 86400)}\u00a0d`;
}

/** A short stretch keeps its seconds: `2 min 14 s`. */
export const spanFine = seconds =>
  seconds < 60 || seconds >= 3600
    ? span(seconds)
    : `${Math.floor(seconds / 60)}\u00a0min ${Math.floor(seconds % 60)}\u00a0s`;

const two = n => String(n).padStart(2, '0');
/** `14:02:14` of the reader's own clock. */
export const clock = ms => {
  const d = new Date(ms);
  return `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
};
export const clockShort = ms => clock(ms).slice(0, 5);
export const sameDay = (a, b) => new Date(a).toDateString() === new Date(b).toDateString();
/** The clock today, date and clock on other days, the year where it is another. */
export function moment(ms, nowMs, lang = 'en') {
  if (ms == null || Number.isNaN(ms)) return '';
  if (sameDay(ms, nowMs)) return clock(ms);
  const far = new Date(ms).getFullYear() !== new Date(nowMs).getFullYear();
  return `${new Date(ms).toLocaleDateString(lang, { day: 'numeric', month: 'short', ...(far ? { year: 'numeric' } : {}) })} ${clockShort(ms)}`;
}
const fullForms = {};
/** Date, clock and zone: what a time's title says. */
export function fullTime(ms, lang = 'en') {
  fullForms[lang] ??= new Intl.DateTimeFormat(lang, { dateStyle: 'medium', timeStyle: 'long' }); // dear to make
  return Number.isFinite(ms) ? fullForms[lang].format(ms) : '';
}

/** `512m`, `1.5g`, `768 MiB`, `536870912` → bytes; null where it is not a size. A bare small number is MiB. */
export function parseSize(words) {
  const m = /^\s*([0-9]+(?:\.[0-9]+)?|\.[0-9]+)\s*(b|k|kb|kib|m|mb|mib|g|gb|gib|t|tb|tib)?\s*$/i.exec(words);
  if (!m) return null;
  const n = Number(m[1]),
    letter = (m[2] ?? '').toLowerCase()[0];
  const factor = letter ? { b: 1, k: KiB, m: MiB, g: GiB, t: TiB }[letter] : n < 65536 ? MiB : 1;
  return Math.round(n * factor);
}
