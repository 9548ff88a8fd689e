/** Last 24 hours: one lane a rule; a bar is the time it fired, its height and fill are the severity. */
import { time } from '../lib/api.js';
import { h, svg } from '../lib/dom.js';
import { clockShort } from '../lib/format.js';
import { t, tn, lang } from '../lib/words.js';

const WIDTH = 1000,
  DAY_MS = 86400000,
  SHAPE = { critical: [2, 12], warning: [6, 8], info: [10, 4] };

/**
 * rule → [{from, to, severity}] out of alert events, oldest first. What still fires reaches to now; `firing` holds the
 * ids of the alerts that do: one whose end was never told (the agent was killed) is a short mark where it began. Pure.
 */
export function spans(events, nowMs, firing = null) {
  const rules = new Map(),
    open = new Map();
  const add = (rule, span) => {
    if (!rules.has(rule)) rules.set(rule, []);
    rules.get(rule).push(span);
  };
  for (const e of events) {
    const { rule, state, severity } = e.detail,
      key = e.detail.alert_id ?? `${rule}|${e.host}|${e.container_id}`;
    if (state === 'firing') {
      if (open.has(key)) continue; // told again, not begun again
      const span = { from: time(e.at), to: nowMs, severity, open: true };
      add(rule, span);
      open.set(key, span);
    } else if (state === 'resolved') {
      const span = open.get(key);
      if (span) {
        span.to = time(e.at);
        span.open = false;
        open.delete(key);
      } else if (e.detail.before === 'firing')
        add(rule, { from: severity === 'info' ? time(e.at) : nowMs - DAY_MS, to: time(e.at), severity });
    }
  }
  for (const [key, span] of open)
    if (firing && !firing.has(key)) Object.assign(span, { to: span.from, open: false });
  return rules;
}

function restWords(silent, fired) {
  if (!silent) return fired ? '' : t('No rule.');
  return fired
    ? tn(silent, '1 other rule did not fire.', '{n} other rules did not fire.')
    : tn(silent, 'The only rule did not fire.', 'None of the {n} rules fired.');
}

export function drawLanes(box, rules, names, nowMs) {
  const x = at => Math.max(0, ((at - nowMs + DAY_MS) / DAY_MS) * WIDTH),
    all = [...rules.keys()].sort((a, b) => rules.get(b).length - rules.get(a).length || a.localeCompare(b)),
    silent = names.filter(name => !rules.has(name)).sort();
  const lines = all.map(rule => {
    const list = rules.get(rule) ?? [],
      n = list.length;
    return h(
      'div',
      { class: 'lane-line', 'data-rule': rule },
      h('span', { class: 'lane-rule', title: rule }, rule),
      svg(
        'svg',
        {
          viewBox: `0 0 ${WIDTH} 18`,
          preserveAspectRatio: 'none',
          height: 18,
          role: 'img',
          'aria-label': tn(n, '{rule} fired once in 24 h', '{rule} fired {n} times in 24 h', { rule }),
        },
        svg('path', { class: 'r-base', d: `M0 14.5H${WIDTH}`, 'vector-effect': 'non-scaling-stroke' }),
        list.map(s => {
          const [y, height] = SHAPE[s.severity] ?? SHAPE.info;
          return svg('rect', {
            class: `fired ${s.severity}`,
            x: Math.min(WIDTH - 3, x(s.from)),
            width: Math.max(3, x(s.to) - x(s.from)),
            y,
            height,
          });
        }),
      ),
      h('span', { class: 'lane-count' }, n || ''),
    );
  });
  const marks = Array.from({ length: 7 }, (_, i) => {
    const at = nowMs - DAY_MS + (i * DAY_MS) / 6;
    return h(
      'span',
      {},
      i % 6 && clockShort(at) >= '04:00'
        ? clockShort(at)
        : `${new Date(at).toLocaleDateString(lang, { weekday: 'short' })} ${clockShort(at)}`,
    );
  });
  box.replaceChildren(
    ...(lines.length
      ? [
          ...lines,
          h(
            'div',
            { class: 'lane-line axis', 'aria-hidden': 'true' },
            h('span', {}),
            h('div', {}, marks),
            h('span', {}),
          ),
        ]
      : []),
    h('p', { class: 'lane-rest', title: silent.join(', ') }, restWords(silent.length, lines.length)),
  );
}
