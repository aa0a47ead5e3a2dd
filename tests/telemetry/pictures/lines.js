// A panel of the type `timeseries`: lines, or areas one above the other.

import { format, shade } from "./format.js";

const COLOURS = ["#73bf69", "#f2cc0c", "#8ab8ff", "#ff780a", "#f2495c", "#5794f2", "#b877d9", "#37872d", "#e0b400",
  "#3274d9", "#c15c17", "#890f02", "#6d1f62", "#96d98d", "#ffee52", "#ffa6b0"];
const LEFT = 62, RIGHT = 8, TOP = 6, BOTTOM = 18, TICKS = 4;

export function drawLines(panel, series, range, width, height) {
  const { defaults } = panel.fieldConfig;
  const stacked = defaults.custom?.stacking?.mode === "normal";
  const drawn = stacked ? stack(series) : series;
  const scale = scales(drawn, defaults, range, width, height);
  const shapes = drawn.map((one, at) => shape(one, COLOURS[at % COLOURS.length], scale, defaults.custom ?? {}));
  // What lies on top of a stack is the largest, so it is drawn first.
  if (stacked) shapes.reverse();
  const inside = grid(scale, defaults) + limits(scale, defaults) + shapes.join("");
  const colour = (at) => COLOURS[at % COLOURS.length];
  const legend = series.map((one, at) => `<span><i style="background:${colour(at)}"></i>${one.name}</span>`);
  return `<svg width="${width}" height="${height}">${inside}</svg><div class="legend">${legend.join("")}</div>`;
}

function stack(series) {
  const sums = new Map();
  return series.map((one) => ({
    ...one,
    points: one.points.map(([time, value]) => {
      const sum = (sums.get(time) ?? 0) + value;
      sums.set(time, sum);
      return [time, sum];
    }),
  }));
}

function scales(series, defaults, range, width, height) {
  const values = series.flatMap((one) => one.points.map(([, value]) => value));
  const low = defaults.min ?? Math.min(...values);
  const most = Math.max(...values);
  const high = Math.min(defaults.max ?? Infinity, most > low ? niceAbove(most, low, defaults.unit) : low + 1);
  const right = width - RIGHT, bottom = height - BOTTOM;
  return {
    low, high, right, bottom,
    x: (time) => LEFT + ((time - range.start) / (range.end - range.start)) * (right - LEFT),
    y: (value) => bottom - ((Math.min(value, high) - low) / (high - low)) * (bottom - TOP),
  };
}

// A round number that is not below the value.
function niceAbove(value, low, unit) {
  const base = unit === "bytes" ? 2 : 10;
  const size = base ** Math.floor(Math.log(value - low) / Math.log(base));
  const step = [1, 2, 4, 5, 8, 10].find((step) => low + step * size >= value * 1.02) ?? 20;
  return low + step * size;
}

function grid(scale, defaults) {
  const marks = [];
  for (let tick = 0; tick <= TICKS; tick += 1) {
    const value = scale.low + ((scale.high - scale.low) * tick) / TICKS;
    const y = scale.y(value);
    marks.push(`<line x1="${LEFT}" x2="${scale.right}" y1="${y}" y2="${y}" stroke="#2a2c34"/>`);
    marks.push(`<text x="${LEFT - 5}" y="${y + 3}" text-anchor="end">${format(value, defaults.unit)}</text>`);
  }
  return marks.join("");
}

function limits(scale, defaults) {
  if (defaults.custom?.thresholdsStyle?.mode !== "dashed") return "";
  const seen = defaults.thresholds.steps.filter((step) => step.value !== null && step.value <= scale.high);
  const line = ({ value, color }) => {
    const place = `x1="${LEFT}" x2="${scale.right}" y1="${scale.y(value)}" y2="${scale.y(value)}"`;
    return `<line ${place} stroke="${shade(color)}" stroke-dasharray="6 4"/>`;
  };
  return seen.map(line).join("");
}

function shape(one, colour, scale, custom) {
  const runs = broken(one.points);
  return runs.map((points) => {
    const path = points.map(([time, value]) => `${scale.x(time).toFixed(1)},${scale.y(value).toFixed(1)}`).join(" ");
    const [first, last] = [scale.x(points[0][0]), scale.x(points.at(-1)[0])];
    const area = `<polygon points="${first},${scale.bottom} ${path} ${last},${scale.bottom}" fill="${colour}"
      opacity="${(custom.fillOpacity ?? 0) / 100}"/>`;
    return `${area}<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="1.3"/>`;
  }).join("");
}

// Lines end where values are missing.
function broken(points) {
  const runs = [];
  let before;
  for (const point of points) {
    if (before === undefined || point[0] - before > 2.5) runs.push([]);
    runs.at(-1).push(point);
    before = point[0];
  }
  return runs;
}
