/** What if: the container's own history under each class, beside its limits as they are now and what really was. */
import { post } from '../lib/api.js';
import { rangeQuestion } from '../lib/ask.js';
import { h, fill } from '../lib/dom.js';
import { bytes, cores, parseSize, percent, span, tally, text } from '../lib/format.js';
import { t, keep } from '../lib/words.js';
import { panelDialog } from '../lib/dialogs.js';

const POLICIES = ['static', 'latency', 'balanced', 'dense'];
const RANGES = [
  ['1h', t('1 hour')],
  ['6h', t('6 hours')],
  ['24h', t('24 hours')],
];
const core = words => {
  const value = Number(words.replace(',', '.'));
  return value >= 0.01 ? value : null;
};
/** Key of the question, label, what is read from its field (null where it is no such thing). */
const FIELDS = [
  ['cpu_min', t('CPU at least, in cores'), core],
  ['cpu_max', t('CPU at most, in cores'), core],
  ['memory_min', t('Memory at least, such as 256m'), parseSize],
  ['memory_max', t('Memory at most, such as 1.5g'), parseSize],
];
/** Held back in fewer periods than that says nothing about what was wanted. */
const HELD_BACK = 0.01;

/** The question that the fields make: {body, wrong: names of fields that are not understood}. Pure. */
export function question(container, range, values) {
  const body = { container, since: `-${range}`, policies: POLICIES },
    wrong = [];
  for (const [key, , read] of FIELDS) {
    const words = (values[key] ?? '').trim();
    if (!words) continue;
    const value = read(words);
    if (value == null) wrong.push(key);
    else body[key] = value;
  }
  if (values.shrink_memory) body.shrink_memory = values.shrink_memory === 'true';
  return { body, wrong };
}

/** Rows of the table: what was measured, the limits as now, then the classes; `saved`: cores beside now. Pure. */
export function rowsOf(answer) {
  const means = name =>
      Object.fromEntries(Object.entries(answer.policies[name] ?? {}).map(([key, v]) => [key, v.mean])),
    now = means('static').cpu_allocation_cores;
  return [
    { name: 'measured', ...answer.measured },
    ...POLICIES.map(name => {
      const row = { name, ...means(name) };
      const given = row.cpu_allocation_cores;
      if (name !== 'static' && now != null && given != null) row.saved = now - given;
      return row;
    }),
  ];
}

function faultWords(error) {
  if (error.status === 429) return t('Another what-if is running. Try again when it is done.');
  if (error.status === 503 && /took more than/.test(error.message))
    return t('It took too long. Choose a shorter range.');
  return error.errors?.length ? error.errors.map(e => `${e.path}: ${e.message}`).join('\n') : error.message;
}

const NAMES = { measured: t('As it was, measured'), static: t('Limits as they are now') };
const COLUMNS = [
  [t('Held back'), row => text(percent(row.throttled_period_ratio)), 'throttled_period_ratio'],
  [t('Cores given'), row => given(row, 'cpu_allocation_cores', cores), 'cpu_allocation_cores'],
  [t('Beside now'), row => beside(row.saved), 'saved'],
  [t('Memory given'), row => given(row, 'memory_allocation_bytes', bytes), 'memory_allocation_bytes'],
  [t('Changes an hour'), row => text(tally(row.changes_per_container_hour)), 'changes_per_container_hour'],
  [t('OOM kills a day'), row => text(tally(row.oom_kills_per_container_day)), 'oom_kills_per_container_day'],
];
const given = (row, key, show) => (row[key] == null ? t('no limit') : text(show(row[key])));
function beside(saved) {
  if (saved == null) return '';
  if (Math.abs(saved) < 0.005) return '0';
  return saved > 0
    ? t('saves {n}', { n: saved.toFixed(2) })
    : t('costs {n}', { n: Math.abs(saved).toFixed(2) });
}

function table(answer, present) {
  return h(
    'div',
    { class: 'scroller', tabindex: '0', role: 'region', 'aria-label': t('What would have been') },
    h(
      'table',
      { class: 'grid sheet whatif-table' },
      h('caption', { class: 'sr' }, t('What would have been')),
      h(
        'thead',
        {},
        h(
          'tr',
          {},
          h('th', { scope: 'col' }, t('Policy')),
          COLUMNS.map(([label]) => h('th', { scope: 'col' }, label)),
        ),
      ),
      h(
        'tbody',
        {},
        rowsOf(answer).map(row =>
          h(
            'tr',
            { class: row.name === present ? 'present' : null, 'data-policy-row': row.name },
            h(
              'th',
              { scope: 'row' },
              NAMES[row.name] ?? t(row.name),
              row.name === present && h('span', { class: 'note2' }, t('its class now')),
            ),
            COLUMNS.map(([label, show, key]) =>
              h('td', { 'data-label': label, 'data-number': key }, keep(show(row))),
            ),
          ),
        ),
      ),
    ),
  );
}

function shown(answer, present) {
  const held = answer.measured.throttled_period_ratio;
  return [
    h(
      'p',
      { 'data-history': answer.seconds },
      t('From {t} of history. The same load, second by second, meets each policy.', {
        t: span(answer.seconds),
      }),
    ),
    table(answer, present),
    held >= HELD_BACK &&
      h(
        'p',
        { class: 'note', 'data-too-kind': '' },
        keep(
          t(
            'It was held back in {p} of periods, so it wanted more than is known: what is simulated is too kind to it.',
            { p: text(percent(held)) },
          ),
        ),
      ),
  ];
}

function fields(policy) {
  return h(
    'div',
    { class: 'whatif-bounds' },
    FIELDS.map(([name, label]) =>
      h(
        'label',
        {},
        h('span', {}, label),
        h('input', {
          class: 'field',
          name,
          autocomplete: 'off',
          spellcheck: 'false',
          placeholder: t('by policy'),
        }),
      ),
    ),
    h(
      'label',
      {},
      h('span', {}, t('May take memory back')),
      h(
        'select',
        { class: 'field', name: 'shrink_memory' },
        [
          ['false', t('no')],
          ['true', t('yes')],
        ].map(([value, label]) =>
          h('option', { value, selected: value === String(Boolean(policy?.shrink_memory)) }, label),
        ),
      ),
    ),
  );
}

/** Ask for a range and bounds, say what came of it. */
export function whatIfDialog(container) {
  const result = h('div', { 'data-judged': '', 'aria-live': 'polite' });
  let body;
  /** Read the fields; marks those that are not understood. */
  function check([range]) {
    const asked = question(container.id, range, Object.fromEntries(new FormData(form)));
    body = asked.body;
    for (const [key] of FIELDS)
      form.elements[key].setAttribute('aria-invalid', String(asked.wrong.includes(key)));
    if (!asked.wrong.length) return true;
    fill(result, h('p', { class: 'note bad', role: 'alert' }, t('Not understood')));
    form.elements[asked.wrong[0]].focus();
    return false;
  }
  const choice = rangeQuestion(RANGES, result, {
    waiting: t('Replaying its history. This may take two minutes.'),
    check,
    answer: async () => shown(await post('/backtest', body), container.policy?.class),
    faultWords,
  });
  const form = h(
    'form',
    { novalidate: true },
    h(
      'p',
      { class: 'dim' },
      t(
        'Its own history, replayed under each class. Nothing is set. What the owner gave is taken back only down to the least that stands here.',
      ),
    ),
    fields(container.policy),
    h('p', { class: 'whatif-go' }, h('span', {}, t('How far back?')), choice),
  );
  form.addEventListener('submit', event => event.preventDefault());
  const dialog = panelDialog(
    t('What if: {name}', { name: container.name }),
    h('div', { class: 'pad whatif' }, form, result),
  );
  dialog.classList.add('broad');
  return dialog;
}
