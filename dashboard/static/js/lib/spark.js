/** Sparklines on canvas: one line, no axis. Drawn only while on screen. */
const token = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
let inks = null;
const colours = () =>
  (inks ??= { quiet: token('--spark'), warn: token('--warn'), bad: token('--bad'), limit: token('--ink-3') });
document.documentElement.addEventListener('themechange', () => {
  inks = null;
});

/** Lowest and highest value shown. `from`: 0 for a share of a whole, null for its own range; `least`: smallest span, so that noise stays flat. */
function extent(values, { from, least, lid }) {
  let low = from ?? Infinity,
    high = -Infinity;
  for (const v of values) {
    if (v == null) continue;
    if (v > high) high = v;
    if (from == null && v < low) low = v;
  }
  if (high === -Infinity) return null;
  if (lid != null && high > lid * 0.55) high = Math.max(high, lid * 1.02);
  if (high - low < least) {
    if (from == null) {
      const middle = (high + low) / 2;
      high = middle + least / 2;
      low = middle - least / 2;
    } else high = low + least;
  }
  return high > low ? [low, high] : [low, low + 1];
}

/** Mean of the values that fall on each pixel column; null keeps a gap a gap. */
function columns(values, most) {
  const n = values.length,
    k = Math.max(2, Math.min(n, most)),
    out = new Array(k);
  for (let i = 0; i < k; i++) {
    let sum = 0,
      seen = 0;
    for (
      let j = Math.floor((i * n) / k);
      j < Math.max(Math.floor(((i + 1) * n) / k), Math.floor((i * n) / k) + 1);
      j++
    )
      if (values[j] != null) {
        sum += values[j];
        seen++;
      }
    out[i] = seen ? sum / seen : null;
  }
  return out;
}

/** Asked once: to ask again after each row was written would lay the whole table out each time. */
let sizes = new WeakMap();
addEventListener('resize', () => {
  sizes = new WeakMap();
});
function sizeOf(canvas) {
  const kept = sizes.get(canvas);
  if (kept) return kept;
  const size = [canvas.clientWidth, canvas.clientHeight];
  if (size[0]) sizes.set(canvas, size);
  return size;
}

/** Draw `values`; `limit` (a number, or a list as long) as a dotted lid where it is near; `level` `warn` or `bad` lights it up. */
export function spark(canvas, values, { level = '', least = 0, from = 0, limit = null } = {}) {
  const ratio = devicePixelRatio || 1,
    [width, height] = sizeOf(canvas);
  if (!width) return;
  if (canvas.width !== Math.round(width * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const c = canvas.getContext('2d'),
    ink = colours();
  c.setTransform(ratio, 0, 0, ratio, 0, 0);
  c.clearRect(0, 0, width, height);
  const lids = limit == null ? [] : Array.isArray(limit) ? limit : [limit, limit],
    known = lids.filter(v => v != null);
  const lid = known.length ? Math.max(...known) : null,
    range = extent(values, { from, least, lid });
  if (!range) return;
  const [low, high] = range,
    top = 2.5,
    floor = height - 2,
    right = width - 3;
  const y = v => floor - ((v - low) / (high - low)) * (floor - top);
  if (lid != null && lid <= high * 1.001) {
    c.strokeStyle = ink.limit;
    c.lineWidth = 1;
    c.setLineDash([2, 2]);
    c.beginPath();
    lids.forEach((v, i) => {
      if (v == null) return;
      const x = (i / Math.max(1, lids.length - 1)) * right,
        before = i ? lids[i - 1] : null;
      if (before != null && v !== before) c.lineTo(x, Math.round(y(before)) - 0.5);
      c[before == null ? 'moveTo' : 'lineTo'](x, Math.round(y(v)) - 0.5);
    });
    c.stroke();
    c.setLineDash([]);
  }
  const points = columns(values, Math.floor(right)),
    x = i => (i / (points.length - 1)) * right + 0.5;
  c.beginPath();
  let open = false;
  points.forEach((v, i) => {
    if (v == null) {
      open = false;
      return;
    }
    c[open ? 'lineTo' : 'moveTo'](x(i), y(v));
    open = true;
  });
  c.strokeStyle = ink[level] ?? ink.quiet;
  c.lineWidth = level ? 1.4 : 1.1;
  c.lineJoin = 'round';
  c.stroke();
  const last = points.length - 1;
  if (points[last] == null) return;
  if (level) {
    const first = points.findIndex(v => v != null);
    c.lineTo(x(last), floor + 1);
    c.lineTo(x(first), floor + 1);
    c.closePath();
    c.globalAlpha = 0.12;
    c.fillStyle = ink[level];
    c.fill();
    c.globalAlpha = 1;
  }
  c.beginPath();
  c.arc(x(last), y(points[last]), level ? 2 : 1.6, 0, 7);
  c.fillStyle = ink[level] ?? ink.quiet;
  c.fill();
}

/** `watch` draws a canvas when it comes near the screen; `visible` says whether it is worth drawing now. */
const near = new WeakSet(),
  draws = new WeakMap();
const observer = new IntersectionObserver(
  entries => {
    for (const entry of entries) {
      if (entry.isIntersecting) {
        const { width, height } = entry.boundingClientRect;
        if (width) sizes.set(entry.target, [width, height]);
        near.add(entry.target);
        draws.get(entry.target)?.();
      } else near.delete(entry.target);
    }
  },
  { rootMargin: '120px' },
);
export function watch(canvas, draw) {
  draws.set(canvas, draw);
  observer.observe(canvas);
}
export function unwatch(canvas) {
  observer.unobserve(canvas);
  draws.delete(canvas);
  near.delete(canvas);
}
export const visible = canvas => near.has(canvas);
export const redraw = canvas => {
  if (near.has(canvas)) draws.get(canvas)?.();
};
