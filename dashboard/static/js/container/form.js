/** *Change limits* opens in the rail: fields, range pictures, the dry run's answer while typing. */
import { put } from '../lib/api.js';
import { h, setText } from '../lib/dom.js';
import { bytes, parseSize, text } from '../lib/format.js';
import { t, keep } from '../lib/words.js';
import { toast } from '../lib/shell.js';
import { stepWords } from '../lib/changes.js';
import { rangePicture, use } from '../lib/range.js';

const WAIT_MS = 350,
  HOLDS = [
    [3600, '1 hour'],
    [28800, '8 hours'],
    [86400, '1 day'],
    [0, 'until the policy changes'],
  ];

export class LimitsForm {
  #timer = null;
  #turn = 0;
  constructor(panel, opener, { container, done }) {
    Object.assign(this, { panel, opener, container, done });
    opener.setAttribute('aria-expanded', 'false');
    opener.addEventListener('click', () => (this.panel.hidden ? this.open() : this.close()));
  }

  open() {
    const { limits, host, id } = this.container(),
      number = v => (typeof v === 'number' ? v : null),
      cpuNow = number(limits.cpu_cores),
      memoryNow = number(limits.memory_bytes);
    this.before = {
      cpu: cpuNow == null ? '' : String(+cpuNow.toFixed(2)),
      memory: memoryNow == null ? '' : text(bytes(memoryNow)).replace('\u202f', ' '),
      weight: limits.cpu_weight == null ? '' : String(limits.cpu_weight),
    };
    const field = (name, label, attributes) =>
      h(
        'label',
        {},
        h('span', {}, label),
        h('input', {
          class: 'field',
          name,
          value: this.before[name],
          autocomplete: 'off',
          spellcheck: 'false',
          ...attributes,
        }),
      );
    this.pictures = { cpu: h('div', { class: 'line' }), memory: h('div', { class: 'line' }) };
    this.answer = h(
      'div',
      { class: 'answer', role: 'status' },
      t('Change a figure to see what would happen.'),
    );
    this.submit = h('button', { class: 'button main', type: 'submit', disabled: true }, t('Set limits'));
    this.form = h(
      'form',
      { class: 'form', novalidate: true, 'data-limits-form': '' },
      field('cpu', t('CPU limit in cores'), { inputmode: 'decimal', placeholder: t('no limit') }),
      this.pictures.cpu,
      field('memory', t('Memory limit, such as 512m or 1.5g'), { placeholder: t('no limit') }),
      this.pictures.memory,
      h(
        'div',
        { class: 'pair' },
        field('weight', t('CPU weight'), { inputmode: 'numeric' }),
        h(
          'label',
          {},
          h('span', {}, t('Automation keeps off')),
          h(
            'select',
            { class: 'field', name: 'hold' },
            HOLDS.map(([v, words]) => h('option', { value: v }, t(words))),
          ),
        ),
      ),
      h(
        'label',
        {},
        h('span', {}, t('Reason, for the journal')),
        h('input', { class: 'field', name: 'reason', maxlength: '500', autocomplete: 'off' }),
      ),
      this.answer,
      h(
        'div',
        { class: 'acts' },
        h('button', { class: 'button', type: 'button', onclick: () => this.close() }, t('Cancel')),
        this.submit,
      ),
    );
    this.form.addEventListener('input', event => {
      if (event.target.name !== 'reason') this.#soon();
    });
    this.form.addEventListener('submit', event => {
      event.preventDefault();
      this.#set();
    });
    this.form.addEventListener('keydown', event => {
      if (event.key === 'Escape') {
        event.stopPropagation();
        this.close();
      }
    });
    this.panel.replaceChildren(h('header', {}, h('h2', {}, t('Change limits'))), this.form);
    this.panel.hidden = false;
    this.opener.setAttribute('aria-expanded', 'true');
    document.getElementById('main').classList.add('setting');
    this.form.elements.cpu.focus();
    this.uses = {};
    for (const knob of ['cpu', 'memory'])
      use(id, host, knob)
        .then(found => {
          this.uses[knob] = found;
          this.#draw();
        })
        .catch(error => {
          if (!('status' in error)) throw error;
        });
    this.#draw();
  }

  close() {
    this.panel.hidden = true;
    this.panel.replaceChildren();
    this.opener.setAttribute('aria-expanded', 'false');
    document.getElementById('main').classList.remove('setting');
    this.opener.focus();
  }

  /** {wish, faults}: only what differs from what is. */
  #read() {
    const { elements } = this.form,
      wish = {},
      faults = {},
      changed = name =>
        elements[name].value.trim() !== this.before[name] && elements[name].value.trim() !== '';
    if (changed('cpu')) {
      const v = Number(elements.cpu.value.replace(',', '.'));
      if (v >= 0.01) wish.cpu_cores = v;
      else faults.cpu = t('CPU: a number of cores, at least 0.01.');
    }
    if (changed('memory')) {
      const v = parseSize(elements.memory.value);
      if (v != null && v >= 6 * 1024 ** 2) wish.memory_bytes = v;
      else faults.memory = t('Memory: a size such as 512m or 1.5g, at least 6 MiB.');
    }
    if (changed('weight')) {
      const v = Number(elements.weight.value);
      if (Number.isInteger(v) && v >= 1 && v <= 10000) wish.cpu_weight = v;
      else faults.weight = t('Weight: a whole number from 1 to 10000.');
    }
    for (const name of ['cpu', 'memory', 'weight'])
      elements[name].setAttribute('aria-invalid', String(Boolean(faults[name])));
    return { wish, faults: Object.values(faults) };
  }

  #soon() {
    clearTimeout(this.#timer);
    this.#draw();
    this.#timer = setTimeout(() => this.#ask(), WAIT_MS);
  }

  #say(words, kind = '') {
    setText(this.answer, words);
    this.answer.className = `answer ${kind}`.trim();
    this.submit.disabled = kind !== 'good';
  }

  /** The dry run: what would be done, or why not. Only the newest question's answer counts. */
  async #ask() {
    const { wish, faults } = this.#read(),
      turn = ++this.#turn;
    if (faults.length) {
      this.#say(faults.join(' '), 'bad');
      return;
    }
    if (!Object.keys(wish).length) {
      this.#say(t('Change a figure to see what would happen.'));
      return;
    }
    try {
      const { change } = await put(`/containers/${encodeURIComponent(this.container().id)}/limits`, {
        ...wish,
        dry_run: true,
      });
      if (turn === this.#turn)
        this.#say(
          keep(
            t('Would set {steps}. Docker is asked at once; the change can be undone.', {
              steps: stepWords(change),
            }),
          ),
          'good',
        );
    } catch (error) {
      if (!('status' in error)) throw error;
      if (turn === this.#turn) this.#say(error.message, 'bad');
    }
  }

  async #set() {
    const { wish, faults } = this.#read();
    if (faults.length || !Object.keys(wish).length) {
      this.#ask();
      return;
    }
    this.submit.disabled = true;
    const { elements } = this.form,
      reason = elements.reason.value.trim();
    try {
      const { change } = await put(`/containers/${encodeURIComponent(this.container().id)}/limits`, {
        ...wish,
        hold_s: Number(elements.hold.value),
        ...(reason ? { reason } : {}),
      });
      this.close();
      toast(t('Set: {steps}.', { steps: stepWords(change) }));
      this.done();
    } catch (error) {
      if (!('status' in error)) throw error;
      this.#say(error.message, 'bad');
    }
  }

  #draw() {
    const { limits } = this.container(),
      { wish } = this.#read();
    for (const [knob, now, proposed] of [
      ['cpu', limits.cpu_cores, wish.cpu_cores],
      ['memory', limits.memory_bytes, wish.memory_bytes],
    ])
      this.pictures[knob].replaceChildren(
        rangePicture(
          {
            knob,
            now: typeof now === 'number' ? now : null,
            proposed: proposed ?? null,
            use: this.uses?.[knob] ?? null,
          },
          286,
        ),
      );
  }
}
