/** Rules in words, how often each fired, and whom it watches. */
import { containerPage, post } from '../lib/api.js';
import { h, fill, glyph, sr } from '../lib/dom.js';
import { t, tn } from '../lib/words.js';
import { panelDialog } from '../lib/dialogs.js';
import { replayDialog } from './replay.js';
import { actionWords, ruleWords } from './words.js';

const $ = selector => document.querySelector(selector),
  MOST = 60;

/** The containers that a rule's selector matches now. */
async function preview(rule) {
  const body = h('div', { class: 'pad' }, h('p', { class: 'dim' }, ruleWords(rule))),
    dialog = panelDialog(rule.name, body);
  let items;
  try {
    ({ items } = await post('/alerts/rules/preview', rule.selector));
  } catch (error) {
    if (!('status' in error)) throw error;
    body.append(h('p', { class: 'note bad', role: 'alert' }, error.message));
    return dialog;
  }
  body.append(
    h(
      'p',
      { 'data-matches': items.length },
      tn(items.length, 'It watches {n} container that runs now.', 'It watches {n} containers that run now.'),
    ),
    h(
      'ul',
      { class: 'matches-list' },
      items.slice(0, MOST).map(c => h('li', {}, h('a', { href: containerPage(c.id) }, c.name), ` ${c.host}`)),
      items.length > MOST &&
        h('li', { class: 'dim' }, tn(items.length - MOST, 'and {n} more', 'and {n} more')),
    ),
  );
  return dialog;
}

export function drawRules({ state }, fired) {
  fill(
    $('[data-rules]'),
    state.rules.length
      ? state.rules.map(r =>
          h(
            'tr',
            { class: 'row', 'data-rule': r.name },
            h(
              'th',
              { scope: 'row', class: 'start' },
              r.name,
              h('span', { class: 'note2' }, ruleWords(r), r.source !== 'default' && ` · ${r.source}`),
            ),
            h(
              'td',
              { class: 'start' },
              r.enabled
                ? h('span', { class: 'verdict-mark' }, glyph(r.severity, 12), t(r.severity))
                : h('span', { class: 'dim' }, t('switched off')),
            ),
            h(
              'td',
              { 'data-label': t('fired in 24 h'), class: fired.get(r.name)?.length ? '' : 'dim' },
              String(fired.get(r.name)?.length ?? 0),
            ),
            h(
              'td',
              { class: 'start fam' },
              actionWords(r.action) || h('span', { class: 'dim' }, t('tells only')),
            ),
            h(
              'td',
              { class: 'acts' },
              h(
                'button',
                { class: 'button plain', type: 'button', 'data-preview': r.name, onclick: () => preview(r) },
                t('Who it watches'),
                sr(` ${r.name}`),
              ),
              h(
                'button',
                {
                  class: 'button plain',
                  type: 'button',
                  'data-replay': r.name,
                  disabled: !r.enabled,
                  title: r.enabled ? null : t('switched off'),
                  onclick: () => replayDialog(r),
                },
                t('Replay'),
                sr(` ${r.name}`),
              ),
            ),
          ),
        )
      : h('tr', {}, h('td', { class: 'start', colspan: 5 }, t('No rule.'))),
  );
}
