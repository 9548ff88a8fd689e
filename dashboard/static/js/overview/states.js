/** What the overview says when there is nothing to show, or not all of it. */
import { h, emblem } from '../lib/dom.js';
import { t } from '../lib/words.js';
import { notice } from '../lib/shell.js';
import { isDown } from './rows.js';

/** No container runs: what is so, and what comes next. */
export function emptyState(empty, fleet, showGone) {
  empty.append(
    emblem(),
    h('h3', {}, t('No containers on {host} yet', { host: fleet.hosts[0]?.name ?? t('this host') })),
    h(
      'p',
      {},
      t(
        'wharfinger looks every second. The next container appears here on its own, with nothing to install in it.',
      ),
    ),
    h(
      'div',
      { class: 'acts' },
      h(
        'button',
        { class: 'button', type: 'button', onclick: showGone },
        t('Show those that ran before'),
      ),
    ),
  );
}

/** What the kernel or the runtimes do not give, said once. */
export function capabilities(fleet) {
  const host = fleet.hosts.find(x => x.own),
    missing = host?.capabilities ?? {};
  const docker = host?.parts.find(p => p.name === 'docker'),
    bare = [...fleet.containers.values()].filter(c => c.host === host?.name && !isDown(c));
  notice(
    'runtime',
    docker?.state === 'off' && bare.length && bare.every(c => c.runtime === 'cgroup')
      ? [
          t('No container runtime is read on {host}.', { host: host.name }),
          t(
            'What is shown are its own cgroups, by their paths. Once Docker answers, containers appear with their names.',
          ),
        ]
      : null,
  );
  const psi = missing.psi && missing.psi !== 'yes' ? missing.psi : null;
  notice(
    'psi',
    psi
      ? [
          t('{host} gives no pressure figures.', { host: host.name }),
          t('Pressure stays empty, which is not zero. CPU, memory and throttling are complete. ({reason})', {
            reason: psi,
          }),
        ]
      : null,
  );
}
