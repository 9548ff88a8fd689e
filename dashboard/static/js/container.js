/** One container: verdict, charts on one time axis, rail with limits, policy and changes. */
import { API, base, all, get, containerPage, hostPage, time } from './lib/api.js';
import { h, glyph, setText } from './lib/dom.js';
import { moment, span } from './lib/format.js';
import { t, lang } from './lib/words.js';
import { colourClass } from './lib/colour.js';
import { counts, follow, mayChange, notice, now, onFrame, ready, watchParts } from './lib/shell.js';
import { Board } from './board/board.js';
import { Verdict } from './container/verdict.js';
import { changesPanel, knobs } from './container/rail.js';
import { policyPanel } from './container/policy.js';
import { LimitsForm } from './container/form.js';

const $ = selector => document.querySelector(selector);
const wanted = decodeURIComponent(location.pathname.slice(`${base}/containers/`.length)),
  host = new URLSearchParams(location.search).get('host');
let container = null,
  changes = [];

async function load() {
  container = await get(`/containers/${encodeURIComponent(wanted)}`, { host });
  return container;
}
async function loadChanges() {
  try {
    changes = (await get('/limits/changes', { container: container.id, limit: 50 })).items;
  } catch (error) {
    if (!('status' in error)) throw error;
  }
}

/* ── head ──────────────────────────────────────────────────────────────────── */
const NEXT_TICK_MS = 2500; // what was ordered is in the agent's next tick
const DOWN = ['gone', 'exited', 'removed'];
function head() {
  const c = container,
    down = DOWN.includes(c.state);
  setText($('[data-name-of]'), c.name);
  document.title = `${c.name} · wharfinger`;
  for (const node of document.querySelectorAll('[data-own-colour], [data-tint]'))
    node.className = `${node.className.replace(/\bc\d\b|\btone\b/g, '').trim()} ${colourClass(c)}`;
  const words =
    c.health && c.health !== 'none'
      ? t('{state}, {health}', { state: t(c.state), health: t(c.health) })
      : t(c.state);
  const kind = down
    ? 'stop'
    : c.health === 'unhealthy' || c.state === 'restarting'
      ? 'warning'
      : c.state === 'paused'
        ? 'hold'
        : 'good';
  $('[data-state-of]').replaceChildren(glyph(kind, 12), words);
  const crumbs = $('[data-crumbs]');
  if (crumbs.childElementCount === 1)
    crumbs.append(
      h('span', { 'aria-hidden': 'true' }, '/'),
      h('a', { href: hostPage(c.host) }, c.host),
      ...(c.group
        ? [
            h('span', { 'aria-hidden': 'true' }, '/'),
            h('a', { href: `${base}/?q=${encodeURIComponent(c.group)}` }, c.group),
          ]
        : []),
    );
  const facts = [
    ['Image', c.image && h('span', { class: 'mono' }, c.image)],
    [
      'Service',
      c.service && c.service !== c.name
        ? h('a', { href: `${base}/services/${encodeURIComponent(c.service)}` }, c.service)
        : null,
    ],
    ['Up', !down && c.started_at ? span((now() - time(c.started_at)) / 1000) : null],
    ['Restarts', c.restarts == null ? null : String(c.restarts)],
    ['Managed by', c.managed_by],
    ['Id', h('span', { class: 'mono', title: c.id }, c.id.startsWith('/') ? c.id : c.id.slice(0, 12))],
  ];
  $('[data-facts]').replaceChildren(
    ...facts.filter(([, v]) => v).map(([label, v]) => h('div', {}, h('dt', {}, t(label)), h('dd', {}, v))),
  );
  const report = $('[data-report]');
  report.href = `${API}/containers/${encodeURIComponent(c.id)}/report.html`;
  const button = $('[data-change-limits]');
  button.disabled = !mayChange || down;
  button.title = mayChange ? '' : t('Your role is viewer');
}

let lookedFor = false;
async function gone() {
  if (!DOWN.includes(container.state)) {
    notice('gone', null);
    return;
  }
  let other = null;
  if (!lookedFor) {
    lookedFor = true;
    try {
      other = (await all('/containers', { q: container.name, state: 'running' })).find(
        c => c.name === container.name && c.id !== container.id,
      );
    } catch (error) {
      if (!('status' in error)) throw error;
    }
  }
  notice(
    'gone',
    [
      t('{name} is gone since {t}.', {
        name: container.name,
        t: moment(time(container.at), Date.now(), lang),
      }),
      other
        ? t('It was recreated with another id. This page shows the old one.')
        : t('Its history stays readable.'),
    ],
    { action: other ? [t('Open the new one'), () => location.assign(containerPage(other.id))] : null },
  );
}

function capabilities() {
  const gaps = container.gaps.map(g => g.reason);
  notice('gaps', gaps.length ? [t('Not everything can be read.'), gaps.join('; ')] : null, {
    kind: 'warning',
  });
}

function draw() {
  head();
  knobs($('[data-knobs]'), container);
  policyPanel($('[data-policy]'), container, policy => {
    container.policy = policy;
    draw();
    setTimeout(refresh, NEXT_TICK_MS);
  });
  changesPanel($('[data-changes]'), changes, now(), refresh);
  verdict.draw(container.findings, now());
  capabilities();
}

let busy = false,
  again = false;
async function refresh() {
  if (busy) {
    again = true;
    return;
  }
  busy = true;
  try {
    await load();
    await loadChanges();
    await verdict.loadSettled(changes);
    draw();
    await gone();
  } catch (error) {
    if (!('status' in error)) throw error;
  }
  busy = false;
  if (again) {
    again = false;
    refresh();
  }
}

/** Where its live seconds come from: here, or through here from the dashboard of its host. One that only pushes its
 * history to the common store has none; then this host's stream keeps the page's clock. */
async function source() {
  try {
    const there = await get(`/hosts/${encodeURIComponent(container.host)}`);
    return there.own || there.state === 'remote' ? {} : { host: there.name };
  } catch (error) {
    if (!('status' in error)) throw error;
    return {};
  }
}

/* ── begin ─────────────────────────────────────────────────────────────────── */
const verdict = new Verdict($('[data-verdict]'), null, refresh);
watchParts();
counts();
try {
  await load();
} catch (error) {
  if (!('status' in error)) throw error;
  setText($('[data-name-of]'), wanted.slice(0, 80));
  notice(
    'load',
    [
      error.status === 404 ? t('There is no such container.') : t('The container is not to be had now.'),
      error.message,
    ],
    { kind: 'warning', action: [t('Overview'), () => location.assign(`${base}/`)] },
  );
  for (const node of document.querySelectorAll('.verdict, .rail, .work, [data-change-limits]'))
    node.hidden = true;
  ready();
}
if (container) {
  verdict.id = container.id;
  const [from] = await Promise.all([source(), loadChanges()]);
  await verdict.loadSettled(changes);
  draw();
  gone();
  const form = new LimitsForm($('[data-form]'), $('[data-change-limits]'), {
    container: () => container,
    done: refresh,
  });
  if (location.hash === '#limits' && mayChange) form.open();

  const stream = follow(from);
  let findingIds = null;
  stream.on('snapshot', snapshot => {
    const ids = (snapshot.findings ?? []).join();
    if (findingIds != null && ids !== findingIds) {
      refresh();
      counts();
    }
    findingIds = ids;
    const values = snapshot.containers[container.id];
    if (values) {
      container.latest = values;
    } else if (snapshot.host === container.host && !DOWN.includes(container.state)) refresh();
  });
  for (const topic of ['change', 'event', 'alert'])
    stream.on(topic, item => {
      if (!item.container_id || item.container_id === container.id) refresh();
    });
  stream.on('resume', refresh);
  let asked = 0;
  onFrame(at => {
    head();
    if (at - asked > 5000) {
      asked = at;
      if (container.findings.length) refresh();
    }
  });

  const own = () => {
    const found = getComputedStyle($('[data-own-colour]')).backgroundColor,
      canvas = document.createElement('canvas').getContext('2d');
    canvas.fillStyle = found;
    canvas.fillRect(0, 0, 1, 1);
    return `#${[...canvas.getImageData(0, 0, 1, 1).data.slice(0, 3)].map(v => v.toString(16).padStart(2, '0')).join('')}`;
  };
  const board = new Board({
    target: { container: container.id, host: container.host },
    name: () => container.name,
    ownColour: own,
    values: snapshot => snapshot.containers[container.id],
  });
  await board.begin(stream);
  ready();
}
