/** The rail: limits with where each comes from, policy, last changes. */
import { del, put, time } from '../lib/api.js';
import { h, fill } from '../lib/dom.js';
import { bytes, cores, count, moment, fullTime, text } from '../lib/format.js';
import { t, lang } from '../lib/words.js';
import { attempt, mayChange } from '../lib/shell.js';
import { byWhom, stepWords, undoable, STATUS } from '../lib/changes.js';
import { undoButton } from '../lib/findings.js';

const MODES = ['off', 'observe', 'auto'],
  CLASSES = ['latency', 'balanced', 'dense'];
const SOURCES = { config: 'by config', label: 'by label', api: 'by hand', default: 'by default' };
const plain = (pair, unit) => [pair[0], unit ?? pair[1]];

function knob(label, value, show, unit, notes) {
  const pair = typeof value === 'number' ? plain(show(value), unit) : null;
  return h(
    'div',
    {},
    h('dt', {}, label),
    h(
      'dd',
      {},
      value === 'unlimited'
        ? h('b', {}, t('no limit'))
        : pair
          ? [h('b', {}, pair[0]), pair[1] && ` ${pair[1]}`]
          : h('span', { class: 'none' }, t('not given')),
      notes.filter(Boolean).length > 0 && h('span', {}, notes.filter(Boolean).join(' · ')),
    ),
  );
}

/** `label allows 0.25 to 1.50`: bounds with the word of their source. */
function bounds(policy, name, show) {
  const low = policy?.[`${name}_min`],
    high = policy?.[`${name}_max`],
    from = policy?.sources?.[`${name}_max`] ?? policy?.sources?.[`${name}_min`];
  if (low == null && high == null) return '';
  const source = from ? t(SOURCES[from] ?? from) : '';
  const slots = { low: low == null ? '' : show(low), high: high == null ? '' : show(high), source };
  return (
    low == null
      ? t('at most {high} {source}', slots)
      : high == null
        ? t('at least {low} {source}', slots)
        : t('{low} to {high} allowed {source}', slots)
  ).trim();
}

export function knobs(place, c) {
  const { limits, policy } = c,
    original = limits.original ?? {},
    was = (key, show) =>
      original[key] != null && original[key] !== limits[key]
        ? t('was {value} at first', {
            value: original[key] === 'unlimited' ? t('no limit') : show(original[key]),
          })
        : '';
  const core = v => v.toFixed(2),
    size = v => text(bytes(v)),
    high =
      typeof limits.memory_high_bytes === 'number'
        ? t('slows from {value}', { value: size(limits.memory_high_bytes) })
        : '';
  const signature = JSON.stringify([limits, policy]);
  if (place.dataset.signature === signature) return;
  place.dataset.signature = signature;
  place.replaceChildren(
    knob(t('CPU'), limits.cpu_cores, cores, t('cores'), [
      was('cpu_cores', core),
      bounds(policy, 'cpu', core),
    ]),
    knob(t('Memory'), limits.memory_bytes, bytes, null, [
      was('memory_bytes', size),
      bounds(policy, 'memory', size),
      high,
    ]),
    knob(t('Weight'), limits.cpu_weight, count, null, [was('cpu_weight', String)]),
    knob(t('Processes'), limits.pids, count, null, []),
  );
}

const CLASS_WORDS = {
  latency: 'Throttling is kept under 2 % where the bounds allow; quick to give, slow to take.',
  balanced: 'Throttling is kept under 5 % where the bounds allow.',
  dense: 'Tight: throttling up to 10 % is taken for more containers on a host.',
};
const MODE_WORDS = {
  off: 'Nothing is proposed or changed.',
  observe: 'Watching only: what would be done is shown, nothing is changed.',
  auto: 'Limits are raised when they hold it back, and only what was given is taken back.',
};

export function policyPanel(place, c, done) {
  const policy = c.policy,
    signature = JSON.stringify(policy);
  if (place.dataset.signature === signature) return;
  place.dataset.signature = signature;
  if (!policy) {
    place.replaceChildren(h('p', { class: 'note' }, t('Its policy is not known here.')));
    return;
  }
  const address = `/containers/${encodeURIComponent(c.id)}/policy`,
    change = async fields => {
      await attempt(async () => done(await put(address, fields)), t('The policy is changed.'));
    };
  const segments = (label, values, present, key) =>
    h(
      'div',
      { class: 'segments wide', role: 'group', 'aria-label': label },
      values.map(value =>
        h(
          'button',
          {
            type: 'button',
            'aria-pressed': String(value === present),
            'data-value': value,
            disabled: !mayChange,
            onclick: () => {
              if (value !== present) change({ [key]: value });
            },
          },
          t(value),
        ),
      ),
    );
  const own = Object.values(policy.sources ?? {}).includes('api'),
    from = policy.sources?.mode,
    focused = place.contains(document.activeElement) ? document.activeElement.dataset.value : null;
  fill(
    place,
    segments(t('Mode'), MODES, policy.mode, 'mode'),
    h(
      'p',
      { class: 'note' },
      t(MODE_WORDS[policy.mode]),
      from && from !== 'default' ? ` ${t('Set {source}.', { source: t(SOURCES[from] ?? from) })}` : '',
    ),
    policy.mode !== 'off' && [
      segments(t('Class'), CLASSES, policy.class, 'class'),
      h('p', { class: 'note' }, t(CLASS_WORDS[policy.class])),
    ],
    policy.faults.map(fault => h('p', { class: 'note bad' }, fault)),
    own &&
      h(
        'p',
        { class: 'note' },
        h(
          'button',
          {
            class: 'button',
            type: 'button',
            disabled: !mayChange,
            onclick: () => attempt(async () => done(await del(address)), t('Config and labels hold again.')),
          },
          t('Back to config and labels'),
        ),
      ),
  );
  if (focused) place.querySelector(`[data-value="${focused}"]`)?.focus();
}

export function changesPanel(place, changes, nowMs, done) {
  const rows = changes.slice(0, 6),
    signature = JSON.stringify(rows.map(c => [c.id, c.status, c.undone_by]));
  if (place.dataset.signature === signature) return;
  place.dataset.signature = signature;
  fill(
    place,
    rows.length
      ? rows.map(c =>
          h(
            'li',
            { 'data-change': c.id },
            h('time', { datetime: c.at, title: fullTime(time(c.at), lang) }, moment(time(c.at), nowMs, lang)),
            h(
              'div',
              {},
              h('b', {}, stepWords(c) || t('Limits')),
              h('span', {}, [
                c.status === 'applied' ? '' : `${t(STATUS[c.status]?.[1] ?? c.status)}: `,
                c.reason,
                c.undone_by ? ` · ${t('undone by {name}', { name: c.undone_by })}` : ` · ${byWhom(c)}`,
              ]),
              undoable(c) && undoButton(c.id, c.name, { done, plain: true }),
            ),
          ),
        )
      : [h('li', {}, h('span', {}), h('div', {}, h('span', {}, t('No change yet.'))))],
  );
}
