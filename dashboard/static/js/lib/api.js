/** The REST API as the pages speak it. Every fault is a `Problem` whose message may be shown as it stands. */
export const page = document.body.dataset;
export const base = page.base ?? '';
export const API = `${base}/api/v1`;

const AGAIN_MS = 300;

export class Problem extends Error {
  /** `errors`: [{path, message}] of wrong values; `retryAfter`: seconds, where the server named them. */
  constructor(status, detail, errors = [], retryAfter = null) {
    super(detail);
    Object.assign(this, { status, errors, retryAfter });
  }
}

function query(parameters) {
  const entries = Object.entries(parameters).filter(([, value]) => value != null && value !== '');
  return entries.length ? `?${new URLSearchParams(entries)}` : '';
}

/** Somebody whose session ended signs in again and comes back to the same page. */
function signIn() {
  if (page.page === 'login' || page.page === 'setup') return;
  location.assign(
    `${base}/login?next=${encodeURIComponent(location.pathname.slice(base.length) + location.search)}`,
  );
}

/** On a container host interfaces come and go, and browsers cut requests when they do: a question is asked once more. */
async function ask(address, options, again) {
  try {
    return await fetch(address, options);
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    if (!again) throw new Problem(0, 'The server does not answer.');
    await new Promise(resolve => {
      setTimeout(resolve, AGAIN_MS);
    });
    return ask(address, options, false);
  }
}

/** What a route answers: JSON as its value, another kind as text, nothing as null. */
async function call(method, path, { parameters = {}, body, signal } = {}) {
  const response = await ask(
    API + path + query(parameters),
    {
      method,
      signal,
      credentials: 'same-origin',
      cache: 'no-store',
      headers:
        body === undefined
          ? { Accept: 'application/json' }
          : { Accept: 'application/json', 'Content-Type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
    },
    method === 'GET',
  );
  if (response.status === 204) return null;
  const kind = response.headers.get('Content-Type') ?? '';
  const value = kind.includes('json') ? await response.json() : response.ok ? await response.text() : null;
  if (response.ok) return value;
  if (response.status === 401 && page.page !== 'login') signIn();
  throw new Problem(
    response.status,
    value?.detail ?? value?.title ?? `The server answered ${response.status}.`,
    value?.errors ?? [],
    Number(response.headers.get('Retry-After')) || null,
  );
}

export const get = (path, parameters, signal) => call('GET', path, { parameters, signal });
export const post = (path, body = {}) => call('POST', path, { body });
export const put = (path, body) => call('PUT', path, { body });
export const del = (path, body) => call('DELETE', path, { body });

/** `/readyz` answers 503 with the same body where a part is down: that is an answer, not a fault. */
export async function readiness() {
  const response = await fetch(`${base}/readyz`, { credentials: 'same-origin', cache: 'no-store' });
  return response.json();
}

/** All items of a list, page after page. */
export async function all(path, parameters = {}) {
  const items = [];
  let cursor = null;
  do {
    const answer = await get(path, { ...parameters, cursor });
    items.push(...answer.items);
    cursor = answer.next;
  } while (cursor);
  return items;
}

export const containerPage = id => `${base}/containers/${encodeURIComponent(id)}`;
export const hostPage = name => `${base}/hosts/${encodeURIComponent(name)}`;
export const time = rfc3339 => (rfc3339 == null ? null : Date.parse(rfc3339));
