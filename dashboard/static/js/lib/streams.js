/**
 * One live stream for all tabs of a browser, as a shared worker: over HTTP/1.1 a browser has six connections to a host,
 * and a stream a tab would take them all. Tabs say what they want; there is one connection a host of the fleet, wide
 * enough for all who listen. One that joins gets the newest tick at once; when the connection breaks all are told, and
 * each comes again when its patience says so.
 *
 * From a tab: `{ open: { api, topics, metrics, host } }`, `{ close: true }`. To it: `{ topic, data }`, `{ error: true }`.
 */
const FRESH_MS = 2000;
const rooms = new Map(); // host → { wish, ports: Map(port → wish), source, last, lastAt }

const within = (few, many) => many == null || (few != null && few.every(name => many.includes(name)));
const union = (a, b) => (a == null || b == null ? null : [...new Set([...a, ...b])]);

function address({ api, topics, metrics, host }) {
  const parameters = new URLSearchParams({ topics: topics.join(',') });
  if (metrics) parameters.set('metrics', metrics.join(','));
  if (host) parameters.set('host', host);
  return `${api}/stream?${parameters}`;
}

function connect(key, room) {
  room.source?.close();
  const source = (room.source = new EventSource(address(room.wish)));
  for (const topic of room.wish.topics)
    source.addEventListener(topic, ({ data }) => {
      if (topic === 'snapshot') Object.assign(room, { last: data, lastAt: performance.now() });
      for (const [port, wish] of room.ports)
        if (wish.topics.includes(topic)) port.postMessage({ topic, data });
    });
  source.onerror = () => {
    if (room.source !== source) return;
    source.close();
    rooms.delete(key);
    for (const port of room.ports.keys()) port.postMessage({ error: true });
  };
}

function join(port, wish) {
  const key = wish.host ?? '',
    room = rooms.get(key);
  if (!room) {
    const made = { wish, ports: new Map([[port, wish]]), source: null, last: null, lastAt: 0 };
    rooms.set(key, made);
    connect(key, made);
    return;
  }
  room.ports.set(port, wish);
  if (within(wish.topics, room.wish.topics) && within(wish.metrics, room.wish.metrics)) {
    if (wish.topics.includes('snapshot') && room.last && performance.now() - room.lastAt < FRESH_MS)
      port.postMessage({ topic: 'snapshot', data: room.last });
    return;
  }
  room.wish = {
    ...wish,
    topics: union(room.wish.topics, wish.topics),
    metrics: union(room.wish.metrics, wish.metrics),
  };
  connect(key, room);
}

function leave(port) {
  for (const [key, room] of rooms)
    if (room.ports.delete(port) && !room.ports.size) {
      room.source.close();
      rooms.delete(key);
    }
}

onconnect = ({ ports: [port] }) => {
  port.onmessage = ({ data }) => {
    leave(port);
    if (data.open) join(port, data.open);
    else port.close();
  };
};
