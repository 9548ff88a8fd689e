/** What would be set, each with the picture of its use, what it costs or saves, how sure it is, and why. */
import { containerPage, put } from '../lib/api.js';
import { h, figure, setText, sr } from '../lib/dom.js';
import { bytes, cores, text } from '../lib/format.js';
import { t, keep } from '../lib/words.js';
import { attempt, confirm, mayChange } from '../lib/shell.js';
import { knobText, rangePicture, use } from '../lib/range.js';
import { rows } from './rows.js';

const $ = selector => document.querySelector(selector);
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

function recommendation(r, { hosts, done }) {
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
        hosts > 1 && h('span', { class: 'where' }, r.host),
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

/** `hosts`: how many there are; `done`: called after a deed. */
export function drawRecommendations(recommendations, { hosts, done }) {
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
    r => recommendation(r, { hosts, done }),
    t('No limit needs a change.'),
    9,
  );
}
