/** One rule tried on the stored history: when it would have fired, as a strip and as a list. */
import { containerPage, post, time } from '../lib/api.js';
import { rangeQuestion } from '../lib/ask.js';
import { h, svg } from '../lib/dom.js';
import { fullTime, moment, span } from '../lib/format.js';
import { t, tn, keep, lang, said } from '../lib/words.js';
import { panelDialog } from '../lib/dialogs.js';
import { newest } from '../lib/shell.js';
import { ruleWords } from './words.js';

const WIDTH = 1000,
  MOST = 60;
const RANGES = [
  ['1h', t('1 hour'), 3600],
  ['24h', t('24 hours'), 86400],
  ['7d', t('7 days'), 604800],
];

/** Firings as [{x, width}] of a strip `WIDTH` wide over `[from, to]` in ms; what still fires reaches its end. Pure. */
export function bars(firings, from, to, width = WIDTH) {
  const place = at => Math.min(1, Math.max(0, (at - from) / (to - from))) * width;
  return firings.map(f => {
    const x = place(time(f.started_at)),
      end = f.ended_at == null ? width : place(time(f.ended_at));
    return { x: Math.min(width - 3, x), width: Math.max(3, end - x) };
  });
}

/** What went wrong, and what to do about it. */
function faultWords(error) {
  if (error.status === 409) return t('Another replay is running. Try again when it is done.');
  if (error.status === 503 && /took more than/.test(error.message))
    return t('The replay took too long. Choose a shorter range.');
  return error.message;
}

function strip(firings, from, to, label) {
  return svg(
    'svg',
    {
      class: 'replay-strip',
      viewBox: `0 0 ${WIDTH} 18`,
      preserveAspectRatio: 'none',
      height: 18,
      role: 'img',
      'aria-label': label,
    },
    svg('path', { class: 'r-base', d: `M0 14.5H${WIDTH}`, 'vector-effect': 'non-scaling-stroke' }),
    bars(firings, from, to).map((bar, i) =>
      svg('rect', { class: `fired ${firings[i].severity}`, ...bar, y: 2, height: 12 }),
    ),
  );
}

function row(f, to) {
  const from = time(f.started_at),
    lasted = span(((f.ended_at == null ? to : time(f.ended_at)) - from) / 1000);
  return h(
    'li',
    { 'data-fired': f.name },
    h('time', { datetime: f.started_at, title: fullTime(from, lang) }, moment(from, to, lang)),
    ' ',
    f.container_id ? h('a', { href: containerPage(f.container_id) }, f.name) : f.name,
    ', ',
    f.ended_at == null ? t('for {t}, and still', { t: lasted }) : t('lasted {t}', { t: lasted }),
    h('span', { class: 'note2' }, keep(said(f.summary))),
  );
}

function shown(firings, from, to) {
  const words = firings.length
    ? tn(firings.length, 'It would have fired once.', 'It would have fired {n} times.')
    : t('It would not have fired.');
  return [
    h('p', { 'data-firings': firings.length }, words),
    strip(firings, from, to, words),
    h(
      'p',
      { class: 'replay-ends', 'aria-hidden': 'true' },
      h('span', {}, moment(from, to, lang)),
      h('span', {}, moment(to, to, lang)),
    ),
    firings.length > 0 &&
      h(
        'ul',
        { class: 'matches-list' },
        firings
          .slice(-MOST)
          .reverse()
          .map(f => row(f, to)),
        firings.length > MOST &&
          h('li', { class: 'dim' }, tn(firings.length - MOST, 'and {n} more', 'and {n} more')),
      ),
  ];
}

/** Ask for a range, say what came of it. */
export function replayDialog(rule) {
  const result = h('div', { 'data-replayed': '', 'aria-live': 'polite' });
  const choice = rangeQuestion(RANGES, result, {
    waiting: t('Trying the rule on the stored history. This may take two minutes.'),
    async answer([range, , seconds]) {
      const to = newest();
      const { items } = await post('/alerts/rules/replay', { since: `-${range}` });
      return shown(
        items.filter(f => f.rule === rule.name),
        to - seconds * 1000,
        to,
      );
    },
    faultWords,
  });
  return panelDialog(
    t('Replay of {name}', { name: rule.name }),
    h(
      'div',
      { class: 'pad replay' },
      h('p', { class: 'dim' }, ruleWords(rule)),
      h('p', {}, t('When would it have fired? Choose how far back. Nobody is told.')),
      choice,
      result,
    ),
  );
}
