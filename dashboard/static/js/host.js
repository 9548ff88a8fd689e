/** One host: who uses it, its own figures over time, and what the daemon itself costs. */
import { all, base, get, time } from './lib/api.js';
import { h, fill, setText } from './lib/dom.js';
import { bytes, moment, text } from './lib/format.js';
import { t, tn, lang } from './lib/words.js';
import { counts, follow, isPaused, notice, onFrame, onTheme, ready, watchParts } from './lib/shell.js';
import { Board } from './board/board.js';
import { drawCost } from './host/cost.js';
import { Users } from './host/users.js';

const $ = selector => document.querySelector(selector);
const name = decodeURIComponent(location.pathname.slice(`${base}/hosts/`.length));
const AGAIN_MS = 15000;
let host = null;

function head() {
  setText($('[data-name-of]'), host.name);
  document.title = `${host.name} · wharfinger`;
  setText($('[data-state-of]'), tn(host.containers, '{n} container', '{n} containers'));
  const live = host.latest,
    missing = Object.entries(host.capabilities).filter(([, v]) => v !== 'yes');
  const facts = [
    ['Cores', live.host_cpu_count],
    ['Memory', live.host_memory_total_bytes == null ? null : text(bytes(live.host_memory_total_bytes))],
    ['Load', live.host_load_1m?.toFixed(2)],
    ['cgroup', host.cgroup],
    ['Seen', host.at ? moment(time(host.at), Date.now(), lang) : null],
    ['Containers', h('a', { href: `${base}/?q=${encodeURIComponent(host.name)}` }, t('show'))],
  ];
  fill(
    $('[data-facts]'),
    facts
      .filter(([, v]) => v != null)
      .map(([label, v]) =>
        h('div', {}, h('dt', {}, t(label)), h('dd', {}, v instanceof Node ? v : String(v))),
      ),
  );
  notice(
    'capabilities',
    missing.length
      ? [t('This host does not give everything.'), missing.map(([k, v]) => `${k}: ${v}`).join('; ')]
      : null,
  );
}

watchParts();
counts();
try {
  host = await get(`/hosts/${encodeURIComponent(name)}`);
} catch (error) {
  if (!('status' in error)) throw error;
  setText($('[data-name-of]'), name.slice(0, 80));
  notice('load', [t('There is no such host.'), error.message], {
    kind: 'warning',
    action: [t('Overview'), () => location.assign(`${base}/`)],
  });
  for (const node of document.querySelectorAll('.work, [data-users]')) node.hidden = true;
  ready();
}
if (host) {
  head();
  const stream = follow({});
  stream.on('snapshot', snapshot => {
    if (snapshot.host === host.name) {
      host.latest = { ...host.latest, ...snapshot.host_metrics };
      host.at = snapshot.at;
    }
  });
  onFrame(head);
  const users = new Users(host.name, () => ({
    cpu: host.latest.host_cpu_count,
    memory: host.latest.host_memory_total_bytes,
  }));
  onTheme(() => users.draw());
  /** Names and colours of who runs now, and what we cost; both change slowly. */
  const again = async () => {
    try {
      const [list, now] = await Promise.all([
        all('/containers', { host: host.name, metrics: 'cpu_usage_cores', limit: 5000 }),
        get(`/hosts/${encodeURIComponent(name)}`),
      ]);
      users.known = new Map(list.map(c => [c.id, c]));
      drawCost(now.own_cost);
    } catch (error) {
      if (!('status' in error)) throw error;
    }
  };
  await again();
  setInterval(() => {
    if (document.visibilityState !== 'visible') return;
    again();
    if (!board.view.fixed && !isPaused()) users.load(board.range);
  }, AGAIN_MS);
  /** A host has no anonymous and file memory of its own, and its bounds are what it is made of. */
  const adapt = figures => {
    const bound = figures.memory.data.find(d => d.meta.style === 'limit'),
      area = figures.cpu.data[0];
    figures.memory.data = [
      { ...area, name: 'used', meta: { metric: 'memory_usage_bytes', sign: 1, style: 'area' } },
      { ...bound, name: 'total', meta: { metric: 'host_memory_total_bytes', sign: 1, style: 'limit' } },
    ];
    figures.cpu.data = [
      area,
      { ...bound, name: 'cores', meta: { metric: 'host_cpu_count', sign: 1, style: 'limit' } },
    ];
    return figures;
  };
  let loading = null;
  const board = new Board({
    adapt,
    loaded: range => {
      loading = users.load(range);
    },
    target: { scope: 'host', host: host.name },
    events: { host: host.name },
    name: () => host.name,
    ownColour: () => null,
    values: snapshot => (snapshot.host === host.name ? snapshot.host_metrics : null),
  });
  await board.begin(stream);
  await loading;
  ready();
}
