/** Files made in the browser. */
export function download(name, blob) {
  const link = document.createElement('a'),
    address = URL.createObjectURL(blob);
  link.href = address;
  link.download = name.replace(/[^\p{L}\p{N}._-]+/gu, '_');
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}

/** RFC 4180, and a text that a spreadsheet would run as a formula is defused with an apostrophe. Pure. */
export function csv(rows) {
  const cell = value => {
    if (value == null) return '';
    if (typeof value === 'number') return String(value);
    const words = /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
    return /[",\r\n]/.test(words) ? `"${words.replaceAll('"', '""')}"` : words;
  };
  return rows.map(row => row.map(cell).join(',')).join('\r\n') + '\r\n';
}

export const downloadCsv = (name, rows) =>
  download(name, new Blob(['\ufeff', csv(rows)], { type: 'text/csv;charset=utf-8' }));
