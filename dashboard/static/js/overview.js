/** The overview: what is wrong and with whom. Strip, bottlenecks, live table. */
import { h, setText } from './lib/dom.js';
import { agentAway } from './lib/notices.js';
import { t, tn } from './lib/words.js';
import { Fleet, METRICS } from './lib/fleet.js';
import {
  countAlerts,
  countFindings,
  follow,
  notice,
  onFrame,
  onTheme,
  ready,
  viewerNotice,
  watchParts,
} from './lib/shell.js';
import { Strip, earned } from './overview/strip.js';
import { Band } from './overview/band.js';
import { FleetTable } from './overview/table.js';
import { isDown } from './overview/rows.js';
import { capabilities, emptyState } from './overview/states.js';
import { cpuLimit, memoryLimit } from './overview/columns.js';

const $ = selector => document.querySelector(selector);
const query = new URLSearchParams(location.search);
const fleet = new Fleet();
const state = {
  sort: query.get('sort') ?? 'worst',
  up: query.get('up') === '1',
  group: query.get('group') ?? 'group',
  show: query.get('show') ?? 'all',
  text: query.get('q') ?? '',
  shut: new Set(),
  changed: keepAddress,
};
fleet.everything = state.show === 'down';

const SHOW = {
  all: ['All', c => state.show === 'down' || !isDown(c)],
  trouble: ['With findings', c => c.findings.length > 0],
  near: [
    'Near a limit',
    c =>
      (c.values.cpu_usage_cores ?? 0) / (cpuLimit(c) ?? Infinity) > 0.9 ||
      (c.values.memory_working_set_bytes ?? 0) / (memoryLimit(c) ?? Infinity) > 0.8,
  ],
  down: ['Not running', isDown],
};
const GROUP = { group: 'Project', service: 'Service', host: 'Host', none: 'None' };
if (!SHOW[state.show]) state.show = 'all';
if (!GROUP[state.group]) state.group = 'group';

let tints = new Set();
const strip = new Strip($('[data-strip]'), fleet),
  band = new Band($('[data-band]'), {
    done: () => {
      fleet.loadFindings();
      fleet.soon();
    },
  });
const table = new FleetTable($('[data-table]'), fleet, state, {
  matches: c =>
    SHOW[state.show][1](c) &&
    (!state.text ||
      state.text
        .toLowerCase()
        .split(/\s+/)
        .every(word => c.text.includes(word))),
  colour: () => tints,
});

/** Filter, sort and group live in the address, so that it can be shared. */
function keepAddress() {
  const url = new URL(location.href),
    put = (key, value, standard) => {
      if (value === standard) url.searchParams.delete(key);
      else url.searchParams.set(key, value);
    };
  put('q', state.text, '');
  put('sort', state.sort, 'worst');
  put('up', state.up ? '1' : '', '');
  put('group', state.group, 'group');
  put('show', state.show, 'all');
  history.replaceState(null, '', url);
}

/* ── toolbar ───────────────────────────────────────────────────────────────── */
const filter = $('#filter'),
  sorter = $('#sort');
filter.value = state.text;
filter.placeholder = t('Filter by name, image, project or host');
filter.addEventListener('input', () => {
  state.text = filter.value.trim();
  lay();
  keepAddress();
});
for (const [key, label] of [
  ['worst', 'Worst first'],
  ['cpu', 'CPU'],
  ['cpuShare', 'CPU of limit'],
  ['mem', 'Memory'],
  ['memShare', 'Memory of limit'],
  ['name', 'Name'],
])
  sorter.append(h('option', { value: key, selected: key === state.sort }, t(label)));
sorter.addEventListener('change', () => {
  state.sort = sorter.value;
  state.up = state.sort === 'name';
  lay();
  keepAddress();
});

function segments(place, options, key, after = () => {}) {
  for (const [value, label] of Object.entries(options))
    place.append(
      h(
        'button',
        {
          type: 'button',
          'data-value': value,
          'aria-pressed': String(state[key] === value),
          onclick: async event => {
            state[key] = value;
            for (const button of place.children)
              button.setAttribute('aria-pressed', String(button === event.currentTarget));
            keepAddress();
            await after(value);
            lay();
          },
        },
        t(label),
        h('span', { class: 'dim' }),
      ),
    );
}
segments(
  $('[data-show]'),
  Object.fromEntries(Object.entries(SHOW).map(([k, [label]]) => [k, label])),
  'show',
  async value => {
    if (value === 'down' && !fleet.everything) {
      fleet.everything = true;
      await fleet.load();
    }
  },
);
segments($('[data-group]'), GROUP, 'group');
function clear() {
  filter.value = state.text = '';
  lay();
  keepAddress();
}
$('[data-clear]').addEventListener('click', () => {
  clear();
  filter.focus();
});

document.addEventListener('keydown', event => {
  if (document.querySelector('dialog[open]')) return;
  const typing = event.target.matches('input, select, textarea');
  if (event.key === '/' && !typing) {
    event.preventDefault();
    filter.focus();
  } else if (event.key === 'Escape' && event.target === filter) {
    clear();
    filter.blur();
  } else if (
    !typing &&
    !event.ctrlKey &&
    !event.metaKey &&
    ['ArrowDown', 'ArrowUp', 'j', 'k'].includes(event.key)
  ) {
    if (event.key.startsWith('Arrow') && !$('[data-table]').contains(document.activeElement)) return; // the page scrolls
    if (table.step(event.key === 'ArrowDown' || event.key === 'j' ? 1 : -1)) event.preventDefault();
  }
});

/* ── drawing ───────────────────────────────────────────────────────────────── */
function counts() {
  const list = [...fleet.containers.values()];
  for (const button of $('[data-show]').children) {
    const key = button.dataset.value,
      n = key === 'all' ? list.filter(c => !isDown(c)).length : list.filter(SHOW[key][1]).length;
    setText(button.lastChild, key === 'down' && !fleet.everything ? '' : ` ${n}`);
  }
  setText($('[data-matches]'), state.text ? tn(table.shown, '{n} matches', '{n} match') : '');
  const none = fleet.loaded && !list.some(c => !isDown(c)) && state.show === 'all' && !state.text;
  $('[data-nothing]').hidden = none || table.shown > 0 || !fleet.loaded;
  const empty = $('[data-empty]');
  $('[data-table]').hidden = none;
  empty.hidden = !none;
  if (none && !empty.hasChildNodes())
    emptyState(empty, fleet, () => $('[data-show] [data-value="down"]').click());
}
function lay() {
  table.layout();
  counts();
}
function reorder() {
  table.layout({ keep: table.held });
  counts();
}

fleet.changed = () => {
  tints = earned(fleet);
  strip.draw();
  reorder();
  capabilities(fleet);
};
fleet.findingsChanged = () => {
  band.set(fleet.findings);
  countFindings(fleet.findings.length);
  strip.draw();
  table.fill();
  counts();
};
onTheme(() => {
  table.redraw();
  band.redraw();
});

const tableNode = $('[data-table]');
setInterval(
  () => tableNode.classList.toggle('is-stale', agentAway()),
  1000,
);

const STILL_MS = 1500;
let ordered = 0,
  drawn = 0;
onFrame(at => {
  drawn = performance.now();
  strip.draw();
  band.tick(at);
  if (at - ordered >= 5000 && !table.held) {
    ordered = at;
    tints = earned(fleet);
    lay();
  } else table.fill();
});
setInterval(() => {
  if (performance.now() - drawn > STILL_MS) strip.draw(); // ages go on where ticks do not
}, 1000);

viewerNotice();
watchParts();
countAlerts();
try {
  await Promise.all([fleet.load(), fleet.loadFindings()]);
} catch (error) {
  if (!('status' in error)) throw error;
  notice('load', [t('The list of containers is not to be had now.'), error.message], {
    kind: 'warning',
    action: [t('Try now'), () => location.reload()],
  });
}
fleet.changed();
lay();
fleet.follow(follow({ metrics: METRICS })); // after the lists: its first tick says the same at greater length
ready();
await fleet.loadTrends();
tints = earned(fleet);
table.fill();
strip.draw();
document.title = t('Overview') + ' · wharfinger';
