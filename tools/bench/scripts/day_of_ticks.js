/* Runs before the page's own scripts, under a clock that the bench turns: the stream and the history are made here,
   so that a day of ticks goes through the page in minutes. Lists and orders still go to the server. */
window.ticks = 0;
/* Every tick goes in; only each so-many-th is drawn, for a tab that nobody looks at draws nothing. Most of a day's work
   is drawing, and what a drawing leaves behind shows in some thousand of them as well. */
window.paintEvery = 1;
window.drawn = 0;
(() => {
  let last = null,
    unseen = false;
  Object.defineProperty(document, 'visibilityState', { get: () => (unseen ? 'hidden' : 'visible') });
  const wave = (at, k) => 1 + 0.5 * Math.sin(at / 300000 + k);
  const scale = metric => (/bytes/.test(metric) ? 3e8 : /ratio/.test(metric) ? 0.2 : 0.6);
  class MadeUp extends EventTarget {
    constructor(address) {
      super();
      const asked = new URL(address, location.href).searchParams.get('metrics');
      this.narrow = asked ? asked.split(',') : null;
      this.timer = setInterval(() => this.tick(), 1000);
    }
    tick() {
      const at = Math.floor(Date.now() / 1000) * 1000;
      if (!last) return;
      const values = (of, k) =>
        Object.fromEntries(
          Object.keys(of)
            .filter(metric => !this.narrow || this.narrow.includes(metric))
            .map(metric => [metric, scale(metric) * wave(at, k)]),
        );
      const snapshot = {
        host: last.host,
        at: new Date(at).toISOString(),
        host_metrics: {},
        containers: Object.fromEntries(last.items.map((c, k) => [c.id, values(c.latest, k)])),
        findings: [],
      };
      unseen = ++window.ticks % window.paintEvery !== 0;
      if (!unseen) window.drawn++;
      this.dispatchEvent(new MessageEvent('snapshot', { data: JSON.stringify(snapshot) }));
      unseen = false;
    }
    close() {
      clearInterval(this.timer);
    }
  }
  window.EventSource = MadeUp;
  const real = window.fetch.bind(window);
  real('/api/v1/containers?limit=5000')
    .then(answer => answer.json())
    .then(({ items }) => {
      last = { host: items[0].host, items };
    });
  window.fetch = async (address, options) => {
    const url = new URL(address, location.href);
    if (!url.pathname.endsWith('/series')) return real(address, options);
    const q = url.searchParams,
      t0 = Number(q.get('since')) || Date.now() - 300000,
      until = Number(q.get('until')) || Date.now(),
      step = parseInt(q.get('step') ?? '2', 10) * 1000,
      ids = q.get('container') ? [q.get('container')] : (last?.items ?? []).map(c => c.id);
    const series = ids.flatMap((container, k) =>
      q
        .get('metrics')
        .split(',')
        .map(metric => ({
          container,
          metric,
          avg: Array.from({ length: Math.ceil((until - t0) / step) }, (_, i) => scale(metric) * wave(t0 + i * step, k)),
        })),
    );
    return new Response(JSON.stringify({ t0, step_ms: step, series }), {
      headers: { 'Content-Type': 'application/json' },
    });
  };
})();
