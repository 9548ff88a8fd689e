/**
 * English is the source; Korean stands beside it (ko/) and is fetched by its readers only. Sentences are whole
 * templates with named slots, never joined parts; names, units, metrics and labels stay as they are.
 */
import { sayer } from './said.js';

export const lang = document.documentElement.lang === 'ko' ? 'ko' : 'en';
export const korean = lang === 'ko';
const { KO, SAID } = korean ? await import('./ko/index.js') : { KO: {}, SAID: {} };

/** The words for `text` in the reader's language, slots filled. */
export function t(text, slots = {}) {
  let out = korean ? (KO[text] ?? text) : text;
  for (const [name, value] of Object.entries(slots)) out = out.replaceAll(`{${name}}`, () => value);
  return out;
}

const inKorean = sayer(SAID);
/** Sentences made by the agent: a bottleneck's, its advice, what was done about it. */
export const said = text => (korean ? inKorean(text) : (text ?? ''));

/** One template for a single thing, one for any other number. */
export const tn = (n, one, many, slots = {}) => t(n === 1 ? one : many, { n, ...slots });

/** Figures stay with their units, arrows and degrees when a line breaks. */
export const keep = text =>
  text
    .replace(/(\d) (→|KiB|MiB|GiB|TiB|cores?|min|h|s|d|of|%|코어)/g, '$1\u00a0$2')
    .replace(/(→|of) (\d)/g, '$1\u00a0$2')
    .replace(/(\d)–(\d)/g, '$1\u2060–\u2060$2');

/** Static words of the templates; runs once, as soon as this module is loaded. */
if (korean) {
  for (const node of document.querySelectorAll('[data-t]')) node.textContent = t(node.dataset.t);
  for (const node of document.querySelectorAll('[data-t-label]'))
    node.setAttribute('aria-label', t(node.dataset.tLabel));
}
delete document.documentElement.dataset.untranslated;
