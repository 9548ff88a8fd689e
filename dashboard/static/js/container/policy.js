/** The policy of one container: mode, class, and the bounds that automation keeps to. */
import { del, put } from '../lib/api.js';
import { h, fill } from '../lib/dom.js';
import { bytes, parseSize, text } from '../lib/format.js';
import { t } from '../lib/words.js';
import { formDialog } from '../lib/dialogs.js';
import { attempt, mayChange, toast } from '../lib/shell.js';
import { SOURCES } from './rail.js';

const MODES = ['off', 'observe', 'auto'],
  CLASSES = ['latency', 'balanced', 'dense'];
const bytesText = v => (v == null ? '' : text(bytes(v)).replace('\u202f', ' '));
const number = words => (Number.isFinite(Number(words)) ? Number(words) : null);
/** key, label, what stands in the field, and what is read from it: null where it is no such thing. */
const BOUNDS = [
  ['cpu_min', 'CPU at least, in cores', v => (v == null ? '' : String(v)), number],
  ['cpu_max', 'CPU at most, in cores', v => (v == null ? '' : String(v)), number],
  ['memory_min', 'Memory at least, such as 256m', bytesText, parseSize],
  ['memory_max', 'Memory at most, such as 1.5g', bytesText, parseSize],
  ['cpu_weight', 'CPU weight, 1 to 10000', v => (v == null ? '' : String(v)), number],
  ['priority', 'Priority where room is short; higher goes first', v => String(v ?? 0), number],
];

/** What differs from what holds: {fields, faults}. An emptied field takes back what was set here (null). Pure. */
export function changed(policy, values) {
  const fields = {},
    faults = [];
  for (const [key, label, show, read] of BOUNDS) {
    const words = (values[key] ?? '').trim();
    if (words === show(policy[key])) continue;
    const value = words === '' ? null : read(words);
    if (words !== '' && value == null) faults.push({ path: '', message: `${t(label)}: ${words}` });
    else fields[key] = value;
  }
  if (values.cpu_control && values.cpu_control !== (policy.cpu_control ?? 'quota'))
    fields.cpu_control = values.cpu_control;
  if (values.shrink_memory !== String(Boolean(policy.shrink_memory)))
    fields.shrink_memory = values.shrink_memory === 'true';
  return { fields, faults };
}

function edit(c, policy, save) {
  formDialog(
    t('Bounds of {name}', { name: c.name }),
    [
      ...BOUNDS.map(([name, label, show]) => ({ name, label: t(label), value: show(policy[name]) })),
      {
        name: 'cpu_control',
        label: t('CPU is given by'),
        options: [
          ['quota', t('quota')],
          ['weight', t('weight only')],
        ],
        value: policy.cpu_control ?? 'quota',
      },
      {
        name: 'shrink_memory',
        label: t('May take memory back'),
        options: [
          ['false', t('no')],
          ['true', t('yes')],
        ],
        value: String(Boolean(policy.shrink_memory)),
      },
    ],
    t('Save'),
    async values => {
      const { fields, faults } = changed(policy, values);
      if (faults.length)
        throw Object.assign(new Error(t('Not understood')), { status: 422, errors: faults });
      if (Object.keys(fields).length) {
        await save(fields);
        toast(t('The policy is changed.'));
      }
    },
  );
}

const CLASS_WORDS = {
  latency: 'Throttling is kept under 2 % where the bounds allow; quick to give, slow to take.',
  balanced: 'Throttling is kept under 5 % where the bounds allow.',
  dense: 'Tight: throttling up to 10 % is taken for more containers on a host.',
};
const MODE_WORDS = {
  off: 'Nothing is proposed or changed.',
  observe: 'Watching only: what would be done is shown, nothing is changed.',
  auto: 'Limits are raised when they hold it back, and only what was given is taken back.',
};

export function policyPanel(place, c, done) {
  const policy = c.policy,
    signature = JSON.stringify(policy);
  if (place.dataset.signature === signature) return;
  place.dataset.signature = signature;
  if (!policy) {
    place.replaceChildren(h('p', { class: 'note' }, t('Its policy is not known here.')));
    return;
  }
  const address = `/containers/${encodeURIComponent(c.id)}/policy`,
    change = async fields => {
      await attempt(async () => done(await put(address, fields)), t('The policy is changed.'));
    };
  const segments = (label, values, present, key) =>
    h(
      'div',
      { class: 'segments wide', role: 'group', 'aria-label': label },
      values.map(value =>
        h(
          'button',
          {
            type: 'button',
            'aria-pressed': String(value === present),
            'data-value': value,
            disabled: !mayChange,
            onclick: () => {
              if (value !== present) change({ [key]: value });
            },
          },
          t(value),
        ),
      ),
    );
  const own = Object.values(policy.sources ?? {}).includes('api'),
    from = policy.sources?.mode,
    focused = place.contains(document.activeElement) ? document.activeElement.dataset.value : null;
  fill(
    place,
    segments(t('Mode'), MODES, policy.mode, 'mode'),
    h(
      'p',
      { class: 'note' },
      t(MODE_WORDS[policy.mode]),
      from && from !== 'default' ? ` ${t('Set {source}.', { source: t(SOURCES[from] ?? from) })}` : '',
    ),
    policy.mode !== 'off' && [
      segments(t('Class'), CLASSES, policy.class, 'class'),
      h('p', { class: 'note' }, t(CLASS_WORDS[policy.class])),
    ],
    policy.faults.map(fault => h('p', { class: 'note bad' }, fault)),
    h(
      'p',
      { class: 'note acts' },
      h(
        'button',
        {
          class: 'button',
          type: 'button',
          disabled: !mayChange,
          title: mayChange ? null : t('Your role is viewer'),
          'data-bounds': '',
          onclick: () => edit(c, policy, async fields => done(await put(address, fields))),
        },
        t('Bounds and priority'),
      ),
      h(
        'button',
        {
          class: 'button',
          type: 'button',
          'data-what-if': '',
          onclick: async () => (await import('./whatif.js')).whatIfDialog(c),
        },
        t('What if'),
      ),
      own &&
        h(
          'button',
          {
            class: 'button',
            type: 'button',
            disabled: !mayChange,
            onclick: () => attempt(async () => done(await del(address)), t('Config and labels hold again.')),
          },
          t('Back to config and labels'),
        ),
    ),
  );
  if (focused) place.querySelector(`[data-value="${focused}"]`)?.focus();
}
