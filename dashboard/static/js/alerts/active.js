/** What fires and what is about to: value beside its bound, evidence, who was told, and the buttons. */
import { containerPage, get, hostPage, post, time } from '../lib/api.js';
import { h, fill, glyph, setText, sr } from '../lib/dom.js';
import { moment, span } from '../lib/format.js';
import { t, keep, lang, said } from '../lib/words.js';
import { redraw, spark, unwatch, watch } from '../lib/spark.js';
import { attempt, mayChange, now } from '../lib/shell.js';
import { levelOf, rank } from '../lib/findings.js';
import { newsLine } from './news.js';
import { valueWords } from './words.js';

const $ = selector => document.querySelector(selector),
  LEAST_MS = 15 * 60000;
const viewer = mayChange ? null : t('Your role is viewer');

const pictures = new Map();
function forget(id) {
  unwatch(pictures.get(id).canvas);
  pictures.delete(id);
}
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

function line(a, { state, refresh, silence }) {
  const rule = state.rules.find(r => r.name === a.rule),
    pending = a.state === 'pending',
    value = valueWords(a, rule),
    canvas = h('canvas', { 'aria-hidden': 'true' }),
    level = pending ? '' : levelOf(a.severity);
  const lasted = (now() - time(a.at)) / 1000,
    left = rule ? rule.for_s - lasted : null,
    kept = pictures.get(a.id) ?? {};
  if (kept.canvas) unwatch(kept.canvas);
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
        a.action ? keep(said(a.action)) : '',
        a.flapping ? t('It counts as firing until it is quiet for a while.') : '',
        a.acknowledged_by ? t('Acknowledged by {name}.', { name: a.acknowledged_by }) : '',
        a.silenced_until ? t('Silenced until {t}.', { t: moment(time(a.silenced_until), now(), lang) }) : '',
      ]
        .filter(Boolean)
        .join(' ') || (a.advice ? keep(said(a.advice)) : '');
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
      a.flapping && h('span', { 'data-flapping': '' }, t('comes and goes')),
    ),
    canvas,
    h(
      'div',
      { class: 'what' },
      h('p', {}, keep(said(a.summary))),
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

export function drawActive(page) {
  const { state } = page;
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
      ? list.map(a => line(a, page))
      : h('li', { class: 'calm-line' }, glyph('good'), h('span', {}, t('No alert is firing or pending.'))),
    news.length ? newsLine(news) : null,
  );
  for (const id of pictures.keys()) if (!list.some(a => a.id === id)) forget(id);
  for (const a of list)
    evidence(
      a,
      state.rules.find(r => r.name === a.rule),
    );
}

/** In the colours of the theme of now. */
export function redrawPictures() {
  for (const { canvas } of pictures.values()) if (canvas) redraw(canvas);
}
