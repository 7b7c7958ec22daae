"use strict";
/* The page's data, and what every script needs of them. Trials are named by their row. */
const perch = {};

perch.unpack = async (text) => {
  const bytes = Uint8Array.from(atob(text.trim()), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).json();
};

perch.byId = (id) => document.getElementById(id);

/* An element with attributes (or properties, where there are any) and children. */
perch.make = (tag, attributes = {}, ...children) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name in element && name !== "list") element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
};

perch.number = (value) => {
  if (value === null || value === undefined) return "–";
  if (typeof value !== "number" || Number.isInteger(value)) return String(value);
  return String(Number(value.toPrecision(4)));
};

perch.id = (trial) => perch.data.rows[trial][perch.data.columns.indexOf("trial_id")];

perch.duration = (seconds) => {
  if (seconds < 120) return `${seconds.toFixed(0)} s`;
  return seconds < 7200 ? `${(seconds / 60).toFixed(1)} min` : `${(seconds / 3600).toFixed(2)} h`;
};

/* Colour at a share from 0 to 1 of the scale from few to many. */
perch.shade = (share) => {
  const stops = perch.data.scale;
  const at = Math.min(Math.max(share, 0), 1) * (stops.length - 1);
  const low = Math.min(Math.floor(at), stops.length - 2);
  const part = (hex, k) => parseInt(hex.slice(1 + 2 * k, 3 + 2 * k), 16);
  const mix = [0, 1, 2].map((k) => Math.round(part(stops[low], k) + (at - low) * (part(stops[low + 1], k) - part(stops[low], k))));
  return `rgb(${mix.join(",")})`;
};

perch.epochShade = (trial) => {
  const most = Math.max(...perch.mostEpochs, 2);
  return perch.shade(Math.log(Math.max(perch.data.trained[trial], 1)) / Math.log(most));
};

perch.colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/* Where a share of the sorted values lies. */
perch.quantile = (values, share) => {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
};
