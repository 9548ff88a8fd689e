/** What the charts say where there is nothing to draw: no data in the range, no history to be had, not given. */
import { get } from '../lib/api.js';
import { h, setText } from '../lib/dom.js';
import { moment } from '../lib/format.js';
import { t, lang } from '../lib/words.js';
import { newest, toast } from '../lib/shell.js';

/** What the kernel does not give is said in words, once, under the charts. */
export function sayMissing(board) {
  const without = Object.entries(board.charts)
    .filter(([, chart]) => chart.node.hidden)
    .map(([name]) => board.charts[name].title);
  if (!board.notGiven)
    board.place.after((board.notGiven = h('p', { class: 'not-given', hidden: true, 'data-not-given': '' })));
  board.notGiven.hidden = !without.length;
  if (without.length)
    setText(
      board.notGiven,
      t('Not given in this range: {list}. Not given is not zero.', { list: without.join(', ') }),
    );
}

/** In the charts' place: from when to when nothing is there, or why it is not to be had, and one button. */
export function sayNothing(board, on, range) {
  board.voidNode?.remove();
  board.voidNode = null;
  if (!on) return;
  const words =
    board.trouble != null
      ? [t('The history is not to be had now.'), board.trouble]
      : [
          t('Nothing recorded from {a} to {b}.', {
            a: moment(range[0], newest(), lang),
            b: moment(range[1], newest(), lang),
          }),
          '',
        ];
  board.voidNode = h(
    'div',
    { class: 'void', 'data-void': '' },
    h('p', {}, h('b', {}, words[0]), ` ${words[1]}`),
    h(
      'div',
      { class: 'acts' },
      board.trouble != null
        ? h('button', { class: 'button', type: 'button', onclick: () => board.load() }, t('Try now'))
        : h(
            'button',
            { class: 'button', type: 'button', onclick: () => toFirst(board) },
            t('Go to its first second'),
          ),
    ),
  );
  board.place.before(board.voidNode);
}

/** The first second that is kept: found in days, then in minutes. */
async function toFirst(board) {
  const look = async (since, until, step) => {
    const answer = await get('/series', {
      ...board.target,
      metrics: 'cpu_usage_cores,memory_working_set_bytes',
      since,
      until,
      step,
      agg: 'avg',
    });
    const firsts = answer.series.map(s => s.avg.findIndex(v => v != null)).filter(i => i >= 0);
    return firsts.length ? answer.t0 + Math.min(...firsts) * answer.step_ms : null;
  };
  const until = newest(),
    day = await look(until - 730 * 86400000, until, '1d');
  if (day == null) {
    toast(t('Nothing is recorded of it.'));
    return;
  }
  const begin = (await look(day, Math.min(until, day + 86400000), '1m')) ?? day;
  board.zoom([begin - 60000, Math.min(until, begin + 1740000)]);
}
