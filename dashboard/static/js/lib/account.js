/** The account's menu, and the keys that work on every page. */
import { base, del, page } from './api.js';
import { h } from './dom.js';
import { t } from './words.js';
import { keysDialog, palette } from './dialogs.js';
import { attempt } from './toast.js';

const role = page.role || 'viewer';
const account = document.querySelector('[data-account]');
account?.addEventListener('click', () => {
  const open = document.querySelector('.menu');
  if (open) {
    shut();
    return;
  }
  const menu = h(
    'div',
    { class: 'menu', role: 'group', 'aria-label': t('Account') },
    h('p', {}, page.user ? t('{name}, {role}', { name: page.user, role: t(role) }) : t(role)),
    h('a', { href: `${base}/settings` }, t('Settings')),
    h('button', { type: 'button', onclick: () => keysDialog() }, t('Keys')),
    h(
      'button',
      {
        type: 'button',
        onclick: async () => {
          await attempt(() => del('/session'));
          location.assign(`${base}/login`);
        },
      },
      t('Sign out'),
    ),
  );
  account.after(menu);
  account.setAttribute('aria-expanded', 'true');
  menu.querySelector('a').focus();
  const outside = event => {
    if (!menu.contains(event.target) && event.target !== account && !account.contains(event.target)) shut();
  };
  const escape = event => {
    if (event.key === 'Escape') {
      shut();
      account.focus();
    }
  };
  function shut() {
    menu.remove();
    account.setAttribute('aria-expanded', 'false');
    removeEventListener('pointerdown', outside);
    removeEventListener('keydown', escape);
  }
  menu.shut = shut;
  addEventListener('pointerdown', outside);
  addEventListener('keydown', escape);
});
function shut() {
  document.querySelector('.menu')?.shut();
}

document.addEventListener('keydown', event => {
  const typing = event.target.matches('input, select, textarea');
  if (event.key === 'k' && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    palette();
  } else if (event.key === '?' && !typing) {
    event.preventDefault();
    keysDialog();
  }
});
