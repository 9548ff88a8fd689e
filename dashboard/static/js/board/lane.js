/** The event lane: one mark a moment (or a cluster of moments), whose line runs through all charts. */
import { all, time } from '../lib/api.js';
import { h, glyph } from '../lib/dom.js';
import { bytes, clock, fullTime, text, worded } from '../lib/format.js';
import { t, tn, lang, keep } from '../lib/words.js';

const NEAR_PX = 18,
  MOST_WORDS = 12,
  MOST = 2000;
const RULES = { undo: 'undone', revert: 'put back', manual: 'by hand' };

function limitWords({ cpu_cores: cpu, memory_bytes: memory, status, rule }) {
  const who = RULES[rule] ? t(RULES[rule]) : t('by wharfinger'),
    words = v => (v == null ? t('none') : text(bytes(v)));
  const kind =
    status === 'refused'
      ? 'refused'
      : status === 'dry_run'
        ? 'proposed'
        : status === 'reverted'
          ? 'reverted'
          : 'applied';
  const state = { refused: t('refused'), proposed: t('proposed'), reverted: t('reverted'), applied: who }[
    kind
  ];
  if (cpu?.[1] != null)
    return t('CPU limit {a} → {b}, {state}', {
      a: cpu[0] == null ? t('none') : cpu[0].toFixed(2),
      b: worded(cpu[1], 'cores'),
      state,
    });
  if (memory?.[1] != null)
    return t('Memory limit {a} → {b}, {state}', { a: words(memory[0]), b: words(memory[1]), state });
  return t('Limits changed, {state}', { state });
}

/** An event as a mark; null for one that is no news on a chart. */
export function markOf(event) {
  const d = event.detail ?? {},
    at = time(event.at);
  switch (event.kind) {
    case 'start':
      return { at, kind: 'start', label: t('Started') };
    case 'stop':
      return {
        at,
        kind: 'stop',
        label: d.exit_code == null ? t('Stopped') : t('Stopped with exit code {code}', { code: d.exit_code }),
        bad: Boolean(d.oom_killed),
      };
    case 'oom':
      return { at, kind: 'oom', label: t('Killed for lack of memory'), bad: true };
    case 'restart':
      return { at, kind: 'restart', label: t('Restarted') };
    case 'health':
      return { at, kind: 'health', label: t('Health: {state}', { state: d.health ?? d.state ?? '?' }) };
    case 'limit_change': {
      const pair = d.cpu_cores?.[1] != null ? d.cpu_cores : d.memory_bytes;
      return {
        at,
        kind:
          d.status === 'applied' || d.status === 'reverted'
            ? pair?.[0] != null && pair[1] < pair[0]
              ? 'down'
              : 'up'
            : 'hold',
        label: limitWords(d),
      };
    }
    case 'alert':
      if (d.rule === 'LimitChanged' || !['firing', 'resolved'].includes(d.state)) return null;
      return {
        at,
        kind: d.state === 'firing' ? d.severity : 'good',
        label:
          d.state === 'firing'
            ? t('Alert {rule}: {summary}', { rule: d.rule, summary: d.summary ?? '' })
            : t('Alert {rule} is over', { rule: d.rule }),
      };
    default:
      return null;
  }
}

/** The one that speaks for those beside it: the worst. */
export const leadOf = list =>
  list.find(m => m.bad) ?? list.find(m => m.kind === 'critical' || m.kind === 'warning') ?? list[0];

export class Lane {
  #signature = '';
  constructor(box, words) {
    Object.assign(this, { box, words, events: [], marks: [] });
  }

  async load(target, from, about) {
    this.events = (await all('/events', { ...target, since: Math.floor(from), limit: 2000 })).filter(about);
    this.marks = this.events.map(markOf).filter(Boolean);
  }

  /** Moments that stand too near for two marks are one: [{x, list}]. `left` and `width` of the plots in pixels. */
  clusters([from, to], left, width) {
    const found = [];
    for (const m of this.marks.filter(m => m.at >= from && m.at <= to).slice(-MOST)) {
      const x = left + ((m.at - from) / (to - from)) * width,
        last = found.at(-1);
      if (last && x - last.x < NEAR_PX) last.list.push(m);
      else found.push({ x, list: [m] });
    }
    return found;
  }

  draw(clusters) {
    const signature = clusters.map(c => c.list.map(m => `${m.at}${m.kind}`).join()).join('|');
    if (signature !== this.#signature && !this.box.contains(document.activeElement)) {
      this.#signature = signature;
      this.box.replaceChildren(...clusters.map(c => this.#mark(c)));
    }
    clusters.forEach((c, i) => this.box.children[i]?.style.setProperty('--x', `${c.x}px`));
  }

  #mark({ list }) {
    const lead = leadOf(list);
    const lines = list.map(m => `${clock(m.at)}  ${keep(m.label)}`),
      more = lines.length - MOST_WORDS;
    const words = (
      more > 0 ? [...lines.slice(0, MOST_WORDS), tn(more, 'and {n} more', 'and {n} more')] : lines
    ).join('\n');
    return h(
      'button',
      {
        type: 'button',
        class: `mark ${lead.bad ? 'bad' : ''}`.trim(),
        title: words,
        'aria-label': words,
        'data-mark': lead.kind,
        onclick: () => {
          const again = this.words.textContent === words;
          this.words.hidden = again;
          this.words.textContent = again ? '' : words;
          this.words.title = fullTime(lead.at, lang);
        },
      },
      glyph(lead.kind, 13),
      list.length > 1 && h('span', {}, list.length),
    );
  }
}
