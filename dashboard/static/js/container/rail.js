/** The rail: limits with where each comes from, last changes. */
import { time } from '../lib/api.js';
import { h, fill } from '../lib/dom.js';
import { bytes, cores, count, moment, fullTime, text } from '../lib/format.js';
import { t, lang } from '../lib/words.js';
import { byWhom, stepWords, undoable, STATUS } from '../lib/changes.js';
import { undoButton } from '../lib/findings.js';

export const SOURCES = { config: 'by config', label: 'by label', api: 'by hand', default: 'by default' };
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
      : [h('li', { class: 'none' }, h('span', {}, t('No change yet.')))],
  );
}
