/** Recommendations to take elsewhere: as `docker update` commands or for a compose file, to read, copy or download. */
import { get } from '../lib/api.js';
import { panelDialog } from '../lib/dialogs.js';
import { h, setText } from '../lib/dom.js';
import { download } from '../lib/download.js';
import { toast } from '../lib/toast.js';
import { t } from '../lib/words.js';

const FORMS = {
  docker: { label: 'docker update', file: 'limits.sh', kind: 'text/plain' },
  compose: { label: 'compose', file: 'limits.yaml', kind: 'application/yaml' },
};

/** Put a node's text on the clipboard; where the page came without TLS, by way of the selection. */
async function copy(node) {
  try {
    await navigator.clipboard.writeText(node.textContent);
    return true;
  } catch {
    getSelection().selectAllChildren(node);
    return document.execCommand('copy');
  }
}

export function exportDialog() {
  const text = h('pre', { class: 'snippet mono', tabindex: '0', 'aria-label': t('Recommended limits') }),
    toCopy = h('button', { class: 'button main', type: 'button', disabled: true }, t('Copy')),
    toKeep = h('button', { class: 'button', type: 'button', disabled: true }, t('Download'));
  let form = null;
  const choose = async name => {
    form = FORMS[name];
    for (const button of choice.children)
      button.setAttribute('aria-pressed', String(button.dataset.form === name));
    toCopy.disabled = toKeep.disabled = true;
    let words, there;
    try {
      words = await get('/limits/recommendations', { format: name });
      there = words.trim() !== '';
    } catch (error) {
      if (!('status' in error)) throw error;
      words = error.message;
      there = false;
    }
    if (form !== FORMS[name]) return;
    setText(text, words || t('No limit needs a change.'));
    toCopy.disabled = toKeep.disabled = !there;
  };
  const choice = h(
    'div',
    { class: 'segments', role: 'group', 'aria-label': t('Form') },
    Object.entries(FORMS).map(([name, { label }]) =>
      h('button', { type: 'button', 'data-form': name, onclick: () => choose(name) }, label),
    ),
  );
  toCopy.addEventListener('click', async () => {
    const done = await copy(text);
    setText(toCopy, done ? t('Copied') : t('Copy'));
    if (!done) toast(t('The browser did not let it be copied. Select the text instead.'), { bad: true });
  });
  toKeep.addEventListener('click', () =>
    download(form.file, new Blob([text.textContent], { type: `${form.kind};charset=utf-8` })),
  );
  panelDialog(t('Take recommendations with you'), [
    h('p', { class: 'say' }, t('Nothing is changed here: run it, or put it into your own files.')),
    h('div', { class: 'snippet-tools' }, choice, toCopy, toKeep),
    text,
  ]).classList.add('broad');
  choose('docker');
}
