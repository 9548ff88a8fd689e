/** Rules and alerts in sentences. */
import { span, worded } from '../lib/format.js';
import { t, keep, lang } from '../lib/words.js';

const UNIT = [
  [/_ratio$/, 'ratio'],
  [/_bytes_per_second$/, 'bytes/s'],
  [/_bytes$/, 'bytes'],
  [/_cores$/, 'cores'],
  [/_seconds_per_second$/, 'cores'],
];
const unitOf = metric => UNIT.find(([form]) => form.test(metric ?? ''))?.[1] ?? '1';
const SIGN = {
  '>': 'over',
  '>=': 'at least',
  '<': 'under',
  '<=': 'at most',
  '==': 'exactly',
  '!=': 'other than',
};

/** `avg cpu_throttled_periods_ratio over 20 % in 1 min, for 15 s`; metrics keep their names. */
export function ruleWords(rule) {
  const wait = rule.for_s ? t('held for {t}', { t: span(rule.for_s) }) : t('at once');
  if (rule.detector) return t('finding {detector}, {wait}', { detector: rule.detector, wait });
  const metric = rule.divisor ? `${rule.metric} / ${rule.divisor}` : rule.metric;
  return keep(
    t('{function} {metric} {sign} {threshold} in {window}, {wait}', {
      function: rule.function,
      metric,
      sign: t(SIGN[rule.comparison] ?? rule.comparison),
      threshold: worded(rule.threshold, rule.divisor ? 'ratio' : unitOf(rule.metric)),
      window: span(rule.window_s),
      wait,
    }),
  );
}

export function actionWords(action) {
  if (!action) return '';
  const step = action.relative
    ? `+${Math.round(action.by * 100)}\u202f%`
    : `+${worded(action.by, action.knob === 'cpu' ? 'cores' : 'bytes')}`;
  return `${action.knob} ${step}`;
}

/** Value beside the rule's bound: the value, and where it fires. */
export function valueWords(alert, rule) {
  if (alert.value == null) return null;
  const unit = rule?.metric
    ? rule.divisor
      ? 'ratio'
      : unitOf(rule.metric)
    : alert.value >= 0 && alert.value <= 1 && alert.threshold != null && alert.threshold <= 1
      ? 'ratio'
      : '1';
  const bound = alert.threshold ?? rule?.threshold;
  return [
    worded(alert.value, unit),
    bound == null
      ? ''
      : t(rule?.comparison?.startsWith('<') ? 'Fires under {bound}.' : 'Fires over {bound}.', {
          bound: worded(bound, unit),
        }),
  ];
}

const MONDAY = new Date(2024, 0, 1);
/** The short name of a day in the reader's language; 0 is Monday. */
export const dayName = day =>
  new Date(MONDAY.getFullYear(), MONDAY.getMonth(), MONDAY.getDate() + day).toLocaleDateString(lang, {
    weekday: 'short',
  });
const ofDay = minute =>
  `${String(Math.floor(minute / 60) % 24).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`;

/** `every Mon, Tue 02:00–04:00 (Europe/Berlin)`; days begin with 0, Monday. */
export function hoursWords(hours) {
  const days = [...hours.days].sort((a, b) => a - b),
    whole = hours.since_minute === 0 && hours.until_minute % 1440 === 0,
    spanned = whole ? t('all day') : `${ofDay(hours.since_minute)}–${ofDay(hours.until_minute)}`,
    which =
      days.length === 7 ? t('every day') : t('every {days}', { days: days.map(dayName).join(', ') });
  return [which, spanned, hours.zone && `(${hours.zone})`].filter(Boolean).join(' ');
}
