/** Settings: users and tokens (admin), hosts, how long what is kept, and how the daemon is. */
import { del, get, post, put, time } from './lib/api.js';
import { h, fill, setText, sr } from './lib/dom.js';
import { moment } from './lib/format.js';
import { t, lang } from './lib/words.js';
import { formDialog } from './lib/dialogs.js';
import { daemon } from './settings/daemon.js';
import { attempt, confirm, counts, follow, mayManage, notice, ready, role, watchParts } from './lib/shell.js';
import { page } from './lib/api.js';

const $ = selector => document.querySelector(selector),
  ROLES = ['viewer', 'operator', 'admin'].map(r => [r, t(r)]);
setText($('[data-summary]'), page.user ? t('{name}, {role}', { name: page.user, role: t(role) }) : '');

const remove = (title, words, path, done) =>
  h(
    'button',
    {
      class: 'button plain',
      type: 'button',
      onclick: async () => {
        if ((await confirm(title, words, t('Remove'), { danger: true })) && (await attempt(() => del(path))))
          done();
      },
    },
    t('Remove'),
  );
async function users() {
  const { items } = await get('/users');
  fill(
    $('[data-users]'),
    items.map(u =>
      h(
        'tr',
        { class: 'row', 'data-user': u.name },
        h('th', { scope: 'row', class: 'start' }, u.name),
        h('td', { class: 'start' }, t(u.role), u.disabled && ` · ${t('disabled')}`),
        h(
          'td',
          { class: 'acts' },
          h(
            'button',
            {
              class: 'button plain',
              type: 'button',
              onclick: () =>
                formDialog(
                  t('Change {name}', { name: u.name }),
                  [
                    { name: 'role', label: t('Role'), options: ROLES, value: u.role },
                    { name: 'password', label: t('New password; empty: as it is'), type: 'password' },
                  ],
                  t('Save'),
                  async v => {
                    await put(`/users/${encodeURIComponent(u.name)}`, {
                      role: v.role,
                      ...(v.password ? { password: v.password } : {}),
                    });
                    users();
                  },
                ),
            },
            t('Change'),
            sr(` ${u.name}`),
          ),
          u.name !== page.user &&
            remove(
              t('Remove {name}?', { name: u.name }),
              t('The sessions of {name} end at once.', { name: u.name }),
              `/users/${encodeURIComponent(u.name)}`,
              users,
            ),
        ),
      ),
    ),
  );
}
async function tokens() {
  const { items } = await get('/tokens');
  fill(
    $('[data-tokens]'),
    items.length
      ? items.map(k =>
          h(
            'tr',
            { class: 'row' },
            h(
              'th',
              { scope: 'row', class: 'start' },
              k.name,
              h(
                'span',
                { class: 'note2' },
                k.expires_at
                  ? t('until {t}', { t: moment(time(k.expires_at), Date.now(), lang) })
                  : t('without end'),
              ),
            ),
            h('td', { class: 'start' }, t(k.role)),
            h(
              'td',
              { class: 'start' },
              k.last_used_at ? moment(time(k.last_used_at), Date.now(), lang) : t('never'),
            ),
            h(
              'td',
              { class: 'acts' },
              remove(
                t('Revoke {name}?', { name: k.name }),
                t('Who uses it is shut out at once.'),
                `/tokens/${encodeURIComponent(k.id)}`,
                tokens,
              ),
            ),
          ),
        )
      : h('tr', {}, h('td', { class: 'start', colspan: 4 }, h('span', { class: 'dim' }, t('No token yet.')))),
  );
}
$('[data-new-user]').addEventListener('click', () =>
  formDialog(
    t('New user'),
    [
      { name: 'name', label: t('Name'), required: true },
      { name: 'role', label: t('Role'), options: ROLES, value: 'viewer' },
      { name: 'password', label: t('Password, at least 10 characters'), type: 'password', required: true },
    ],
    t('Add'),
    async v => {
      await post('/users', v);
      users();
    },
  ),
);
$('[data-new-token]').addEventListener('click', () =>
  formDialog(
    t('New token'),
    [
      { name: 'name', label: t('Name'), required: true },
      { name: 'role', label: t('Role'), options: ROLES, value: 'viewer' },
    ],
    t('Add'),
    async v => {
      const made = await post('/tokens', v);
      notice('token', [t('Copy this token now; it is shown once:'), made.token], {
        action: [t('Done'), () => notice('token', null)],
      });
      tokens();
    },
  ),
);

follow({ metrics: ['host_cpu_count'] });
watchParts();
counts();
$('[data-users-panel]').hidden = $('[data-tokens-panel]').hidden = !mayManage;
const loads = await Promise.allSettled([daemon(), ...(mayManage ? [users(), tokens()] : [])]);
const failed = loads.find(l => l.status === 'rejected')?.reason;
if (failed) {
  if (!('status' in failed)) throw failed;
  notice('load', [t('Not everything is to be had now.'), failed.message], { kind: 'warning' });
}
ready();
