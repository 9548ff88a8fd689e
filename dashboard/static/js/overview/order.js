/** Containers as the lines of the table: sorted, and in groups that sort by their worst. */
import { t } from '../lib/words.js';
import { worstRank } from '../lib/fleet.js';
import { SORTS } from './columns.js';

const GROUPS = {
  group: c => c.group ?? '',
  service: c => c.service ?? '',
  host: c => c.host,
  none: () => '',
};

/**
 * Lines `{c, shared}` and `{group, label, list, open, shared, first}`. `before`: id → place of those that keep theirs;
 * null: the order is taken anew. `shared`: the line's host needs no mention. Sorts `chosen` in place.
 */
export function arranged(chosen, state, { before, hosts }) {
  const key = SORTS[state.sort] ?? SORTS.worst,
    place = GROUPS[state.group];
  const value = new Map(chosen.map(c => [c, key(c)]));
  const compare = (a, b) => {
    const x = value.get(a),
      y = value.get(b),
      r = typeof x === 'string' ? x.localeCompare(y) : x - y;
    return (state.up ? r : -r) || a.name.localeCompare(b.name);
  };
  chosen.sort(
    before
      ? (a, b) => (before.get(a.id) ?? 1e9) - (before.get(b.id) ?? 1e9) || compare(a, b)
      : compare,
  );
  const groups = new Map();
  for (const c of chosen) {
    const k = place(c);
    if (!groups.has(k)) groups.set(k, []);
    groups.get(k).push(c);
  }
  const cpu = list => list.reduce((total, c) => total + (c.values.cpu_usage_cores ?? 0), 0);
  const entries = [...groups];
  if (!before)
    entries.sort(
      (a, b) =>
        (a[0] === '') - (b[0] === '') ||
        (state.sort === 'worst'
          ? (state.up ? -1 : 1) * (worstRank(b[1][0]) - worstRank(a[1][0]) || cpu(b[1]) - cpu(a[1]))
          : state.sort === 'name'
            ? (state.up ? 1 : -1) * a[0].localeCompare(b[0])
            : compare(a[1][0], b[1][0])),
    );
  const lines = [];
  for (const [k, list] of entries) {
    const open = !state.shut.has(k),
      shared =
        state.group !== 'none' &&
        state.group !== 'host' &&
        k !== '' &&
        list.every(c => c.host === list[0].host) &&
        hosts > 1;
    if (state.group !== 'none')
      lines.push({
        group: k,
        label: k || t('Not in a project'),
        list,
        open,
        shared,
        first: lines.length === 0,
      });
    if (open) for (const c of list) lines.push({ c, shared: shared || hosts < 2 });
  }
  return lines;
}
