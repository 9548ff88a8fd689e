/**
 * The live stream (SSE), one for all tabs where there are shared workers (streams.js), else one a page. It reconnects on its own with growing patience, tells its state, and lets go of
 * the connection while nobody looks: a hidden tab draws nothing and takes no place from another.
 *
 * States: `waiting` (never heard), `live`, `lost` (had it, lost it). Listeners: `snapshot alert change event state resume`.
 */
import { API } from './api.js';

const TOPICS = ['snapshot', 'alert', 'change', 'event'];
const SILENCE_MS = 6000,
  HIDDEN_MS = 30000,
  PATIENCE_MS = [1000, 2000, 4000, 8000, 15000];

/** The tabs' common stream in the form of an EventSource. */
class Shared extends EventTarget {
  #port;
  onerror = null;
  /** `broken`: called where the worker itself cannot run. */
  constructor(wish, broken) {
    super();
    const worker = new SharedWorker(new URL('./streams.js', import.meta.url), { name: 'wharfinger' });
    worker.onerror = () => {
      broken();
      this.onerror?.();
    };
    this.#port = worker.port;
    this.#port.onmessage = ({ data: { topic, data, error } }) => {
      if (error) this.onerror?.();
      else this.dispatchEvent(new MessageEvent(topic, { data }));
    };
    this.#port.postMessage({ open: wish });
  }
  close() {
    this.#port.onmessage = null;
    this.#port.postMessage({ close: true });
    this.#port.close();
  }
}

export class Stream {
  #source = null;
  #listeners = new Map();
  #tries = 0;
  #timer = null;
  #hiddenTimer = null;
  #watch = null;
  #address;
  #wish;
  #alone = !('SharedWorker' in globalThis);

  constructor({ topics = TOPICS, metrics = null, host = null } = {}) {
    const parameters = new URLSearchParams({ topics: topics.join(',') });
    if (metrics) parameters.set('metrics', metrics.join(','));
    if (host) parameters.set('host', host);
    this.#address = `${API}/stream?${parameters}`;
    this.#wish = { api: new URL(API, location.href).href, topics, metrics, host };
    this.state = 'waiting';
    this.heardAt = null;
    this.retryAt = null;
    document.addEventListener('visibilitychange', () => this.#visibility());
    addEventListener('pagehide', () => this.#drop());
    addEventListener('pageshow', event => {
      if (event.persisted) this.#again();
    });
  }

  on(topic, listener) {
    if (!this.#listeners.has(topic)) this.#listeners.set(topic, new Set());
    this.#listeners.get(topic).add(listener);
    return this;
  }

  open() {
    this.#connect();
    this.#watch ??= setInterval(() => {
      if (this.state === 'live' && performance.now() - this.heardAt > SILENCE_MS) this.#become('lost');
    }, 1000);
    return this;
  }

  /** Try now, whatever the patience says. */
  now() {
    this.#tries = 0;
    this.#again();
  }

  #tell(topic, value) {
    for (const listener of this.#listeners.get(topic) ?? []) listener(value);
  }

  #become(state) {
    if (this.state === state) return;
    const before = this.state;
    this.state = state;
    this.#tell('state', state);
    if (state === 'live' && before === 'lost') this.#tell('resume', null);
  }

  #connect() {
    const source = (this.#source = this.#alone
      ? new EventSource(this.#address, { withCredentials: false })
      : new Shared(this.#wish, () => (this.#alone = true)));
    for (const topic of TOPICS)
      source.addEventListener(topic, event => {
        this.heardAt = performance.now();
        this.#tries = 0;
        this.retryAt = null;
        if (topic === 'snapshot') this.#become('live');
        this.#tell(topic, JSON.parse(event.data));
      });
    source.onerror = () => {
      if (this.#source === source) this.#retry();
    };
  }

  #retry() {
    this.#drop();
    if (this.state === 'live') this.#become('lost');
    const wait = PATIENCE_MS[Math.min(this.#tries++, PATIENCE_MS.length - 1)];
    this.retryAt = performance.now() + wait;
    this.#tell('state', this.state);
    this.#timer = setTimeout(() => this.#again(), wait);
  }

  #drop() {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = null;
  }
  #again() {
    this.#drop();
    this.retryAt = null;
    this.#connect();
  }

  #visibility() {
    clearTimeout(this.#hiddenTimer);
    if (document.visibilityState === 'hidden')
      this.#hiddenTimer = setTimeout(() => {
        this.#drop();
        if (this.state === 'live') this.state = 'lost';
      }, HIDDEN_MS);
    else if (!this.#source && !this.retryAt) this.#again();
  }
}
