/** One service over its replicas and recreates. */
import { base, containerPage, get, time } from './lib/api.js';
import { h, fill, figure, setText } from './lib/dom.js';
import { bytes, cores, moment } from './lib/format.js';
import { t, tn, lang } from './lib/words.js';
import { colourClass } from './lib/colour.js';
import { counts, follow, notice, onFrame, ready, watchParts } from './lib/shell.js';
import { Board } from './board/board.js';

const $ = selector => document.querySelector(selector);
const name = decodeURIComponent(location.pathname.slice(`${base}/services/`.length));
let service = null;

function draw() {
  setText($('[data-name-of]'), service.name);
  document.title = `${service.name} · wharfinger`;
  setText($('[data-state-of]'), tn(service.replicas.length, '{n} replica', '{n} replicas'));
  const facts = [
    ['Image', service.images.join(', ')],
    ['Group', service.groups.join(', ')],
    ['Host', service.host],
  ];
  fill(
    $('[data-facts]'),
    facts.filter(([, v]) => v).map(([label, v]) => h('div', {}, h('dt', {}, t(label)), h('dd', {}, v))),
  );
  const first = service.replicas[0] ?? service.gone[0];
  if (first)
    for (const node of document.querySelectorAll('[data-own-colour], [data-tint]'))
      node.className = `${node.className.replace(/\bc\d\b|\btone\b/g, '').trim()} ${colourClass(first)}`;
  fill(
    $('[data-replicas]'),
    [...service.replicas, ...service.gone].map(c =>
      h(
        'tr',
        { class: 'row', 'data-container-id': c.id, 'data-name': c.name },
        h('th', { scope: 'row', class: 'start' }, h('a', { href: containerPage(c.id) }, c.name)),
        h('td', { class: 'start' }, t(c.state)),
        h(
          'td',
          { 'data-metric': 'cpu_usage_cores' },
          figure(c.state === 'gone' ? ['', ''] : cores(c.latest.cpu_usage_cores), 'bare'),
        ),
        h(
          'td',
          { 'data-metric': 'memory_working_set_bytes' },
          figure(bytes(c.latest.memory_working_set_bytes)),
        ),
        h('td', { class: 'start fam' }, moment(time(c.at), Date.now(), lang)),
      ),
    ),
  );
}

watchParts();
counts();
try {
  service = await get(`/services/${encodeURIComponent(name)}`);
} catch (error) {
  if (!('status' in error)) throw error;
  setText($('[data-name-of]'), name.slice(0, 80));
  notice('load', [t('There is no such service.'), error.message], {
    kind: 'warning',
    action: [t('Overview'), () => location.assign(`${base}/`)],
  });
  $('.work').hidden = true;
  ready();
}
if (service) {
  draw();
  const stream = follow({});
  stream.on('snapshot', snapshot => {
    for (const c of service.replicas) {
      const v = snapshot.containers[c.id];
      if (v) {
        c.latest = v;
        c.at = snapshot.at;
      }
    }
  });
  stream.on('event', async () => {
    try {
      service = await get(`/services/${encodeURIComponent(name)}`);
      draw();
    } catch (error) {
      if (!('status' in error)) throw error;
    }
  });
  onFrame(draw);
  const probe = () => getComputedStyle($('[data-own-colour]')).backgroundColor;
  const hex = () => {
    const c = document.createElement('canvas').getContext('2d');
    c.fillStyle = probe();
    c.fillRect(0, 0, 1, 1);
    return `#${[...c.getImageData(0, 0, 1, 1).data.slice(0, 3)].map(v => v.toString(16).padStart(2, '0')).join('')}`;
  };
  /** Live seconds of all replicas together: what adds up is added, ratios take the largest. */
  const together = snapshot => {
    const out = {};
    for (const c of service.replicas)
      for (const [k, v] of Object.entries(snapshot.containers[c.id] ?? {}))
        if (v != null) out[k] = k.endsWith('_ratio') ? Math.max(out[k] ?? 0, v) : (out[k] ?? 0) + v;
    return Object.keys(out).length ? out : null;
  };
  await new Board({
    target: { service: service.name, host: service.host },
    events: { host: service.host },
    about: event =>
      event.service === service.name ||
      [...service.replicas, ...service.gone].some(c => c.id === event.container_id),
    name: () => service.name,
    ownColour: hex,
    values: together,
  }).begin(stream);
  ready();
}
