/**
 * A container's own colour: hash of its service identity and replica → the first free of 8 hues × 2 tones on its host,
 * given once and kept (in this browser), so that neither recreating nor sorting changes it.
 */
const KEY = 'wharfinger.colours',
  HUES = 8,
  SLOTS = 16;

/** FNV-1a, 32 bit. */
export function hash(text) {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    h ^= text.charCodeAt(i);
    h = Math.imul(h, 0x01000193);
  }
  return h >>> 0;
}

function kept() {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? '{}');
  } catch {
    return {};
  }
}
const given = kept();
let late = null;
function keep() {
  clearTimeout(late);
  late = setTimeout(() => {
    try {
      localStorage.setItem(KEY, JSON.stringify(given));
    } catch {
      /* private mode: the colours last as long as the page */
    }
  }, 500);
}

/** First slot in the order of preference among the least taken ones. Pure. */
export function choose(service, taken) {
  const first = hash(service),
    uses = new Array(SLOTS).fill(0);
  for (const slot of taken) uses[slot]++;
  const least = Math.min(...uses),
    wishes = Array.from({ length: SLOTS }, (_, k) => ((first + k) % HUES) + (k >= HUES ? HUES : 0));
  return wishes.find(slot => uses[slot] === least);
}

export function slotOf(host, service) {
  const mine = (given[host] ??= {});
  if (!Object.hasOwn(mine, service)) {
    mine[service] = choose(service, Object.values(mine));
    keep();
  }
  return mine[service];
}

/** What stays of a container over recreates: its service and its name without a swarm task's random tail. */
export const identity = c => `${c.service ?? ''}|${c.name.replace(/\.[a-z0-9]{25}$/, '')}`;
export const colourClass = c => {
  const slot = slotOf(c.host, identity(c));
  return `c${slot % HUES}${slot >= HUES ? ' tone' : ''}`;
};
