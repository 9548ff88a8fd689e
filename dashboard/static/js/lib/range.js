/** The range picture of one knob: bar median to 98 %, tick peak, upright limit now, diamond proposed. */
import { get } from './api.js';
import { svg } from './dom.js';
import { bytes, text, worded } from './format.js';
import { t } from './words.js';

const METRIC = { cpu: 'cpu_usage_cores', memory: 'memory_working_set_bytes' };
export const knobText = (knob, v) => (knob === 'cpu' ? worded(v, 'cores') : text(bytes(v)));

/** [median, 98 % of the time, peak] of the last 24 h; null without history. */
export async function use(container, host, knob) {
  const answer = await get('/series', {
    metrics: METRIC[knob],
    container,
    host,
    since: '-24h',
    points: 720,
    agg: 'avg,max',
  });
  const column = answer.series[0],
    means = (column?.avg ?? []).filter(v => v != null).sort((a, b) => a - b);
  if (!means.length) return null;
  const peak = column.max.reduce((a, v) => (v != null && v > a ? v : a), 0),
    at = q => means[Math.min(means.length - 1, Math.floor(q * means.length))];
  return [at(0.5), at(0.98), Math.max(peak, means.at(-1))];
}

export function rangePicture({ knob, now, proposed, use: used }, width = 210) {
  const top = Math.max(now ?? 0, proposed ?? 0, used?.[2] ?? 0) * 1.04 || 1,
    x = v => (4 + (Math.max(0, v) / top) * (width - 10)).toFixed(1);
  const words = used
    ? t('Half the time below {median}, 98 % below {most}, peak {peak}.', {
        median: knobText(knob, used[0]),
        most: knobText(knob, used[1]),
        peak: knobText(knob, used[2]),
      })
    : t('No history yet.');
  return svg(
    'svg',
    { class: 'range', width, height: 22, viewBox: `0 0 ${width} 22`, role: 'img', 'aria-label': words },
    svg('title', {}, document.createTextNode(words)),
    svg('path', { class: 'r-base', d: `M4 11H${width - 4}` }),
    used && svg('path', { class: 'r-use', d: `M${x(used[0])} 11H${x(used[1])}` }),
    used && svg('path', { class: 'r-peak', d: `M${x(used[2])} 7V15` }),
    now != null && proposed != null && svg('path', { class: 'r-way', d: `M${x(now)} 11H${x(proposed)}` }),
    now != null && svg('path', { class: 'r-now', d: `M${x(now)} 3V19` }),
    proposed != null && svg('path', { class: 'r-new', d: `M${x(proposed)} 6l5 5-5 5-5-5Z` }),
  );
}
