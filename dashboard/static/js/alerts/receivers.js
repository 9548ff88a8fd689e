/** Receivers with their last delivery, a test, and the log of what was told to whom. */
import { del, post, put, time } from '../lib/api.js';
import { h, fill, glyph, sr } from '../lib/dom.js';
import { fullTime, moment, span } from '../lib/format.js';
import { t, tn, lang } from '../lib/words.js';
import { formDialog } from '../lib/dialogs.js';
import { attempt, confirm, mayChange, mayManage, now } from '../lib/shell.js';

const $ = selector => document.querySelector(selector);
const viewer = mayChange ? null : t('Your role is viewer');
const KINDS = ['webhook', 'alertmanager', 'slack', 'discord', 'ntfy', 'pagerduty', 'apprise'];
const MINUTES = { type: 'number', min: 0, step: 'any' };
/** When a receiver is told, where it is not once and at once. */
const pace = r =>
  [
    r.repeat_s > 0 ? t('told again every {t}', { t: span(r.repeat_s) }) : '',
    r.escalate_after_s > 0 ? t('unacknowledged for {t}', { t: span(r.escalate_after_s) }) : '',
  ].filter(Boolean);

/** A new receiver, or another form of one. */
export function receiverForm(refresh, r = null) {
  formDialog(
    r ? t('Change {name}', { name: r.name }) : t('New receiver'),
    [
      ...(r ? [] : [{ name: 'name', label: t('Name'), required: true }]),
      { name: 'kind', label: t('Kind'), options: KINDS.map(k => [k, k]), value: r?.kind ?? 'webhook' },
      { name: 'url', label: 'URL', type: 'url', required: true, hint: 'https://' },
      { name: 'secret', label: t('Secret that signs; empty: unsigned'), type: 'password' },
      {
        name: 'repeat',
        label: t('Tell again every so many minutes; 0: once'),
        ...MINUTES,
        value: (r?.repeat_s ?? 0) / 60,
      },
      {
        name: 'escalate',
        label: t('Tell only what nobody acknowledged for so many minutes; 0: at once'),
        ...MINUTES,
        value: (r?.escalate_after_s ?? 0) / 60,
      },
    ],
    t('Save'),
    async values => {
      const body = {
        kind: values.kind,
        url: values.url,
        secret: values.secret,
        match: r?.match ?? {},
        repeat_s: Math.round(values.repeat * 60),
        escalate_after_s: Math.round(values.escalate * 60),
      };
      if (r) await put(`/receivers/${encodeURIComponent(r.name)}`, body);
      else await post('/receivers', { ...body, name: values.name });
      refresh();
    },
  );
}

const DELIVERED = {
  accepted: ['good', 'ok'],
  retry: ['warning', 'trying again'],
  rejected: ['critical', 'rejected'],
  queued: ['hold', 'waits'],
  dropped: ['stop', 'dropped'],
};
export function drawReceivers({ state, refresh }) {
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
                [r.kind, r.url, r.signed ? t('signed') : '', ...pace(r)].filter(Boolean).join(' · '),
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
                    { class: 'button plain', type: 'button', onclick: () => receiverForm(refresh, r) },
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

export function drawDeliveries({ state }) {
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
