/** Verdict before charts: findings of now, and what was settled in the last hour. */
import { get, time } from '../lib/api.js';
import { h, glyph, sr } from '../lib/dom.js';
import { clockShort, span } from '../lib/format.js';
import { agentAway } from '../lib/notices.js';
import { t, keep, said } from '../lib/words.js';
import { advice, age, buttons, byRank, deed, deedMark, sentence, undoButton } from '../lib/findings.js';
import { stepWords, undoable } from '../lib/changes.js';
import { viewerNotice } from '../lib/shell.js';

const SETTLED_MS = 3600000;

/** The first sentence is the headline, the rest the proof. */
function parts(words) {
  const m = /^(.+?[.。])\s+(.+)$/s.exec(words);
  return m ? [m[1].replace(/\.$/, ''), m[2]] : [words.replace(/\.$/, ''), ''];
}

function present(f, nowMs, done) {
  const [title, proof] = parts(sentence(f)),
    words = deed(f);
  return h(
    'article',
    { class: `case ${f.severity}`, 'data-finding': f.id },
    h('span', { class: 'gutter' }, glyph(f.severity, 16)),
    h(
      'div',
      {},
      h(
        'h2',
        {},
        sr(`${t(f.severity)}: `),
        title,
        h('span', { class: 'dim' }, ` · ${t('for {t}', { t: age(f, nowMs) })}`),
      ),
      proof && h('p', {}, proof),
      words
        ? h('p', { class: 'did' }, glyph(deedMark(f), 12), words)
        : f.advice && h('p', { class: 'did' }, advice(f)),
    ),
    h('div', { class: 'acts' }, buttons(f, { main: true, done })),
  );
}

function past({ detail, at }, began, change, done) {
  return h(
    'article',
    { class: 'case settled' },
    h('span', { class: 'gutter' }, glyph('good', 16)),
    h(
      'div',
      {},
      h(
        'h2',
        {},
        keep(said(detail.summary ?? detail.rule).replace(/\.$/, '')),
        h(
          'span',
          { class: 'dim' },
          ` · ${began ? t('settled at {time}, after {t}', { time: clockShort(time(at)), t: span((time(at) - began) / 1000) }) : t('settled at {time}', { time: clockShort(time(at)) })}`,
        ),
      ),
      change && h('p', { class: 'did' }, glyph('up', 12), stepWords(change)),
    ),
    h(
      'div',
      { class: 'acts' },
      change && undoable(change) && undoButton(change.id, change.name, { done, plain: true }),
    ),
  );
}

const calm = () =>
  agentAway()
    ? h('p', { class: 'calm-line' }, glyph('hold'), h('span', {}, t('Not known while the agent is away.')))
    : h('p', { class: 'calm-line' }, glyph('good'), h('span', {}, t('Nothing holds it back.')));

export class Verdict {
  constructor(panel, id, done) {
    Object.assign(this, { panel, id, done, settled: [] });
  }

  async loadSettled(changes) {
    let events = [];
    try {
      events = (
        await get('/events', {
          container: this.id,
          kind: 'alert',
          since: Date.now() - 4 * SETTLED_MS,
          limit: 1000,
        })
      ).items;
    } catch (error) {
      if (!('status' in error)) throw error;
      return;
    }
    const firing = new Map(),
      over = new Map();
    for (const e of events) {
      if (e.detail.rule === 'LimitChanged') continue;
      if (e.detail.state === 'firing') {
        firing.set(e.detail.rule, time(e.at));
        over.delete(e.detail.rule);
      }
      if (e.detail.state === 'resolved' && time(e.at) > Date.now() - SETTLED_MS)
        over.set(e.detail.rule, { event: e, began: firing.get(e.detail.rule) });
    }
    this.settled = [...over.values()]
      .slice(-2)
      .map(({ event, began }) => ({
        event,
        began,
        change: changes.find(
          c =>
            ['applied', 'reverted'].includes(c.status) &&
            began &&
            time(c.at) >= began - 5000 &&
            time(c.at) <= time(event.at),
        ),
      }));
  }

  draw(findings, nowMs) {
    const signature = JSON.stringify([
      findings.map(f => [f.id, f.severity, f.summary, f.deed, f.proposed, f.change_id, age(f, nowMs)]),
      this.settled.map(s => s.event.id),
      agentAway(),
    ]);
    if (signature === this.signature || this.panel.contains(document.activeElement)) return;
    this.signature = signature;
    const nodes = [...findings]
      .sort(byRank)
      .map(f => present(f, nowMs, this.done))
      .concat(this.settled.map(s => past(s.event, s.began, s.change, this.done)));
    this.panel.replaceChildren(...(nodes.length ? nodes : [calm()]));
    if (findings.length) viewerNotice();
  }
}
