/** Korean. Keys are the English templates; slots keep their names. One file a page, each word once. */
import { alerts } from './alerts.js';
import { container } from './container.js';
import { limits } from './limits.js';
import { overview } from './overview.js';
import { settings } from './settings.js';
import { shell } from './shell.js';
import { whatif } from './whatif.js';

export const KO = { ...shell, ...overview, ...container, ...limits, ...alerts, ...settings, ...whatif };
export { SAID } from './server.js';
