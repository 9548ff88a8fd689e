/** All charts of a page as one PNG. */
import { token } from '../lib/shell.js';

const WIDTH = 1200,
  CAPTION = 30;
const load = address =>
  new Promise((resolve, reject) => {
    const image = new Image();
    image.onload = () => resolve(image);
    image.onerror = reject;
    image.src = address;
  });

export async function picture(charts, title) {
  const heights = charts.map(chart => chart.figure.layout.height);
  const canvas = document.createElement('canvas'),
    c = canvas.getContext('2d');
  canvas.width = WIDTH * 2;
  canvas.height = (40 + heights.reduce((a, b) => a + b + CAPTION, 0)) * 2;
  c.scale(2, 2);
  c.fillStyle = token('--surface');
  c.fillRect(0, 0, canvas.width, canvas.height);
  const family = getComputedStyle(document.body).fontFamily;
  c.fillStyle = token('--ink-1');
  c.font = `600 15px ${family}`;
  c.fillText(title, 14, 26);
  let y = 40;
  for (const [i, chart] of charts.entries()) {
    c.font = `600 13px ${family}`;
    c.fillStyle = token('--ink-1');
    c.fillText(chart.title, 14, y + 19);
    c.font = `400 12px ${family}`;
    c.fillStyle = token('--ink-3');
    c.fillText(
      chart.series.map((s, k) => `${s.label} ${chart.readout.children[k].lastChild.textContent}`).join('   '),
      100,
      y + 19,
    );
    y += CAPTION;
    c.drawImage(
      await load(await Plotly.toImage(chart.plot, { format: 'svg', width: WIDTH, height: heights[i] })),
      0,
      y,
      WIDTH,
      heights[i],
    );
    y += heights[i];
  }
  return new Promise(resolve => {
    canvas.toBlob(resolve, 'image/png');
  });
}
