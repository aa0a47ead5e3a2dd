// Draws the dashboard `dashboard` from `answers`: for each panel's id what Prometheus answered to its queries over
// `range`, as data.js says. Each panel says in `data-series` how many series it shows.

/* global dashboard, answers, range */
import { format, shade } from "./format.js";
import { drawLines } from "./lines.js";

const WIDTH = 1600, CELL = 38, GAP = 8, HEAD = 44, COLUMN = (WIDTH - GAP) / 24;
const TYPES = { timeseries: drawLines, stat: drawValues, "state-timeline": drawStates };

document.body.insertAdjacentHTML("beforeend", `<h1>${dashboard.title}</h1>`);
for (const panel of dashboard.panels) {
  const { x, y, w, h } = panel.gridPos;
  const place = { left: GAP + x * COLUMN, top: HEAD + y * CELL, width: w * COLUMN - GAP, height: h * CELL - GAP };
  document.body.append(panel.type === "row" ? element(place, "row", panel.title) : drawPanel(panel, place));
}
document.body.dataset.drawn = "all";

function element(place, kind, html) {
  const element = document.createElement("div");
  element.className = kind;
  for (const [side, size] of Object.entries(place)) element.style[side] = `${size}px`;
  element.innerHTML = html;
  return element;
}

function drawPanel(panel, place) {
  const series = seriesOf(panel);
  const inside = series.length === 0
    ? `<div class="empty">no data</div>`
    : TYPES[panel.type](panel, series, range, place.width - 18, place.height - 66);
  const drawn = element(place, "panel", `<h2>${panel.title}</h2>${inside}`);
  drawn.dataset.title = panel.title;
  drawn.dataset.series = series.length;
  return drawn;
}

// Of every query its series, with their names and finite values.
function seriesOf(panel) {
  return panel.targets.flatMap((target, at) => answers[panel.id][at].map((one) => ({
    name: target.legendFormat.replace(/{{\s*(\w+)\s*}}/g, (_, label) => one.metric[label] ?? ""),
    points: one.values.map(([time, value]) => [time, Number(value)]).filter(([, value]) => Number.isFinite(value)),
  }))).filter((one) => one.points.length > 0);
}

function colourOf(value, steps) {
  return shade(steps.filter((step) => step.value === null || value >= step.value).at(-1).color);
}

function drawValues(panel, series) {
  const { defaults } = panel.fieldConfig;
  const now = series.filter((one) => one.points.at(-1)[0] > range.end - 3);
  if (panel.options.textMode === "name") {
    return `<div class="names">${now.map((one) => `<b>${one.name}</b>`).join("")}</div>`;
  }
  const value = (one) => {
    const last = one.points.at(-1)[1];
    const text = format(last, defaults.unit, defaults.decimals);
    return `<div><b style="color:${colourOf(last, defaults.thresholds.steps)}">${text}</b>
      ${now.length > 1 ? `<small>${one.name}</small>` : ""}</div>`;
  };
  return `<div class="values">${now.map(value).join("")}</div>`;
}

function drawStates(panel, series, range, width, height) {
  const label = 130, options = panel.fieldConfig.defaults.mappings[0].options;
  const thick = Math.min(28, (height + 30) / series.length);
  const bars = series.map((one, row) => one.points.map(([time, value]) => {
    const x = label + ((time - range.start) / (range.end - range.start)) * (width - label);
    const step = (width - label) / (range.end - range.start);
    const place = `x="${x}" y="${row * thick}" width="${step + 0.5}" height="${thick - 6}"`;
    return `<rect ${place} fill="${shade(options[value].color)}"/>`;
  }).join("") + `<text x="0" y="${row * thick + thick / 2}">${one.name}</text>`);
  const word = ({ text, color }) => `<span><i style="background:${shade(color)}"></i>${text}</span>`;
  const legend = `<div class="legend">${Object.values(options).map(word).join("")}</div>`;
  return `<svg width="${width}" height="${series.length * thick}">${bars.join("")}</svg>${legend}`;
}
