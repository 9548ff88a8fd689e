/** The table's columns: what each shows, how it sorts, when it lights up. One row of this list a column. */
import { h, bar, figure, setBar, setClass, setFigure } from '../lib/dom.js';
import { bytes, cores, percent, rate } from '../lib/format.js';
import { t } from '../lib/words.js';
import { chip, rank } from '../lib/findings.js';
import { disk, worstPressure, worstRank } from '../lib/fleet.js';
import { spark, watch, unwatch, redraw } from '../lib/spark.js';

const known = v => v ?? -1;
const bound = v => (typeof v === 'number' ? v : null);
export const cpuLimit = c => c.values.cpu_limit_cores ?? bound(c.limits?.cpu_cores);
export const memoryLimit = c => c.values.memory_limit_bytes ?? bound(c.limits?.memory_bytes);
const lit = (node, base, level, zero = false) =>
  setClass(node, `${base} ${level} ${zero ? 'zero' : ''}`.trim().replace(/ +/g, ' '));

/** A cell with one figure. */
function plain(cls, unitClass, value, level = () => '') {
  return {
    make: () => figure(['', ''], unitClass),
    fill(cell, c) {
      const pair = value(c);
      setFigure(cell.firstChild, pair);
      lit(cell, cls, level(c), pair[0] === '0');
    },
  };
}

/** A bar with its share of the limit, or the word that there is none. */
function share(cls, family, limit, value, trend) {
  return {
    make: () => h('span', {}),
    fill(cell, c) {
      const most = limit(c),
        v = value(c),
        unlimited =
          family === 'cpu' ? c.limits?.cpu_cores === 'unlimited' : c.limits?.memory_bytes === 'unlimited';
      const mode = most ? 'bar' : unlimited ? 'none' : '';
      if (cell.dataset.mode !== mode) {
        cell.dataset.mode = mode;
        cell.replaceChildren(
          mode === 'bar'
            ? h('span', { class: 'share' }, bar(), figure(['', ''], 'short'))
            : h('span', { class: 'none' }, mode === 'none' ? t('no limit') : ''),
        );
      }
      if (mode !== 'bar') {
        setClass(cell, cls);
        return;
      }
      const [node, words] = cell.firstChild.children,
        level = c.lights[family] ?? '',
        ratio = v == null ? null : v / most;
      cell.firstChild.hidden = ratio == null;
      if (ratio == null) return;
      setBar(node, ratio, c[trend].peak / most, level);
      setFigure(words, percent(ratio));
      setClass(words, `figure short ${level}`.trim());
      lit(cell, cls, '', ratio < 0.005);
    },
  };
}

/** A sparkline that lights up with its finding. */
function trend(key, options, family) {
  return {
    make: () => h('canvas', { 'aria-hidden': 'true' }),
    begin(cell, c) {
      watch(cell.firstChild, () =>
        spark(cell.firstChild, c[key].values, { level: c.lights[family] ?? '', ...options(c) }),
      );
    },
    /** Drawn when its trend steps or another level lights it up; the table asks every second. */
    fill(cell, c) {
      const drawn = `${c[key].version}${c.lights[family] ?? ''}`;
      if (cell.drawn === drawn) return;
      cell.drawn = drawn;
      redraw(cell.firstChild);
    },
    end(cell) {
      unwatch(cell.firstChild);
    },
  };
}

const value = name => c => c.values[name];
export const COLUMNS = [
  { key: 'name', label: 'Name', cls: 'k-name start', sort: c => c.name.toLowerCase() },
  {
    key: 'cpu',
    label: 'CPU cores',
    cls: 'k-cpu fam',
    metric: 'cpu_usage_cores',
    sort: c => known(c.values.cpu_usage_cores),
    sum: value('cpu_usage_cores'),
    show: cores,
    unit: 'bare',
    ...plain(
      'k-cpu fam',
      'bare',
      c => cores(c.values.cpu_usage_cores),
      c => c.lights.cpu ?? '',
    ),
  },
  {
    key: 'cpuTrend',
    label: '5 min',
    spoken: 'CPU, last 5 min',
    cls: 'k-cpuTrend',
    ...trend(
      'cpu',
      c => ({ least: Math.max(0.05, (cpuLimit(c) ?? 1) * 0.12), limit: c.lights.cpu ? cpuLimit(c) : null }),
      'cpu',
    ),
  },
  {
    key: 'cpuShare',
    label: 'of limit',
    spoken: 'CPU of limit',
    cls: 'k-cpuShare',
    metric: 'cpu_usage_of_limit_ratio',
    sort: c => (cpuLimit(c) ? known(c.values.cpu_usage_cores) / cpuLimit(c) : -1),
    ...share('k-cpuShare', 'cpu', cpuLimit, value('cpu_usage_cores'), 'cpu'),
  },
  {
    key: 'throttle',
    label: 'Throttled',
    cls: 'k-throttle',
    metric: 'cpu_throttled_periods_ratio',
    sort: c => known(c.values.cpu_throttled_periods_ratio),
    ...plain(
      'k-throttle',
      'short',
      c => percent(c.values.cpu_throttled_periods_ratio),
      c => c.lights.throttle ?? '',
    ),
  },
  {
    key: 'mem',
    label: 'Memory',
    cls: 'k-mem fam',
    metric: 'memory_working_set_bytes',
    sort: c => known(c.values.memory_working_set_bytes),
    sum: value('memory_working_set_bytes'),
    show: bytes,
    unit: '',
    ...plain(
      'k-mem fam',
      '',
      c => bytes(c.values.memory_working_set_bytes),
      c => c.lights.memory ?? '',
    ),
  },
  {
    key: 'memTrend',
    label: '5 min',
    spoken: 'Memory, last 5 min',
    cls: 'k-memTrend',
    ...trend(
      'memory',
      c => ({ from: null, least: (c.values.memory_working_set_bytes ?? 1) * 0.12 }),
      'memory',
    ),
  },
  {
    key: 'memShare',
    label: 'of limit',
    spoken: 'Memory of limit',
    cls: 'k-memShare',
    metric: 'memory_working_set_of_limit_ratio',
    sort: c => (memoryLimit(c) ? known(c.values.memory_working_set_bytes) / memoryLimit(c) : -1),
    ...share('k-memShare', 'memory', memoryLimit, value('memory_working_set_bytes'), 'memory'),
  },
  {
    key: 'pressure',
    label: 'Pressure',
    cls: 'k-pressure fam',
    metric: 'pressure',
    sort: c => known(worstPressure(c.values)?.[1]),
    ...plain(
      'k-pressure fam',
      'wider',
      c => {
        const p = worstPressure(c.values);
        return !p
          ? ['', '']
          : p[1] < 0.005
            ? ['0', '']
            : [String(Math.round(p[1] * 100)), `% ${t(p[0] === 'memory' ? 'mem' : p[0])}`];
      },
      c => c.lights.pressure ?? '',
    ),
  },
  {
    key: 'rx',
    label: 'Net in /s',
    cls: 'k-rx fam',
    metric: 'network_receive_bytes_per_second',
    sort: c => known(c.values.network_receive_bytes_per_second),
    sum: value('network_receive_bytes_per_second'),
    show: rate,
    unit: '',
    ...plain('k-rx fam', '', c => rate(c.values.network_receive_bytes_per_second)),
  },
  {
    key: 'tx',
    label: 'Net out /s',
    cls: 'k-tx',
    metric: 'network_transmit_bytes_per_second',
    sort: c => known(c.values.network_transmit_bytes_per_second),
    sum: value('network_transmit_bytes_per_second'),
    show: rate,
    unit: '',
    ...plain('k-tx', '', c => rate(c.values.network_transmit_bytes_per_second)),
  },
  {
    key: 'disk',
    label: 'Disk /s',
    cls: 'k-disk',
    metric: 'io_bytes_per_second',
    sort: c => known(disk(c.values)),
    sum: c => disk(c.values),
    show: rate,
    unit: '',
    ...plain('k-disk', '', c => rate(disk(c.values))),
  },
  {
    key: 'finding',
    label: 'Finding',
    cls: 'k-finding start fam',
    sort: c => worstRank(c) * 1e6 + known(c.values.cpu_usage_cores),
    make: () => h('span', {}),
    fill: fillFinding,
  },
  {
    key: 'policy',
    label: 'Policy',
    cls: 'k-policy start',
    sort: c => `${c.policy?.mode ?? ''}${c.policy?.class ?? ''}`,
    make: () => h('span', { class: 'policy' }),
    fill: fillPolicy,
  },
];

function fillFinding(cell, c) {
  const f = [...c.findings].sort((a, b) => rank(b.severity) - rank(a.severity))[0],
    signature = f ? `${f.detector}|${f.severity}|${c.findings.length}` : '';
  if ((cell.dataset.finding ?? '') === signature) return;
  cell.dataset.finding = signature;
  cell.replaceChildren(
    ...(f
      ? [chip(f), c.findings.length > 1 ? h('span', { class: 'dim' }, ` +${c.findings.length - 1}`) : '']
      : []),
  );
}

function fillPolicy(cell, c) {
  const mode = c.policy?.mode ?? '',
    work = c.policy?.class ?? '',
    signature = `${mode}|${work}`;
  if (cell.dataset.policy === signature) return;
  cell.dataset.policy = signature;
  cell.firstChild.replaceChildren(
    ...(mode
      ? [
          mode === 'auto' ? h('b', {}, t('auto')) : t(mode),
          mode !== 'off' ? h('span', { class: 'class' }, ` · ${t(work)}`) : '',
        ]
      : []),
  );
}

export const SORTS = {
  worst: c => worstRank(c) * 1e6 + known(c.values.cpu_usage_cores),
  ...Object.fromEntries(COLUMNS.filter(c => c.sort).map(c => [c.key, c.sort])),
};
