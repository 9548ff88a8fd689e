/**
 * Every host and container as the pages know them: lists by REST, figures by the stream, five-minute trends from the
 * store. Lists are asked for again when something new is seen, when a change or event is told, and every 15 s.
 */
import { all, get, time } from './api.js';
import { Trend } from './trend.js';
import { byRank, lights, rank } from './findings.js';

/** What the overview needs of each container and host; the stream is narrowed to it. */
export const METRICS = [
  'cpu_usage_cores',
  'cpu_limit_cores',
  'cpu_usage_of_limit_ratio',
  'cpu_throttled_periods_ratio',
  'memory_working_set_bytes',
  'memory_limit_bytes',
  'memory_working_set_of_limit_ratio',
  'cpu_pressure_some_ratio',
  'memory_pressure_some_ratio',
  'io_pressure_some_ratio',
  'io_read_bytes_per_second',
  'io_write_bytes_per_second',
  'network_receive_bytes_per_second',
  'network_transmit_bytes_per_second',
  'memory_usage_bytes',
  'host_cpu_count',
  'host_load_1m',
  'host_memory_total_bytes',
  'host_memory_available_bytes',
];
const TRENDS = { cpu_usage_cores: 'cpu', memory_working_set_bytes: 'memory' };
const AGAIN_MS = 15000,
  SOON_MS = 300,
  MISSING_MS = 900;

export class Fleet {
  constructor() {
    this.hosts = [];
    this.containers = new Map();
    this.findings = [];
    this.everything = false; // the gone ones too
    this.loaded = false;
    this.changed = () => {}; // called when lists changed: lay out anew
    this.findingsChanged = () => {};
    this.#later = null;
  }
  #later;
  #loadedAt = 0;
  #findingIds = '';
  #busy = false;
  #taken = 0;
  #again = false;

  async load() {
    const [hosts, items] = await Promise.all([
      all('/hosts'),
      all('/containers', {
        state: this.everything ? 'all' : 'running',
        limit: 5000,
        metrics: METRICS.filter(name => !name.startsWith('host_')).join(),
      }),
    ]);
    this.hosts = hosts;
    this.#loadedAt = performance.now();
    const seen = new Set();
    for (const item of items) {
      seen.add(item.id);
      this.#take(item);
    }
    for (const id of this.containers.keys()) if (!seen.has(id)) this.containers.delete(id);
    this.loaded = true;
    this.#attach();
  }

  #take(item) {
    const old = this.containers.get(item.id);
    const phase = (this.#taken++ % 4) * 1000,
      c = old ?? { findings: [], lights: {}, cpu: new Trend(phase), memory: new Trend(phase + 2000), fresh: true };
    const keepValues = old && old.liveAt && old.liveAt >= (time(item.at) ?? 0);
    Object.assign(c, {
      id: item.id,
      name: item.name,
      image: item.image,
      runtime: item.runtime,
      group: item.group,
      service: item.service ?? item.name,
      host: item.host,
      state: item.state,
      policy: item.policy,
      limits: item.limits,
    });
    if (!keepValues) c.values = item.latest;
    if (item.state === 'gone' || item.state === 'exited' || item.state === 'removed')
      c.values = { ...c.values, cpu_usage_cores: undefined, cpu_usage_of_limit_ratio: undefined };
    c.text =
      `${c.name} ${c.image ?? ''} ${c.group ?? ''} ${c.service ?? ''} ${c.host} ${c.policy?.mode ?? ''} ${c.id.slice(0, 12)}`.toLowerCase();
    this.containers.set(c.id, c);
  }

  async loadFindings() {
    let found = [];
    try {
      found = (await get('/findings')).items;
    } catch (error) {
      if (error.status !== 503) return;
    }
    this.findings = found.sort(byRank);
    this.#findingIds = found
      .map(f => f.id)
      .sort()
      .join();
    this.#attach();
    this.findingsChanged();
  }

  #attach() {
    for (const c of this.containers.values())
      if (c.findings.length) {
        c.findings = [];
        c.lights = {};
      }
    for (const f of this.findings) this.containers.get(f.container_id)?.findings.push(f);
    for (const c of this.containers.values()) if (c.findings.length) c.lights = lights(c.findings);
  }

  /** Five minutes of CPU and memory of everybody, host by host; a store that cannot answer leaves the trends empty. */
  async loadTrends() {
    await Promise.all(
      this.hosts.map(async host => {
        let answer;
        try {
          answer = await get('/series', {
            metrics: Object.keys(TRENDS).join(),
            host: host.own ? null : host.name,
            since: '-5m',
            step: '4s',
            agg: 'avg',
          });
        } catch {
          return;
        }
        const end = Date.now();
        for (const column of answer.series) {
          const c = this.containers.get(column.container);
          if (c) c[TRENDS[column.metric]].load(answer.t0, answer.step_ms, column.avg, end);
        }
      }),
    );
  }

  /** One tick of one host. */
  apply(snapshot) {
    const at = time(snapshot.at);
    let unknown = false,
      missing = false;
    for (const [id, values] of Object.entries(snapshot.containers)) {
      const c = this.containers.get(id);
      if (!c) {
        unknown = true;
        continue;
      }
      c.values = values;
      c.liveAt = at;
      c.cpu.push(at, values.cpu_usage_cores);
      c.memory.push(at, values.memory_working_set_bytes);
    }
    for (const c of this.containers.values())
      if (c.host === snapshot.host && c.state === 'running' && !Object.hasOwn(snapshot.containers, c.id)) {
        c.values = {};
        missing = true;
      }
    const host = this.hosts.find(x => x.name === snapshot.host);
    if (host) {
      host.latest = { ...host.latest, ...(snapshot.host_metrics ?? {}) };
      host.liveAt = at;
      host.state = 'live';
    }
    if (unknown || !host || (missing && performance.now() - this.#loadedAt > MISSING_MS)) this.soon();
    const ids = [...(snapshot.findings ?? [])].sort().join();
    if (ids !== this.#findingIds) {
      this.#findingIds = ids;
      this.loadFindings();
    }
  }

  /** Ask for the lists again, soon; many wishes are one question. */
  soon() {
    if (this.#busy) {
      this.#again = true;
      return;
    }
    this.#later ??= setTimeout(() => this.#refresh(), SOON_MS);
  }

  async #refresh() {
    clearTimeout(this.#later);
    this.#later = null;
    this.#busy = true;
    try {
      await this.load();
      this.changed();
    } catch (error) {
      if (!('status' in error)) throw error;
    } finally {
      this.#busy = false;
      if (this.#again) {
        this.#again = false;
        this.soon();
      }
    }
  }

  /** Keep in step with a stream. */
  follow(stream) {
    stream.on('snapshot', snapshot => this.apply(snapshot));
    stream.on('event', () => this.soon());
    stream.on('change', () => {
      this.soon();
      this.loadFindings();
    });
    stream.on('resume', () => {
      this.soon();
      this.loadTrends();
      this.loadFindings();
    });
    setInterval(() => {
      if (document.visibilityState === 'visible') {
        this.soon();
        this.loadFindings();
      }
    }, AGAIN_MS);
  }

  of(host) {
    return [...this.containers.values()].filter(c => c.host === host);
  }
}

export const worstRank = c => (c.findings.length ? Math.max(...c.findings.map(f => rank(f.severity))) : 0);
/** A container's worst pressure: ['cpu', .27], or null where the kernel gives none. */
export function worstPressure(values) {
  let worst = null;
  for (const kind of ['cpu', 'memory', 'io']) {
    const v = values[`${kind}_pressure_some_ratio`];
    if (v != null && (!worst || v > worst[1])) worst = [kind, v];
  }
  return worst;
}
const plus = (a, b) => (a == null && b == null ? null : (a ?? 0) + (b ?? 0));
export const disk = values => plus(values.io_read_bytes_per_second, values.io_write_bytes_per_second);
