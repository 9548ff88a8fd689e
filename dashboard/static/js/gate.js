/** Sign-in, and the first administrator (`/setup?token=…`, once). */
import { base, page, post } from './lib/api.js';
import { span } from './lib/format.js';
import { t, lang } from './lib/words.js';

const form = document.querySelector('[data-gate]'),
  wrong = form.querySelector('[data-wrong]'),
  fields = form.elements;
const query = new URLSearchParams(location.search),
  root = document.documentElement;
const reveal = form.querySelector('[data-reveal]');

reveal.addEventListener('click', () => {
  const shown = fields.password.type === 'password';
  fields.password.type = shown ? 'text' : 'password';
  reveal.setAttribute('aria-pressed', String(shown));
});
function keep(key, value) {
  try {
    localStorage.setItem(`wharfinger.${key}`, value);
  } catch {
    /* private mode */
  }
}
document.querySelector('[data-theme-toggle]').addEventListener('click', () => {
  root.dataset.theme = root.dataset.theme === 'dark' ? 'light' : 'dark';
  keep('theme', root.dataset.theme);
});
document.querySelector('[data-lang-toggle]').addEventListener('click', () => {
  keep('lang', lang === 'ko' ? 'en' : 'ko');
  location.reload();
});

/** Only a path of our own: `//elsewhere` and `/\elsewhere` are other hosts. */
function next() {
  const wish = query.get('next') ?? '/';
  return /^\/(?![/\\])/.test(wish) && !wish.startsWith('/login') && !wish.startsWith('/setup') ? wish : '/';
}

function say(words, field = null) {
  wrong.textContent = words;
  wrong.hidden = false;
  for (const input of [fields.username, fields.password]) input.toggleAttribute('aria-invalid', false);
  if (field) {
    field.setAttribute('aria-invalid', 'true');
    field.focus();
  }
}

/** Why the way by the provider ended here. */
const REASONS = {
  away: t('The sign-in service does not answer. The log says why.'),
  refused: t('The sign-in service refused.'),
  stale: t('This sign-in took too long, or began in another browser. Start again.'),
  untrusted: t('The sign-in service gave an answer that cannot be used. The log says why.'),
  no_role: t('You are known, but have no role here. Ask an administrator.'),
  taken: t('Another account here has your name. Ask an administrator.'),
  disabled: t('Your account is disabled. Ask an administrator.'),
  busy: t('Too many attempts. Try again in {t}.', { t: span(10) }),
};
const reason = query.get('wrong');
if (Object.hasOwn(REASONS, reason)) say(REASONS[reason]);
const provider = form.querySelector('[data-provider]');
if (provider) provider.textContent = t('Sign in with {name}', { name: provider.dataset.provider });

form.addEventListener('submit', async event => {
  event.preventDefault();
  wrong.hidden = true;
  const username = fields.username.value.trim(),
    password = fields.password.value,
    setup = page.page === 'setup';
  if (!username) return say(t('Write your name.'), fields.username);
  if (!password) return say(t('Write your password.'), fields.password);
  const button = form.querySelector('[type="submit"]');
  button.disabled = true;
  try {
    if (setup) await post('/setup', { token: query.get('token') ?? '', username, password });
    else await post('/session', { username, password });
    location.assign(base + next());
    return undefined;
  } catch (error) {
    if (!('status' in error)) throw error;
    if (error.status === 401 && !setup) say(t('Name or password is wrong.'), fields.password);
    else if (error.status === 429)
      say(t('Too many attempts. Try again in {t}.', { t: span(error.retryAfter ?? 60) }));
    else
      say(
        error.errors[0]?.message ?? error.message,
        error.errors[0]?.path === 'username' ? fields.username : error.errors[0] ? fields.password : null,
      );
  } finally {
    button.disabled = false;
  }
  return undefined;
});
document.body.dataset.ready = 'true';
