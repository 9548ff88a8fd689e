/** Dialogs: a question before a deed, a form, the list of keys, the palette. */
import { all, base, containerPage } from './api.js';
import { h } from './dom.js';
import { t } from './words.js';

function show(dialog) {
  document.body.append(dialog);
  dialog.addEventListener('close', () => dialog.remove());
  dialog.addEventListener('click', event => {
    if (event.target === dialog) dialog.close();
  });
  dialog.showModal();
  return dialog;
}

/** Ask before a deed that is hard to take back; resolves to true or false. */
export function confirm(title, words, yes, { danger = false } = {}) {
  return new Promise(resolve => {
    const dialog = h(
      'dialog',
      { 'aria-labelledby': 'confirm-title' },
      h('h2', { id: 'confirm-title' }, title),
      h('p', { class: 'say' }, words),
      h(
        'div',
        { class: 'form' },
        h(
          'div',
          { class: 'acts' },
          h('button', { class: 'button', type: 'button', onclick: () => dialog.close('no') }, t('Cancel')),
          h(
            'button',
            {
              class: `button ${danger ? 'danger' : 'main'}`,
              type: 'button',
              onclick: () => dialog.close('yes'),
            },
            yes,
          ),
        ),
      ),
    );
    dialog.addEventListener('close', () => resolve(dialog.returnValue === 'yes'));
    show(dialog);
  });
}

const many = ({ name, label, choices }) =>
  h(
    'fieldset',
    { class: 'choices' },
    h('legend', {}, label),
    choices.map(([value, words]) =>
      h('label', {}, h('input', { type: 'checkbox', name, value }), h('span', {}, words)),
    ),
  );

/**
 * A form in a dialog. `fields`: [{name, label, type?, value?, options?, choices?, required?, hint?, min?, step?}]; of `choices`
 * any number may be taken, and their value is a list. `submit(values)` may throw
 * a Problem: its errors stand under the form, which stays open.
 */
export function formDialog(title, fields, yes, submit) {
  const wrong = h('div', { class: 'wrong', role: 'alert', hidden: true });
  const inputs = fields.map(field => {
    if (field.choices) return many(field);
    const attributes = { class: 'field', name: field.name, required: field.required, autocomplete: 'off' };
    const input = field.options
      ? h(
          'select',
          attributes,
          field.options.map(([value, label]) =>
            h('option', { value, selected: value === field.value }, label),
          ),
        )
      : h('input', {
          ...attributes,
          type: field.type ?? 'text',
          value: field.value ?? '',
          placeholder: field.hint,
          min: field.min,
          step: field.step,
          spellcheck: 'false',
          autocomplete: field.type === 'password' ? 'new-password' : 'off',
        });
    return h('label', {}, h('span', {}, field.label), input);
  });
  const form = h(
    'form',
    { class: 'form', method: 'dialog' },
    inputs,
    wrong,
    h(
      'div',
      { class: 'acts' },
      h('button', { class: 'button', type: 'button', onclick: () => dialog.close() }, t('Cancel')),
      h('button', { class: 'button main', type: 'submit' }, yes),
    ),
  );
  const dialog = h('dialog', { 'aria-labelledby': 'form-title' }, h('h2', { id: 'form-title' }, title), form);
  form.addEventListener('submit', async event => {
    event.preventDefault();
    wrong.hidden = true;
    try {
      const data = new FormData(form),
        lists = fields.filter(f => f.choices).map(f => [f.name, data.getAll(f.name)]);
      await submit({ ...Object.fromEntries(data), ...Object.fromEntries(lists) });
      dialog.close();
    } catch (error) {
      if (!('status' in error)) throw error;
      wrong.textContent = error.errors.length
        ? error.errors.map(e => (e.path ? `${e.path}: ${e.message}` : e.message)).join('\n')
        : error.message;
      wrong.hidden = false;
    }
  });
  return show(dialog);
}

/** Something to read, with a button that closes it. */
export function panelDialog(title, body) {
  const dialog = h(
    'dialog',
    { 'aria-labelledby': 'panel-title' },
    h('h2', { id: 'panel-title' }, title),
    body,
    h(
      'div',
      { class: 'form' },
      h(
        'div',
        { class: 'acts' },
        h('button', { class: 'button', type: 'button', onclick: () => dialog.close() }, t('Close')),
      ),
    ),
  );
  return show(dialog);
}

export function keysDialog() {
  if (document.querySelector('dialog[open]')) return;
  const keys = [
    ['/', t('Filter the table')],
    ['j  k  ↑  ↓', t('Next and previous row')],
    ['Enter', t('Open the row')],
    ['Esc', t('Clear the filter, leave a field')],
    ['←  →', t('Step through a chart')],
    ['Ctrl K', t('Go to a container')],
    ['?', t('This list')],
  ];
  const dialog = h(
    'dialog',
    { 'aria-labelledby': 'keys-title' },
    h('h2', { id: 'keys-title' }, t('Keys')),
    h(
      'ul',
      { class: 'keys' },
      keys.map(([key, words]) => h('li', {}, h('kbd', {}, key), h('span', {}, words))),
    ),
    h(
      'div',
      { class: 'form' },
      h(
        'div',
        { class: 'acts' },
        h('button', { class: 'button', type: 'button', onclick: () => dialog.close() }, t('Close')),
      ),
    ),
  );
  show(dialog);
}

/** Ctrl-K: pages and containers by name. */
export async function palette() {
  if (document.querySelector('dialog[open]')) return;
  const pages = [
    [t('Overview'), `${base}/`],
    [t('Bottlenecks'), `${base}/bottlenecks`],
    [t('Alerts'), `${base}/alerts`],
    [t('Limits'), `${base}/limits`],
    [t('Settings'), `${base}/settings`],
  ];
  let targets = pages.map(([name, href]) => ({ name, note: '', href })),
    chosen = 0;
  const input = h('input', {
    class: 'field',
    type: 'search',
    'aria-label': t('Go to'),
    placeholder: t('Go to a page or container'),
    role: 'combobox',
    'aria-expanded': 'true',
    'aria-controls': 'palette-list',
    autocomplete: 'off',
  });
  const list = h('ol', { id: 'palette-list', role: 'listbox', 'aria-label': t('Places') });
  const draw = () => {
    const words = input.value.toLowerCase(),
      found = targets.filter(x => `${x.name} ${x.note}`.toLowerCase().includes(words)).slice(0, 30);
    chosen = Math.max(0, Math.min(chosen, found.length - 1));
    list.replaceChildren(
      ...found.map((x, i) =>
        h(
          'li',
          { role: 'presentation' },
          h(
            'a',
            {
              href: x.href,
              role: 'option',
              id: `place-${i}`,
              'aria-selected': String(i === chosen),
              tabindex: '-1',
            },
            h('span', {}, x.name),
            h('span', { class: 'dim' }, x.note),
          ),
        ),
      ),
    );
    input.setAttribute('aria-activedescendant', found.length ? `place-${chosen}` : '');
    list.children[chosen]?.scrollIntoView({ block: 'nearest' });
  };
  input.addEventListener('input', () => {
    chosen = 0;
    draw();
  });
  input.addEventListener('keydown', event => {
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      chosen += event.key === 'ArrowDown' ? 1 : -1;
      draw();
    } else if (event.key === 'Enter') {
      event.preventDefault();
      list.querySelector('[aria-selected="true"]')?.click();
    }
  });
  show(h('dialog', { class: 'palette', 'aria-label': t('Go to') }, input, list));
  draw();
  try {
    targets = [
      ...targets,
      ...(await all('/containers', { sort: 'name' })).map(c => ({
        name: c.name,
        note: c.host,
        href: containerPage(c.id),
      })),
    ];
  } catch {
    return;
  } // the pages are there all the same
  draw();
}
