/** A finding as the pages show it: chip, lit figures, sentence, deed, buttons. The page has no thresholds of its own. */
import { post, put, time } from './api.js';
import { h, glyph, sr } from './dom.js';
import { worded, span, text, bytes } from './format.js';
import { attempt, confirm, mayChange } from './shell.js';
import { t, keep, said } from './words.js';

const RANK = { critical: 3, warning: 2, info: 1 };
export const rank = severity => RANK[severity] ?? 0;
export const byRank = (a, b) => rank(b.severity) - rank(a.severity) || time(a.since) - time(b.since);
export const levelOf = severity => (severity === 'critical' ? 'bad' : severity === 'warning' ? 'warn' : '');

const CHIPS = {
  cpu_throttled: 'CPU limit',
  memory_near_limit: 'Memory limit',
  oom_killed: 'OOM killed',
  memory_oom: 'OOM killed',
  memory_oom_killed: 'OOM killed',
  cpu_contention: 'CPU wait',
  cpu_host_contention: 'CPU wait',
  host_cpu_contention: 'CPU wait',
  io_wait: 'Disk wait',
  restarts: 'Restarts',
  policy_labels: 'Label ignored',
  label_ignored: 'Label ignored',
};
/** Two words for the table; an unknown detector is shown by its name. */
export const chipWords = detector => (CHIPS[detector] ? t(CHIPS[detector]) : detector.replaceAll('_', ' '));

/** Metrics that a finding names: these light up, nothing else. A share lights up with what it is a share of. */
const KIN = {
  cpu_usage_cores: 'cpu',
  cpu_usage_of_limit_ratio: 'cpu',
  cpu_limit_cores: 'cpu',
  cpu_throttled_periods_ratio: 'throttle',
  cpu_throttled_seconds_per_second: 'throttle',
  memory_working_set_bytes: 'memory',
  memory_usage_bytes: 'memory',
  memory_working_set_of_limit_ratio: 'memory',
  memory_limit_bytes: 'memory',
  memory_oom_kills: 'memory',
  memory_anon_bytes: 'memory',
  cpu_pressure_some_ratio: 'pressure',
  cpu_pressure_full_ratio: 'pressure',
  memory_pressure_some_ratio: 'pressure',
  memory_pressure_full_ratio: 'pressure',
  io_pressure_some_ratio: 'pressure',
  io_pressure_full_ratio: 'pressure',
};
/** Facts without a bound are there to explain, not to accuse. */
export const named = finding =>
  new Set(
    finding.evidence
      .filter(e => e.threshold != null)
      .map(e => KIN[e.metric])
      .filter(Boolean),
  );

/** family → `warn` or `bad`, of the worst finding that names it. */
export function lights(findings) {
  const lit = {};
  for (const f of [...findings].sort((a, b) => rank(a.severity) - rank(b.severity)))
    for (const family of named(f)) if (levelOf(f.severity)) lit[family] = levelOf(f.severity);
  return lit;
}

export const sentence = f => keep(said(f.summary));
export const deed = f => (f.deed ? keep(said(f.deed)) : null);
export const advice = f => (f.advice ? keep(said(f.advice)) : null);
/** The deed's mark: raised, lowered, settled, or waiting. */
export const deedMark = f => (!f.change_id ? 'hold' : /lower|reduc|낮/i.test(f.deed ?? '') ? 'down' : 'up');
export const age = (f, now) => span((now - time(f.since)) / 1000);

/** What the metric of the picture is: the first fact that can be drawn over time. */
export function pictured(f) {
  const families = named(f);
  if (f.knob === 'memory' || (families.has('memory') && !families.has('cpu')))
    return { metric: 'memory_working_set_bytes', limit: 'memory_limit_bytes' };
  if (f.knob === 'cpu' || families.has('cpu') || families.has('throttle'))
    return { metric: 'cpu_usage_cores', limit: 'cpu_limit_cores' };
  const first = f.evidence[0]?.metric;
  return first ? { metric: first, limit: null } : null;
}

export const knobWords = (knob, value) => (knob === 'cpu' ? worded(value, 'cores') : text(bytes(value)));

/** Buttons of a finding: the one that would do more, and Undo of what was done. `done` is called after a deed. */
export function buttons(f, { main = false, done = () => {} } = {}) {
  const out = [];
  if (f.knob && f.proposed != null && f.container_id) {
    const value = knobWords(f.knob, f.proposed),
      words = f.knob === 'cpu' ? t('Allow {value}', { value }) : t('Raise to {value}', { value });
    out.push(
      h(
        'button',
        {
          class: `button ${main ? 'main' : ''}`,
          type: 'button',
          disabled: !mayChange,
          title: mayChange ? null : t('Your role is viewer'),
          'data-allow': f.id,
          onclick: async event => {
            const button = event.currentTarget;
            button.disabled = true;
            const body = {
              reason: f.summary.slice(0, 500),
              ...(f.knob === 'cpu' ? { cpu_cores: f.proposed } : { memory_bytes: Math.round(f.proposed) }),
            };
            if (
              await attempt(
                () => put(`/containers/${encodeURIComponent(f.container_id)}/limits`, body),
                t('Done: {name} has {value} now.', { name: f.name, value }),
              )
            )
              done();
            button.disabled = false;
          },
        },
        words,
        sr(` ${f.name}`),
      ),
    );
  }
  if (f.change_id) out.push(undoButton(f.change_id, f.name, { done, plain: !main }));
  return out;
}

/** Undo one change, after a question. */
export function undoButton(changeId, name, { done = () => {}, plain = false } = {}) {
  return h(
    'button',
    {
      class: `button ${plain ? 'plain' : ''}`,
      type: 'button',
      disabled: !mayChange,
      title: mayChange ? null : t('Your role is viewer'),
      'data-undo': changeId,
      onclick: async () => {
        if (
          !(await confirm(
            t('Undo this change?'),
            t(
              'The limits of {name} go back to what they were before it, at once. Automation keeps off for an hour.',
              { name },
            ),
            t('Undo'),
          ))
        )
          return;
        if (
          await attempt(
            () => post(`/limits/changes/${encodeURIComponent(changeId)}/undo`),
            t('Undone: {name} has its former limits back.', { name }),
          )
        )
          done();
      },
    },
    t('Undo'),
    sr(` ${name}`),
  );
}

export const chip = f =>
  h(
    'span',
    { class: `chip ${f.severity}` },
    glyph(f.severity, 11),
    h('span', {}, chipWords(f.detector)),
    sr(` ${t(f.severity)}`),
  );
