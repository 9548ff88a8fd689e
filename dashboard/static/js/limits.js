/** Limits: kill switch first, saying what it governs; recommendations; the journal with undo. */
import { all, containerPage, get, put, time } from './lib/api.js';
import { h, fill, figure, glyph, setText, sr } from './lib/dom.js';
import { bytes, cores, fullTime, moment, text } from './lib/format.js';
import { t, tn, keep, lang } from './lib/words.js';
import { downloadCsv } from './lib/download.js';
import {
  attempt,
  confirm,
  counts,
  follow,
  mayChange,
  notice,
  now,
  ready,
  viewerNotice,
  watchParts,
} from './lib/shell.js';
import { undoButton } from './lib/findings.js';
import { byWhom, effectNodes, STATUS, stepNodes, steps, undoable } from './lib/changes.js';
import { knobText, rangePicture, use } from './lib/range.js';

const $ = selector => document.querySelector(selector);
const SHOW = [
    ['all', 'all'],
    ['applied', 'applied'],
    ['reverted', 'reverted'],
    ['refused', 'refused'],
    ['dry_run', 'dry run'],
  ],
  DAY_MS = 86400000,
  PAGE = 200;
let containers = [],
  recommendations = [],
  changes = [],
  next = null,
  pauseState = null,
  show = 'all';
const hostCount = () => new Set(containers.map(c => c.host)).size;

/* ── kill switch ───────────────────────────────────────────────────────────── */
function drawSwitch() {
  const panel = $('[data-switch]'),
    auto = containers.filter(c => c.policy?.mode === 'auto').length,
    recent = changes.filter(c => time(c.at) > now() - DAY_MS);
  const number = status => recent.filter(c => c.status === status).length,
    held = Boolean(pauseState?.paused);
  panel.classList.toggle('held', held);
  if (!pauseState) setText($('#switch-title'), t('Automation: not known'));
  else if (!held) setText($('#switch-title'), t('Automation is on'));
  else
    setText(
      $('#switch-title'),
      pauseState.until
        ? t('Automation is paused until {t}', { t: moment(time(pauseState.until), now(), lang) })
        : t('Automation is stopped'),
    );
  setText(
    $('[data-switch-text]'),
    !pauseState
      ? t('The agent does not answer, so nothing is changed.')
      : held
        ? `${t('No limit changes by itself. Limits stay as they are now; findings and advice go on. By hand you can still change everything.')}${pauseState.reason ? ` ${t('Reason: {reason}', { reason: pauseState.reason })}` : ''}`
        : keep(
            `${tn(auto, 'It may change {n} container.', 'It may change {n} containers.')} ${tn(recent.filter(c => c.status !== 'dry_run').length, '{n} change in 24 h: {held} held, {reverted} reverted, {refused} refused.', '{n} changes in 24 h: {held} held, {reverted} reverted, {refused} refused.', { held: number('applied'), reverted: number('reverted'), refused: number('refused') })}`,
          ),
  );
  for (const button of panel.querySelectorAll('[data-pause]')) {
    button.hidden = held || !pauseState;
    button.disabled = !mayChange;
  }
  const resume = $('[data-resume]');
  resume.hidden = !held;
  resume.disabled = !mayChange;
  const by = mode => containers.filter(c => c.policy?.mode === mode).length;
  setText(
    $('[data-summary]'),
    tn(
      containers.length,
      '{n} container: {auto} auto, {observe} observe, {off} off',
      '{n} containers: {auto} auto, {observe} observe, {off} off',
      { auto: by('auto'), observe: by('observe'), off: by('off') },
    ),
  );
}
async function setPause(body) {
  if (
    await attempt(async () => {
      pauseState = await put('/limits/pause', body);
    })
  ) {
    drawSwitch();
    (body.paused ? $('[data-resume]') : $('[data-pause]')).focus();
  }
}
for (const button of document.querySelectorAll('[data-pause]'))
  button.addEventListener('click', async () => {
    const hold = Number(button.dataset.pause);
    if (
      !hold &&
      !(await confirm(
        t('Stop all changes?'),
        t('No limit changes by itself until somebody resumes. Limits stay as they are now.'),
        t('Stop all changes'),
        { danger: true },
      ))
    )
      return;
    setPause(hold ? { paused: true, hold_s: hold } : { paused: true });
  });
$('[data-resume]').addEventListener('click', () => setPause({ paused: false }));

/* ── recommendations ───────────────────────────────────────────────────────── */
const uses = new Map();
const watcher = new IntersectionObserver(
  entries => {
    for (const e of entries)
      if (e.isIntersecting) {
        watcher.unobserve(e.target);
        e.target.load?.();
      }
  },
  { rootMargin: '100px' },
);
const SURE = [t('low'), t('medium'), t('high')];

function recommendation(r) {
  const more = r.proposed - r.now,
    show = r.knob === 'cpu' ? v => [cores(v)[0] || '0', t('cores')] : bytes,
    urgent = Boolean(r.finding_id),
    sure = r.confidence >= 0.8 ? 3 : r.confidence >= 0.5 ? 2 : 1;
  const picture = h('td', { class: 'start fam pic' }),
    draw = () =>
      picture.replaceChildren(
        rangePicture({
          knob: r.knob,
          now: r.now,
          proposed: r.proposed,
          use: uses.get(`${r.container_id}${r.knob}`) ?? null,
        }),
      );
  picture.load = async () => {
    const key = `${r.container_id}${r.knob}`;
    if (uses.has(key)) return;
    try {
      uses.set(key, await use(r.container_id, r.host, r.knob));
      draw();
    } catch (error) {
      if (!('status' in error)) throw error;
    }
  };
  draw();
  watcher.observe(picture);
  const value = knobText(r.knob, r.proposed);
  return h(
    'tr',
    { class: 'row', 'data-container-id': r.container_id, 'data-name': r.name, 'data-knob': r.knob },
    h(
      'th',
      { scope: 'row' },
      h(
        'span',
        { class: 'name' },
        h('a', { href: containerPage(r.container_id) }, r.name),
        hostCount() > 1 && h('span', { class: 'where' }, r.host),
      ),
    ),
    h('td', { class: 'start knob' }, t(r.knob === 'cpu' ? 'CPU' : 'Memory')),
    h('td', { 'data-label': t('now') }, figure(show(r.now), 'five')),
    h('td', { 'data-label': t('proposed') }, figure(show(r.proposed), 'five strong')),
    picture,
    h(
      'td',
      { class: more > 0 ? 'more' : 'less' },
      h('span', { class: 'dim' }, more > 0 ? t('costs') : t('saves'), ' '),
      figure(show(Math.abs(more)), 'five'),
    ),
    h(
      'td',
      { class: 'start fam' },
      h('span', { class: `sure s${sure}` }, h('i', {}), h('i', {}), h('i', {}), h('b', {}, SURE[sure - 1])),
    ),
    h('td', { class: 'start why' }, keep(r.reason)),
    h(
      'td',
      { class: 'acts' },
      h(
        'button',
        {
          class: `button ${urgent ? 'main' : ''}`,
          type: 'button',
          disabled: !mayChange,
          title: mayChange ? null : t('Your role is viewer'),
          onclick: async event => {
            const button = event.currentTarget;
            if (
              more < 0 &&
              !(await confirm(
                t('Lower this limit?'),
                t('{name} gets {value} instead of {before}. It can be undone.', {
                  name: r.name,
                  value,
                  before: knobText(r.knob, r.now),
                }),
                t('Apply'),
              ))
            )
              return;
            button.disabled = true;
            await attempt(
              () =>
                put(`/containers/${encodeURIComponent(r.container_id)}/limits`, {
                  reason: r.reason.slice(0, 500),
                  ...(r.knob === 'cpu'
                    ? { cpu_cores: r.proposed }
                    : { memory_bytes: Math.round(r.proposed) }),
                }),
              t('Done: {name} has {value} now.', { name: r.name, value }),
            );
            button.disabled = false;
            done();
          },
        },
        t('Apply'),
        sr(` ${t(r.knob === 'cpu' ? 'CPU' : 'Memory')} ${r.name}`),
      ),
    ),
  );
}

function drawRecommendations() {
  const list = [...recommendations].sort(
    (a, b) =>
      Boolean(b.finding_id) - Boolean(a.finding_id) ||
      b.confidence - a.confidence ||
      a.name.localeCompare(b.name),
  );
  const free = knob =>
    list.filter(r => r.knob === knob && r.proposed < r.now).reduce((sum, r) => sum + r.now - r.proposed, 0);
  setText(
    $('[data-rec-summary]'),
    !list.length
      ? ''
      : keep(
          free('cpu') || free('memory')
            ? t('{n}, urgent first. All taken, they free {cpu} cores and {memory} of limits.', {
                n: list.length,
                cpu: free('cpu').toFixed(2),
                memory: text(bytes(free('memory'))),
              })
            : t('{n}, urgent first.', { n: list.length }),
        ),
  );
  rows(
    $('[data-recs]'),
    list,
    r => `${r.id}|${r.now}|${r.proposed}|${r.reason}`,
    recommendation,
    t('No limit needs a change.'),
    9,
  );
}

/** Rows are made anew only where they differ, and never under the pointer or the focus. */
function rows(body, list, signature, make, none, columns) {
  const all = list.map(signature).join('\n');
  if (
    body.dataset.signature === all ||
    (body.dataset.signature &&
      list.length &&
      body.contains(document.activeElement) &&
      document.activeElement.matches(':focus-visible'))
  )
    return;
  body.dataset.signature = all;
  fill(
    body,
    list.length
      ? list.map(make)
      : h('tr', {}, h('td', { class: 'start', colspan: columns }, h('span', { class: 'dim' }, none))),
  );
}

/** After a deed of one's own the tables may change under the focus. */
function done() {
  for (const body of document.querySelectorAll('tbody')) delete body.dataset.signature;
  refresh();
}

/* ── journal ───────────────────────────────────────────────────────────────── */
function entry(c) {
  const [mark, words] = STATUS[c.status] ?? ['info', c.status],
    effect = effectNodes(c.effect);
  return h(
    'tr',
    {
      class: `row ${c.status === 'applied' ? '' : 'idle'}`,
      'data-change': c.id,
      'data-container-id': c.container_id,
      'data-name': c.name,
    },
    h(
      'td',
      { class: 'start when' },
      h('time', { datetime: c.at, title: fullTime(time(c.at), lang) }, moment(time(c.at), now(), lang)),
    ),
    h(
      'th',
      { scope: 'row', class: 'start' },
      h('span', { class: 'name' }, h('a', { href: containerPage(c.container_id) }, c.name)),
    ),
    h('td', { class: 'start change' }, stepNodes(c)),
    h('td', { class: 'start why' }, c.status === 'refused' && !c.reason ? '' : keep(c.reason)),
    h(
      'td',
      { class: 'start effect' },
      effect,
      c.undone_by && h('span', { class: 'note2' }, t('undone by {name}', { name: c.undone_by })),
    ),
    h('td', { class: 'start by' }, byWhom(c)),
    h('td', { class: 'start' }, h('span', { class: 'verdict-mark' }, glyph(mark, 12), t(words))),
    h('td', { class: 'acts' }, undoable(c) && undoButton(c.id, c.name, { done })),
  );
}
function drawJournal() {
  rows(
    $('[data-journal]'),
    changes.filter(c => show === 'all' || c.status === show),
    c => `${c.id}|${c.status}|${c.undone_by}|${JSON.stringify(c.effect)}`,
    entry,
    t('No change yet.'),
    8,
  );
  let more = $('[data-more]');
  if (next && !more) {
    more = h(
      'p',
      { class: 'empty-line' },
      h(
        'button',
        { class: 'button', type: 'button', 'data-more': '', onclick: older },
        t('Show older changes'),
      ),
    );
    $('#journal').append(more);
  }
  if (!next) $('[data-more]')?.parentElement.remove();
}
async function older() {
  await attempt(async () => {
    const answer = await get('/limits/changes', { limit: PAGE, cursor: next });
    changes.push(...answer.items);
    next = answer.next;
  });
  drawJournal();
}
for (const [key, label] of SHOW)
  $('[data-journal-show]').append(
    h(
      'button',
      {
        type: 'button',
        'data-value': key,
        'aria-pressed': String(key === show),
        onclick: event => {
          show = key;
          for (const button of $('[data-journal-show]').children)
            button.setAttribute('aria-pressed', String(button === event.currentTarget));
          delete $('[data-journal]').dataset.signature;
          drawJournal();
        },
      },
      t(label),
    ),
  );
$('[data-csv]').addEventListener('click', () =>
  downloadCsv('wharfinger-limits.csv', [
    ['at', 'container', 'change', 'before', 'after', 'reason', 'status', 'by', 'rule'],
    ...changes.flatMap(c =>
      steps(c).map(s => [
        c.at,
        c.name,
        s.key,
        c.before[s.key] ?? '',
        c.after[s.key] ?? '',
        c.reason,
        c.status,
        c.actor,
        c.rule,
      ]),
    ),
  ]),
);

/* ── begin ─────────────────────────────────────────────────────────────────── */
let busy = false;
async function refresh() {
  if (busy) return;
  busy = true;
  const settle = async (promise, otherwise) => {
    try {
      return await promise;
    } catch (error) {
      if (!('status' in error)) throw error;
      trouble ??= error;
      return otherwise;
    }
  };
  let trouble = null;
  const [list, pause, recs, journal] = await Promise.all([
    settle(all('/containers', { sort: 'name', limit: 5000 }), containers),
    settle(get('/limits/pause'), null),
    settle(get('/limits/recommendations'), { items: recommendations }),
    settle(get('/limits/changes', { limit: PAGE }), null),
  ]);
  containers = list;
  pauseState = pause;
  recommendations = recs.items;
  if (journal) {
    const seen = new Set(journal.items.map(c => c.id)),
      kept = changes.filter(c => !seen.has(c.id));
    changes = [...journal.items, ...kept];
    if (!kept.length) next = journal.next;
  }
  notice('load', trouble ? [t('Not everything is to be had now.'), trouble.message] : null, {
    kind: 'warning',
    action: [t('Try now'), refresh],
  });
  drawSwitch();
  drawRecommendations();
  drawJournal();
  busy = false;
}
const stream = follow({ topics: ['snapshot', 'change'], metrics: ['host_cpu_count'] });
stream.on('change', refresh);
stream.on('resume', refresh);
viewerNotice();
watchParts();
counts();
await refresh();
setInterval(() => {
  if (document.visibilityState === 'visible') refresh();
}, 15000);
ready();
