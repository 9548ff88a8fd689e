/** What steers the charts: range, comparison, pause, from and to, the crosshair, the table and the downloads. */
import { h, setText } from '../lib/dom.js';
import { clock } from '../lib/format.js';
import { t } from '../lib/words.js';
import { download, downloadCsv } from '../lib/download.js';
import { isPaused, pause } from '../lib/shell.js';
import { picture } from './picture.js';

export const RANGES = [
  [300, '5 min'],
  [1800, '30 min'],
  [10800, '3 h'],
  [86400, '24 h'],
  [604800, '7 d'],
  [2592000, '30 d'],
  [63072000, '2 y'],
];
export const BACK = { day: [86400000, 'yesterday'], week: [604800000, 'last week'] };
const $ = selector => document.querySelector(selector);

/** Make them, for one board. */
export function controls(board) {
  const { view } = board,
    box = $('[data-range]');
  for (const [seconds, label] of RANGES)
    box.append(
      h(
        'button',
        {
          type: 'button',
          'data-seconds': seconds,
          'aria-pressed': 'false',
          onclick: () => {
            Object.assign(view, { seconds, fixed: null, since: null, before: [] });
            pause(false);
            board.chosen();
            board.load();
          },
        },
        t(label),
      ),
    );
  const young = h(
    'button',
    {
      type: 'button',
      class: 'button plain',
      hidden: true,
      'data-since-start': '',
      'aria-pressed': 'false',
      onclick: () => {
        view.since = view.since ? null : board.firstAt;
        pause(false);
        board.chosen();
        board.load();
      },
    },
    t('Since start'),
  );
  box.after(young);
  const compare = $('[data-compare]');
  for (const [value, label] of [
    ['', 'nothing'],
    ['day', 'yesterday'],
    ['week', 'last week'],
  ])
    compare.append(h('option', { value, selected: value === view.compare }, t(label)));
  compare.addEventListener('change', () => {
    view.compare = compare.value;
    board.chosen();
    board.load();
  });
  for (const node of document.querySelectorAll('[data-hold], [data-live]'))
    node.addEventListener('click', () => {
      if (!isPaused() && view.fixed) {
        view.fixed = null;
        view.before = [];
        board.chosen();
        board.load();
      }
    });
  absolute(board);
  crosshair(board);
  const table = $('[data-values]'),
    toggle = $('[data-values-toggle]');
  toggle.addEventListener('click', () => {
    table.hidden = !table.hidden;
    toggle.setAttribute('aria-expanded', String(!table.hidden));
    if (!table.hidden) {
      board.drawTable();
      table.scrollIntoView({ block: 'nearest' });
    }
  });
  $('[data-csv]').addEventListener('click', () =>
    downloadCsv(`${board.name()}.csv`, [
      ['time', ...board.metrics],
      ...board.timeline
        .times()
        .map((at, i) => [
          new Date(at).toISOString(),
          ...board.metrics.map(metric => board.timeline.column(metric)[i]),
        ]),
    ]),
  );
  $('[data-png]').addEventListener('click', async () =>
    download(
      `${board.name()}.png`,
      await picture(
        Object.values(board.charts).filter(chart => chart.series?.length),
        `${board.name()}  ${$('[data-span]').textContent}`,
      ),
    ),
  );
  board.chosen();
}

function absolute(board) {
  const button = $('[data-absolute]'),
    form = $('[data-absolute-form]'),
    wrong = $('[data-absolute-wrong]');
  const local = at => {
    const d = new Date(at - new Date(at).getTimezoneOffset() * 60000);
    return d.toISOString().slice(0, 19);
  };
  button.setAttribute('aria-label', t('Choose from and to'));
  button.addEventListener('click', () => {
    form.hidden = !form.hidden;
    button.setAttribute('aria-expanded', String(!form.hidden));
    if (form.hidden) return;
    [form.elements.from.value, form.elements.to.value] = board.range.map(local);
    form.elements.from.focus();
  });
  form.addEventListener('submit', event => {
    event.preventDefault();
    const from = Date.parse(form.elements.from.value),
      to = Date.parse(form.elements.to.value);
    const words =
      Number.isNaN(from) || Number.isNaN(to)
        ? t('Give both times.')
        : to <= from
          ? t('The end must come after the beginning.')
          : from > Date.now()
            ? t('That is in the future.')
            : '';
    setText(wrong, words);
    if (words) return;
    form.hidden = true;
    button.setAttribute('aria-expanded', 'false');
    board.zoom([from, to]);
  });
}

function crosshair(board) {
  const set = at => {
    board.hover = at;
    board.read();
  };
  board.place.addEventListener('pointermove', event => {
    if (event.pointerType === 'touch' && !event.isPrimary) return;
    const { l, r } = board.figures.cpu.layout.margin,
      plot = event.target.closest?.('.plot') ?? board.charts.cpu.plot,
      box = plot.getBoundingClientRect(),
      [from, to] = board.charts.cpu.range ?? board.range;
    const f = (event.clientX - box.left - l) / (box.width - l - r);
    set(f < 0 || f > 1 ? null : from + f * (to - from));
  });
  board.place.addEventListener('pointerleave', () => set(null));
  board.place.addEventListener('keydown', event => {
    if (
      !['ArrowLeft', 'ArrowRight', 'Escape', 'Home', 'End'].includes(event.key) ||
      !event.target.matches('.plot')
    )
      return;
    event.preventDefault();
    const [from, to] = board.range,
      step = board.timeline.step * (event.shiftKey ? 30 : 5);
    if (event.key === 'Escape') {
      set(null);
      return;
    }
    set(
      event.key === 'Home'
        ? from
        : event.key === 'End'
          ? to
          : Math.min(to, Math.max(from, (board.hover ?? to) + (event.key === 'ArrowLeft' ? -step : step))),
    );
    for (const chart of Object.values(board.charts))
      if (chart.plot === event.target) chart.describe(clock(board.hover), board.index);
  });
}
