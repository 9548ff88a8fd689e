/* Runs before the page's own scripts: notes when the first screen of the table has figures and is painted. */
window.shown = null;
(() => {
  const full = () => {
    const rows = [...document.querySelectorAll("tr.row")].filter(
      row => row.getBoundingClientRect().top < innerHeight,
    );
    return rows.length && rows.every(row => row.querySelector("[data-metric='cpu_usage_cores']").textContent) && rows;
  };
  const look = () => {
    const rows = window.shown ? null : full();
    if (!rows) return;
    observer.disconnect();
    requestAnimationFrame(() =>
      setTimeout(() => {
        window.shown = { at: performance.now(), rows: rows.length };
      }),
    );
  };
  const observer = new MutationObserver(look);
  addEventListener('DOMContentLoaded', () =>
    observer.observe(document.body, { childList: true, characterData: true, subtree: true }),
  );
})();
