/** Alerts: firing, then pending; 24 h as lanes; silences, rules, receivers, deliveries. */
import { get } from './lib/api.js';
import { t } from './lib/words.js';
import {
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
import { drawActive, redrawPictures } from './alerts/active.js';
import { drawLanes, spans } from './alerts/lanes.js';
import { drawDeliveries, drawReceivers, receiverForm } from './alerts/receivers.js';
import { drawRules } from './alerts/rules.js';
import { drawSilences, silence } from './alerts/silences.js';

const $ = selector => document.querySelector(selector),
  DAY_MS = 86400000;
const state = { alerts: [], rules: [], silences: [], receivers: [], deliveries: [], events: [] };
/** What every part of the page is given. */
const page = { state, refresh, silence: a => silence(refresh, a) };

const quiet = $('[data-new-silence]');
quiet.disabled = !mayChange;
quiet.title = mayChange ? '' : t('Your role is viewer');
quiet.addEventListener('click', () => silence(refresh));
const receiver = $('[data-new-receiver]');
receiver.disabled = !mayManage;
receiver.title = mayManage ? '' : t('Receivers need the role admin');
receiver.addEventListener('click', () => receiverForm(refresh));

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
  drawActive(page);
  drawSilences(page);
  drawRules(page, fired);
  drawReceivers(page);
  drawDeliveries(page);
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
onTheme(redrawPictures);
await refresh();
setInterval(() => {
  if (document.visibilityState === 'visible') refresh();
}, 10000);
ready();
