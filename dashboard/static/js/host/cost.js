/** What the daemon itself costs: its own processes, and the runtimes' daemons that answer it. */
import { h, fill, figure, setText } from '../lib/dom.js';
import { bytes, cores, span } from '../lib/format.js';
import { t, tn } from '../lib/words.js';

const NOTES = {
  agent: 'reads, stores, detects, alerts, adjusts',
  web: 'this page and the API',
  supervisor: 'starts both again when they end',
};
const $ = selector => document.querySelector(selector);

/** What a process is for; of a runtime's daemon also what we asked of it. */
function note(name, v) {
  if (Object.hasOwn(NOTES, name)) return t(NOTES[name]);
  const work = t('of the runtime, for all its work');
  if (!v.requests) return work;
  const took = v.request_seconds < 60 ? `${v.request_seconds.toFixed(1)}\u00a0s` : span(v.request_seconds),
    asked = tn(v.requests, '{n} question of ours, answered in {took}', '{n} questions of ours, answered in {took}', {
      took,
    });
  return `${work}; ${asked}`;
}

/** [name, values, ours] of each process; ours first. Pure. */
export const processes = cost =>
  Object.entries(cost)
    .map(([name, values]) => [name, values, Object.hasOwn(NOTES, name)])
    .sort((a, b) => b[2] - a[2] || (b[1].memory_bytes ?? 0) - (a[1].memory_bytes ?? 0));

/** Sum of one figure over our own processes; null where one of them is not known. Pure. */
export function total(cost, field) {
  const own = processes(cost).filter(([, , ours]) => ours);
  return own.length && own.every(([, v]) => v[field] != null)
    ? own.reduce((sum, [, v]) => sum + v[field], 0)
    : null;
}

export function drawCost(cost) {
  const list = processes(cost ?? {});
  $('[data-cost-panel]').hidden = !list.length;
  const used = total(cost ?? {}, 'cpu_cores'),
    kept = total(cost ?? {}, 'memory_bytes');
  setText(
    $('[data-cost-sum]'),
    used == null || kept == null
      ? ''
      : t('{cpu} cores and {memory} together', {
          cpu: used.toFixed(3),
          memory: bytes(kept).join('\u202f'),
        }),
  );
  fill(
    $('[data-cost]'),
    list.map(([name, v, ours]) =>
      h(
        'tr',
        { class: ours ? 'row' : 'row idle', 'data-process': name },
        h('th', { scope: 'row', class: 'start' }, name),
        h(
          'td',
          { 'data-label': t('CPU cores') },
          figure(v.cpu_cores == null ? ['', ''] : v.cpu_cores < 0.1 ? [v.cpu_cores.toFixed(3), ''] : cores(v.cpu_cores), 'bare'),
        ),
        h('td', { 'data-label': t('CPU time') }, v.cpu_seconds == null ? '' : span(v.cpu_seconds)),
        h('td', { 'data-label': t('Memory') }, figure(bytes(v.memory_bytes))),
        h('td', { class: 'start why' }, note(name, v)),
      ),
    ),
  );
}
