/** Alerts: firing, then pending; 24 h as lanes; silences, rules, receivers, deliveries. */
import { containerPage, del, get, hostPage, post, put, time } from './lib/api.js';
import { h, fill, glyph, setText, sr } from './lib/dom.js';
import { fullTime, moment, span } from './lib/format.js';
import { t, tn, keep, lang } from './lib/words.js';
import { spark, watch, redraw } from './lib/spark.js';
import { formDialog } from './lib/dialogs.js';
import {
  attempt,
  confirm,
  counts,
  follow,
  mayChange,
  mayManage,
  notice,
  now,
  onTheme,
  ready,
  viewerNotice,
  watchParts,
} from './lib/shell.js';
import { levelOf, rank } from './lib/findings.js';
import { drawLanes, spans } from './alerts/lanes.js';
import { newsLine } from './alerts/news.js';
import { actionWords, ruleWords, valueWords } from './alerts/words.js';

const $ = selector => document.querySelector(selector),
  DAY_MS = 86400000,
  LEAST_MS = 15 * 60000;
const state = { alerts: [], rules: [], silences: [], receivers: [], deliveries: [], events: [] };
const viewer = mayChange ? null : t('Your role is viewer');

/* ── active ────────────────────────────────────────────────────────────────── */
const pictures = new Map();
async function evidence(a, rule) {
  if (!rule?.metric || !a.container_id || pictures.get(a.id)?.askedAt > performance.now() - 10000) return;
  const kept = pictures.get(a.id) ?? {};
  kept.askedAt = performance.now();
  pictures.set(a.id, kept);
  try {
    const answer = await get('/series', {
      metrics: rule.metric,
      container: a.container_id,
      host: a.host,
      since: Math.min(time(a.at) - 60000, now() - LEAST_MS),
      points: 112,
      agg: 'avg',
    });
    kept.values = answer.series[0]?.avg ?? [];
    if (kept.canvas) redraw(kept.canvas);
  } catch (error) {
    if (!('status' in error)) throw error;
  }
}

function line(a) {
  const rule = state.rules.find(r => r.name === a.rule),
    pending = a.state === 'pending',
    value = valueWords(a, rule),
    canvas = h('canvas', { 'aria-hidden': 'true' }),
    level = pending ? '' : levelOf(a.severity);
  const lasted = (now() - time(a.at)) / 1000,
    left = rule ? rule.for_s - lasted : null,
    kept = pictures.get(a.id) ?? {};
  kept.canvas = canvas;
  pictures.set(a.id, kept);
  watch(canvas, () => {
    if (kept.values?.length)
      spark(canvas, kept.values, {
        level,
        limit: a.threshold,
        from: /_bytes$/.test(rule?.metric ?? '') ? null : 0,
        least: 0.02,
      });
  });
  const told = pending
    ? left > 0
      ? t('Fires in {t} if it goes on.', { t: span(left) })
      : t('Fires soon if it goes on.')
    : [
        a.action ? keep(a.action) : '',
        a.acknowledged_by ? t('Acknowledged by {name}.', { name: a.acknowledged_by }) : '',
        a.silenced_until ? t('Silenced until {t}.', { t: moment(time(a.silenced_until), now(), lang) }) : '',
      ]
        .filter(Boolean)
        .join(' ') || (a.advice ? keep(a.advice) : '');
  return h(
    'li',
    { class: `finding alert ${a.state}`, 'data-alert': a.id, 'data-rule': a.rule },
    h(
      'span',
      { class: 'gutter' },
      pending ? glyph('hold', 15) : glyph(a.severity, 15),
      sr(pending ? t('pending') : t(a.severity)),
    ),
    h(
      'div',
      { class: 'who' },
      h('a', { href: a.container_id ? containerPage(a.container_id) : hostPage(a.host) }, a.name || a.host),
      h('span', {}, a.rule),
    ),
    canvas,
    h(
      'div',
      { class: 'what' },
      h('p', {}, keep(a.summary)),
      h(
        'p',
        { class: 'did' },
        value && [h('b', { class: level ? `${level}-ink` : null }, value[0]), '. ', keep(value[1]), ' '],
        told,
      ),
    ),
    h(
      'span',
      { class: 'since' },
      pending ? t('pending {t}', { t: span(lasted) }) : t('for {t}', { t: span(lasted) }),
    ),
    h(
      'div',
      { class: 'acts' },
      !pending &&
        !a.acknowledged_by &&
        h(
          'button',
          {
            class: 'button',
            type: 'button',
            disabled: !mayChange,
            title: viewer,
            onclick: async () => {
              if (await attempt(() => post(`/alerts/${encodeURIComponent(a.id)}/acknowledge`))) {
                delete $('[data-active]').dataset.signature;
                refresh();
              }
            },
          },
          t('Acknowledge'),
          sr(` ${a.rule} ${a.name}`),
        ),
      h(
        'button',
        {
          class: 'button plain',
          type: 'button',
          disabled: !mayChange,
          title: viewer,
          onclick: () => silence(a),
        },
        t('Silence'),
        sr(` ${a.rule} ${a.name}`),
      ),
    ),
  );
}

function drawActive() {
  const active = state.alerts.filter(a => a.state === 'firing' || a.state === 'pending'),
    news = active.filter(a => a.severity === 'info' && a.rule === 'LimitChanged'),
    list = active
      .filter(a => !news.includes(a))
      .sort(
        (a, b) =>
          (a.state === 'pending') - (b.state === 'pending') ||
          rank(b.severity) - rank(a.severity) ||
          time(a.at) - time(b.at),
      ),
    box = $('[data-active]');
  const number = s => list.filter(a => a.state === s).length;
  setText(
    $('[data-summary]'),
    t('{firing} firing, {pending} pending, {silenced} silenced', {
      firing: number('firing'),
      pending: number('pending'),
      silenced: list.filter(a => a.silenced_until).length,
    }),
  );
  const minute = Math.floor(now() / 5000),
    signature = JSON.stringify([list, news, minute]);
  if (box.dataset.signature === signature || (box.dataset.signature && box.contains(document.activeElement)))
    return;
  box.dataset.signature = signature;
  fill(
    box,
    list.length
      ? list.map(line)
      : h('li', { class: 'calm-line' }, glyph('good'), h('span', {}, t('No alert is firing or pending.'))),
    news.length ? newsLine(news) : null,
  );
  for (const a of list)
    evidence(
      a,
      state.rules.find(r => r.name === a.rule),
    );
}

/* ── silences ──────────────────────────────────────────────────────────────── */
const TIMES = [
  ['3600', t('1 hour')],
  ['28800', t('8 hours')],
  ['86400', t('1 day')],
  ['604800', t('7 days')],
];
function silence(a = null) {
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
$('[data-new-silence]').disabled = !mayChange;
$('[data-new-silence]').title = viewer ?? '';
$('[data-new-silence]').addEventListener('click', () => silence());

function drawSilences() {
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

/* ── rules, receivers, deliveries ──────────────────────────────────────────── */
function drawRules(fired) {
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
          ),
        )
      : h('tr', {}, h('td', { class: 'start', colspan: 4 }, t('No rule.'))),
  );
}

const KINDS = ['webhook', 'alertmanager', 'slack', 'discord', 'ntfy', 'pagerduty', 'apprise'];
function receiverForm(r = null) {
  formDialog(
    r ? t('Change {name}', { name: r.name }) : t('New receiver'),
    [
      ...(r ? [] : [{ name: 'name', label: t('Name'), required: true }]),
      { name: 'kind', label: t('Kind'), options: KINDS.map(k => [k, k]), value: r?.kind ?? 'webhook' },
      { name: 'url', label: 'URL', type: 'url', required: true, hint: 'https://' },
      { name: 'secret', label: t('Secret that signs; empty: unsigned'), type: 'password' },
    ],
    t('Save'),
    async values => {
      const body = { kind: values.kind, url: values.url, secret: values.secret, match: r?.match ?? {} };
      if (r) await put(`/receivers/${encodeURIComponent(r.name)}`, body);
      else await post('/receivers', { ...body, name: values.name });
      refresh();
    },
  );
}
$('[data-new-receiver]').disabled = !mayManage;
$('[data-new-receiver]').title = mayManage ? '' : t('Receivers need the role admin');
$('[data-new-receiver]').addEventListener('click', () => receiverForm());

const DELIVERED = {
  accepted: ['good', 'ok'],
  retry: ['warning', 'trying again'],
  rejected: ['critical', 'rejected'],
  queued: ['hold', 'waits'],
  dropped: ['stop', 'dropped'],
};
function drawReceivers() {
  fill(
    $('[data-receivers]'),
    state.receivers.length
      ? state.receivers.map(r => {
          const last = state.deliveries.find(d => d.receiver === r.name),
            [mark, words] = !r.enabled
              ? ['stop', 'disabled']
              : (DELIVERED[last?.state] ?? ['hold', 'nothing sent yet']);
          return h(
            'tr',
            { class: 'row', 'data-receiver': r.name },
            h(
              'th',
              { scope: 'row', class: 'start' },
              r.name,
              h(
                'span',
                { class: 'note2' },
                [r.kind, r.url, r.signed ? t('signed') : ''].filter(Boolean).join(' · '),
              ),
            ),
            h(
              'td',
              { class: 'start' },
              h(
                'span',
                { class: 'verdict-mark' },
                glyph(mark, 12),
                [t(words), last ? moment(time(last.at), now(), lang) : ''].filter(Boolean).join(', '),
              ),
              (r.waiting > 0 || (last && last.state !== 'accepted' && last.detail)) &&
                h(
                  'span',
                  { class: 'note2' },
                  [
                    r.waiting > 0 ? tn(r.waiting, '{n} waits', '{n} wait') : '',
                    last?.state !== 'accepted' ? last?.detail : '',
                  ]
                    .filter(Boolean)
                    .join(' · '),
                ),
            ),
            h(
              'td',
              { class: 'acts' },
              h(
                'button',
                {
                  class: 'button plain',
                  type: 'button',
                  disabled: !mayChange,
                  title: viewer,
                  'data-test': r.name,
                  onclick: async event => {
                    const button = event.currentTarget;
                    button.disabled = true;
                    await attempt(
                      async () => {
                        const d = await post(`/receivers/${encodeURIComponent(r.name)}/test`);
                        if (d.state !== 'accepted')
                          throw Object.assign(
                            new Error(
                              t('{name} did not take it: {detail}', {
                                name: r.name,
                                detail: d.detail || d.http_status || d.state,
                              }),
                            ),
                            { status: 0 },
                          );
                      },
                      t('{name} took the test message.', { name: r.name }),
                    );
                    button.disabled = false;
                    refresh();
                  },
                },
                t('Test'),
                sr(` ${r.name}`),
              ),
              mayManage &&
                r.source === 'api' && [
                  h(
                    'button',
                    { class: 'button plain', type: 'button', onclick: () => receiverForm(r) },
                    t('Change'),
                    sr(` ${r.name}`),
                  ),
                  h(
                    'button',
                    {
                      class: 'button plain',
                      type: 'button',
                      onclick: async () => {
                        if (
                          (await confirm(
                            t('Remove this receiver?'),
                            t('{name} is told nothing any more; what waits for it is dropped.', {
                              name: r.name,
                            }),
                            t('Remove'),
                            { danger: true },
                          )) &&
                          (await attempt(() => del(`/receivers/${encodeURIComponent(r.name)}`)))
                        )
                          refresh();
                      },
                    },
                    t('Remove'),
                    sr(` ${r.name}`),
                  ),
                ],
            ),
          );
        })
      : h(
          'tr',
          {},
          h(
            'td',
            { class: 'start', colspan: 3 },
            h(
              'span',
              { class: 'dim' },
              t('Nobody is told. Name alerts.webhook_url in the configuration, or add a receiver.'),
            ),
          ),
        ),
  );
}
function drawDeliveries() {
  const names = new Map(state.alerts.map(a => [a.id, `${a.rule} · ${a.name}`]));
  fill(
    $('[data-deliveries]'),
    state.deliveries.length
      ? state.deliveries.slice(0, 30).map(d => {
          const [mark, words] = DELIVERED[d.state] ?? ['info', d.state];
          return h(
            'tr',
            { class: 'row' },
            h(
              'td',
              { class: 'start when' },
              h(
                'time',
                { datetime: d.at, title: fullTime(time(d.at), lang) },
                moment(time(d.at), now(), lang),
              ),
            ),
            h('th', { scope: 'row', class: 'start' }, d.receiver),
            h('td', { class: 'start' }, [t(d.status), names.get(d.alert_id)].filter(Boolean).join(' · ')),
            h('td', { class: 'start' }, h('span', { class: 'verdict-mark' }, glyph(mark, 12), t(words))),
            h('td', { 'data-label': 'HTTP' }, d.http_status ?? ''),
            h('td', {}, d.duration_s == null ? '' : `${Math.round(d.duration_s * 1000)}\u00a0ms`),
            h('td', { class: 'start why' }, d.detail),
          );
        })
      : h(
          'tr',
          {},
          h('td', { class: 'start', colspan: 7 }, h('span', { class: 'dim' }, t('Nothing was sent yet.'))),
        ),
  );
}

/* ── begin ─────────────────────────────────────────────────────────────────── */
let busy = false,
  again = false;
async function refresh() {
  if (busy) {
    again = true;
    return;
  }
  busy = true;
  let trouble = null;
  const load = async (key, path, parameters) => {
    try {
      state[key] = (await get(path, parameters)).items;
    } catch (error) {
      if (!('status' in error)) throw error;
      trouble ??= error;
    }
  };
  await Promise.all([
    load('alerts', '/alerts'),
    load('rules', '/alerts/rules'),
    load('silences', '/silences'),
    load('receivers', '/receivers'),
    load('deliveries', '/deliveries', { limit: 200 }),
    load('events', '/events', { kind: 'alert', since: Math.round(now() - DAY_MS), limit: 5000 }),
  ]);
  notice('load', trouble ? [t('Not everything is to be had now.'), trouble.message] : null, {
    kind: 'warning',
    action: [t('Try now'), refresh],
  });
  const firing = state.alerts.filter(a => a.state === 'firing').map(a => a.id),
    fired = spans(state.events, now(), trouble ? null : new Set(firing));
  drawActive();
  drawSilences();
  drawRules(fired);
  drawReceivers();
  drawDeliveries();
  drawLanes(
    $('[data-lanes]'),
    fired,
    state.rules.filter(r => r.enabled).map(r => r.name),
    now(),
  );
  busy = false;
  if (again) {
    again = false;
    refresh();
  }
}
const stream = follow({ topics: ['snapshot', 'alert', 'event'], metrics: ['host_cpu_count'] });
stream.on('alert', refresh);
stream.on('resume', refresh);
viewerNotice();
watchParts();
counts();
onTheme(() => {
  for (const { canvas } of pictures.values()) if (canvas) redraw(canvas);
});
await refresh();
setInterval(() => {
  if (document.visibilityState === 'visible') refresh();
}, 10000);
ready();
