/** A change of limits in words and nodes: journal, rail, dry run. */
import { h } from './dom.js';
import { bytes, percent, text } from './format.js';
import { t } from './words.js';

const KNOBS = [
  ['cpu_cores', 'CPU', v => v.toFixed(2), 'cores'],
  ['memory_bytes', 'Memory', v => text(bytes(v)), ''],
  ['cpu_weight', 'Weight', v => String(v), ''],
  ['memory_high_bytes', 'Slows from', v => text(bytes(v)), ''],
];

/** [{knob, before, after, unit, up}] of what a change touches. */
export function steps(change) {
  return KNOBS.filter(([key]) => change.after?.[key] != null || change.before?.[key] != null).map(
    ([key, label, show, unit]) => {
      const words = v => (v === 'unlimited' ? t('no limit') : v == null ? '?' : show(v)),
        a = change.before?.[key],
        b = change.after?.[key];
      return {
        key,
        label: t(label),
        before: words(a),
        after: words(b),
        unit: typeof b === 'number' ? unit : '',
        up: typeof a === 'number' && typeof b === 'number' ? b > a : null,
      };
    },
  );
}

export const stepNodes = change =>
  steps(change).map(s =>
    h(
      'span',
      { class: 'step' },
      h('span', { class: 'knob' }, s.label),
      ' ',
      h('span', { class: 'was' }, s.before),
      h('span', { class: 'arrow' }, '\u2009→\u2009'),
      h('b', {}, s.unit ? `${s.after}\u00a0${s.unit}` : s.after),
    ),
  );
export const stepWords = change =>
  steps(change)
    .map(s => `${s.label} ${s.before}\u00a0→\u00a0${s.after}${s.unit ? `\u00a0${s.unit}` : ''}`)
    .join(', ');

const EFFECTS = {
  throttled_periods_ratio: 'Throttled',
  cpu_throttled_periods_ratio: 'Throttled',
  memory_working_set_of_limit_ratio: 'Memory of limit',
  cpu_pressure_some_ratio: 'Waits for CPU',
  memory_pressure_some_ratio: 'Waits for memory',
  cpu_usage_of_limit_ratio: 'CPU of limit',
};
/** The measured effect: `Throttled 47 % → 31 %`; null while it is not measured. */
export function effectNodes(effect) {
  const name = Object.keys(effect ?? {})
    .filter(
      k => k.endsWith('_before') && effect[k] != null && effect[k.replace(/_before$/, '_after')] != null,
    )
    .map(k => k.replace(/_before$/, ''))[0];
  if (!name) return null;
  const a = effect[`${name}_before`],
    b = effect[`${name}_after`],
    isRatio = name.endsWith('_ratio'),
    show = v => (isRatio ? `${text(percent(v)).replace(/^0$/, '0\u202f%')}` : String(+v.toFixed(2)));
  const verdict = b < a - 0.005 ? 'good' : b > a + 0.005 ? 'worse' : '';
  return [
    `${EFFECTS[name] ? t(EFFECTS[name]) : name.replaceAll('_', ' ')} `,
    h('span', { class: 'was' }, show(a)),
    h('span', { class: 'arrow' }, '\u2009→\u2009'),
    h('b', { class: verdict || null }, show(b)),
  ];
}

export const undoable = change =>
  change.status === 'applied' && !change.undone_by && change.rule !== 'undo' && change.rule !== 'revert';
export const STATUS = {
  applied: ['good', 'applied'],
  reverted: ['warning', 'reverted'],
  refused: ['stop', 'refused'],
  dry_run: ['hold', 'dry run'],
  pending: ['hold', 'pending'],
  failed: ['critical', 'failed'],
};
export const byWhom = change =>
  change.actor === 'wharfinger'
    ? change.rule.startsWith('rule:')
      ? t('rule {name}', { name: change.rule.slice(5) })
      : t('auto')
    : change.actor;
