/** Limits: kill switch first, saying what it governs; recommendations; the journal with undo. */
import { all, containerPage, get, put, time } from './lib/api.js';
import { h, glyph, setText } from './lib/dom.js';
import { fullTime, moment } from './lib/format.js';
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
import { drawRecommendations } from './limits/recommendations.js';
import { exportDialog } from './limits/export.js';
import { rows } from './limits/rows.js';

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

$('[data-export]').addEventListener('click', exportDialog);

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
  drawRecommendations(recommendations, { hosts: hostCount(), done });
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
