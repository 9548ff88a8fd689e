/** What every page shares: clock and live button, theme, language, account, notices, counts. */
import { base, page, get, time } from './api.js';
import { setText } from './dom.js';
import { clock, fullTime, spanFine } from './format.js';
import { t, tn, lang } from './words.js';
import { Stream } from './stream.js';
import { confirm } from './dialogs.js';
import { notice, watchParts } from './notices.js';
import { attempt, toast } from './toast.js';
import './account.js';

const root = document.documentElement;
export const role = page.role || 'viewer';
export const mayChange = role === 'operator' || role === 'admin';
export const mayManage = role === 'admin';
export const token = name => getComputedStyle(root).getPropertyValue(name).trim();
export const onTheme = listener => root.addEventListener('themechange', listener);
export const ready = () => {
  document.body.dataset.ready = 'true';
};

function keep(key, value) {
  try {
    localStorage.setItem(`wharfinger.${key}`, value);
  } catch {
    /* private mode: the choice lasts as long as the page */
  }
}

for (const node of document.querySelectorAll('[data-theme-toggle]'))
  node.addEventListener('click', () => {
    const next = root.dataset.theme === 'dark' ? 'light' : 'dark';
    root.dataset.theme = next;
    keep('theme', next);
    root.dispatchEvent(new Event('themechange'));
  });
for (const node of document.querySelectorAll('[data-lang-toggle]'))
  node.addEventListener('click', () => {
    keep('lang', lang === 'ko' ? 'en' : 'ko');
    document.cookie = `wharfinger_lang=${lang === 'ko' ? 'en' : 'ko'}; path=${base || '/'}; max-age=31536000; samesite=strict`;
    const url = new URL(location.href);
    url.searchParams.delete('lang');
    location.replace(url);
  });

/* ── time: the page's now is the newest tick's ─────────────────────────────── */
let tickAt = null,
  heldAt = null;
const frameListeners = new Set();
/** ms since the epoch of what the page shows: the newest tick, or where it was paused. */
export const now = () => heldAt ?? tickAt ?? Date.now();
export const newest = () => tickAt ?? Date.now();
export const isPaused = () => heldAt != null;
/** Called after each tick, unless paused or hidden: draw. Data is collected by `stream.on('snapshot')` in any case. */
export const onFrame = listener => frameListeners.add(listener);
function drawFrame() {
  for (const listener of frameListeners) listener(now());
}

const button = document.querySelector('[data-live]');
function face() {
  if (!button) return;
  const state = heldAt != null ? 'paused' : (stream?.state ?? 'waiting');
  if (button.dataset.state !== state) button.dataset.state = state;
  setText(
    button.querySelector('[data-word]'),
    { live: t('Live'), paused: t('Paused'), lost: t('Not live'), waiting: t('Live') }[state],
  );
  const shown = heldAt ?? tickAt,
    stamp = button.querySelector('time');
  setText(stamp, shown == null ? '' : clock(shown));
  if (shown != null) stamp.title = fullTime(shown, lang);
  button.setAttribute('aria-pressed', String(heldAt == null));
}

export function pause(on) {
  heldAt = on ? (heldAt ?? now()) : null;
  face();
  for (const node of document.querySelectorAll('[data-hold]')) {
    node.setAttribute('aria-pressed', String(!on));
    setText(node.querySelector('[data-word]'), on ? t('Go live') : t('Pause'));
  }
  if (!on) drawFrame();
}
button?.addEventListener('click', () => pause(heldAt == null));
for (const node of document.querySelectorAll('[data-hold]'))
  node.addEventListener('click', () => pause(heldAt == null));

/* ── the stream of this page ───────────────────────────────────────────────── */
export let stream = null;
export function follow(options = {}) {
  stream = new Stream(options);
  stream.on('snapshot', snapshot => {
    tickAt = time(snapshot.at);
    face();
    if (heldAt == null && document.visibilityState === 'visible') queueMicrotask(drawFrame);
  });
  stream.on('state', () => {
    face();
    streamNotice();
  });
  stream.on('alert', () => countAlerts());
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible' && heldAt == null) drawFrame();
  });
  stream.open();
  return stream;
}

let lostSince = null;
function streamNotice() {
  if (!stream || stream.state === 'live') {
    lostSince = null;
    notice('stream', null);
    return;
  }
  lostSince ??= performance.now();
  const gone = (performance.now() - lostSince) / 1000;
  if (gone < 5) return;
  const wait =
    stream.retryAt == null ? 0 : Math.max(0, Math.ceil((stream.retryAt - performance.now()) / 1000));
  notice(
    'stream',
    [
      t('Not live for {t}.', { t: spanFine(gone) }),
      wait
        ? t('Trying again in {t}. Nothing is lost: charts fill the gap once the line is back.', {
            t: spanFine(wait),
          })
        : t('Trying again now. Nothing is lost: charts fill the gap once the line is back.'),
    ],
    { kind: 'warning', action: [t('Now'), () => stream.now()] },
  );
}
setInterval(() => {
  if (stream) streamNotice();
}, 1000);

export function viewerNotice() {
  if (!mayChange)
    notice('viewer', [
      t('You can look, not change.'),
      t('Your role is viewer. Limits and silences need operator.'),
    ]);
}

/* ── counts in the bar ─────────────────────────────────────────────────────── */
function setCount(name, n) {
  const node = document.querySelector(`[data-count="${name}"]`);
  if (!node) return;
  node.hidden = !n;
  setText(node, String(n));
  node.title =
    name === 'alerts'
      ? tn(n, '{n} alert is firing', '{n} alerts are firing')
      : tn(n, '{n} bottleneck', '{n} bottlenecks');
}
export const countFindings = n => setCount('bottlenecks', n);
let counting = false;
export async function countAlerts() {
  if (counting) return;
  counting = true;
  try {
    setCount(
      'alerts',
      (await get('/alerts', { state: 'firing' })).items.filter(a => a.severity !== 'info').length,
    );
  } catch {
    setCount('alerts', 0);
  } finally {
    counting = false;
  }
}
export async function counts() {
  countAlerts();
  try {
    countFindings((await get('/findings')).items.length);
  } catch {
    countFindings(0);
  }
}

for (const node of document.querySelectorAll('[data-hold] [data-word]')) setText(node, t('Pause'));
face();
export { attempt, confirm, notice, toast, watchParts };
