/** Notices on top of a page: what is so, what still works, what comes next, one button. */
import { readiness, time } from './api.js';
import { h, glyph, setText, sr } from './dom.js';
import { moment } from './format.js';
import { t, lang } from './words.js';

const notices = document.querySelector('[data-notices]'),
  shownNotices = new Map();
/** Show, change or (with null) take away the notice `key`. `words`: [bold, rest]. */
export function notice(key, words, { kind = 'info', action = null } = {}) {
  const before = shownNotices.get(key);
  if (!words) {
    before?.node.remove();
    shownNotices.delete(key);
    return;
  }
  const signature = `${kind}|${Boolean(action)}|${action?.[0] ?? ''}`;
  if (before?.signature === signature) {
    setText(before.bold, words[0]);
    setText(before.rest, ` ${words[1] ?? ''}`);
    return;
  }
  before?.node.remove();
  const bold = h('b', {}, words[0]),
    rest = h('span', {}, ` ${words[1] ?? ''}`);
  const node = h(
    'div',
    { class: `notice ${kind === 'warning' ? 'warning' : ''}`, 'data-notice': key },
    glyph(kind),
    sr(kind === 'warning' ? t('warning') : ''),
    h('div', {}, bold, rest),
    action && h('button', { class: 'button', type: 'button', onclick: action[1] }, action[0]),
  );
  notices.append(node);
  shownNotices.set(key, { node, bold, rest, signature });
}

/** While the agent is away nothing is found, which says nothing about what is so. */
export const agentAway = () => document.body.classList.contains('agent-away');

/** The parts that are not well, from /readyz, as notices. */
export async function watchParts() {
  /** Asked for by hand: what is so now stands in the next tick. */
  const again = () => {
    look();
    setTimeout(look, 1500);
  };
  const look = async () => {
    let parts = [];
    try {
      parts = (await readiness()).parts ?? [];
    } catch {
      return;
    } // the stream's own notice speaks of that
    const part = name => parts.find(p => p.name === name);
    const since = p => moment(time(p.since), Date.now(), lang),
      down = p => p && (p.state === 'down' || p.state === 'degraded');
    const docker = part('docker'),
      agent = part('agent'),
      store = part('store');
    const away = agent?.state === 'down';
    notice(
      'agent',
      away
        ? [
            t('The agent is away since {t}.', { t: since(agent) }),
            t('The page shows the last figures known; history stays readable. It reconnects on its own.'),
          ]
        : null,
      { kind: 'warning', action: [t('Try now'), again] },
    );
    notice(
      'docker',
      !away && down(docker)
        ? [
            t('Docker does not answer since {t}.', { t: since(docker) }),
            t(
              'Figures go on, read from cgroups. Names are as last known; new containers show their id. Limits change through Docker, so changes wait.',
            ),
          ]
        : null,
      { kind: 'warning', action: [t('Try now'), again] },
    );
    notice(
      'store',
      !away && down(store)
        ? [
            t('The store has trouble since {t}.', { t: since(store) }),
            t('Live figures go on; history may have gaps until it recovers.'),
          ]
        : null,
      { kind: 'warning' },
    );
    document.body.classList.toggle('agent-away', away);
  };
  await look();
  setInterval(() => {
    if (document.visibilityState === 'visible') look();
  }, 10000);
}
