// Values as a person reads them, by the units that our panels have, and colours by their names.

const BINARY = ["", "Ki", "Mi", "Gi", "Ti"];
const DECIMAL = ["", " K", " Mil", " Bil"];
const RATES = { mps: "msg/s", reqps: "req/s", ops: "ops/s" };

const SHADES = { green: "#73bf69", yellow: "#fade2a", red: "#f2495c" };

// A colour as Grafana's dark theme has it.
export function shade(name) {
  return SHADES[name] ?? name;
}

export function format(value, unit, decimals) {
  if (unit === "s") return time(value);
  if (unit === "percentunit") return `${round(value * 100, decimals)}%`;
  if (unit === "bytes") return scaled(value, 1024, BINARY, "B", decimals);
  if (unit === "Bps") return scaled(value, 1000, ["", "k", "M", "G"], "B/s", decimals);
  if (unit === "short") return scaled(value, 1000, DECIMAL, "", decimals);
  if (unit === "none") return round(value, decimals);
  if (unit in RATES) return scaled(value, 1000, ["", "K", "M", "G"], RATES[unit], decimals);
  throw new Error(`the unit ${unit} is not known here`);
}

function scaled(value, base, prefixes, unit, decimals) {
  let step = 0;
  while (Math.abs(value) >= base && step < prefixes.length - 1) {
    value /= base;
    step += 1;
  }
  return `${round(value, decimals)} ${prefixes[step].trim()}${unit}`.trim();
}

function time(value) {
  const size = Math.abs(value);
  if (size === 0) return "0 s";
  if (size < 0.001) return `${round(value * 1e6)} µs`;
  if (size < 1) return `${round(value * 1e3)} ms`;
  if (size < 120) return `${round(value)} s`;
  if (size < 7200) return `${round(value / 60)} min`;
  return `${round(value / 3600)} h`;
}

function round(value, decimals) {
  if (decimals !== undefined) return value.toFixed(decimals);
  return String(Number(value.toPrecision(3)));
}
