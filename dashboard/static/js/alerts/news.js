/** What was told and is no trouble. */
import { base, containerPage, hostPage, time } from '../lib/api.js';
import { glyph, h } from '../lib/dom.js';
import { t, tn, keep } from '../lib/words.js';

/** News of the info kind (a limit was changed) in one line: it is no trouble, and it must not drown what is. */
export function newsLine(news) {
  const last = news.reduce((a, b) => (time(b.at) > time(a.at) ? b : a)),
    several = news.length > 1;
  return h(
    'li',
    { class: 'calm-line news', 'data-news': news.length },
    glyph('info'),
    h(
      'span',
      {},
      several ? h('b', {}, tn(news.length, '{n} note', '{n} notes'), '. ') : null,
      h(
        'a',
        { href: last.container_id ? containerPage(last.container_id) : hostPage(last.host) },
        last.name || last.host,
      ),
      ` ${keep(last.summary)} `,
      last.rule === 'LimitChanged' ? h('a', { href: `${base}/limits` }, t('All changes')) : last.rule,
    ),
  );
}
