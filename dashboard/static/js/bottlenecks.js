/** Bottlenecks: all of them, worst first, and what was settled in the last day. */
import { containerPage, get, time } from './lib/api.js';
import { h, fill, setText } from './lib/dom.js';
import { fullTime, moment, span } from './lib/format.js';
import { agentAway } from './lib/notices.js';
import { t, tn, keep, lang, said } from './lib/words.js';
import {
  countAlerts,
  countFindings,
  follow,
  notice,
  now,
  onFrame,
  onTheme,
  ready,
  viewerNotice,
  watchParts,
} from './lib/shell.js';
import { byRank } from './lib/findings.js';
import { Band } from './overview/band.js';

const $ = selector => document.querySelector(selector);
const band = new Band($('[data-band]'), { most: 200, done: refresh });

function past(items) {
  fill(
    $('[data-past]'),
    items.length
      ? items.map(a =>
          h(
            'tr',
            { class: 'row', 'data-container-id': a.container_id, 'data-name': a.name },
            h(
              'th',
              { scope: 'row', class: 'start' },
              h('a', { href: containerPage(a.container_id) }, a.name || a.host),
            ),
            h('td', { class: 'start' }, a.rule),
            h(
              'td',
              { class: 'start' },
              h(
                'time',
                { datetime: a.started_at, title: a.started_at ? fullTime(time(a.started_at), lang) : '' },
                moment(time(a.started_at), now(), lang),
              ),
            ),
            h(
              'td',
              { 'data-label': t('long') },
              a.started_at && a.ended_at ? span((time(a.ended_at) - time(a.started_at)) / 1000) : '',
            ),
            h('td', { class: 'start why' }, keep(said(a.summary))),
          ),
        )
      : h(
          'tr',
          {},
          h(
            'td',
            { class: 'start', colspan: 5 },
            h('span', { class: 'dim' }, t('Nothing was held back in the last 24 hours.')),
          ),
        ),
  );
}

async function refresh() {
  try {
    const found = (await get('/findings')).items.sort(byRank);
    band.set(found);
    countFindings(found.length);
    const affected = new Set(found.map(f => f.container_id)).size;
    setText(
      $('[data-summary]'),
      !affected && agentAway() ? '' : tn(affected, '{n} container is affected', '{n} containers are affected'),
    );
    past(
      (await get('/alerts', { state: 'resolved', since: '-24h' })).items
        .filter(a => a.rule !== 'LimitChanged')
        .sort((a, b) => time(b.ended_at) - time(a.ended_at)),
    );
    notice('load', null);
  } catch (error) {
    if (!('status' in error)) throw error;
    notice('load', [t('Bottlenecks are not to be had now.'), error.message], {
      kind: 'warning',
      action: [t('Try now'), refresh],
    });
  }
}

const stream = follow({ metrics: ['host_cpu_count'] });
let ids = null,
  asked = 0;
stream.on('snapshot', snapshot => {
  const now = (snapshot.findings ?? []).join();
  if (now !== ids) {
    ids = now;
    refresh();
  }
});
stream.on('change', refresh);
stream.on('resume', refresh);
viewerNotice();
watchParts();
countAlerts();
onTheme(() => band.redraw());
onFrame(at => {
  band.tick(at);
  if (at - asked > 5000) {
    asked = at;
    refresh();
  }
});
await refresh();
ready();
