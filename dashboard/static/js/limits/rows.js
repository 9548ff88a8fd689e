/** A table's body that may be drawn again and again. */
import { h, fill } from '../lib/dom.js';

/** Rows are made anew only where they differ, and never under the pointer or the focus. */
export function rows(body, list, signature, make, none, columns) {
  const all = list.map(signature).join('\n');
  if (
    body.dataset.signature === all ||
    (body.dataset.signature &&
      list.length &&
      body.contains(document.activeElement) &&
      document.activeElement.matches(':focus-visible'))
  )
    return;
  body.dataset.signature = all;
  fill(
    body,
    list.length
      ? list.map(make)
      : h('tr', {}, h('td', { class: 'start', colspan: columns }, h('span', { class: 'dim' }, none))),
  );
}
