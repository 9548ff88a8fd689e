/** Axes: few ticks on round values, the unit on the outermost one only. Pure. */
import { bytes, percent, rate, tally, text, worded } from '../lib/format.js';

const tens = (low, high, most) => {
  const raw = (high - low) / most,
    power = 10 ** Math.floor(Math.log10(raw));
  return [1, 2, 2.5, 5, 10].map(m => m * power).find(step => step >= raw * 0.999) ?? raw;
};
const twos = (low, high, most) => {
  let step = 1;
  while ((high - low) / step > most) step *= 2;
  return step;
};
const tidy = v => String(+v.toFixed(v < 0.1 ? 3 : 2));

const UNITS = {
  cores: { step: tens, label: tidy, unit: '\u202fcores', least: 0.1 },
  bytes: {
    step: twos,
    label: v => text(bytes(v)).replace(/\.0+(?=\u202f)/, ''),
    unit: '',
    least: 16 * 1024 ** 2,
  },
  ratio: { step: tens, label: v => text(percent(v)).replace('\u202f%', ''), unit: '\u202f%', least: 0.1 },
  'bytes/s': {
    step: twos,
    label: v => text(rate(Math.abs(v))).replace(/\.0+(?=\u202f)/, ''),
    unit: '/s',
    least: 16 * 1024,
  },
  '1/s': {
    step: (low, high, most) => Math.max(1, tens(low, high, most)),
    label: v => text(tally(Math.abs(v))),
    unit: '/s',
    least: 10,
  },
  1: {
    step: (low, high, most) => Math.max(1, tens(low, high, most)),
    label: v => String(Math.round(v)),
    unit: '',
    least: 10,
  },
};
const of = unit => UNITS[unit] ?? UNITS[1];

export const least = (unit, told) => told ?? of(unit).least;

export function ticks(unit, low, high, most) {
  const u = of(unit),
    step = u.step(low, high, most),
    tickvals = [];
  for (let v = Math.ceil(low / step) * step; v <= high * 1.0001; v += step)
    tickvals.push(Math.abs(v) < step / 1e6 ? 0 : v);
  const ticktext = tickvals.map((v, i) =>
    v === 0 ? '0' : u.label(v) + (i === tickvals.length - 1 || i === 0 ? u.unit : ''),
  );
  return { tickvals, ticktext };
}

/** A figure of the readout. */
export const shown = (unit, v) => (v == null ? '–' : worded(Math.abs(v), unit));

const SECOND = 1000,
  MINUTE = 60 * SECOND,
  HOUR = 60 * MINUTE,
  DAY = 24 * HOUR;
/** Steps of the time axis that fall on round clock times and days. */
const STEPS = [
  ...[5, 10, 15, 30].map(n => n * SECOND),
  ...[1, 2, 5, 10, 15, 30].map(n => n * MINUTE),
  ...[1, 2, 3, 6, 12].map(n => n * HOUR),
  ...[1, 2, 4, 7, 14, 30, 61, 91, 182, 365].map(n => n * DAY),
];
const two = n => String(n).padStart(2, '0');

function timeLabel(at, step, lang) {
  const d = new Date(at),
    clock = `${two(d.getHours())}:${two(d.getMinutes())}`;
  if (step < MINUTE) return `${clock}:${two(d.getSeconds())}`;
  if (step < DAY && clock !== '00:00') return clock;
  return step < 28 * DAY
    ? d.toLocaleDateString(lang, { day: 'numeric', month: 'short' })
    : d.toLocaleDateString(lang, { month: 'short', year: 'numeric' });
}

/** At most `most` ticks between two moments, on round times of the reader's own clock; midnight says its date. */
export function timeTicks([from, to], most, lang = 'en') {
  const step = STEPS.find(s => (to - from) / s <= most) ?? STEPS.at(-1),
    zone = at => new Date(at).getTimezoneOffset() * MINUTE,
    first = Math.ceil((from - zone(from)) / step) * step,
    tickvals = [];
  for (let wall = first; ; wall += step) {
    const at = wall + zone(wall + zone(from)); // a day of 23 or 25 hours keeps its ticks on the hour
    if (at > to) break;
    if (at >= from) tickvals.push(at);
  }
  return { tickvals, ticktext: tickvals.map(at => timeLabel(at, step, lang)) };
}
