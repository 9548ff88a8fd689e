/** What became of a click: a word at the foot of the page, and orders whose refusal is shown with its reason. */
import { h, glyph } from './dom.js';
import { t } from './words.js';

let toastNode = null,
  toastTimer = null;
export function toast(words, { bad = false, action = null } = {}) {
  toastNode?.remove();
  clearTimeout(toastTimer);
  toastNode = h(
    'div',
    { class: `toast ${bad ? 'bad' : ''}`, role: bad ? 'alert' : 'status' },
    glyph(bad ? 'critical' : 'good'),
    h('span', {}, words),
    action &&
      h(
        'button',
        {
          class: 'button',
          type: 'button',
          onclick: () => {
            toastNode.remove();
            action[1]();
          },
        },
        action[0],
      ),
    h(
      'button',
      { class: 'icon-button', type: 'button', 'aria-label': t('Close'), onclick: () => toastNode.remove() },
      '×',
    ),
  );
  document.body.append(toastNode);
  toastTimer = setTimeout(() => toastNode.remove(), bad ? 15000 : 6000);
}
/** Run an order; a refusal is shown with its reason. True when it was done. */
export async function attempt(order, done = null) {
  try {
    const answer = await order();
    if (done) toast(typeof done === 'function' ? done(answer) : done);
    return true;
  } catch (error) {
    if (!('status' in error)) throw error;
    toast(error.message, { bad: true });
    return false;
  }
}
