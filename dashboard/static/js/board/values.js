/** The charts as a table: newest first, as many rows as one can read. */
import { h } from '../lib/dom.js';
import { fullTime, moment } from '../lib/format.js';
import { t, lang } from '../lib/words.js';
import { labelOf } from './trace.js';
import { shown } from './scale.js';

const ROWS = 40;

export function values(place, timeline, figures, nowMs) {
  const columns = Object.values(figures)
    .flatMap(f => f.data.map(d => ({ metric: d.meta.metric, label: labelOf(d), unit: f.layout.meta.unit })))
    .filter(c => timeline.column(c.metric).some(v => v != null));
  const groups = Object.entries(figures)
    .map(([name, f]) => [
      name,
      f.data.filter(d => timeline.column(d.meta.metric).some(v => v != null)).length,
    ])
    .filter(([, n]) => n);
  const names = {
    cpu: t('CPU'),
    memory: t('Memory'),
    pressure: t('Pressure'),
    network: t('Network'),
    disk: t('Disk'),
    operations: t('Disk operations'),
    faults: t('Memory faults'),
    pids: t('Processes'),
  };
  const every = Math.max(1, Math.ceil(timeline.length / ROWS)),
    rows = [];
  for (let i = timeline.length - 1; i >= 0 && rows.length < ROWS; i -= every) {
    const at = timeline.t0 + i * timeline.step;
    rows.push(
      h(
        'tr',
        {},
        h('th', { scope: 'row', title: fullTime(at, lang) }, moment(at, nowMs, lang)),
        columns.map(c => h('td', {}, shown(c.unit, timeline.column(c.metric)[i]))),
      ),
    );
  }
  place.tabIndex = 0;
  place.setAttribute('role', 'region');
  place.setAttribute('aria-label', t('Values of the charts'));
  place.replaceChildren(
    h(
      'table',
      { class: 'grid values' },
      h('caption', { class: 'sr' }, t('Values of the charts')),
      h(
        'thead',
        {},
        h(
          'tr',
          {},
          h('td', {}),
          groups.map(([name, n]) => h('th', { scope: 'colgroup', colspan: n }, names[name])),
        ),
        h(
          'tr',
          {},
          h('th', { scope: 'col' }, t('Time')),
          columns.map(c => h('th', { scope: 'col' }, c.label)),
        ),
      ),
      h('tbody', {}, rows),
    ),
  );
}
