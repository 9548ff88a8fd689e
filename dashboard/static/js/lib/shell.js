/** What every page shares: clock and live button, theme, language, account, notices, counts. */
import { base, page, get, del, readiness, time } from './api.js';
import { h, glyph, setText, sr } from './dom.js';
import { clock, fullTime, spanFine, moment } from './format.js';
import { t, tn, lang } from './words.js';
import { Stream } from './stream.js';
import { confirm, keysDialog, palette } from './dialogs.js';

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

/* ── notices: what is so, what still works, what comes next, one button ────── */
const notices = document.querySelector('[data-notices]'),
  shownNotices = new Map();
/** Show, change or (with null) take away the notice `key`. `words`: [bold, rest]. */
export function notice(key, words, { kind = 'info', action = null } = {}) {
  const before = shownNotices.get(key);
  if (!words) {
    before?.node.remove();
    shownNotices.delete(key);
    return;
  }
  const signature = `${kind}|${Boolean(action)}|${action?.[0] ?? ''}`;
  if (before?.signature === signature) {
    setText(before.bold, words[0]);
    setText(before.rest, ` ${words[1] ?? ''}`);
    return;
  }
  before?.node.remove();
  const bold = h('b', {}, words[0]),
    rest = h('span', {}, ` ${words[1] ?? ''}`);
  const node = h(
    'div',
    { class: `notice ${kind === 'warning' ? 'warning' : ''}`, 'data-notice': key },
    glyph(kind),
    sr(kind === 'warning' ? t('warning') : ''),
    h('div', {}, bold, rest),
    action && h('button', { class: 'button', type: 'button', onclick: action[1] }, action[0]),
  );
  notices.append(node);
  shownNotices.set(key, { node, bold, rest, signature });
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

/** The parts that are not well, from /readyz, as notices. */
export async function watchParts() {
  /** Asked for by hand: what is so now stands in the next tick. */
  const again = () => {
    look();
    setTimeout(look, 1500);
  };
  const look = async () => {
    let parts = [];
    try {
      parts = (await readiness()).parts ?? [];
    } catch {
      return;
    } // the stream's own notice speaks of that
    const part = name => parts.find(p => p.name === name);
    const since = p => moment(time(p.since), Date.now(), lang),
      down = p => p && (p.state === 'down' || p.state === 'degraded');
    const docker = part('docker'),
      agent = part('agent'),
      store = part('store');
    const away = agent?.state === 'down';
    notice(
      'agent',
      away
        ? [
            t('The agent is away since {t}.', { t: since(agent) }),
            t('The page shows the last figures known; history stays readable. It reconnects on its own.'),
          ]
        : null,
      { kind: 'warning', action: [t('Try now'), again] },
    );
    notice(
      'docker',
      !away && down(docker)
        ? [
            t('Docker does not answer since {t}.', { t: since(docker) }),
            t(
              'Figures go on, read from cgroups. Names are as last known; new containers show their id. Limits change through Docker, so changes wait.',
            ),
          ]
        : null,
      { kind: 'warning', action: [t('Try now'), again] },
    );
    notice(
      'store',
      !away && down(store)
        ? [
            t('The store has trouble since {t}.', { t: since(store) }),
            t('Live figures go on; history may have gaps until it recovers.'),
          ]
        : null,
      { kind: 'warning' },
    );
    document.body.classList.toggle('agent-away', away);
  };
  await look();
  setInterval(() => {
    if (document.visibilityState === 'visible') look();
  }, 10000);
}

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

/* ── toast: what became of a click ─────────────────────────────────────────── */
let toastNode = null,
  toastTimer = null;
export function toast(words, { bad = false, action = null } = {}) {
  toastNode?.remove();
  clearTimeout(toastTimer);
  toastNode = h(
    'div',
    { class: `toast ${bad ? 'bad' : ''}`, role: bad ? 'alert' : 'status' },
    glyph(bad ? 'critical' : 'good'),
    h('span', {}, words),
    action &&
      h(
        'button',
        {
          class: 'button',
          type: 'button',
          onclick: () => {
            toastNode.remove();
            action[1]();
          },
        },
        action[0],
      ),
    h(
      'button',
      { class: 'icon-button', type: 'button', 'aria-label': t('Close'), onclick: () => toastNode.remove() },
      '×',
    ),
  );
  document.body.append(toastNode);
  toastTimer = setTimeout(() => toastNode.remove(), bad ? 15000 : 6000);
}
/** Run an order; a refusal is shown with its reason. True when it was done. */
export async function attempt(order, done = null) {
  try {
    const answer = await order();
    if (done) toast(typeof done === 'function' ? done(answer) : done);
    return true;
  } catch (error) {
    if (!('status' in error)) throw error;
    toast(error.message, { bad: true });
    return false;
  }
}

/* ── account, keys ─────────────────────────────────────────────────────────── */
const account = document.querySelector('[data-account]');
account?.addEventListener('click', () => {
  const open = document.querySelector('.menu');
  if (open) {
    shut();
    return;
  }
  const menu = h(
    'div',
    { class: 'menu', role: 'group', 'aria-label': t('Account') },
    h('p', {}, page.user ? t('{name}, {role}', { name: page.user, role: t(role) }) : t(role)),
    h('a', { href: `${base}/settings` }, t('Settings')),
    h('button', { type: 'button', onclick: () => keysDialog() }, t('Keys')),
    h(
      'button',
      {
        type: 'button',
        onclick: async () => {
          await attempt(() => del('/session'));
          location.assign(`${base}/login`);
        },
      },
      t('Sign out'),
    ),
  );
  account.after(menu);
  account.setAttribute('aria-expanded', 'true');
  menu.querySelector('a').focus();
  const outside = event => {
    if (!menu.contains(event.target) && event.target !== account && !account.contains(event.target)) shut();
  };
  const escape = event => {
    if (event.key === 'Escape') {
      shut();
      account.focus();
    }
  };
  function shut() {
    menu.remove();
    account.setAttribute('aria-expanded', 'false');
    removeEventListener('pointerdown', outside);
    removeEventListener('keydown', escape);
  }
  menu.shut = shut;
  addEventListener('pointerdown', outside);
  addEventListener('keydown', escape);
});
function shut() {
  document.querySelector('.menu')?.shut();
}

document.addEventListener('keydown', event => {
  const typing = event.target.matches('input, select, textarea');
  if (event.key === 'k' && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    palette();
  } else if (event.key === '?' && !typing) {
    event.preventDefault();
    keysDialog();
  }
});

for (const node of document.querySelectorAll('[data-hold] [data-word]')) setText(node, t('Pause'));
face();
export { confirm };
