/** Silences: a new one, those in force, and their end. */
import { del, post, time } from '../lib/api.js';
import { h, fill, sr } from '../lib/dom.js';
import { fullTime, moment } from '../lib/format.js';
import { t, lang } from '../lib/words.js';
import { formDialog } from '../lib/dialogs.js';
import { attempt, mayChange, now } from '../lib/shell.js';
import { dayName, hoursWords } from './words.js';

const $ = selector => document.querySelector(selector);
const TIMES = [
  ['3600', t('1 hour')],
  ['28800', t('8 hours')],
  ['86400', t('1 day')],
  ['604800', t('7 days')],
  ['2592000', t('30 days')],
  ['31536000', t('1 year')],
];
const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];
/** Between two times of the reader's own clock, on the chosen days; null where neither narrows it. Pure. */
export const hoursOf = ({ since, until, days }) =>
  since || until || days.length
    ? {
        ...(since ? { from: since } : {}),
        ...(until ? { to: until } : {}),
        ...(days.length ? { days } : {}),
        zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
      }
    : null;

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
      { name: 'starts', label: t('From; empty: now'), type: 'datetime-local' },
      {
        name: 'days',
        label: t('Only on these days; none: every day'),
        choices: DAYS.map((day, i) => [day, dayName(i)]),
      },
      { name: 'since', label: t('Only from this time of day; empty: all day'), type: 'time' },
      { name: 'until', label: t('Only until this time of day'), type: 'time' },
      { name: 'comment', label: t('Comment') },
    ],
    t('Silence'),
    async values => {
      const list = words =>
        words
          .split(',')
          .map(w => w.trim())
          .filter(Boolean);
      const hours = hoursOf(values);
      await post('/silences', {
        rules: list(values.rules),
        name: list(values.name),
        duration_s: Number(values.duration),
        ...(values.starts ? { starts_at: new Date(values.starts).toISOString() } : {}),
        ...(hours ? { hours } : {}),
        comment: values.comment,
      });
      refresh();
    },
  );
}

const moments = at =>
  h('time', { datetime: at, title: fullTime(time(at), lang) }, moment(time(at), now(), lang));

/** Until when it holds; before that from when, and in which hours. A window of the configuration has no end. */
function when(s) {
  const waits = s.starts_at != null && time(s.starts_at) > now();
  return [
    s.ends_at != null ? moments(s.ends_at) : !s.hours && t('always'),
    waits && h('span', { class: 'note2' }, t('from'), ' ', moments(s.starts_at)),
    s.hours && h('span', { class: s.ends_at != null ? 'note2' : null }, hoursWords(s.hours)),
  ];
}

const ending = (s, refresh) =>
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
  );

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
        h('td', { class: 'start', 'data-when': '' }, when(s)),
        h('td', { class: 'start' }, s.source === 'config' ? t('configuration') : s.created_by),
        h('td', { class: 'start why' }, s.comment),
        h(
          'td',
          { class: 'acts' },
          s.source !== 'config' && ending(s, refresh),
        ),
      ),
    ),
  );
}
