/** Sentences that the agent made, sentence by sentence in the reader's language; figures and names stay as they are. */

const escaped = text => text.replace(/[.*+?^$()|[\]\\]/g, '\\$&');

/** `Uses {used} of {limit}.` → what matches it at the beginning of a text, followed by the next sentence or the end. */
export function form(template) {
  const names = [];
  const source = escaped(template).replace(/\{(\w+)\}/g, (_, name) => {
    names.push(name);
    return '(.+?)';
  });
  return { names, at: new RegExp(`^${source}(?=\\s+\\S|\\s*$)`) };
}

/** `dictionary`: template → template. A sentence that no template knows stays as it is. Pure. */
export function sayer(dictionary) {
  const forms = Object.entries(dictionary)
    .sort(([a], [b]) => b.replace(/\{\w+\}/g, '').length - a.replace(/\{\w+\}/g, '').length)
    .map(([from, to]) => ({ ...form(from), to }));
  return text => {
    const out = [];
    let rest = String(text ?? '').trim();
    while (rest) {
      const found = forms.map(f => [f, f.at.exec(rest)]).find(([, match]) => match);
      let taken = /^.*?[.!?](?=\s+[A-Z]|\s*$)|^.*$/s.exec(rest)[0] || rest;
      if (found) {
        const [{ names, to }, match] = found;
        taken = match[0];
        out.push(names.reduce((words, name, i) => words.replaceAll(`{${name}}`, () => match[i + 1]), to));
      } else out.push(taken);
      rest = rest.slice(taken.length).trim();
    }
    return out.join(' ');
  };
}
