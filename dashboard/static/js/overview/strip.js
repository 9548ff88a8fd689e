/** Fleet strip: one card a host, worst first. CPU is one bar stacked by the five largest containers and the rest. */
import { containerPage, hostPage } from '../lib/api.js';
import { h, glyph, setText, setClass, setLength, sr } from '../lib/dom.js';
import { bytes, cores, percent, span, text } from '../lib/format.js';
import { t, tn } from '../lib/words.js';
import { colourClass } from '../lib/colour.js';
import { rank, levelOf } from '../lib/findings.js';
import { newest } from '../lib/shell.js';

const LARGEST = 5,
  STALE_S = 3;
const cpuOf = c => c.values.cpu_usage_cores ?? 0;

/** The containers that carry their colour: the five largest of each host by their five-minute mean. */
export function earned(fleet) {
  const out = new Set();
  for (const host of fleet.hosts) for (const c of largest(fleet, host)) out.add(c.id);
  return out;
}
const largest = (fleet, host) =>
  fleet
    .of(host.name)
    .filter(c => cpuOf(c) > 0.001)
    .sort((a, b) => b.cpu.mean - a.cpu.mean || cpuOf(b) - cpuOf(a))
    .slice(0, LARGEST);

function card(host) {
  const segments = Array.from({ length: LARGEST + 1 }, () => h('i', {}));
  const value = () => h('span', { class: 'value' }, h('b', {}), ' ', h('span', {}));
  const fact = name => h('span', { hidden: true, 'data-fact': name }, h('span', {}), h('b', {}));
  const parts = {
    mark: h('span', { class: 'gutter' }),
    spoken: sr(''),
    count: h('span', { class: 'dim' }),
    stale: h('span', { class: 'badge stale', hidden: true }),
    swatch: h('span', { class: 'swatch' }),
    leadName: h('span', {}),
    leadValue: h('b', {}),
    segments,
    cpu: value(),
    memory: value(),
    memoryBar: h('span', { class: 'stack', 'aria-hidden': 'true' }, h('i', {})),
    facts: ['io', 'cpu', 'memory', 'load', 'disk'].map(fact),
  };
  parts.lead = h('a', { class: 'lead', hidden: true }, parts.swatch, parts.leadName, ' ', parts.leadValue);
  parts.node = h(
    'article',
    { class: 'panel host', 'data-host': host.name },
    h(
      'header',
      {},
      parts.mark,
      parts.spoken,
      h('h2', {}, h('a', { href: hostPage(host.name) }, host.name)),
      parts.count,
      parts.stale,
      parts.lead,
    ),
    h(
      'div',
      { class: 'meter' },
      h('span', { class: 'label' }, t('CPU')),
      h('span', { class: 'stack', 'aria-hidden': 'true' }, segments),
      parts.cpu,
    ),
    h('div', { class: 'meter' }, h('span', { class: 'label' }, t('Memory')), parts.memoryBar, parts.memory),
    h('footer', {}, parts.facts),
  );
  return parts;
}

function setFact(node, label, words, level) {
  node.hidden = !words;
  if (!words) return;
  setText(node.firstChild, `${label} `);
  setText(node.lastChild, words);
  setClass(node, level ? `lit ${level === 'bad' ? 'bad' : ''}`.trim() : '');
}

export class Strip {
  #cards = new Map();
  #order = '';
  constructor(place, fleet) {
    Object.assign(this, { place, fleet });
  }

  draw() {
    const { fleet, place } = this;
    for (const host of fleet.hosts) if (!this.#cards.has(host.name)) this.#cards.set(host.name, card(host));
    const order = fleet.hosts.map(x => x.name).join('\n');
    if (order !== this.#order && !place.matches(':hover') && !place.contains(document.activeElement)) {
      this.#order = order;
      place.replaceChildren(...fleet.hosts.map(x => this.#cards.get(x.name).node));
    }
    for (const host of fleet.hosts) this.#fill(host, this.#cards.get(host.name));
  }

  #fill(host, p) {
    const mine = this.fleet.of(host.name),
      live = host.latest ?? {},
      findings = this.fleet.findings.filter(f => f.host === host.name);
    const worst = findings.reduce((a, f) => Math.max(a, rank(f.severity)), 0),
      stale = this.#age(host, p),
      kind = [stale ? 'hold' : 'good', 'info', 'warning', 'critical'][worst];
    if (p.kind !== kind) {
      p.kind = kind;
      p.mark.replaceChildren(glyph(kind));
      setText(p.spoken, worst ? t(kind) : '');
    }
    setText(p.count, tn(mine.filter(c => c.state !== 'gone').length, '{n} container', '{n} containers'));

    const big = largest(this.fleet, host),
      count = live.host_cpu_count,
      sum = mine.reduce((a, c) => a + cpuOf(c), 0),
      used = live.cpu_usage_cores ?? sum;
    const share = v => (count ? Math.max(0, Math.min(1, v / count)) : 0);
    let from = 0;
    p.segments.forEach((node, i) => {
      const c = big[i],
        isRest = i === LARGEST,
        v = share(isRest ? used - big.reduce((a, x) => a + cpuOf(x), 0) : c ? cpuOf(c) : 0);
      node.hidden = !isRest && !c;
      setClass(node, isRest ? 'rest' : c ? colourClass(c) : '');
      setLength(node, v, from);
      from += v;
    });
    p.lead.hidden = !big.length;
    if (big.length) {
      setClass(p.swatch, `swatch ${colourClass(big[0])}`);
      setText(p.leadName, big[0].name);
      setText(p.leadValue, cores(cpuOf(big[0]))[0]);
      p.lead.href = containerPage(big[0].id);
    }
    setText(p.cpu.firstChild, cores(used)[0]);
    setText(p.cpu.lastChild, count ? t('of {n} cores', { n: count }) : '');
    const total = live.host_memory_total_bytes,
      memory =
        live.memory_usage_bytes ??
        (total != null && live.host_memory_available_bytes != null
          ? total - live.host_memory_available_bytes
          : null);
    const [n, unit] = bytes(memory),
      whole = bytes(total);
    setText(p.memory.firstChild, whole[1] === unit ? n : text([n, unit]));
    setText(p.memory.lastChild, total ? t('of {n}', { n: text(whole).replace(/\.0+(?=\u202f)/, '') }) : '');
    setLength(p.memoryBar.firstChild, total && memory != null ? memory / total : 0);

    const own = findings.filter(f => !f.container_id),
      lit = metric => {
        const f = own.find(x => x.evidence.some(e => e.metric.startsWith(metric) && e.threshold != null));
        return f ? levelOf(f.severity) : '';
      };
    p.memoryBar.dataset.level = lit('host_memory') || lit('memory_usage');
    ['io', 'cpu', 'memory'].forEach((kind, i) =>
      setFact(
        p.facts[i],
        i === 0 ? t('pressure io') : t(kind),
        live[`${kind}_pressure_some_ratio`] == null ? '' : text(percent(live[`${kind}_pressure_some_ratio`])),
        lit(`${kind}_pressure`),
      ),
    );
    setFact(
      p.facts[3],
      t('load'),
      live.host_load_1m == null ? '' : live.host_load_1m.toFixed(1),
      lit('host_load'),
    );
    const disks = Object.entries(live)
      .filter(([k, v]) => k.startsWith('host_disk_used_ratio') && v != null)
      .sort((a, b) => b[1] - a[1]);
    setFact(
      p.facts[4],
      disks.length ? t('disk {mount}', { mount: /\{(.*)\}/.exec(disks[0][0])?.[1] ?? '/' }) : '',
      disks.length ? text(percent(disks[0][1])) : '',
      lit('host_disk'),
    );
  }

  /** No tick for 3 s: the age on the badge, figures grey, never removed. */
  #age(host, p) {
    const last = host.liveAt ?? (host.at ? Date.parse(host.at) : null),
      reference = host.state === 'remote' ? newest() : Date.now() + (host.skew ?? 0);
    const age = last == null ? null : (reference - last) / 1000,
      stale = host.state === 'away' || (age != null && age > (host.state === 'remote' ? 30 : STALE_S + 2));
    p.stale.hidden = !stale;
    if (stale) setText(p.stale, age == null ? t('never seen') : t('stale {t}', { t: span(age) }));
    p.node.classList.toggle('is-stale', stale);
    return stale;
  }
}
