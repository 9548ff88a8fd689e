/** Silences: a new one, those in force, and their end. */
import { del, post, time } from '../lib/api.js';
import { h, fill, sr } from '../lib/dom.js';
import { fullTime, moment } from '../lib/format.js';
import { t, lang } from '../lib/words.js';
import { formDialog } from '../lib/dialogs.js';
import { attempt, mayChange, now } from '../lib/shell.js';

const $ = selector => document.querySelector(selector);
const TIMES = [
  ['3600', t('1 hour')],
  ['28800', t('8 hours')],
  ['86400', t('1 day')],
  ['604800', t('7 days')],
];
/** Ask for a silence; `a`: the alert that it is about. */
export function silence(refresh, a = null) {
  formDialog(
    t('New silence'),
    [
      { name: 'rules', label: t('Rule, globs allowed; empty: every rule'), value: a?.rule ?? '', hint: '*' },
      {
        name: 'name',
        label: t('Container, globs allowed; empty: every container'),
        value: a?.name ?? '',
        hint: 'shop-*',
      },
      { name: 'duration', label: t('For'), options: TIMES, value: '3600' },
      { name: 'comment', label: t('Comment') },
    ],
    t('Silence'),
    async values => {
      const list = words =>
        words
          .split(',')
          .map(w => w.trim())
          .filter(Boolean);
      await post('/silences', {
        rules: list(values.rules),
        name: list(values.name),
        duration_s: Number(values.duration),
        comment: values.comment,
      });
      refresh();
    },
  );
}

export function drawSilences({ state, refresh }) {
  $('[data-silences-panel]').hidden = !state.silences.length;
  fill(
    $('[data-silences]'),
    state.silences.map(s =>
      h(
        'tr',
        { class: 'row', 'data-silence': s.id },
        h('th', { scope: 'row', class: 'start' }, [
          s.rules.join(', ') || t('every rule'),
          ' · ',
          [...s.name, ...s.group, ...s.host].join(', ') || t('every container'),
        ]),
        h(
          'td',
          { class: 'start' },
          h(
            'time',
            { datetime: s.ends_at, title: fullTime(time(s.ends_at), lang) },
            moment(time(s.ends_at), now(), lang),
          ),
        ),
        h('td', { class: 'start' }, s.created_by),
        h('td', { class: 'start why' }, s.comment),
        h(
          'td',
          { class: 'acts' },
          h(
            'button',
            {
              class: 'button plain',
              type: 'button',
              disabled: !mayChange,
              onclick: async () => {
                if (
                  await attempt(
                    () => del(`/silences/${encodeURIComponent(s.id)}`),
                    t('The silence has ended.'),
                  )
                )
                  refresh();
              },
            },
            t('End'),
            sr(` ${s.rules.join(', ')}`),
          ),
        ),
      ),
    ),
  );
}
