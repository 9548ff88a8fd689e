/** A question about a stretch of history that takes its time: one button a range, one question at a time. */
import { h, fill } from './dom.js';
import { t } from './words.js';

/**
 * The buttons. `ranges`: [key, label, …]; the answer, or what went wrong, is put into `result`.
 * `waiting`: what stands there meanwhile; `check(range)`: false when it may not be asked (optional);
 * `answer(range)`: a promise of nodes; `faultWords(error)`: what went wrong, and what to do about it.
 */
export function rangeQuestion(ranges, result, { waiting, check = () => true, answer, faultWords }) {
  let busy = false;
  async function run(range) {
    if (busy || !check(range)) return;
    busy = true;
    for (const node of choice.children) {
      node.setAttribute('aria-pressed', String(node.dataset.value === range[0]));
      node.setAttribute('aria-disabled', 'true');
    }
    fill(result, h('p', { class: 'dim' }, waiting));
    try {
      fill(result, await answer(range));
    } catch (error) {
      if (!('status' in error)) throw error;
      fill(result, h('p', { class: 'note bad', role: 'alert' }, faultWords(error)));
    } finally {
      busy = false;
      for (const node of choice.children) node.removeAttribute('aria-disabled');
    }
  }
  const choice = h(
    'div',
    { class: 'segments', role: 'group', 'aria-label': t('Range') },
    ranges.map(range =>
      h(
        'button',
        { type: 'button', 'data-value': range[0], 'aria-pressed': 'false', onclick: () => run(range) },
        range[1],
      ),
    ),
  );
  return choice;
}
