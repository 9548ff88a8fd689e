/** Of the settings page: the daemon's parts, the hosts that are shown here, and how long what is kept. */
import { all, get, hostPage, time } from '../lib/api.js';
import { h, fill, glyph } from '../lib/dom.js';
import { bytes, moment, span, text } from '../lib/format.js';
import { t, lang } from '../lib/words.js';

const $ = selector => document.querySelector(selector);
const MARK = { ok: 'good', degraded: 'warning', down: 'critical', off: 'hold' };
const HOST = { live: 'good', remote: 'info', away: 'warning' };
const KEPT = [
  ['raw_days', 'Every second'],
  ['ten_seconds_days', '10-second means'],
  ['minute_days', 'Minutes'],
  ['hour_days', 'Hours'],
];
const days = n => (n >= 1 ? span(n * 86400) : span(Math.round(n * 86400)));
const mark = (kind, words) => h('span', { class: 'verdict-mark' }, glyph(kind, 12), words);

function drawParts(parts) {
  fill(
    $('[data-parts]'),
    parts.map(p =>
      h(
        'tr',
        { class: 'row', 'data-part': p.name },
        h('th', { scope: 'row', class: 'start' }, p.name),
        h('td', { class: 'start' }, mark(MARK[p.state] ?? 'info', t(p.state))),
        h('td', { class: 'start' }, p.since ? moment(time(p.since), Date.now(), lang) : ''),
        h('td', { class: 'start why' }, p.detail),
      ),
    ),
  );
}

function drawRetention(kept) {
  const bound = kept.max_bytes ? text(bytes(kept.max_bytes)) : t('no bound');
  fill(
    $('[data-retention]'),
    KEPT.map(([key, label]) =>
      h(
        'tr',
        { class: 'row', 'data-kept': key },
        h('th', { scope: 'row', class: 'start' }, t(label)),
        h('td', {}, days(kept[key])),
      ),
    ),
    h(
      'tr',
      { class: 'row', 'data-kept': 'max_bytes' },
      h('th', { scope: 'row', class: 'start' }, t('Size of the store')),
      h('td', {}, bound),
    ),
    h(
      'tr',
      { class: 'row', 'data-kept': 'influxdb' },
      h('th', { scope: 'row', class: 'start' }, t('Pushed to InfluxDB')),
      h('td', {}, kept.influxdb ?? t('no')),
    ),
  );
}

function drawHosts(hosts) {
  fill(
    $('[data-hosts]'),
    hosts.map(host =>
      h(
        'tr',
        { class: 'row', 'data-host': host.name },
        h('th', { scope: 'row', class: 'start' }, h('a', { href: hostPage(host.name) }, host.name)),
        h('td', { class: 'start' }, mark(HOST[host.state] ?? 'info', t(host.state))),
        h('td', { 'data-label': t('Containers') }, String(host.containers)),
        h('td', { class: 'start' }, host.at ? moment(time(host.at), Date.now(), lang) : t('never seen')),
        h('td', { class: 'start' }, host.cgroup ?? ''),
      ),
    ),
  );
}

/** Ask for all of it and draw. Raises Problem. */
export async function daemon() {
  const [status, hosts] = await Promise.all([get('/status'), all('/hosts')]);
  drawParts(status.parts);
  drawRetention(status.retention);
  drawHosts(hosts);
}
