/** Bottlenecks, worst first: mark · name · evidence · sentence and deed · age · buttons. At most four on the overview. */
import { base, containerPage, get, hostPage, time } from '../lib/api.js';
import { h, glyph, setText, sr } from '../lib/dom.js';
import { spark, watch, unwatch, redraw } from '../lib/spark.js';
import { t, tn } from '../lib/words.js';
import { advice, age, buttons, deed, deedMark, levelOf, pictured, sentence } from '../lib/findings.js';
import { agentAway } from '../lib/notices.js';
import { now } from '../lib/shell.js';

const LEAST_MS = 15 * 60000,
  POINTS = 112,
  REFRESH_MS = 10000;

/** One finding as a list item that can be brought up to date in place. */
export class Line {
  constructor(finding, done) {
    this.picture = h('canvas', { 'aria-hidden': 'true' });
    this.words = h('p', {});
    this.did = h('p', { class: 'did' });
    this.since = h('span', { class: 'since' });
    this.acts = h('div', { class: 'acts' });
    this.history = null;
    this.askedAt = -Infinity;
    this.done = done;
    const link = finding.container_id ? containerPage(finding.container_id) : hostPage(finding.host);
    this.gutter = h('span', { class: 'gutter' });
    this.node = h(
      'li',
      { class: 'finding', 'data-finding': finding.id, 'data-detector': finding.detector },
      this.gutter,
      h(
        'div',
        { class: 'who' },
        h('a', { href: link }, finding.name || finding.host),
        h('span', {}, finding.host),
      ),
      this.picture,
      h('div', { class: 'what' }, this.words, this.did),
      this.since,
      this.acts,
    );
    watch(this.picture, () => this.#draw());
    this.update(finding);
  }

  update(finding) {
    this.finding = finding;
    setText(this.words, sentence(finding));
    // Where no limit is the cause, what to do says more than that nothing was done.
    const did = finding.change_id || finding.knob ? deed(finding) : null,
      words = did ?? advice(finding) ?? deed(finding),
      signature = `${words}|${finding.change_id}`;
    if (this.deedSignature !== signature) {
      this.deedSignature = signature;
      this.did.replaceChildren(
        ...(words ? [did ? glyph(deedMark(finding), 11) : '', words] : []),
      );
    }
    const does = `${finding.knob}|${finding.proposed}|${finding.change_id}`;
    if (this.actSignature !== does && !this.acts.contains(document.activeElement)) {
      this.actSignature = does;
      this.acts.replaceChildren(...buttons(finding, { done: this.done }));
    }
    if (this.severity !== finding.severity) {
      this.severity = finding.severity;
      this.gutter.replaceChildren(glyph(finding.severity, 15), sr(t(finding.severity)));
    }
  }

  tick(nowMs) {
    setText(this.since, t('for {t}', { t: age(this.finding, nowMs) }));
    if (performance.now() - this.askedAt > REFRESH_MS) this.#ask(nowMs);
  }

  /** Evidence covers the finding's own time, 15 minutes at least, with the limit as it was then. */
  async #ask(nowMs) {
    this.askedAt = performance.now();
    const f = this.finding,
      what = pictured(f);
    if (!what || !f.container_id) return;
    const since = Math.min(time(f.since) - 60000, nowMs - LEAST_MS);
    try {
      const answer = await get('/series', {
        metrics: [what.metric, what.limit].filter(Boolean).join(),
        container: f.container_id,
        host: f.host,
        since,
        points: POINTS,
        agg: 'avg',
      });
      const column = metric => answer.series.find(s => s.metric === metric)?.avg;
      this.history = {
        values: column(what.metric) ?? [],
        limit: what.limit ? column(what.limit) : null,
        memory: what.metric.startsWith('memory'),
      };
      redraw(this.picture);
    } catch (error) {
      if (!('status' in error)) throw error;
    } // no picture is no reason to say less
  }

  #draw() {
    if (!this.history?.values.length) return;
    const { values, limit, memory } = this.history,
      top = Math.max(...(limit ?? []).filter(v => v != null), 0);
    spark(this.picture, values, {
      level: levelOf(this.finding.severity),
      limit,
      from: memory ? null : 0,
      least: memory ? top * 0.06 || 16e6 : 0.02,
    });
  }

  remove() {
    unwatch(this.picture);
    this.node.remove();
  }
}

export class Band {
  #lines = new Map();
  #first = true;
  count = null;
  constructor(panel, { most = 4, done = () => {} } = {}) {
    Object.assign(this, {
      panel,
      most,
      done,
      list: panel.querySelector('ol'),
      title: panel.querySelector('h2'),
      more: panel.querySelector('header a'),
    });
    this.announce = h('div', { class: 'sr', role: 'status' });
    panel.append(this.announce);
    setInterval(() => this.#say(), 1000);
  }

  /** Findings worst first. Only what is new is spoken. */
  set(findings) {
    const shown = findings.slice(0, this.most),
      ids = new Set(shown.map(f => f.id));
    this.count = findings.length;
    if (this.more) {
      this.more.hidden = findings.length <= this.most;
      setText(this.more, t('Show all {n}', { n: findings.length }));
      this.more.href = `${base}/bottlenecks`;
    }
    for (const [id, line] of this.#lines)
      if (!ids.has(id)) {
        line.remove();
        this.#lines.delete(id);
      }
    const fresh = [];
    shown.forEach((f, i) => {
      let line = this.#lines.get(f.id);
      if (!line) {
        line = new Line(f, this.done);
        this.#lines.set(f.id, line);
        fresh.push(f);
      } else line.update(f);
      if (this.list.children[i] !== line.node)
        this.list.insertBefore(line.node, this.list.children[i] ?? null);
    });
    if (!this.#first && fresh.length)
      this.announce.textContent = fresh.map(f => `${f.name}: ${sentence(f)}`).join(' ');
    this.#first = false;
    this.#say();
    this.tick(now());
  }

  /** The title, and a line where there is nothing: nothing found, or nobody there who would find it. */
  #say() {
    if (this.count == null) return;
    const away = !this.count && agentAway(),
      words = this.count
        ? ''
        : away
          ? t('Not known while the agent is away.')
          : t('Nothing is held back by a limit or a neighbour.');
    setText(
      this.title,
      this.count
        ? tn(this.count, '{n} bottleneck', '{n} bottlenecks, worst first')
        : away
          ? t('Bottlenecks')
          : t('No bottleneck'),
    );
    if (words === this.said) return;
    this.said = words;
    this.calmLine?.remove();
    this.calmLine = h('p', { class: 'calm-line' }, glyph(away ? 'hold' : 'good'), h('span', {}, words));
    if (words) this.panel.append(this.calmLine);
  }

  /** Ages go on. */
  tick(nowMs) {
    for (const line of this.#lines.values()) line.tick(nowMs);
  }
  redraw() {
    for (const line of this.#lines.values()) redraw(line.picture);
  }
}
