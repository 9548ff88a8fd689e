/* Evaluated in the page: ms from a click on 24 h until the charts of it are drawn and painted; then back to 5 min. */
async () => {
  const points = () => Number(document.querySelector("[data-chart='cpu']").dataset.points);
  const press = seconds => document.querySelector(`[data-range] [data-seconds='${seconds}']`).click();
  const until = async fits => {
    while (!fits()) await new Promise(requestAnimationFrame);
    await new Promise(done => requestAnimationFrame(() => setTimeout(done)));
  };
  press(300);
  await until(() => points() <= 305);
  await new Promise(done => setTimeout(done, 1500));
  const start = performance.now();
  press(86400);
  await until(() => points() > 600);
  return performance.now() - start;
};
